"""The `.ort` file made the same every time.

onnxruntime writes the tables of its `KernelTypeStrResolver` in the order of a hash map that is salted anew in every
session, so equal models give files that differ. They are written again here, sorted, in front of the untouched model.

Format: onnxruntime's `ort.fbs`. `InferenceSession {ort_version: 0, model: 1, (2 is deprecated), resolver: 3}`,
`KernelTypeStrResolver {ops: 0}`, `OpIdKernelTypeStrArgsEntry {op_id: 0, types: 1}`,
`KernelTypeStrArgsEntry {kernel_type_str: 0, args: 1}`, `ArgTypeAndIndex {arg_type: 0 (int8), index: 1 (uint32)}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...vocabulary.errors import ToolError

IDENTIFIER = b"ORTM"
ALIGNMENT = 16
"""The alignment of raw data in the file (`force_align: 16`)."""

_VERSION, _MODEL, _RESOLVER = 0, 1, 3


@dataclass(frozen=True, order=True)
class _Argument:
    kind: int
    index: int


@dataclass(frozen=True, order=True)
class _TypeArguments:
    type_name: str
    arguments: tuple[_Argument, ...]


@dataclass(frozen=True, order=True)
class _Operator:
    op_id: str
    types: tuple[_TypeArguments, ...]


def canonical(data: bytes) -> bytes:
    """Give the same model with the resolver's tables sorted.

    Raises:
        ToolError: when the bytes are no `.ort` file of the known form.
    """
    from flatbuffers.table import Table

    if data[4:8] != IDENTIFIER:
        raise ToolError("onnxruntime wrote no file in its own format")
    root = Table(bytearray(data), int.from_bytes(data[:4], "little"))
    version, model, resolver = (_child(root, slot) for slot in (_VERSION, _MODEL, _RESOLVER))
    if version is None or model is None or resolver is None:
        raise ToolError("onnxruntime's file lacks its version, its model or its resolver")
    operators = _read_resolver(root)
    # the writer works from the end of the file to its beginning, so all that the model needs lies behind this place
    vtable = model - int.from_bytes(data[model : model + 4], "little", signed=True)
    tail_begin = min(vtable, model)
    if not tail_begin < version or not resolver < tail_begin:
        raise ToolError("onnxruntime's file does not hold its resolver in front of its model")
    return _write(data[tail_begin:], len(data) - model, len(data) - version, operators)


def _child(table: Any, slot: int) -> int | None:
    """Position of what the offset in this slot of a table points to."""
    offset = table.Offset(4 + 2 * slot)
    return int(table.Indirect(table.Pos + offset)) if offset else None


def _tables(table: Any, slot: int) -> list[Any]:
    from flatbuffers.table import Table

    offset = table.Offset(4 + 2 * slot)
    if not offset:
        return []
    begin = table.Vector(offset)
    return [Table(table.Bytes, table.Indirect(begin + 4 * index)) for index in range(table.VectorLen(offset))]


def _text(table: Any, slot: int) -> str:
    return str(table.String(table.Pos + table.Offset(4 + 2 * slot)).decode())


def _read_resolver(root: Any) -> list[_Operator]:
    from flatbuffers.number_types import Int8Flags, Uint32Flags
    from flatbuffers.table import Table

    def number(table: Any, slot: int, flags: Any) -> int:
        offset = table.Offset(4 + 2 * slot)
        return int(table.Get(flags, table.Pos + offset)) if offset else 0

    resolver = Table(root.Bytes, _child(root, _RESOLVER))
    return sorted(
        _Operator(
            _text(operator, 0),
            tuple(
                sorted(
                    _TypeArguments(
                        _text(type_, 0),
                        tuple(
                            _Argument(number(argument, 0, Int8Flags), number(argument, 1, Uint32Flags))
                            for argument in _tables(type_, 1)
                        ),
                    )
                    for type_ in _tables(operator, 1)
                )
            ),
        )
        for operator in _tables(resolver, 0)
    )


def _write(tail: bytes, model: int, version: int, operators: list[_Operator]) -> bytes:
    """Build the file in front of its tail; `model` and `version` count from the end, as a builder's offsets do."""
    from flatbuffers import Builder

    builder = Builder(len(tail) + 65_536)
    builder.head = len(builder.Bytes) - len(tail)
    builder.Bytes[builder.head :] = tail
    builder.Prep(ALIGNMENT, 0)
    resolver = _table(builder, {0: _vector(builder, [_write_operator(builder, operator) for operator in operators])})
    builder.Finish(_table(builder, {_VERSION: version, _MODEL: model, _RESOLVER: resolver}, slots=4), IDENTIFIER)
    return bytes(builder.Output())


def _write_operator(builder: Any, operator: _Operator) -> int:
    types = []
    for type_ in operator.types:
        arguments = []
        for argument in type_.arguments:
            builder.StartObject(2)
            builder.PrependInt8Slot(0, argument.kind, 0)
            builder.PrependUint32Slot(1, argument.index, 0)
            arguments.append(builder.EndObject())
        name, vector = builder.CreateSharedString(type_.type_name), _vector(builder, arguments)
        types.append(_table(builder, {0: name, 1: vector}))
    name, vector = builder.CreateSharedString(operator.op_id), _vector(builder, types)
    return _table(builder, {0: name, 1: vector})


def _vector(builder: Any, offsets: list[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _table(builder: Any, offsets: dict[int, int], slots: int | None = None) -> int:
    builder.StartObject(slots or len(offsets))
    for slot, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    return int(builder.EndObject())
