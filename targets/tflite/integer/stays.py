"""The answer of a rule that cannot say a node in integers."""

from __future__ import annotations


class Stays(Exception):  # noqa: N818 - it is an answer about a node, not an error of ours
    """A node stays float; the message is the reason, for people."""
