"""The recipe `fp16` in float16 throughout, as a strongly typed network says it: types are those of the graph.

Inputs and outputs stay float32. So does what adds up many terms or grows fast, where float16 would end at 65504 or
lose its digits, by the advice of TensorRT's own guide ("Reduced precision: numerical overflow", layer normalizations
and sums in float32).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import onnx
import onnx_ir as ir

from ...compiler.expand.origin import made_for, origin_of
from ...compiler.passes.editing import Editor, constant_array, constant_tensor, is_op

IN_FLOAT32: Final = frozenset(
    {
        *(f"Reduce{kind}" for kind in ("L1", "L2", "LogSum", "LogSumExp", "Mean", "Prod", "Sum", "SumSquare")),
        *("CumSum", "Exp", "Log", "LogSoftmax", "LpNormalization", "MeanVarianceNormalization", "Pow", "Softmax"),
        *("GroupNormalization", "InstanceNormalization", "LayerNormalization", "LRN", "RMSNormalization"),
        *("DequantizeLinear", "QuantizeLinear", "Range", "STFT", "Cast", "CastLike", "ConstantOfShape", "EyeLike"),
    }
)

_LARGEST: Final = float(np.finfo(np.float16).max)


def compute_in_half(model: ir.Model, float32_nodes: Collection[str], opset: int) -> None:
    """Rewrite a graph in place. `float32_nodes` are names of hub nodes that stay as they are."""
    _Half(model, frozenset(float32_nodes), opset).rewrite()


class _Half:
    def __init__(self, model: ir.Model, stays: frozenset[str], opset: int) -> None:
        self.graph, self.stays, self.opset = model.graph, stays, opset
        self.editor = Editor(model)
        self.halves: dict[ir.Value, ir.Value] = {}
        self.wholes: dict[ir.Value, ir.Value] = {}

    def rewrite(self) -> None:
        for node in tuple(self.graph):
            free = self._free(node)
            if free is None:
                self._read(node, range(len(node.inputs)), ir.DataType.FLOAT)
                continue
            self._read(node, free, ir.DataType.FLOAT16)
            self._read(node, [index for index in range(len(node.inputs)) if index not in free], ir.DataType.FLOAT)
            for value in node.outputs:
                if value.dtype == ir.DataType.FLOAT:
                    value.type = ir.TensorType(ir.DataType.FLOAT16)
        for output in tuple(self.graph.outputs):
            if output.dtype == ir.DataType.FLOAT16 and output.producer() is not None:
                maker = output.producer()
                assert maker is not None
                whole = self._cast(output, ir.DataType.FLOAT, before=None)
                self.editor.take_over(self.graph, output, whole)

    def _free(self, node: ir.Node) -> list[int] | None:
        """Give the inputs that become float16; None when the node stays float32."""
        if node.op_type in IN_FLOAT32 or origin_of(node)[0] in self.stays or node.domain:
            return None
        if not any(value.dtype == ir.DataType.FLOAT for value in node.outputs) and not any(
            value is not None and value.dtype == ir.DataType.FLOAT for value in node.inputs
        ):
            return None
        schema = onnx.defs.get_schema(node.op_type, self.opset, "")
        halved = {
            constraint.type_param_str
            for constraint in schema.type_constraints
            if "tensor(float16)" in constraint.allowed_type_strs
        }
        free = []
        for index, value in enumerate(node.inputs):
            own = schema.inputs[min(index, len(schema.inputs) - 1)].type_str
            if value is None or own not in halved or value.dtype not in (ir.DataType.FLOAT, ir.DataType.FLOAT16):
                continue
            array = constant_array(value)
            if array is not None and array.size and not float(np.abs(array.astype(np.float32)).max()) <= _LARGEST:
                return None  # float16 cannot hold it
            free.append(index)
        return free or None

    def _read(self, node: ir.Node, indices: Collection[int], dtype: ir.DataType) -> None:
        for index in indices:
            value = node.inputs[index]
            if value is None or value.dtype == dtype or value.dtype not in (ir.DataType.FLOAT, ir.DataType.FLOAT16):
                continue
            if node.op_type in ("Cast", "CastLike") and index == 0:
                continue  # a Cast reads whatever there is
            known = self.halves if dtype == ir.DataType.FLOAT16 else self.wholes
            stored = _stored_half(value) if dtype == ir.DataType.FLOAT16 else None
            if stored is not None:
                known[value] = stored
            if value not in known:
                array = constant_array(value)
                known[value] = (
                    self._cast(value, dtype, before=node)
                    if array is None
                    else self.editor.constant(array.astype(dtype.numpy()), f"{value.name}/{dtype.name.lower()}")
                )
            node.replace_input_with(index, known[value])

    def _cast(self, value: ir.Value, dtype: ir.DataType, before: ir.Node | None) -> ir.Value:
        """Cast a value in front of a node, or at the end of the graph."""
        place = before or self.graph[-1]
        cast = self.editor.node(
            place, "Cast", [value], {"to": dtype.value}, stem=f"{value.name}/{dtype.name.lower()}", like=value
        )
        cast.type = ir.TensorType(dtype)
        node = cast.producer()
        assert node is not None
        maker = value.producer()
        made_for(node, *origin_of(before or maker or place))
        if before is None:
            self.graph.remove(node)
            self.graph.insert_after(place, node)
        elif maker is not None:
            # right behind what it casts, so that all that read it find it in front of them
            self.graph.remove(node)
            self.graph.insert_after(maker, node)
        return cast


def _stored_half(value: ir.Value) -> ir.Value | None:
    """Give the float16 constant that a value is cast from."""
    maker = value.producer()
    if maker is None or not is_op(maker, "Cast"):
        return None
    tensor = constant_tensor(maker.inputs[0])
    return maker.inputs[0] if tensor is not None and tensor.dtype == ir.DataType.FLOAT16 else None
