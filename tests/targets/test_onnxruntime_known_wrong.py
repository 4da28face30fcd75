"""Nodes that onnxruntime accepts and answers otherwise than ONNX says are refused, and their neighbours are not."""

import numpy as np
import onnx_ir as ir
import pytest

from edgewright.targets.onnxruntime.known_wrong import known_wrong


def node(operator, *inputs, outputs=1, **attributes):
    """Make a node; a tuple is the shape of an open float32 input, an array a constant, None an input left out."""
    values = []
    for index, given in enumerate(inputs):
        if isinstance(given, np.ndarray | np.generic):
            value = ir.Value(name=f"c{index}", const_value=ir.tensor(np.asarray(given)), shape=ir.Shape(given.shape))
            ir.Graph([], [], nodes=[], initializers=[value])
        elif isinstance(given, tuple):
            value = ir.val(f"x{index}", ir.DataType.FLOAT, given)
        else:
            value = given
        values.append(value)
    made = ir.node(operator, values, attributes=attributes, num_outputs=outputs)
    for index, output in enumerate(made.outputs):
        output.name = f"y{index}"
    return made


def scales(*factors):
    return np.float32([1, 1, *factors])


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (node("Resize", (1, 1, 4, 4), None, scales(2, 2), coordinate_transformation_mode="align_corners"), None),
        (
            node("Resize", (1, 1, 4, 4), None, scales(1, 0.8), coordinate_transformation_mode="align_corners"),
            "in mode align_corners a scale of 0.8 gives no whole size",
        ),
        (
            node("Resize", (1, 1, "h", "w"), None, scales(1.5, 2), coordinate_transformation_mode="align_corners"),
            "in mode align_corners a scale of 1.5 may give no whole size",
        ),
        (node("Resize", (1, 1, "h", "w"), None, scales(2, 2), coordinate_transformation_mode="align_corners"), None),
        (
            node("Resize", (1, 1, 4, 4), None, (4,), coordinate_transformation_mode="align_corners"),
            "in mode align_corners its scales are not constant",
        ),
        (node("Resize", (1, 1, 4, 4), None, scales(0.8, 0.8)), None),
        (node("Resize", (1, 1, 4, 4), None, None, (4,), coordinate_transformation_mode="align_corners"), None),
        (
            node("Resize", (1, 1, 4, 4), None, scales(0.8, 0.8), coordinate_transformation_mode="pytorch_half_pixel"),
            None,
        ),
        (
            node("Resize", (1, 1, 4, 4), None, scales(0.3, 1), coordinate_transformation_mode="pytorch_half_pixel"),
            "in mode pytorch_half_pixel a scale of 0.3 gives no whole size",
        ),
        (node("Dropout", (3,), np.float32(0.5)), None),
        (node("Dropout", (3,), np.float32(0.5), np.array(False)), None),
        (node("Dropout", (3,), np.float32(0), np.array(True)), None),
        (
            node("Dropout", (3,), np.float32(0.5), np.array(True)),
            "it is in training mode and draws random numbers, so no two runs can be compared",
        ),
        (node("Dropout", (3,), np.float32(0.5), ()), "whether it is in training mode is not constant"),
        (node("ConvInteger", (1, 1, 3, 3), (2, 1, 2, 2), (), (2,)), "its weight has a zero point for each channel"),
        (node("ConvInteger", (1, 1, 3, 3), (2, 1, 2, 2), (), ()), None),
        (
            node(
                "Attention", (1, 3, 4, 8), (1, 3, 6, 8), (1, 3, 6, 8), outputs=4, is_causal=1, qk_matmul_output_mode=2
            ),
            "it gives the masked scores of causal attention, as other numbers than -inf",
        ),
        (node("Attention", *[(1, 3, 4, 8)] * 3, is_causal=1), None),
        (node("STFT", (1, 128, 1), np.int64(8), None, np.int64(16)), None),
        (
            node("STFT", (1, 128, 1), np.int64(8), None, np.int64(20)),
            "onnxruntime is imprecise for 20 points, which is no power of two",
        ),
    ],
    ids=lambda value: value.op_type if isinstance(value, ir.Node) else value,
)
def test_a_node_is_refused_for_a_reason_of_its_own(made, reason) -> None:
    assert known_wrong(made) == reason


def test_what_a_branch_holds_counts() -> None:
    inner = node("Dropout", (3,), np.float32(0.5), np.array(True))
    branch = ir.Graph([], inner.outputs, nodes=[inner])
    outer = ir.node(
        "If", [ir.val("c", ir.DataType.BOOL, [])], attributes={"then_branch": branch, "else_branch": branch}
    )
    assert known_wrong(outer) == (
        "Dropout in its then_branch: it is in training mode and draws random numbers, so no two runs can be compared"
    )
