"""Float16: weights stored in half the bytes."""

from __future__ import annotations

from typing import Final

import numpy as np
import onnx_ir as ir

from ..model import Precision
from .base import Pass
from .editing import Editor, constant_array, is_op

SMALLEST_ELEMENTS: Final = 64
"""A tensor of fewer elements costs more as a node than it saves in bytes."""

REASON_KEY: Final = "edgewright.float16"
"""Metadata of an initializer that stays float32: the reason why."""

_LARGEST: Final = float(np.finfo(np.float16).max)


class Float16(Pass):
    """Stores float32 constants as float16, each followed by a Cast back; targets decide in what they compute.

    A tensor with values that float16 cannot hold (beyond ±65504, or not finite) stays float32 as a whole, and its
    metadata says why. So do the scales of a model that arrived with integers.
    """

    precision = Precision.FP16

    def rewrite(self, model: ir.Model) -> bool:
        """Halve the constants of the main graph."""
        editor, changed = Editor(model), False
        first = next(iter(model.graph), None)
        for value in tuple(model.graph.initializers.values()):
            array = constant_array(value)
            if array is None or first is None or array.dtype != np.float32 or array.size < SMALLEST_ELEMENTS:
                continue
            if not value.uses() or REASON_KEY in value.metadata_props:
                continue
            if any(is_op(user, "QuantizeLinear", "DequantizeLinear") for user, _ in value.uses()):
                continue  # what integers stand for must not move
            largest = float(np.abs(array).max())
            if not largest <= _LARGEST:
                value.metadata_props[REASON_KEY] = f"holds {largest:g}, float16 ends at {_LARGEST:g}"
                changed = True
                continue
            name = str(value.name)
            half = editor.constant(array.astype(np.float16), f"{name}/float16")
            cast = editor.node(first, "Cast", [half], {"to": ir.DataType.FLOAT.value}, stem=f"{name}/Cast", like=value)
            value.replace_all_uses_with(cast)
            model.graph.initializers.pop(name)
            changed = True
        return changed
