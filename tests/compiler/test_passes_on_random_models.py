"""What every pass promises, on random models: same outputs, a second run changes nothing, the model given stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.model import Model
from edgewright.compiler.passes.base import Pass, Pipeline
from edgewright.compiler.passes.cancel_transposes import CancelTransposes
from edgewright.compiler.passes.deduplicate_constants import DeduplicateConstants
from edgewright.compiler.passes.deduplicate_nodes import DeduplicateNodes
from edgewright.compiler.passes.eliminate_identity import EliminateIdentity
from edgewright.compiler.passes.fix_dimensions import FixDimensions
from edgewright.compiler.passes.fold_batch_norm import FoldBatchNorm
from edgewright.compiler.passes.fold_constants import FoldConstants
from edgewright.compiler.passes.fuse_activations import FuseActivations
from edgewright.compiler.passes.fuse_layer_norm import FuseLayerNorm
from edgewright.compiler.passes.infer_shapes import InferShapes
from edgewright.compiler.passes.merge_reshapes import MergeReshapes
from edgewright.compiler.passes.remove_dead_code import RemoveDeadCode
from edgewright.vocabulary.signature import Signature, TensorSpec
from edgewright.vocabulary.source import Source

FLOAT = onnx.TensorProto.FLOAT
BATCH = 2
Shape = tuple[int, ...]


class Builder:
    """A growing graph over `x` [n, 4, 6, 6]; shapes are those for a batch of two."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, np.ndarray] = {}
        self.values: dict[str, Shape] = {"x": (BATCH, 4, 6, 6)}

    def pick(self, *options: Any) -> Any:
        return self.draw(st.sampled_from(options))

    def number(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def value(self, rank: int | None = None) -> str:
        fitting = [name for name, shape in self.values.items() if rank in (None, len(shape))]
        return self.pick(*fitting[-4:])

    def constant(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.weights)}"
        self.weights[name] = np.asarray(array, dtype=dtype)
        return name

    def noise(self, *shape: int) -> str:
        seed = self.number(0, 3)  # few seeds, so that equal constants occur
        return self.constant(np.random.default_rng(seed).standard_normal(shape) * 0.5)

    def add(self, op: str, inputs: list[str], shape: Shape, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(op, inputs, [name], name=f"n{len(self.nodes)}", **attributes))
        self.values[name] = shape
        return name


