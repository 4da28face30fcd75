"""Core ML: pooling over windows of every padding, stride, dilation and rounding computes what onnxruntime does."""

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from edgewright.targets.coreml.deployment import Deployment
from edgewright.targets.coreml.emit import emit

# One example is a compilation of a tenth of a second.
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

axes = st.tuples(
    st.integers(4, 9), st.integers(1, 3), st.integers(1, 4), st.integers(1, 2), st.integers(0, 1), st.integers(0, 1)
)
"""Size, kernel, stride, dilation, padding before and behind, of one axis."""


def listed(numbers):
    return "[" + ", ".join(map(str, numbers)) + "]"


def node(op, lines, dilated, **attributes):
    sizes, kernel, strides, dilations, before, behind = (list(each) for each in zip(*lines, strict=True))
    # padding as wide as the window is refused by onnxruntime
    assume(all(max(sides) < width for *sides, width in zip(before, behind, kernel, strict=True)))
    reach = [(width - 1) * (apart if dilated else 1) + 1 for width, apart in zip(kernel, dilations, strict=True)]
    assume(all(sum(ends) >= width for *ends, width in zip(sizes, before, behind, reach, strict=True)))
    own = {"kernel_shape": listed(kernel), "strides": listed(strides), "pads": listed([*before, *behind]), **attributes}
    if dilated:
        own["dilations"] = listed(dilations)
    said = ", ".join(f"{name} = {value}" for name, value in own.items())
    shape = ("n", "c", *"abc"[: len(sizes)])
    return (
        f"(float[1,3,{','.join(map(str, sizes))}] x) => (float[{','.join(shape)}] y) {{ y = {op}<{said}>(x) }}",
        sizes,
    )


@FEW
@given(lines=st.lists(axes, min_size=1, max_size=3), dilated=st.booleans(), ceil=st.integers(0, 1))
def test_the_largest_of_windows(coreml_agrees, lines, dilated, ceil):
    text, sizes = node("MaxPool", lines, dilated, ceil_mode=ceil)
    coreml_agrees(text, {"x": (1, 3, *sizes)}, opset=22)


@FEW
@given(lines=st.lists(axes, min_size=1, max_size=2), dilated=st.booleans(), ceil=st.integers(0, 1))
def test_where_the_largest_of_windows_stands(coreml_agrees, lines, dilated, ceil):
    text, sizes = node("MaxPool", lines, dilated, ceil_mode=ceil)
    open_shape = ",".join(("n", "c", *"abc"[: len(sizes)]))
    text = text.replace("{ y =", "{ y, p =").replace(" y)", f" y, int64[{open_shape}] p)")
    # equal numbers: of several largest the first counts
    x = np.random.default_rng(1).integers(0, 3, (1, 3, *sizes)).astype(np.float32)
    coreml_agrees(text, {"x": x}, opset=22)


@FEW
@given(
    lines=st.lists(axes, min_size=1, max_size=3), dilated=st.booleans(), ceil=st.integers(0, 1), whole=st.integers(0, 1)
)
def test_the_average_of_windows(coreml_agrees, lines, dilated, ceil, whole):
    text, sizes = node("AveragePool", lines, dilated, ceil_mode=ceil, count_include_pad=whole)
    made = coreml_agrees(text, {"x": (1, 3, *sizes)}, opset=22)
    if not dilated and not (ceil and whole):
        assert made.operations == {"avg_pool": 1}


@FEW
@given(lines=st.lists(axes, min_size=1, max_size=2), power=st.integers(1, 3))
def test_the_norm_of_windows(coreml_agrees, lines, power):
    text, sizes = node("LpPool", lines, False, p=power)
    coreml_agrees(text, {"x": (1, 3, *sizes)}, opset=22)


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
def test_all_of_an_image_is_one_reduction_over_it(coreml_agrees, op):
    coreml_agrees(f"(float[2,3,4,5] x) => (float[2,3,1,1] y) {{ y = {op}(x) }}", {"x": (2, 3, 4, 5)})


def test_column_major_places(coreml_agrees):
    text = (
        "(float[2,2,4,6] x) => (float[2,2,2,3] y, int64[2,2,2,3] p)"
        " { y, p = MaxPool<kernel_shape = [2, 2], strides = [2, 2], storage_order = 1>(x) }"
    )
    coreml_agrees(text, {"x": (2, 2, 4, 6)})


def test_the_largest_of_small_integers(coreml_agrees):
    x = np.random.default_rng(0).integers(-128, 128, (1, 2, 4, 4)).astype(np.int8)
    text = "(int8[1,2,4,4] x) => (int8[1,2,3,3] y) { y = MaxPool<kernel_shape = [2, 2]>(x) }"
    coreml_agrees(text, {"x": x}, opset=22)


def test_what_was_largest_goes_back_where_it_stood(coreml_agrees):
    text = (
        "(float[1,2,4,4] x) => (float[1,2,4,4] y) {"
        " m, p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(x)"
        " y = MaxUnpool<kernel_shape = [2, 2], strides = [2, 2]>(m, p) }"
    )
    coreml_agrees(text, {"x": (1, 2, 4, 4)})


def test_rounding_up_an_open_size_is_left_to_the_operation_where_it_means_the_same(hub_of_text):
    text = (
        "(float[n,2,h,w] x) => (float[n,2,a,b] y)"
        " {{ y = MaxPool<kernel_shape = [3, 3], strides = [2, 2], pads = {}, ceil_mode = 1>(x) }}"
    )
    same, other = (emit(hub_of_text(text.format(pads)), Deployment.IOS15) for pads in ("[1, 1, 1, 1]", "[0, 0, 1, 1]"))
    assert same.coverage.refused == ()
    assert "known only at run time" in other.coverage.refused[0].detail


def test_windows_in_the_padding_alone_are_refused(coreml_refusal):
    text = "(float[1,1,4,4] x) => (float[1,1,6,6] y) { y = MaxPool<kernel_shape = [1, 1], pads = [1, 1, 1, 1]>(x) }"
    assert "padding" in coreml_refusal(text)


def test_norms_of_windows_at_an_open_end_are_refused(hub_of_text):
    from edgewright.targets.base import Options
    from edgewright.targets.coreml.target import CoreML

    text = "(float[1,1,n] x) => (float[1,1,m] y) { y = LpPool<kernel_shape = [3], strides = [2], ceil_mode = 1>(x) }"
    options = Options(variant="fp32", settings={"flexible": {"n": "3..9"}})
    refused = CoreML().coverage(hub_of_text(text), options).refused
    assert "known only at run time" in refused[0].detail
