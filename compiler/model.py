"""The hub: an ONNX graph with its signature and its source."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import onnx_ir as ir

from ..vocabulary.errors import ModelError
from ..vocabulary.signature import Signature

INLINE_LIMIT_BYTES = 1_500_000_000
"""A hub model with larger weights is saved with external data: a protobuf message ends at 2 GiB."""


class Precision(enum.StrEnum):
    """How the numbers of a variant are stored and computed; one precision a variant."""

    FP32 = "fp32"
    FP16 = "fp16"


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model came from.

    `reference` is the model as the user named it, `digest` the SHA-256 over all of its files, `tools` the versions of
    the packages that read it.
    """

    reference: str
    framework: str
    digest: str
    tools: dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A trained model on its way to the targets. Never changed in place: a pass gives a new one.

    The graph's inputs and outputs are those of the signature: the same names, dtypes, shapes and order.
    """

    ir: ir.Model
    signature: Signature
    source: Source
    precision: Precision = Precision.FP32

    @property
    def graph(self) -> ir.Graph:
        """The graph of nodes."""
        return self.ir.graph

    @property
    def opset(self) -> int:
        """The version of the default operator set."""
        return self.ir.opset_imports[""]

    def with_graph(self, graph: ir.Model) -> Model:
        """Give this model with another graph for the same signature."""
        return replace(self, ir=graph)

    def save(self, folder: Path) -> None:
        """Write `model.onnx` (with `model.onnx.data` when large) and `model.json` into an existing folder.

        Raises:
            OSError: when a file cannot be written.
        """
        large = sum(value.const_value.nbytes for value in self.graph.initializers.values() if value.const_value)
        external = "model.onnx.data" if large > INLINE_LIMIT_BYTES else None
        ir.save(self.ir, folder / "model.onnx", external_data=external)
        record = _Record(signature=self.signature, source=self.source, precision=self.precision)
        (folder / "model.json").write_bytes(msgspec.json.format(msgspec.json.encode(record, order="sorted")) + b"\n")

    @classmethod
    def load(cls, folder: Path) -> Model:
        """Read what `save` wrote.

        Raises:
            ModelError: when the folder does not hold a saved model.
        """
        try:
            record = msgspec.json.decode((folder / "model.json").read_bytes(), type=_Record)
            graph = ir.load(folder / "model.onnx")
        except (OSError, msgspec.MsgspecError) as error:
            raise ModelError(f"{folder}: no saved model: {error}") from error
        return cls(ir=graph, signature=record.signature, source=record.source, precision=record.precision)


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    signature: Signature
    source: Source
    precision: Precision
