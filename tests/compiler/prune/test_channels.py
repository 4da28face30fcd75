"""Pruned channels leave a smaller model that computes what the large one does when those channels say nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Imported
from edgewright.compiler.inspect import summarize
from edgewright.compiler.model import Model
from edgewright.compiler.passes.fix_dimensions import with_every_symbol_at_one
from edgewright.compiler.prune.channels import muted, plan
from edgewright.compiler.prune.prune import Prune
from edgewright.compiler.prune.widths import Widths
from edgewright.compiler.quantize.record import notes
from edgewright.vocabulary.errors import RefusedError

Make = Callable[..., Model]
Run = Callable[..., dict[str, np.ndarray]]
Read = Callable[..., Imported]

NETWORKS = {
    "a chain": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 3, 8, 8] x) => (float[n, 5] y)
        <float[16,3,3,3] a, float[16] ab, float[24,16,1,1] b, float[24] bb, float[24,5] c, float[5] cb> {
        h = Conv <pads = [1,1,1,1]> (x, a, ab)
        r = Relu (h)
        i = Conv (r, b, bb)
        p = GlobalAveragePool (i)
        f = Flatten (p)
        y = Gemm (f, c, cb) }""",
    "a residual of depthwise layers": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 3, 8, 8] x) => (float[n, 5, 8, 8] y)
        <float[16,3,3,3] a, float[32,16,1,1] e, float[32,1,3,3] d, float[32] db, float[16,32,1,1] p,
         float[5,16,1,1] c, float[16,1,1] s> {
        h = Conv <pads = [1,1,1,1]> (x, a)
        i = Conv (h, e)
        j = Conv <group = 32, pads = [1,1,1,1]> (i, d, db)
        k = HardSwish (j)
        l = Conv (k, p)
        m = Add (l, h)
        q = PRelu (m, s)
        y = Conv (q, c) }""",
    "a concatenation, a split and a gate": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 3, 8, 8] x) => (float[n, 5, 16, 16] y)
        <float[16,3,1,1] a, float[8,3,1,1] b, float[24,24,1,1] c, float[8,24,1,1] s, float[24,8,1,1] t,
         float[5,12,1,1] d, int64[2] two = {12, 12},
         float[4] up = {1.0, 1.0, 2.0, 2.0}> {
        h = Conv (x, a)
        i = Conv (x, b)
        j = Concat <axis = 1> (h, i)
        k = Conv (j, c)
        m = GlobalAveragePool (k)
        u = Conv (m, s)
        v = Relu (u)
        w = Conv (v, t)
        z = Sigmoid (w)
        o = Mul (k, z)
        q, r = Split <axis = 1> (o, two)
        e = Add (q, r)
        f = Resize <mode = "nearest"> (e, , up)
        y = Conv (f, d) }""",
    "a shuffle of groups": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 3, 8, 8] x) => (float[n, 5, 8, 8] y)
        <float[16,3,1,1] a, float[16,8,3,3] b, float[5,16,1,1] c,
         int64[5] apart = {-1, 2, 8, 8, 8}, int64[4] flat = {-1, 16, 8, 8}> {
        h = Conv (x, a)
        i = Conv <group = 2, pads = [1,1,1,1]> (h, b)
        j = Reshape (i, apart)
        k = Transpose <perm = [0, 2, 1, 3, 4]> (j)
        l = Reshape (k, flat)
        y = Conv (l, c) }""",
    "places made channels": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 3, 4, 4] x) => (float[n, 5] y)
        <float[12,3,1,1] a, float[192,20] b, float[20] bb, float[5,20] c, int64[2] flat = {0, -1}> {
        h = Conv (x, a)
        r = Relu (h)
        f = Reshape (r, flat)
        i = MatMul (f, b)
        j = Add (i, bb)
        k = Gelu (j)
        y = Gemm <transB = 1> (k, c) }""",
    "attention": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 6, 16] x) => (float[n, 6, 16] y)
        <float[16,16] q, float[16] qb, float[16,16] k, float[16,16] v, float[16,16] o, float[16] ns,
         float[16] nb, float[16,64] e, float[64] eb, float[64,16] p,
         int64[4] heads = {0, 0, 2, 8}, int64[3] joined = {0, 0, 16}> {
        l = LayerNormalization (x, ns, nb)
        a0 = MatMul (l, q)
        a1 = Add (a0, qb)
        a2 = Reshape (a1, heads)
        a3 = Transpose <perm = [0, 2, 1, 3]> (a2)
        b0 = MatMul (l, k)
        b2 = Reshape (b0, heads)
        b3 = Transpose <perm = [0, 2, 3, 1]> (b2)
        s0 = MatMul (a3, b3)
        s1 = Softmax (s0)
        c0 = MatMul (l, v)
        c2 = Reshape (c0, heads)
        c3 = Transpose <perm = [0, 2, 1, 3]> (c2)
        z0 = MatMul (s1, c3)
        z1 = Transpose <perm = [0, 2, 1, 3]> (z0)
        z2 = Reshape (z1, joined)
        z3 = MatMul (z2, o)
        r0 = Add (x, z3)
        f0 = MatMul (r0, e)
        f1 = Add (f0, eb)
        f2 = Gelu (f1)
        f3 = MatMul (f2, p)
        y = Add (r0, f3) }""",
    "attention of packed projections": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[2, 6, 16] x) => (float[2, 6, 16] y)
        <float[16,48] p, float[48] pb, float[16,16] o, int64[5] three = {2, 6, 3, 4, 4},
         int64[3] heads = {6, 8, 4}, int64[4] rows = {2, 4, 6, 4}, int64[3] joined = {2, 6, 16},
         int64 zero = {0}, int64 one = {1}, int64 two = {2}> {
        a = MatMul (x, p)
        b = Add (a, pb)
        c = Reshape (b, three)
        d = Transpose <perm = [2, 1, 0, 3, 4]> (c)
        q = Gather (d, zero)
        k = Gather (d, one)
        v = Gather (d, two)
        q1 = Reshape (q, heads)
        q2 = Transpose <perm = [1, 0, 2]> (q1)
        q3 = Reshape (q2, rows)
        k1 = Reshape (k, heads)
        k2 = Transpose <perm = [1, 0, 2]> (k1)
        k3 = Reshape (k2, rows)
        k4 = Transpose <perm = [0, 1, 3, 2]> (k3)
        v1 = Reshape (v, heads)
        v2 = Transpose <perm = [1, 0, 2]> (v1)
        v3 = Reshape (v2, rows)
        s = MatMul (q3, k4)
        t = Softmax (s)
        z = MatMul (t, v3)
        z1 = Transpose <perm = [0, 2, 1, 3]> (z)
        z2 = Reshape (z1, joined)
        y = MatMul (z2, o) }""",
    "attention of packed projections, rows and heads in one axis": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 6, 16] x) => (float[n, 6, 16] y)
        <float[16,48] p, float[48] pb, float[16,16] o, int64[5] three = {-1, 6, 3, 4, 4},
         int64[3] heads = {6, -1, 4}, int64[4] rows = {-1, 4, 6, 4}, int64[3] joined = {-1, 6, 16},
         int64 zero = {0}, int64 one = {1}, int64 two = {2}> {
        a = MatMul (x, p)
        b = Add (a, pb)
        c = Reshape (b, three)
        d = Transpose <perm = [2, 1, 0, 3, 4]> (c)
        q = Gather (d, zero)
        k = Gather (d, one)
        v = Gather (d, two)
        q1 = Reshape (q, heads)
        q2 = Transpose <perm = [1, 0, 2]> (q1)
        q3 = Reshape (q2, rows)
        k1 = Reshape (k, heads)
        k2 = Transpose <perm = [1, 0, 2]> (k1)
        k3 = Reshape (k2, rows)
        k4 = Transpose <perm = [0, 1, 3, 2]> (k3)
        v1 = Reshape (v, heads)
        v2 = Transpose <perm = [1, 0, 2]> (v1)
        v3 = Reshape (v2, rows)
        s = MatMul (q3, k4)
        t = Softmax (s)
        z = MatMul (t, v3)
        z1 = Transpose <perm = [0, 2, 1, 3]> (z)
        z2 = Reshape (z1, joined)
        y = MatMul (z2, o) }""",
    "a transposed convolution and a slice": """<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 3, 8, 8] x) => (float[n, 5, 16, 16] y)
        <float[16,3,1,1] a, float[16,24,2,2] b, float[24] bb, float[5,20,1,1] c,
         int64[1] first = {4}, int64[1] last = {9223372036854775807},
         int64[1] axis = {1}> {
        h = Conv (x, a)
        r = Relu (h)
        i = ConvTranspose <strides = [2, 2]> (r, b, bb)
        j = Slice (i, first, last, axis)
        k = AveragePool <kernel_shape = [3, 3], pads = [1,1,1,1]> (j)
        y = Conv (k, c) }""",
}


def drawn(name: str, folder: Path, read: Read) -> Model:
    """Give a network, its weights drawn."""
    proto = onnx.parser.parse_model(NETWORKS[name])
    source = np.random.default_rng(7)
    for weight in proto.graph.value_info:  # declared without numbers
        shape = [size.dim_value for size in weight.type.tensor_type.shape.dim]
        array = source.standard_normal(shape).astype(np.float32) / 3
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, weight.name))
    del proto.graph.value_info[:]
    onnx.save(proto, folder / "model.onnx")
    return CLEANUP(read(folder / "model.onnx").model)


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest, tmp_path: Path, read: Read) -> Model:
    """Each of the networks."""
    return drawn(request.param, tmp_path, read)


def rows(model: Model, count: int) -> dict[str, np.ndarray]:
    (spec,) = model.signature.inputs
    count = spec.shape[0] if isinstance(spec.shape[0], int) else count
    shape = (count, *(size for size in spec.shape[1:] if isinstance(size, int)))
    return {spec.name: np.random.default_rng(3).standard_normal(shape).astype(np.float32)}


def macs(model: Model) -> int:
    """What a row costs."""
    return summarize(model.with_graph(with_every_symbol_at_one(model.ir))).macs


def test_what_is_left_computes_as_if_the_rest_said_nothing(network: Model, run: Run) -> None:
    planned = plan(network.ir, 0.6, Widths(multiple=2, least=2))
    small = Prune(structured=True, macs="60%", multiple=2)(network)
    assert macs(small) == planned.macs[1] <= 0.6 * macs(network)
    for count in (1, 2):
        inputs = rows(network, count)
        expected, original = run(muted(network, planned), inputs)["y"], run(network, inputs)["y"]
        assert np.abs(expected - original).max() > 0.01  # something was taken out
        np.testing.assert_allclose(run(small, inputs)["y"], expected, rtol=0, atol=2e-5)  # other orders of addition


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("attention", ["16 → 8 channels, 8 at a time", "64 → 32 channels"]),
        ("attention of packed projections", ["16 → 8 channels, 4 at a time"]),
        ("attention of packed projections, rows and heads in one axis", ["16 → 8 channels, 4 at a time"]),
    ],
)
def test_whole_heads_go(name: str, told: list[str], tmp_path: Path, read: Read, run: Run) -> None:
    network = drawn(name, tmp_path, read)
    planned = plan(network.ir, 0.5, Widths(multiple=8, least=8), whole_heads=True)
    small = Prune(structured=True, macs="50%", heads=True)(network)
    assert [note.text for note in notes(small.ir)][1:] == told
    for count in (1, 2):
        inputs = rows(network, count)
        expected = run(muted(network, planned), inputs)["y"]
        assert np.abs(expected - run(network, inputs)["y"]).max() > 0.01  # something was taken out
        np.testing.assert_allclose(run(small, inputs)["y"], expected, rtol=0, atol=2e-5)  # other orders of addition


def test_heads_of_no_attention_are_refused(tmp_path: Path, read: Read) -> None:
    with pytest.raises(RefusedError, match="heads = true, and no attention was found"):
        Prune(structured=True, macs="50%", heads=True)(drawn("a shuffle of groups", tmp_path, read))


def test_widths_are_what_kernels_like(make: Make) -> None:
    conv = onnx.helper.make_node
    model = make(
        [conv("Conv", ["x", "a"], ["h"]), conv("Relu", ["h"], ["r"]), conv("Conv", ["r", "b"], ["y"])],
        (1, 3, 4, 4),
        {"a": np.ones((40, 3, 1, 1), np.float32), "b": np.ones((4, 40, 1, 1), np.float32)},
    )
    narrow = Prune(structured=True, macs="50%")(model)
    assert [value.shape[1] for value in narrow.graph.node("Conv_0").outputs] == [16]


def test_a_width_that_is_no_multiple_goes_down_to_one(make: Make) -> None:
    conv = onnx.helper.make_node
    model = make(
        [conv("Conv", ["x", "a"], ["h"]), conv("Relu", ["h"], ["r"]), conv("Conv", ["r", "b"], ["y"])],
        (1, 3, 4, 4),
        {"a": np.ones((45, 3, 1, 1), np.float32), "b": np.ones((4, 45, 1, 1), np.float32)},
    )
    hardly = Prune(structured=True, macs="99%")(model)
    assert [value.shape[1] for value in hardly.graph.node("Conv_0").outputs] == [40]