def conv(b: Builder) -> None:
    x = b.value(4)
    n, c, h, w = b.values[x]
    out, kernel, groups = b.number(1, 2) * c, b.pick(1, 3), b.pick(1, c)
    bias = [b.noise(out)] if b.draw(st.booleans()) else []
    pad = kernel // 2
    y = b.add(
        "Conv", [x, b.noise(out, c // groups, kernel, kernel), *bias], (n, out, h, w), pads=[pad] * 4, group=groups
    )
    if b.draw(st.booleans()):
        norm(b, y)


def conv_transpose(b: Builder) -> None:
    x = b.value(4)
    n, c, h, w = b.values[x]
    groups = b.pick(1, 2) if c % 2 == 0 else 1
    each = b.number(1, 2)
    weight = b.noise(c, each, 1, 2)
    y = b.add("ConvTranspose", [x, weight], (n, each * groups, h, w + 1), group=groups)
    norm(b, y)


def norm(b: Builder, x: str | None = None) -> None:
    x = x or b.value()
    if len(b.values[x]) < 2:
        return
    c = b.values[x][1]
    variance = b.constant(np.random.default_rng(c).uniform(0.5, 2, c))
    b.add(
        "BatchNormalization", [x, b.noise(c), b.noise(c), b.noise(c), variance], b.values[x], epsilon=b.pick(1e-5, 1e-2)
    )


def gemm(b: Builder) -> None:
    x = b.add("Flatten", [b.value(4)], (0, 0))
    source = b.nodes[-1].input[0]
    n, *rest = b.values[source]
    size = int(np.prod(rest))
    b.values[x] = (n, size)
    turned = b.draw(st.booleans())
    weight = b.noise(3, size) if turned else b.noise(size, 3)
    y = b.add("Gemm", [x, weight, b.noise(3)], (n, 3), transB=int(turned))
    if b.draw(st.booleans()):
        norm(b, y)


def transpose(b: Builder) -> None:
    x = b.value()
    order = b.draw(st.permutations(range(1, len(b.values[x]))))
    shape = (b.values[x][0], *(b.values[x][axis] for axis in order))
    b.add("Transpose", [x], shape, perm=[0, *order])


def turn_round(b: Builder) -> None:
    """The batch goes to the end and comes back."""
    x = b.value()
    shape = b.values[x]
    y = b.add("Transpose", [x], tuple(reversed(shape)))
    b.values.pop(y)
    b.add("Transpose", [y], shape)


def reshape(b: Builder) -> None:
    x = b.value()
    n, *rest = b.values[x]
    size = int(np.prod(rest))
    shape = b.pick((n, size), (n, 1, size), (n, *reversed(rest)))
    form = b.pick([-1, *shape[1:]], [0, *shape[1:]], [0, *shape[1:-1], -1])
    b.add("Reshape", [x, b.constant(form, np.int64)], shape)


def reshape_by_shape(b: Builder) -> None:
    """The way exporters write a flatten with an open batch."""
    x = b.value()
    n, *rest = b.values[x]
    size = int(np.prod(rest))
    whole = b.add("Shape", [x], ())
    first = b.add("Slice", [whole, b.constant([0], np.int64), b.constant([1], np.int64)], ())
    joined = b.add("Concat", [first, b.constant([size], np.int64)], (), axis=0)
    for name in (whole, first, joined):
        b.values.pop(name)
    b.add("Reshape", [x, joined], (n, size))


def squeeze(b: Builder) -> None:
    x = b.value()
    shape = b.values[x]
    axis = b.number(1, len(shape))
    places = b.constant([axis], np.int64)
    y = b.add("Unsqueeze", [x, places], (*shape[:axis], 1, *shape[axis:]))
    if b.draw(st.booleans()):
        b.values.pop(y)
        b.add("Squeeze", [y, places], shape)


def nothing(b: Builder) -> None:
    x = b.value()
    shape = b.values[x]
    op = b.pick("Identity", "Dropout", "Cast", "Pad", "Slice", "Mul", "Sub", "Add", "Expand", "Concat", "Tile")
    rank = len(shape)
    inputs: dict[str, list[str]] = {
        "Pad": [b.constant([0] * 2 * rank, np.int64)],
        "Slice": [b.constant([0], np.int64), b.constant([2**31 - 1], np.int64), b.constant([1], np.int64)],
        "Mul": [b.constant(np.ones([1] * b.number(0, rank)))],
        "Sub": [b.constant(0.0)],
        "Add": [b.constant(0.0)],
        "Expand": [b.constant([1], np.int64)],
        "Tile": [b.constant([1] * rank, np.int64)],
    }
    more: dict[str, Any] = {"Cast": {"to": FLOAT}, "Concat": {"axis": 1}}.get(op, {})
    b.add(op, [x, *inputs.get(op, [])], shape, **more)


def something(b: Builder) -> None:
    x = b.value()
    n, c, *rest = b.values[x]
    op = b.pick("Relu", "Slice", "Pad", "Mul", "Add", "Concat", "Softmax", "Expand")
    if op == "Relu":
        b.add(op, [x], (n, c, *rest))
    elif op == "Softmax":
        b.add(op, [x], (n, c, *rest), axis=1)
    elif op == "Slice":
        end = b.number(1, c)
        b.add(op, [x, *(b.constant([number], np.int64) for number in (0, end, 1))], (n, end, *rest))
    elif op == "Pad":
        pads = [0] * 2 * (2 + len(rest))
        pads[1] = 1
        b.add(op, [x, b.constant(pads, np.int64)], (n, c + 1, *rest))
    elif op in ("Mul", "Add"):
        b.add(op, [x, b.noise(*b.pick((), (1,), (c, *[1] * len(rest)), (1, c, *rest)))], (n, c, *rest))
    elif op == "Concat":
        b.add(op, [x, x], (n, 2 * c, *rest), axis=1)
    else:
        b.add(op, [x, b.constant([3, *[1] * (2 + len(rest))], np.int64)], (3, n, c, *rest))
        b.add("ReduceSum", [b.nodes[-1].output[0], b.constant([0], np.int64)], (n, c, *rest), keepdims=0)
        b.values.pop(b.nodes[-2].output[0])


def computed_constant(b: Builder) -> None:
    x = b.value()
    c = b.values[x][1]
    a = b.add("Transpose", [b.noise(c, 1)], (), perm=[1, 0])
    s = b.add("Squeeze", [a, b.constant([0], np.int64)], ())
    d = b.add("Unsqueeze", [s, b.constant(range(1, len(b.values[x]) - 1), np.int64)], ())
    for name in (a, s, d):
        b.values.pop(name)
    b.add("Mul", [x, d], b.values[x])


def gelu(b: Builder) -> None:
    """By Erf or by Tanh, its factors in a drawn order."""
    x = b.value()
    shape = b.values[x]
    if b.draw(st.booleans()):
        inner = b.add("Div", [x, b.constant(np.sqrt(2))], shape)
        curve = b.add("Erf", [inner], shape)
    else:
        cube = b.add("Pow", [x, b.constant(3.0)], shape)
        term = b.add("Mul", [cube, b.constant(0.044715)], shape)
        inner = b.add("Mul", [b.add("Add", [x, term], shape), b.constant(np.sqrt(2 / np.pi))], shape)
        curve = b.add("Tanh", [inner], shape)
    plus = b.add("Add", [curve, b.constant(1.0)], shape)
    if b.draw(st.booleans()):
        b.add("Mul", [b.add("Mul", [x, b.constant(0.5)], shape), plus], shape)
    else:
        b.add("Mul", [b.add("Mul", [plus, x], shape), b.constant(b.pick(0.5, 0.25))], shape)


def hard_swish(b: Builder) -> None:
    x = b.value()
    shape = b.values[x]
    clipped = b.add("Clip", [b.add("Add", [x, b.constant(3.0)], shape), b.constant(0.0), b.constant(6.0)], shape)
    b.add("Mul", [x, b.add("Div", [clipped, b.constant(6.0)], shape)], shape)


def layer_norm(b: Builder) -> None:
    x = b.value()
    shape = b.values[x]
    axes = b.constant([-1], np.int64)
    mean = b.add("ReduceMean", [x, axes], (*shape[:-1], 1))
    centred = b.add("Sub", [x, mean], shape)
    again = b.add("Sub", [x, mean], shape)
    square = b.add("Pow", [again, b.constant(2.0)], shape)
    variance = b.add("Add", [b.add("ReduceMean", [square, axes], (*shape[:-1], 1)), b.constant(1e-3)], (*shape[:-1], 1))
    y = b.add("Div", [centred, b.add("Sqrt", [variance], (*shape[:-1], 1))], shape)
    if b.draw(st.booleans()):
        b.add("Add", [b.add("Mul", [y, b.noise(shape[-1])], shape), b.noise(shape[-1])], shape)


STEPS = (
    gelu,
    hard_swish,
    layer_norm,
    conv,
    conv_transpose,
    norm,
    gemm,
    transpose,
    turn_round,
    reshape,
    reshape_by_shape,
    squeeze,
    nothing,
    something,
    computed_constant,
)


@st.composite
def models(draw: st.DrawFn) -> Model:
    builder = Builder(draw)
    for step in draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=8)):
        step(builder)
    made = [name for name in builder.values if name != "x"]
    outputs = draw(st.lists(st.sampled_from(made), min_size=1, max_size=2, unique=True))
    graph = onnx.helper.make_graph(
        builder.nodes,
        "random",
        [onnx.helper.make_tensor_value_info("x", FLOAT, ["n", 4, 6, 6])],
        [onnx.helper.make_tensor_value_info(name, FLOAT, ["n", *builder.values[name][1:]]) for name in outputs],
        [onnx.numpy_helper.from_array(array, name) for name, array in builder.weights.items()],
    )
    proto = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(proto, full_check=True)
    specs = [TensorSpec(name=name, dtype="float32", shape=("n", *builder.values[name][1:])) for name in outputs]
    return Model(
        ir=ir.from_proto(proto),
        signature=Signature(
            inputs=(TensorSpec(name="x", dtype="float32", shape=("n", 4, 6, 6)),), outputs=tuple(specs)
        ),
        source=Source(reference="random", framework="onnx", digest="0" * 64, tools={}),
    )


