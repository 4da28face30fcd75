"""Core ML: convolutions of every padding, stride, dilation and grouping compute what onnxruntime does."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from edgewright.targets.coreml.deployment import Deployment
from edgewright.targets.coreml.emit import emit

RANDOM = np.random.default_rng(0)
# One example is a compilation of a tenth of a second.
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def weight(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def listed(numbers):
    return "[" + ", ".join(map(str, numbers)) + "]"


axes = st.tuples(
    st.integers(5, 9), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2), st.integers(0, 2)
)
"""Size, kernel, stride, dilation, padding before and behind, of one axis."""


@FEW
@given(lines=st.lists(axes, min_size=1, max_size=3), groups=st.sampled_from([1, 2, 4]), bias=st.booleans())
def test_windows_lie_where_onnx_has_them(coreml_agrees, lines, groups, bias):
    sizes, kernel, strides, dilations, before, behind = (list(each) for each in zip(*lines, strict=True))
    text = (
        f"(float[2,4,{','.join(map(str, sizes))}] x) => (float[{','.join('abcde'[: 2 + len(sizes)])}] y)"
        f" {{ y = Conv<group = {groups}, strides = {listed(strides)}, dilations = {listed(dilations)},"
        f" pads = {listed([*before, *behind])}>(x, w{', b' if bias else ''}) }}"
    )
    weights = {"w": weight(8, 4 // groups, *kernel)} | ({"b": weight(8)} if bias else {})
    made = coreml_agrees(text, {"x": (2, 4, *sizes)}, weights, atol=1e-4)
    assert made.operations == {"conv": 1}


@FEW
@given(
    # onnxruntime refuses SAME with dilation, and where it would have to cut: no stride is above its kernel
    lines=st.lists(
        st.integers(1, 4).flatmap(
            lambda kernel: st.tuples(st.integers(5, 9), st.just(kernel), st.integers(1, min(kernel, 3)))
        ),
        min_size=1,
        max_size=2,
    ),
    side=st.sampled_from(["SAME_UPPER", "SAME_LOWER"]),
)
def test_padding_may_be_left_to_the_operator(coreml_agrees, lines, side):
    sizes, kernel, strides = (list(each) for each in zip(*lines, strict=True))
    text = (
        f"(float[1,2,{','.join(map(str, sizes))}] x) => (float[{','.join('abcde'[: 2 + len(sizes)])}] y)"
        f' {{ y = Conv<auto_pad = "{side}", strides = {listed(strides)}>(x, w) }}'
    )
    coreml_agrees(text, {"x": (1, 2, *sizes)}, {"w": weight(3, 2, *kernel)})


def test_weights_may_be_computed(coreml_agrees):
    text = "(float[1,2,6,6] x, float[3,2,2,2] w, float[3] b) => (float[1,3,5,5] y) { y = Conv(x, w, b) }"
    coreml_agrees(text, {"x": (1, 2, 6, 6), "w": (3, 2, 2, 2), "b": (3,)})


def test_computed_weights_are_not_spread_by_dilation(coreml_refusal):
    text = "(float[1,2,6,6] x, float[3,2,2,2] w) => (float[1,3,4,4] y) { y = Conv<dilations = [2, 2]>(x, w) }"
    assert "dilations" in coreml_refusal(text)


def test_same_padding_of_an_open_size_is_refused_where_it_depends_on_it(hub_of_text):
    text = (
        '(float[n,2,h,w] x) => (float[n,3,a,b] y) {{ y = Conv<auto_pad = "SAME_UPPER", strides = [{0}, {0}]>(x, k) }}'
    )
    one, two = (emit(hub_of_text(text.format(step), {"k": weight(3, 2, 3, 3)}), Deployment.IOS15) for step in (1, 2))
    assert one.coverage.refused == ()
    assert "known only at run time" in two.coverage.refused[0].detail


@FEW
@given(
    lines=st.lists(
        st.tuples(
            st.integers(2, 5),
            st.integers(1, 4),
            st.integers(1, 3),
            st.integers(1, 2),
            st.integers(0, 1),
            st.integers(0, 1),
        ),
        min_size=1,
        max_size=2,
    ),
    groups=st.sampled_from([1, 2]),
    extra=st.integers(0, 2),
    bias=st.booleans(),
)
def test_transposed_convolutions(coreml_agrees, lines, groups, extra, bias):
    sizes, kernel, strides, dilations, before, behind = (list(each) for each in zip(*lines, strict=True))
    extras = [min(extra, step - 1) for step in strides]  # onnxruntime has no more
    reach = [(width - 1) * apart + 1 for width, apart in zip(kernel, dilations, strict=True)]
    full = [
        (size - 1) * step + width - start - end
        for size, step, width, start, end in zip(sizes, strides, reach, before, behind, strict=True)
    ]
    assume(min(full) > 0)
    text = (
        f"(float[1,4,{','.join(map(str, sizes))}] x) => (float[{','.join('abcde'[: 2 + len(sizes)])}] y)"
        f" {{ y = ConvTranspose<group = {groups}, strides = {listed(strides)}, dilations = {listed(dilations)},"
        f" pads = {listed([*before, *behind])}, output_padding = {listed(extras)}>(x, w{', b' if bias else ''}) }}"
    )
    weights = {"w": weight(4, 3, *kernel)} | ({"b": weight(3 * groups)} if bias else {})
    coreml_agrees(text, {"x": (1, 4, *sizes)}, weights, atol=1e-4)


def test_behind_the_last_window_of_a_transposed_convolution_lies_the_bias(coreml):
    made = coreml(
        "(float[1,1,2] x) => (float[1,1,6] y) { y = ConvTranspose<strides = [3], output_padding = [2]>(x, w, b) }",
        {"x": np.array([[[1, 2]]], np.float32)},
        {"w": np.array([[[10]]], np.float32), "b": np.array([7], np.float32)},
    )
    assert made.outputs["y"].ravel().tolist() == [17, 7, 7, 27, 7, 7]


@pytest.mark.parametrize("auto", ["SAME_UPPER", "SAME_LOWER"])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (4, 2), (3, 3), (4, 3)])
def test_transposed_convolutions_to_a_size(coreml_agrees, auto, kernel, stride):
    size = 4 * stride
    text = (
        f"(float[1,2,4,4] x) => (float[1,3,{size},{size}] y) {{ y = ConvTranspose<"
        f'auto_pad = "{auto}", strides = [{stride}, {stride}], output_shape = [{size}, {size}]>(x, w) }}'
    )
    coreml_agrees(text, {"x": (1, 2, 4, 4)}, {"w": weight(2, 3, kernel, kernel)})


def test_transposed_convolutions_of_computed_weights_need_a_later_system(hub_of_text, coreml_agrees):
    text = "(float[1,2,3,3] x, float[2,3,2,2] w) => (float[1,3,4,4] y) { y = ConvTranspose(x, w) }"
    assert emit(hub_of_text(text), Deployment.IOS15).deployment == Deployment.IOS17
    coreml_agrees(text, {"x": (1, 2, 3, 3), "w": (2, 3, 2, 2)})


def test_sums_of_integers_that_float32_does_not_hold_are_refused(coreml_refusal):
    text = "(uint8[1,300,2,2] x) => (int32[1,1,1,1] y) { y = ConvInteger(x, w) }"
    assert "16777216" in coreml_refusal(text, {"w": np.ones((1, 300, 2, 2), np.uint8)})


def test_integers_are_convolved_exactly(coreml):
    x, w = RANDOM.integers(0, 256, (1, 3, 5, 5), np.uint8), RANDOM.integers(0, 256, (2, 3, 2, 2), np.uint8)
    text = "(uint8[1,3,5,5] x) => (int32[1,2,4,4] y) { y = ConvInteger(x, w, z, v) }"
    zeros = {"z": np.array(7, np.uint8), "v": np.array([3, 250], np.uint8)}
    got = coreml(text, {"x": x}, {"w": w, **zeros}).outputs["y"]
    pieces = np.lib.stride_tricks.sliding_window_view(x[0].astype(np.int64) - 7, (2, 2), (1, 2))
    own = w.astype(np.int64) - zeros["v"].astype(np.int64).reshape(2, 1, 1, 1)
    np.testing.assert_array_equal(got[0], np.einsum("chwij,ocij->ohw", pieces, own))


def test_offsets_move_what_a_convolution_reads(coreml_agrees):
    text = (
        "(float[1,4,5,5] x, float[1,16,4,4] o, float[1,8,4,4] m) => (float[1,2,4,4] y)"
        " { y = DeformConv<group = 2, offset_group = 2>(x, w, o, b, m) }"
    )
    feeds = {"x": (1, 4, 5, 5), "o": (1, 16, 4, 4), "m": (1, 8, 4, 4)}
    coreml_agrees(text, feeds, {"w": weight(2, 2, 2, 2), "b": weight(2)}, opset=22)


@pytest.mark.parametrize("shape", [(4, 1, 1), (1, 1, 4, 1, 1), ()])
@pytest.mark.parametrize("kind", ["Conv<group = 2>", "ConvTranspose<group = 2>"])
@pytest.mark.parametrize("node", ["Add(m, v)", "Sub(m, v)", "Mul(m, v)"])
def test_constants_behind_convolutions_meet_their_own_channels(coreml_agrees, kind, node, shape):
    result = ",".join(map(str, np.broadcast_shapes((1, 4, 5, 5), shape)))
    text = (
        f"(float[1,4,5,5] x) => (float[{result}] y, float[{result}] z)"
        f" {{ m = {kind}(x, w) y = {node} z = Mul(x, v) }}"  # z: the constant has another reader
    )
    coreml_agrees(text, {"x": (1, 4, 5, 5)}, {"w": weight(4, 2, 1, 1), "v": weight(*shape) + 3})


def test_a_constant_may_make_channels_of_one(coreml_agrees):
    text = "(float[1,4,5,5] x) => (float[1,3,5,5] y) { m = Conv(x, w) y = Add(m, v) }"
    coreml_agrees(text, {"x": (1, 4, 5, 5)}, {"w": weight(1, 4, 1, 1), "v": weight(3, 1, 1)})


def test_padding_that_takes_away_all_windows_is_refused(coreml_refusal):
    text = (
        "(float[1,1,1] x) => (float[1,1,1] y)"
        " { y = ConvTranspose<strides = [3], pads = [2, 0], output_padding = [2]>(x, w) }"
    )
    assert "takes away all" in coreml_refusal(text, {"w": weight(1, 1, 1)})


def test_what_coremltools_refuses_midway_is_a_refusal(coreml_refusal):
    text = "(uint8[1,1,4] x) => (int32[1,2,n] y) <uint8[2,3,1] w = {1,2,3,4,5,6}> { y = ConvInteger(x, w) }"
    assert "coremltools refuses conv: C_in" in coreml_refusal(text)


def test_windows_that_do_not_fit_are_refused(coreml_refusal):
    text = "(float[1,1,2] x) => (float[1,1,n] y) { y = LpPool<p = 1, kernel_shape = [4], pads = [0, 0]>(x) }"
    assert "no window fits" in coreml_refusal(text)
