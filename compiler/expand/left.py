"""The answer of a rule that cannot write a node out."""

from __future__ import annotations


class Left(Exception):  # noqa: N818 - it is an answer about a node, not an error of ours
    """A node stays as it is, for the target to say or to refuse; the message is the reason."""


class TooMuch(Exception):  # noqa: N818 - as above
    """So much would be written for one node of the hub that it stays as it is."""
