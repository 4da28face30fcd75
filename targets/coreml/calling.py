"""What a package of ours tells whoever runs it: how it is called where that is not as the source is.

It lies in the package under the user's own metadata, as JSON. Standard library only, as runtimes need it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

METADATA_KEY = "edgewright"


def key_of(function: str) -> str:
    """Give the key under which a package of several functions tells of one."""
    return f"{METADATA_KEY}.{function}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Scores:
    """An output of scores that a classifier gives by label: by which name, in which order, and of which shape."""

    source: str
    probabilities: str
    label: str
    labels: Sequence[str]
    shape: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """A state: its name in the package, and the input and output of the source that it stands for, of one dtype."""

    name: str
    input: str
    output: str
    dtype: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Calling:
    """How a package is called.

    `inputs` and `outputs`: name in the package → the source's, where they differ. `pictures`: source's name → the order
    of its channels, `RGB`, `BGR` or `L`. `compute_units` is what its author would have it run on.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    states: Sequence[Kept] = ()
    scores: Scores | None = None
    compute_units: str = "all"

    def encode(self) -> str:
        """Give the JSON; equal ones give equal text."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def read(cls, metadata: Mapping[str, str], function: str | None = None) -> Calling:
        """Read what a package tells of one of several functions, or of its only one; nothing where it is not ours.

        Raises:
            ValueError: when it is no such JSON.
        """
        key = key_of(function) if function is not None and key_of(function) in metadata else METADATA_KEY
        if key not in metadata:
            return cls()
        try:
            told = json.loads(metadata[key])
            states = tuple(Kept(**each) for each in told.pop("states", ()))
            scores = told.pop("scores", None)
            return cls(**told, states=states, scores=Scores(**scores) if scores else None)
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"the metadata {key!r} of the package cannot be read: {error}") from error
