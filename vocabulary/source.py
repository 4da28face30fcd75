"""Where a model came from."""

from __future__ import annotations

import msgspec


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model came from.

    `reference` is the model as the user named it, `digest` the SHA-256 over all of its files, `tools` the versions of
    the packages that read it.
    """

    reference: str
    framework: str
    digest: str
    tools: dict[str, str]
