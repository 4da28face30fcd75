"""Names of inputs and outputs as Core ML allows them, and the way back to the source's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

_WORDS = "any bool program func tensor list dict tuple true false string state bf16 fp16 fp32 fp64"
RESERVED = frozenset((*_WORDS.split(), *(f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64))))
"""Words of MIL's text form; no value may be called so. Source: the passes of coremltools rename such values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Naming:
    """Source's name → the package's, of inputs and of outputs. The package's names are all different."""

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]

    @property
    def taken(self) -> frozenset[str]:
        """The names that nothing else in the program may have."""
        return frozenset((*self.inputs.values(), *self.outputs.values()))


def naming(inputs: Iterable[str], outputs: Iterable[str]) -> Naming:
    """Name inputs and outputs. What is legal already keeps its name; an input comes before an output of one name."""
    asked = [("input", name) for name in inputs] + [("output", name) for name in outputs]
    given: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    for legal_already in (True, False):
        for place, name in asked:
            legal = mil_name(name)
            if (place, name) in given or (legal_already and (legal != name or legal in taken)):
                continue
            given[place, name] = distinct(legal, taken)
            taken.add(given[place, name])
    return Naming(
        inputs={name: given[place, name] for place, name in asked if place == "input"},
        outputs={name: given[place, name] for place, name in asked if place == "output"},
    )


def mil_name(name: str) -> str:
    """Give a name as MIL's grammar has it: letters, digits and `_`, no digit in front, no word of its own."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    if plain in RESERVED:
        plain += "_"
    return plain if plain[:1].isalpha() or plain[:1] == "_" else f"_{plain}"


def distinct(name: str, taken: Set[str]) -> str:
    """Give a name that is not taken: the name itself, or with `_2`, `_3` … behind it."""
    found, count = name, 1
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found
