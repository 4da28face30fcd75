"""What the ONNX parser of each release of TensorRT takes, as onnx-tensorrt publishes it (`operators.json`).

The types are those of the published table: INT8 and INT4 stand at DequantizeLinear and at operators that compute on
what was dequantized, UINT8 is a type of inputs and outputs alone. No document of 8.6 itself was at hand: its table is
that of 8.5 with what its changelog adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import onnx_ir as ir

DEFAULT_RELEASE: Final = "10.6"

TYPES: Final[Mapping[ir.DataType, str]] = {
    ir.DataType.FLOAT: "FP32",
    ir.DataType.FLOAT16: "FP16",
    ir.DataType.BFLOAT16: "BF16",
    ir.DataType.INT64: "INT64",
    ir.DataType.INT32: "INT32",
    ir.DataType.INT8: "INT8",
    ir.DataType.INT4: "INT4",
    ir.DataType.UINT8: "UINT8",
    ir.DataType.BOOL: "BOOL",
}
"""Element types that models of ours may have, by the names of the published tables."""


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a table comes from."""

    document: str
    says: str
    commit: str = ""


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Operators that are supported for the same types."""

    types: tuple[str, ...]
    operators: tuple[str, ...]


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True):
    """The parser of one release. `opset` holds the lowest and the highest operator set that it takes."""

    opset: tuple[int, int]
    sources: tuple[Source, ...]
    supported: tuple[Group, ...]
    unsupported: tuple[str, ...]

    def types_of(self, operator: str) -> tuple[str, ...] | None:
        """Give the types for which an operator is supported; None when the parser does not have it."""
        return next((group.types for group in self.supported if operator in group.operators), None)

    @property
    def operators(self) -> frozenset[str]:
        """The operators that are supported."""
        return frozenset(name for group in self.supported for name in group.operators)

    @property
    def has_int64(self) -> bool:
        """Whether integers of 64 bits stay what they are. Before TensorRT 9 they became int32."""
        return "INT64" in (self.types_of("Cast") or ())


@cache
def releases() -> Mapping[str, Release]:
    """Give all releases by name, the oldest first."""
    text = (Path(__file__).parent / "operators.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Release])
