"""The answer of a lowering that cannot say a node exactly."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - it is an answer about a node, collected with the others, not an error of ours
    """A node cannot be said in the target's language; the message is the reason, for people."""
