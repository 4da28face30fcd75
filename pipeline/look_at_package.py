"""Looks at a Core ML package, whoever made it, by its files alone: nothing is run, and no tool of Apple's is needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from ..targets.coreml.calling import METADATA_KEY, Calling, key_of
from ..targets.coreml.interpreter.package import MANIFEST
from ..targets.coreml.interpreter.plan import CONSTANT
from ..targets.coreml.interpreter.program import Block, Description, Feature, Function, Operation
from ..targets.coreml.interpreter.reader import read_package
from ..targets.coreml.interpreter.weights import Parts, Weight, bytes_of, weights_of
from ..vocabulary.errors import ModelError

SUFFIX = ".mlpackage"

SYSTEMS = {
    6: "iOS 15, macOS 12",
    7: "iOS 16, macOS 13",
    8: "iOS 17, macOS 14",
    9: "iOS 18, macOS 15",
    10: "iOS 26, macOS 26",
}
"""`specificationVersion` → the systems that were the first to load it."""

HINT = "inspect shows ML Programs in packages that are whole"

NOT_DESCRIBED = Description(inputs=(), outputs=())
"""Of a function that the package has and does not say how to call."""


class FunctionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A function: how it is called, and how often it has each operation, constants apart.

    `opset` is the version of Core ML's operations that it is written in, `CoreML7`. `predicted` is the output with the
    class, of a classifier. `weight_bytes` are those of its weights, whether or not other functions have them too.
    """

    name: str
    opset: str
    inputs: tuple[Feature, ...]
    outputs: tuple[Feature, ...]
    states: tuple[Feature, ...]
    predicted: str
    operations: dict[str, int]
    weight_bytes: int


class WeightFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A weight. `size_bytes` is what it is stored in, scales and tables with it; `functions` are those that have it."""

    name: str
    functions: tuple[str, ...]
    dtype: str
    shape: tuple[int, ...]
    elements: int
    storage: str
    size_bytes: int


class StorageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All weights that are stored in one way; what several of them share is counted once in `size_bytes`."""

    storage: str
    weights: int
    elements: int
    size_bytes: int


class PackageInspection(msgspec.Struct, frozen=True, kw_only=True):
    """A package, looked at.

    `size_bytes` is the size of all of its files; `weight_bytes` that of the weights, of which the rest is padding and
    program. `weights` come largest first. `compute_units` is the hint that edgewright leaves; empty in packages of
    others.
    """

    source: str
    size_bytes: int
    specification: int
    system: str
    default_function: str
    functions: tuple[FunctionFacts, ...]
    storage: tuple[StorageFacts, ...]
    weights: tuple[WeightFacts, ...]
    weight_bytes: int
    metadata: dict[str, str]
    compute_units: str


def is_package(reference: str) -> bool:
    """Say whether a name is one of a package: its folder, or the manifest in it."""
    path = Path(reference)
    return path.suffix == SUFFIX or path.name == MANIFEST


def look_at_package(path: Path) -> PackageInspection:
    """Read a package and say what is in it.

    Raises:
        ModelError: when it is not there, is damaged, holds no ML Program, or one of a version that is not known.
    """
    try:
        program = read_package(path)
    except ValueError as error:
        raise ModelError(str(error), hint=HINT) from error
    try:
        weights = weights_of(program)
        keys = {METADATA_KEY, key_of(program.default_function)} & program.metadata.keys()
        hint = Calling.read(program.metadata, program.default_function).compute_units if keys else ""
    except ValueError as error:
        raise ModelError(f"{path}: {error}", hint=HINT) from error
    default = program.default_function
    root = path.parent if path.name == MANIFEST else path
    return PackageInspection(
        source=str(path),
        size_bytes=sum(file.stat().st_size for file in root.rglob("*") if file.is_file()),
        specification=program.specification,
        system=SYSTEMS[program.specification],
        default_function=default,
        functions=tuple(
            _function(
                function,
                program.descriptions.get(name, NOT_DESCRIBED),
                [weight for weight in weights if weight.function == name],
            )
            for name, function in sorted(program.functions.items(), key=lambda item: (item[0] != default, item[0]))
        ),
        storage=_by_storage(weights),
        weights=_weights(weights),
        weight_bytes=_bytes(weights),
        metadata=dict(sorted(program.metadata.items())),
        compute_units=hint,
    )


def _function(function: Function, description: Description, weights: Sequence[Weight]) -> FunctionFacts:
    counts = Counter(operation.type for operation in _operations(function.block) if operation.type != CONSTANT)
    return FunctionFacts(
        name=function.name,
        opset=function.opset,
        inputs=description.inputs,
        outputs=description.outputs,
        states=description.states,
        predicted=description.predicted,
        operations=dict(sorted(counts.items())),
        weight_bytes=_bytes(weights),
    )


def _operations(block: Block) -> Iterator[Operation]:
    for operation in block.operations:
        yield operation
        for inner in operation.blocks:
            yield from _operations(inner)


def _weights(found: Sequence[Weight]) -> tuple[WeightFacts, ...]:
    """List weights, the largest first; those that are stored in the same bytes are one."""
    shared: dict[tuple[str, Parts], list[Weight]] = {}
    for weight in found:
        shared.setdefault((weight.storage, weight.parts), []).append(weight)
    facts = [
        WeightFacts(
            name=same[0].name,
            functions=tuple(dict.fromkeys(each.function for each in same)),
            dtype=same[0].dtype,
            shape=same[0].shape,
            elements=same[0].elements,
            storage=same[0].storage,
            size_bytes=_bytes(same),
        )
        for same in shared.values()
    ]
    return tuple(sorted(facts, key=lambda each: (-each.size_bytes, each.name)))


def _by_storage(found: Sequence[Weight]) -> tuple[StorageFacts, ...]:
    """Add weights up by how they are stored; what is stored once is counted once."""
    kinds = []
    for storage in {weight.storage for weight in found}:
        once = {weight.parts: weight for weight in found if weight.storage == storage}
        kinds.append(
            StorageFacts(
                storage=storage,
                weights=len(once),
                elements=sum(weight.elements for weight in once.values()),
                size_bytes=_bytes(once.values()),
            )
        )
    return tuple(sorted(kinds, key=lambda each: (-each.size_bytes, each.storage)))


def _bytes(weights: Iterable[Weight]) -> int:
    return bytes_of(frozenset().union(*(weight.parts for weight in weights)))
