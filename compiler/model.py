"""The hub: an ONNX graph with its signature and its source."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import onnx_ir as ir

from ..vocabulary.errors import ModelError
from ..vocabulary.precision import Precision
from ..vocabulary.signature import Signature
from ..vocabulary.source import Source

__all__ = ["HUB_OPSET", "INLINE_LIMIT_BYTES", "Model", "Precision", "Source", "dtype_name"]

Graph = ir.Graph
GraphModel = ir.Model

INLINE_LIMIT_BYTES: Final = 1_500_000_000
"""A hub model with larger weights is saved with external data: a protobuf message ends at 2 GiB."""

HUB_OPSET: Final = 20
"""The lowest version of the default operator set in a hub model: the first that has all of Gelu, LayerNormalization,
axes as inputs and Split with `num_outputs`. Models of a later opset keep theirs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """A trained model on its way to the targets. Never changed in place: a pass gives a new one.

    The graph's inputs and outputs are those of the signature: the same names, dtypes, shapes and order.
    """

    ir: GraphModel
    signature: Signature
    source: Source
    precision: Precision = Precision.FP32

    @property
    def graph(self) -> Graph:
        """The graph of nodes."""
        return self.ir.graph

    @property
    def opset(self) -> int:
        """The version of the default operator set."""
        return self.ir.opset_imports[""]

    def with_graph(self, graph: GraphModel) -> Model:
        """Give this model with another graph for the same signature."""
        return replace(self, ir=graph)

    def save(self, folder: Path) -> None:
        """Write `model.onnx` (with `model.onnx.data` when large) and `model.json` into an existing folder.

        Raises:
            OSError: when a file cannot be written.
        """
        tensors = [value.const_value for graph in self.ir.graphs() for value in graph.initializers.values()]
        size_bytes = sum(tensor.nbytes for tensor in tensors if tensor is not None)
        if size_bytes > INLINE_LIMIT_BYTES:
            ir.save(self.ir, folder / "model.onnx", external_data="model.onnx.data")
        elif any(isinstance(tensor, ir.ExternalTensor) for tensor in tensors):
            # saved as they are, they would still point into the folder that they came from
            ir.save(ir.external_data.load_to_model(self.ir.clone()), folder / "model.onnx")
        else:
            ir.save(self.ir, folder / "model.onnx")
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


def dtype_name(dtype: ir.DataType) -> str:
    """Give the name of an element type as signatures write it: `float32`, not `FLOAT`."""
    return "string" if dtype == ir.DataType.STRING else dtype.numpy().name


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    signature: Signature
    source: Source
    precision: Precision