def text(model: Model) -> bytes:
    return ir.to_proto(model.ir).SerializeToString(deterministic=True)


X = np.random.default_rng(7).standard_normal((BATCH, 4, 6, 6)).astype(np.float32)

EXACT: tuple[Pass | Pipeline, ...] = (
    InferShapes(),
    RemoveDeadCode(),
    EliminateIdentity(),
    CancelTransposes(),
    MergeReshapes(),
    DeduplicateConstants(),
    DeduplicateNodes(),
    FixDimensions({"n": BATCH}),
)
ROUNDED: tuple[Pass | Pipeline, ...] = (FoldConstants(), FoldBatchNorm(), FuseActivations(), FuseLayerNorm(), CLEANUP)

# no deadline: onnxruntime's sessions take what they take
PROPERTY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def name(step: Pass | Pipeline) -> str:
    return type(step).__name__


@pytest.mark.parametrize("step", [*EXACT, *ROUNDED], ids=name)
@PROPERTY
@given(model=models())
def test_outputs_stay_the_same(step: Pass | Pipeline, model: Model, run: Callable[..., dict[str, np.ndarray]]) -> None:
    before, after = run(model, {"x": X}), run(step(model), {"x": X})
    assert list(after) == list(before)
    for output, array in before.items():
        # 1e-5 of the largest value: folding rounds weights once, eight layers deep
        atol = 0.0 if step in EXACT else 1e-5 * max(1.0, float(np.abs(array).max()))
        np.testing.assert_allclose(after[output], array, rtol=0, atol=atol)


