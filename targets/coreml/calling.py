"""What a package of ours tells whoever runs it: how its names stand for the source's.

It lies in the package under the user's own metadata, as JSON: `{"inputs": {"input_1": "input.1"}, "outputs": {}}`. A
name that is the source's own is not in it. Standard library only, as runtimes need it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

METADATA_KEY = "edgewright"


@dataclass(frozen=True, kw_only=True, slots=True)
class Calling:
    """Names of inputs and outputs in the package → the source's."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> str:
        """Give the JSON; equal ones give equal text."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def read(cls, metadata: Mapping[str, str]) -> Calling:
        """Read what a package tells; nothing where it is somebody else's.

        Raises:
            ValueError: when it is no such JSON.
        """
        if METADATA_KEY not in metadata:
            return cls()
        try:
            told = json.loads(metadata[METADATA_KEY])
            return cls(**told)
        except (ValueError, TypeError) as error:
            raise ValueError(f"the metadata {METADATA_KEY!r} of the package cannot be read: {error}") from error
