"""Reads `model.mlmodel`, the protocol buffer of a package, into `program.py`'s types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from .features import descriptions
from .format import OTHER_KINDS, model_class
from .package import Package, open_package
from .program import (
    Binding,
    Block,
    Constant,
    Function,
    Named,
    Operation,
    Program,
    Reference,
)
from .types import read_type
from .values import Values

SPECIFICATIONS = range(6, 11)
"""`specificationVersion`: 6 is iOS 15, the first with ML Programs; 10 is iOS 26."""

OPSETS = ("CoreML5", "CoreML6", "CoreML7", "CoreML8", "CoreML9")
"""iOS 15, 16, 17, 18, 26."""

PROGRAM_VERSION = 1


def read_package(path: Path) -> Program:
    """Read a package, given its folder or its manifest.

    Raises:
        ValueError: when it is damaged, holds no ML Program, or one of a version that is not known.
    """
    return read_program(open_package(path))


def read_program(package: Package) -> Program:
    """Read the root model of a package.

    Raises:
        ValueError: as `read_package`.
    """
    message = model_class()()
    try:
        message.ParseFromString(package.model.read_bytes())
    except OSError as error:
        raise ValueError(f"{package.model}: the model cannot be read: {error.strerror}") from error
    except DecodeError as error:
        raise ValueError(
            f"{package.model}: no protocol buffer of a Core ML model, or a truncated one: {error}"
        ) from error
    kind = message.WhichOneof("Type")
    if kind != "mlProgram":
        found = f"a model of kind {kind}" if kind in OTHER_KINDS.values() else "no model of a known kind"
        raise ValueError(f"{package.model}: {found}, expected an ML Program")
    if message.specificationVersion not in SPECIFICATIONS:
        raise ValueError(
            f"{package.model}: specification version {message.specificationVersion},"
            f" expected {SPECIFICATIONS[0]} to {SPECIFICATIONS[-1]}"
        )
    if message.mlProgram.version != PROGRAM_VERSION:
        raise ValueError(f"{package.model}: program version {message.mlProgram.version}, expected {PROGRAM_VERSION}")
    reading = _Reading(package)
    functions = {name: reading.function(name, function) for name, function in message.mlProgram.functions.items()}
    default, described = descriptions(message.description, package.model)
    for name in described:
        if name not in functions:
            raise ValueError(f"{package.model}: it describes a function {name!r}, but has {sorted(functions)}")
    metadata = message.description.metadata
    texts = {name: getattr(metadata, name) for name in ("author", "license", "shortDescription", "versionString")}
    return Program(
        specification=message.specificationVersion,
        functions=functions,
        descriptions=described,
        default_function=default,
        metadata={**{name: text for name, text in texts.items() if text}, **metadata.userDefined},
    )


class _Reading:
    """Reads functions of one package; values come from its weight files."""

    def __init__(self, package: Package) -> None:
        self.model, self.values = package.model, Values(package)

    def function(self, name: str, message: Any) -> Function:
        if message.opset not in OPSETS:
            raise ValueError(
                f"{self.model}: function {name!r} is written in {message.opset!r}, expected one of {', '.join(OPSETS)}"
            )
        if message.opset not in message.block_specializations:
            raise ValueError(f"{self.model}: function {name!r} has no block for its operation set {message.opset}")
        return Function(
            name=name,
            inputs=self.named(message.inputs, f"function {name!r}"),
            opset=message.opset,
            block=self.block(message.block_specializations[message.opset]),
        )

    def block(self, message: Any) -> Block:
        return Block(
            inputs=self.named(message.inputs, "a block"),
            operations=tuple(self.operation(operation) for operation in message.operations),
            outputs=tuple(message.outputs),
        )

    def operation(self, message: Any) -> Operation:
        name = message.outputs[0].name if message.outputs else "?"
        where = f"{self.model}: {message.type} {name!r}"
        return Operation(
            type=message.type,
            inputs={
                key: tuple(self.binding(binding, where) for binding in message.inputs[key].arguments)
                for key in sorted(message.inputs)
            },
            outputs=self.named(message.outputs, f"{message.type} {name!r}"),
            attributes={key: self.values.read(message.attributes[key], where) for key in sorted(message.attributes)},
            blocks=tuple(self.block(block) for block in message.blocks),
        )

    def binding(self, message: Any, where: str) -> Binding:
        kind = message.WhichOneof("binding")
        if kind == "name":
            return Reference(message.name)
        if kind == "value":
            return Constant(self.values.read(message.value, where))
        raise ValueError(f"{where}: an argument that is neither a name nor a value")

    def named(self, messages: Any, where: str) -> tuple[Named, ...]:
        return tuple(
            Named(name=message.name, type=read_type(message.type, f"{self.model}: {where}: {message.name!r}"))
            for message in messages
        )