@pytest.mark.parametrize("step", [*EXACT, *ROUNDED], ids=name)
@PROPERTY
@given(model=models())
def test_a_second_run_changes_nothing(step: Pass | Pipeline, model: Model) -> None:
    once = step(model)
    assert text(step(once)) == text(once)


@pytest.mark.parametrize("step", [*EXACT, *ROUNDED], ids=name)
@PROPERTY
@given(model=models())
def test_the_model_given_stays_as_it_was(step: Pass | Pipeline, model: Model) -> None:
    before = text(model)
    step(model)
    assert text(model) == before


@PROPERTY
@given(model=models())
def test_the_cleaned_graph_is_valid_and_its_batch_open(model: Model, run: Callable[..., dict[str, np.ndarray]]) -> None:
    clean = CLEANUP(model)
    onnx.checker.check_model(ir.to_proto(clean.ir), full_check=True)
    assert clean.signature == model.signature
    for output, array in run(clean, {"x": X[:1]}).items():
        assert array.shape == (1, *clean.signature.output(output).shape[1:])


@PROPERTY
@given(model=models())
def test_cleaned_models_hold_no_batch_norm_and_no_identity_but_for_outputs(model: Model) -> None:
    for node in CLEANUP(model).graph:
        assert node.op_type not in ("BatchNormalization", "Dropout")
        assert node.op_type != "Identity" or node.outputs[0].is_graph_output()
