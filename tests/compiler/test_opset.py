"""Every operator whose meaning changed between opset 7 and the hub's, at every opset in which it had the old one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgewright.compiler.importers.request import Imported, Request
from edgewright.compiler.importers.table import import_model
from edgewright.compiler.model import HUB_OPSET
from edgewright.vocabulary.errors import ModelError

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64


@dataclass(frozen=True, kw_only=True)
class Case:
    """One node over `x`, with constants for its further inputs, valid from `since` to `until`."""

    op: str
    since: int = 7
    until: int = 19
    shape: tuple[int, ...] = (2, 3, 4, 5)
    constants: tuple[Any, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
    positive: bool = False
    label: str = ""

    def __str__(self) -> str:
        return f"{self.op}{self.label and '-'}{self.label}"


def f32(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def i64(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


NORM = (f32(1.5, 0.5, -1.0), f32(0.1, 0.2, 0.3), f32(0.5, -0.5, 0.0), f32(1.0, 2.0, 0.5))

CASES = (
    Case(op="BatchNormalization", until=8, constants=NORM, attributes={"spatial": 1}, label="spatial"),
    Case(op="BatchNormalization", constants=NORM, attributes={"epsilon": 0.001}),
    Case(op="Upsample", since=7, until=8, attributes={"scales": [1.0, 1.0, 2.0, 3.0]}, label="nearest"),
    Case(op="Upsample", since=9, until=9, constants=(f32(1, 1, 2, 3),), label="nearest-input"),
    Case(
        op="Upsample", since=7, until=8, attributes={"scales": [1.0, 1.0, 2.0, 2.0], "mode": "linear"}, label="linear"
    ),
    Case(
        op="Upsample", since=9, until=9, constants=(f32(1, 1, 1.5, 2.5),), attributes={"mode": "linear"}, label="frac"
    ),
    Case(op="Upsample", since=9, until=9, constants=(f32(1, 1, 1.5, 2.5),), label="nearest-frac"),
    Case(op="Resize", since=10, until=10, constants=(f32(1, 1, 2, 2),), label="10-up"),
    Case(op="Resize", since=10, until=10, constants=(f32(1, 1, 0.5, 0.6),), label="10-down"),
    Case(
        op="Resize",
        since=10,
        until=10,
        constants=(f32(1, 1, 0.5, 0.6),),
        attributes={"mode": "linear"},
        label="10-down-linear",
    ),
    Case(
        op="Resize",
        since=10,
        until=10,
        constants=(f32(1, 1, 2, 0.6),),
        attributes={"mode": "linear"},
        label="10-mixed-linear",
    ),
    Case(op="Resize", since=11, constants=(f32(), f32(1, 1, 2, 2)), label="11-half-pixel"),
    Case(
        op="Resize",
        since=11,
        constants=(f32(), f32(1, 1, 2, 2)),
        attributes={"mode": "linear", "coordinate_transformation_mode": "align_corners"},
        label="11-align-corners",
    ),
    Case(
        op="Resize",
        since=11,
        constants=(f32(), f32(), i64(2, 3, 7, 9)),
        attributes={"mode": "linear"},
        label="11-sizes",
    ),
    Case(
        op="Resize",
        since=11,
        constants=(f32(), f32(1, 1, 0.5, 0.5)),
        attributes={"mode": "cubic", "coordinate_transformation_mode": "pytorch_half_pixel", "cubic_coeff_a": -0.5},
        label="11-cubic",
    ),
    Case(op="Slice", until=9, attributes={"starts": [0, 1], "ends": [2, -1], "axes": [0, 2]}, label="attributes"),
    Case(op="Slice", until=9, attributes={"starts": [1], "ends": [2]}, label="no-axes"),
    Case(op="Slice", since=10, constants=(i64(-1), i64(-100), i64(3), i64(-2)), label="inputs"),
    Case(op="TopK", until=9, attributes={"k": 3}, outputs=2, label="attribute"),
    Case(op="TopK", since=10, constants=(i64(2),), attributes={"axis": 2}, outputs=2, label="input"),
    Case(op="Clip", until=10, attributes={"min": -0.5, "max": 0.25}, label="both"),
    Case(op="Clip", until=10, attributes={"max": 0.25}, label="max"),
    Case(op="Clip", until=10, attributes={"min": -0.25}, label="min"),
    Case(op="Clip", until=10, label="none"),
    Case(op="Clip", since=11, constants=(np.array(-0.5, np.float32), np.array(0.5, np.float32)), label="inputs"),
    Case(op="Pad", until=10, attributes={"pads": [0, 0, 1, 2, 0, 0, 3, 4], "value": 2.5}, label="constant"),
    Case(op="Pad", until=10, attributes={"pads": [0, 0, 1, 2, 0, 0, 1, 0], "mode": "reflect"}, label="reflect"),
    Case(op="Pad", until=10, attributes={"pads": [0, 0, -1, 0, 0, 0, 1, -2], "mode": "edge"}, label="negative"),
    Case(op="Pad", since=11, constants=(i64(0, 0, 1, 0, 0, 0, 0, 1),), label="inputs"),
    Case(
        op="Scatter",
        since=9,
        until=10,
        shape=(3, 3),
        constants=(i64(1, 0, 2, 0, 2, 1).reshape(2, 3), f32(1, 2, 3, 4, 5, 6).reshape(2, 3)),
    ),
    Case(op="Dropout", until=11, attributes={"ratio": 0.7}, label="ratio"),
    Case(op="Dropout", since=12, constants=(np.array(0.7, np.float32),), label="input"),
    *(
        Case(op=op, until=19, attributes={"axis": axis} if axis is not None else {}, label=f"axis-{axis}")
        for op in ("Softmax", "LogSoftmax", "Hardmax")
        for axis in (None, 0, 1, 2, 3)
    ),
    Case(op="Softmax", since=11, attributes={"axis": -1}, label="last"),
    Case(op="Softmax", since=11, attributes={"axis": -2}, label="last-but-one"),
    Case(op="Split", until=12, attributes={"axis": 1, "split": [1, 2]}, outputs=2, label="attribute"),
    Case(op="Split", until=17, attributes={"axis": 2}, outputs=2, label="even"),
    Case(op="Split", since=13, constants=(i64(1, 4),), attributes={"axis": 3}, outputs=2, label="input"),
    Case(op="Squeeze", until=12, shape=(2, 1, 3, 1), attributes={"axes": [1]}, label="attribute"),
    Case(op="Squeeze", shape=(2, 1, 3, 1), label="all"),
    Case(op="Unsqueeze", until=12, shape=(2, 3), attributes={"axes": [0, 3]}, label="attribute"),
    Case(op="Unsqueeze", since=13, shape=(2, 3), constants=(i64(-1),), label="input"),
    *(
        Case(op=op, until=17 if op != "ReduceSum" else 12, attributes=attributes, positive=True, label=label)
        for op in (
            "ReduceSum",
            "ReduceMean",
            "ReduceMax",
            "ReduceMin",
            "ReduceProd",
            "ReduceL1",
            "ReduceL2",
            "ReduceLogSum",
            "ReduceLogSumExp",
            "ReduceSumSquare",
        )
        for label, attributes in (("axes", {"axes": [1, 3], "keepdims": 0}), ("all", {}))
    ),
    Case(op="ReduceSum", since=13, constants=(i64(0, 2),), label="input"),
    Case(op="ArgMax", attributes={"axis": 2}),
    Case(op="AveragePool", attributes={"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "count_include_pad": 1}),
    Case(
        op="AveragePool", since=10, attributes={"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}, label="ceil"
    ),
    Case(op="MaxPool", attributes={"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}),
    Case(op="Flatten", attributes={"axis": 2}),
    Case(op="Reshape", constants=(i64(0, -1),)),
    Case(op="Cast", attributes={"to": INT64}),
    Case(op="Concat", constants=(np.ones((2, 1, 4, 5), np.float32),), attributes={"axis": 1}),
    Case(op="Gemm", shape=(4, 3), constants=(np.eye(3, dtype=np.float32), f32(1, 2, 3)), attributes={"alpha": 0.5}),
    Case(op="PRelu", constants=(np.array(0.25, np.float32),)),
    Case(op="DepthToSpace", shape=(1, 8, 2, 3), attributes={"blocksize": 2}),
    Case(
        op="LSTM",
        shape=(4, 1, 2),
        constants=(np.full((1, 12, 2), 0.1, np.float32), np.full((1, 12, 3), -0.2, np.float32)),
        attributes={"hidden_size": 3},
        outputs=3,
    ),
    Case(
        op="GRU",
        shape=(4, 1, 2),
        constants=(np.full((1, 9, 2), 0.1, np.float32), np.full((1, 9, 3), -0.2, np.float32)),
        attributes={"hidden_size": 3, "linear_before_reset": 1},
        outputs=2,
    ),
    Case(op="InstanceNormalization", constants=(f32(1, 2, 3), f32(0.1, 0.2, 0.3))),
    Case(op="Expand", since=8, shape=(3, 1), constants=(i64(2, 3, 4),)),
    Case(
        op="GridSample",
        since=16,
        shape=(1, 1, 4, 4),
        constants=(np.linspace(-1, 1, 18, dtype=np.float32).reshape(1, 3, 3, 2),),
    ),
    Case(
        op="GridSample",
        since=16,
        shape=(1, 1, 4, 4),
        constants=(np.linspace(-1, 1, 18, dtype=np.float32).reshape(1, 3, 3, 2),),
        attributes={"mode": "bicubic", "align_corners": 1},
        label="bicubic",
    ),
    Case(op="DFT", since=17, shape=(1, 6, 4, 1), label="default-axis"),
    Case(op="DFT", since=17, shape=(1, 6, 4, 1), attributes={"axis": 2, "onesided": 1}, label="axis"),
    Case(
        op="RoiAlign",
        since=10,
        shape=(1, 1, 6, 6),
        constants=(f32(0, 0, 4, 4).reshape(1, 4), i64(0)),
        attributes={"output_height": 2, "output_width": 2, "sampling_ratio": 2},
    ),
)


def versions() -> Iterator[Any]:
    for case in CASES:
        for opset in range(case.since, case.until + 1):
            yield pytest.param(case, opset, id=f"{case}-{opset}")


@pytest.mark.parametrize(("case", "opset"), list(versions()))
def test_a_node_means_at_the_hub_what_it_meant_at_its_opset(
    case: Case,
    opset: int,
    write_onnx: Callable[..., Path],
    read: Callable[..., Imported],
    same: Callable[..., None],
) -> None:
    names = [f"c{index}" for index in range(len(case.constants))]
    outputs = [f"y{index}" for index in range(case.outputs)]
    node = onnx.helper.make_node(case.op, ["x", *names], outputs, **case.attributes)
    types = {"Cast": {0: INT64}, "ArgMax": {0: INT64}, "TopK": {1: INT64}}.get(case.op, {})
    path = write_onnx(
        [node],
        {"x": (FLOAT, case.shape)},
        {name: (types.get(index, FLOAT), None) for index, name in enumerate(outputs)},
        dict(zip(names, case.constants, strict=True)),
        opset=opset,
    )
    x = np.random.default_rng(0).standard_normal(case.shape).astype(np.float32)
    imported = read(path)
    assert imported.model.opset == HUB_OPSET
    # 1e-6: newer kernels may sum in another order
    same(imported, {"x": np.abs(x) + 0.1 if case.positive else x}, atol=1e-6)


def test_batch_norm_with_statistics_per_element_is_refused(
    write_onnx: Callable[..., Path], read: Callable[..., Imported]
) -> None:
    node = onnx.helper.make_node("BatchNormalization", ["x", "a", "b", "m", "v"], ["y"], name="bn", spatial=0)
    constants = {name: np.ones((3, 2, 2), np.float32) for name in "abmv"}
    path = write_onnx([node], {"x": (FLOAT, (1, 3, 2, 2))}, {"y": (FLOAT, None)}, constants, opset=7)
    with pytest.raises(ModelError, match=r"node 'bn' \(BatchNormalization\): statistics per element"):
        read(path)


def test_nearest_that_grows_and_shrinks_before_opset_11_is_refused(
    write_onnx: Callable[..., Path], read: Callable[..., Imported]
) -> None:
    node = onnx.helper.make_node("Resize", ["x", "s"], ["y"], name="resize")
    path = write_onnx([node], {"x": (FLOAT, (1, 1, 4, 4))}, {"y": (FLOAT, None)}, {"s": f32(1, 1, 2, 0.5)}, opset=10)
    with pytest.raises(ModelError, match="not settled which element is the nearest"):
        read(path)


@pytest.mark.parametrize("opset", [6, 99])
def test_an_opset_out_of_range_is_refused(
    opset: int, write_onnx: Callable[..., Path], read: Callable[..., Imported]
) -> None:
    path = write_onnx(
        [onnx.helper.make_node("Relu", ["x"], ["y"])], {"x": (FLOAT, (2,))}, {"y": (FLOAT, (2,))}, opset=opset
    )
    with pytest.raises(ModelError, match="opset"):
        read(path)


def test_a_later_opset_is_kept(write_onnx: Callable[..., Path], read: Callable[..., Imported]) -> None:
    path = write_onnx(
        [onnx.helper.make_node("Relu", ["x"], ["y"])],
        {"x": (FLOAT, (2,))},
        {"y": (FLOAT, (2,))},
        opset=23,
        ir_version=11,
    )
    assert read(path).model.opset == 23


def test_nodes_in_branches_are_raised_too(
    write_onnx: Callable[..., Path], read: Callable[..., Imported], same: Callable[..., None]
) -> None:
    def branch(name: str, axis: int) -> onnx.GraphProto:
        node = onnx.helper.make_node("Softmax", ["x"], [name], axis=axis)
        return onnx.helper.make_graph([node], name, [], [onnx.helper.make_tensor_value_info(name, FLOAT, (2, 3, 4))])

    node = onnx.helper.make_node("If", ["c"], ["y"], then_branch=branch("a", 1), else_branch=branch("b", 2))
    inputs = {"x": (FLOAT, (2, 3, 4)), "c": (onnx.TensorProto.BOOL, ())}
    imported = read(write_onnx([node], inputs, {"y": (FLOAT, (2, 3, 4))}, opset=11))
    x = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
    for condition in (True, False):
        same(imported, {"x": x, "c": np.array(condition)}, atol=1e-6)


def test_initializers_that_are_inputs_are_constants(
    write_onnx: Callable[..., Path], read: Callable[..., Imported], same: Callable[..., None]
) -> None:
    inputs = {"x": (FLOAT, (2, 3)), "w": (FLOAT, (3, 3))}
    path = write_onnx(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        inputs,
        {"y": (FLOAT, (2, 3))},
        {"w": np.eye(3, dtype=np.float32)},
        opset=7,
        ir_version=3,
    )
    imported = read(path)
    assert [spec.name for spec in imported.model.signature.inputs] == ["x"]
    same(imported, {"x": np.ones((2, 3), np.float32)})


@pytest.mark.parametrize(("opset", "ir_version"), [(26, 14), (27, 13), (28, 14)])
def test_a_stamp_that_is_newer_than_onnxruntime_is_lowered_where_nothing_changed(
    tmp_path: Path, opset: int, ir_version: int
) -> None:
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Relu", ["x"], ["y"], name="relu")],
        "newest",
        [value("x", onnx.TensorProto.FLOAT, ["batch", 2])],
        [value("y", onnx.TensorProto.FLOAT, ["batch", 2])],
    )
    imports = [onnx.helper.make_opsetid("", opset)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=imports, ir_version=ir_version), tmp_path / "newest.onnx")
    imported = import_model(Request(reference="newest.onnx", folder=tmp_path))
    assert (imported.model.opset, imported.model.ir.ir_version) == (26, 13)
    rows = np.array([[-1.0, 2.0]], np.float32)
    assert imported.original.run({"x": rows})["y"].tolist() == [[0.0, 2.0]]


def newest(folder: Path, node: onnx.NodeProto, dtype: int, shape: tuple[int, ...], out: tuple[int, ...]) -> Imported:
    """Import one node of opset 28."""
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node], "newest", [value(name, dtype, shape) for name in node.input], [value("y", dtype, out)]
    )
    imports = [onnx.helper.make_opsetid("", 28)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=imports, ir_version=13), folder / "newest.onnx")
    return import_model(Request(reference="newest.onnx", folder=folder))


def test_a_newer_operator_that_is_used_as_before_is_the_older_one(tmp_path: Path) -> None:
    mod = onnx.helper.make_node("Mod", ["a", "b"], ["y"])
    imported = newest(tmp_path, mod, INT64, (3,), (3,))
    assert imported.model.opset == 26
    assert imported.original.run({"a": i64(-5, 5, 7), "b": i64(3, -3, 4)})["y"].tolist() == [1, -1, 3]


def test_an_attribute_that_is_new_and_says_the_old_is_dropped(tmp_path: Path) -> None:
    node = onnx.helper.make_node("SpaceToDepth", ["x"], ["y"], blocksize=2, mode="DCR")
    imported = newest(tmp_path, node, FLOAT, (1, 1, 2, 2), (1, 4, 1, 1))
    assert sorted(imported.model.graph[0].attributes) == ["blocksize"]


@pytest.mark.parametrize(
    ("node", "dtype"),
    [
        (onnx.helper.make_node("Mod", ["a", "b"], ["y"]), FLOAT),
        (onnx.helper.make_node("BitShift", ["a", "b"], ["y"], direction="LEFT"), onnx.TensorProto.UINT8),
        (onnx.helper.make_node("Celu", ["a"], ["y"]), onnx.TensorProto.FLOAT16),
    ],
)
def test_a_newer_operator_that_is_used_in_a_new_way_is_refused(
    tmp_path: Path, node: onnx.NodeProto, dtype: int
) -> None:
    with pytest.raises(ModelError, match=rf"operator {node.op_type} of opset 28 is newer than what can be run"):
        newest(tmp_path, node, dtype, (4,), (4,))


def test_an_operator_that_came_later_is_its_body(tmp_path: Path) -> None:
    imported = newest(tmp_path, onnx.helper.make_node("SwiGLU", ["a", "b"], ["y"]), FLOAT, (3,), (3,))
    assert imported.model.opset == 26
    assert [node.op_type for node in imported.model.graph] == ["Swish", "Mul"]
    assert [spec.name for spec in imported.model.signature.inputs] == ["a", "b"]
