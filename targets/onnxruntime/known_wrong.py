"""What onnxruntime accepts, and then answers otherwise than ONNX says, or fails on when it runs.

Found by ONNX's operator cases in onnxruntime 1.31. Each function takes a node of one operator and gives the reason why
it is refused, None when it is not. What is only known when the model runs counts as the worst that it may be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Final

import onnx_ir as ir

from ...compiler.passes.editing import constant_array


def known_wrong(node: ir.Node) -> str | None:
    """Why a node is refused that onnxruntime accepts; None when nothing is known against it or what it holds."""
    check = _CHECKS.get(node.op_type) if node.domain == "" else None
    reason = check(node) if check is not None else None
    if reason is not None:
        return reason
    for attribute in node.attributes.values():
        graphs = {ir.AttributeType.GRAPH: (attribute.value,), ir.AttributeType.GRAPHS: attribute.value}
        for graph in graphs.get(attribute.type, ()):
            for inner in graph:
                reason = known_wrong(inner)
                if reason is not None:
                    return f"{inner.op_type} in its {attribute.name}: {reason}"
    return None


def _attention(node: ir.Node) -> str | None:
    """Masked scores are the lowest float32 for ONNX's -inf; a short mask is not filled up where keys are counted."""
    key, mask = _input(node, 1), _input(node, 3)
    scores_are_used = len(node.outputs) > 3 and bool(node.outputs[3].name)
    if scores_are_used and _integer(node, "qk_matmul_output_mode", 0) == 2:
        if _integer(node, "is_causal", 0):
            return "it gives the masked scores of causal attention, as other numbers than -inf"
        if mask is not None and mask.dtype == ir.DataType.BOOL:
            return "it gives the scores masked by booleans, as other numbers than -inf"
    if _input(node, 6) is not None and mask is not None and key is not None:
        covered, length = _size(mask, -1), _size(key, -2)
        if covered is not None and length is not None and covered != length:
            return "its mask is shorter than its keys"
    return None


def _conv_integer(node: ir.Node) -> str | None:
    zero_points = _input(node, 3)
    if zero_points is None or zero_points.shape is None or len(zero_points.shape) == 0 or _size(zero_points, 0) == 1:
        return None
    return "its weight has a zero point for each channel"


def _dft(node: ir.Node) -> str | None:
    """By a chirp in float32 for lengths that are no power of two: 2e-2 off at 1000 points of values up to 80."""
    signal, length, axis = _input(node, 0), _input(node, 1), _input(node, 2)
    axes = constant_array(axis) if axis is not None else None
    if axis is not None and axes is None:
        return "its axis is not constant, and so its length may be no power of two"
    along = -2 if axes is None else int(axes.item())
    lengths = constant_array(length) if length is not None else None
    size = int(lengths.item()) if lengths is not None else _size(signal, along) if length is None else None
    return _no_power_of_two(size)


def _stft(node: ir.Node) -> str | None:
    """As DFT."""
    window, length = _input(node, 2), _input(node, 3)
    lengths = constant_array(length) if length is not None else None
    size = int(lengths.item()) if lengths is not None else _size(window, 0)
    return _no_power_of_two(size)


def _no_power_of_two(size: int | None) -> str | None:
    if size is None:
        return "its length is not known, and may be no power of two, for which onnxruntime is imprecise"
    return None if size.bit_count() == 1 else f"onnxruntime is imprecise for {size} points, which is no power of two"


def _dropout(node: ir.Node) -> str | None:
    mode, ratio = constant_array(_input(node, 2)), constant_array(_input(node, 1))
    if _input(node, 2) is None or (mode is not None and not mode.any()) or (ratio is not None and not ratio.any()):
        return None
    if mode is None:
        return "whether it is in training mode is not constant"
    return "it is in training mode and draws random numbers, so no two runs can be compared"


def _max_unpool(node: ir.Node) -> str | None:
    return "its output's shape is given: onnxruntime places the values by another" if _input(node, 2) else None


def _reduce_extreme(node: ir.Node) -> str | None:
    data = _input(node, 0)
    if data is None or data.dtype != ir.DataType.BOOL or data.shape is None or 0 not in data.shape:
        return None
    return "the extreme of no booleans"


def _resize(node: ir.Node) -> str | None:
    """ONNX measures some modes by the exact output size, onnxruntime by the whole one."""
    given, scales = _input(node, 0), _input(node, 2)
    attribute = node.attributes.get("coordinate_transformation_mode")
    mode = attribute.as_string() if attribute is not None else "half_pixel"
    if scales is None or mode not in _MODES_BY_OUTPUT_SIZE:
        return None
    factors = constant_array(scales)
    if factors is None:
        return f"in mode {mode} its scales are not constant"
    if factors.size == 0:
        return None
    names = node.attributes.get("axes")
    axes = tuple(names.as_ints()) if names is not None else tuple(range(factors.size))
    for axis, factor in zip(axes, factors.tolist(), strict=True):
        size = _size(given, axis)
        if factor == 1 or (size is None and float(factor).is_integer()):
            continue
        if size is None:
            return f"in mode {mode} a scale of {factor:g} may give no whole size"
        exact = size * factor
        # float32 scales: 4 × 0.7499999 is 3
        whole = math.isclose(exact, round(exact), rel_tol=1e-6)
        if not whole and (mode != "pytorch_half_pixel" or math.floor(exact) == 1):
            return f"in mode {mode} a scale of {factor:g} gives no whole size"
    return None


_MODES_BY_OUTPUT_SIZE: Final = frozenset({"align_corners", "pytorch_half_pixel", "tf_crop_and_resize"})

_CHECKS: Final[Mapping[str, Callable[[ir.Node], str | None]]] = {
    "Attention": _attention,
    "ConvInteger": _conv_integer,
    "DFT": _dft,
    "Dropout": _dropout,
    "MaxUnpool": _max_unpool,
    "ReduceMax": _reduce_extreme,
    "ReduceMin": _reduce_extreme,
    "Resize": _resize,
    "STFT": _stft,
}


def _input(node: ir.Node, index: int) -> ir.Value | None:
    return node.inputs[index] if index < len(node.inputs) else None


def _integer(node: ir.Node, name: str, default: int) -> int:
    attribute = node.attributes.get(name)
    return default if attribute is None else attribute.as_int()


def _size(value: ir.Value | None, axis: int) -> int | None:
    """The size of an axis; None when it is not known."""
    if value is None or value.shape is None or not -len(value.shape) <= axis < len(value.shape):
        return None
    size = value.shape[axis]
    return size if isinstance(size, int) else None
