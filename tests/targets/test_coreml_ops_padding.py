"""Core ML: pads of every mode, in every dtype: MIL's own pad has floats alone, and reflects two axes at most."""

import numpy as np
import pytest

FLOATS = np.arange(2 * 3 * 4, dtype=np.float32).reshape(2, 3, 4)


def padded(coreml, x, pads, mode="constant", value=None):
    kind = {"float32": "float", "bool": "bool"}.get(x.dtype.name, x.dtype.name)
    around = [*zip(pads[: x.ndim], pads[x.ndim :], strict=True)]
    sizes = [size + sum(ends) for size, ends in zip(x.shape, around, strict=True)]
    weights = {"p": np.array(pads, np.int64)} | ({} if value is None else {"v": np.array(value, x.dtype)})
    text = (
        f"({kind}[{','.join(map(str, x.shape))}] x) => ({kind}[{','.join(map(str, sizes))}] y)"
        f' {{ y = Pad<mode = "{mode}">(x, p{", v" if value is not None else ""}) }}'
    )
    return coreml(text, {"x": x}, weights).outputs["y"]


def wanted(x, pads, mode, **options):
    return np.pad(x, [*zip(pads[: x.ndim], pads[x.ndim :], strict=True)], mode, **options)


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
@pytest.mark.parametrize("pads", [(0, 1, 2, 0, 2, 1), (1, 0, 3, 1, 0, 3), (0, 0, 0, 0, 0, 2)])
def test_elements_are_repeated(coreml, mode, pads):
    assert (padded(coreml, FLOATS, pads, mode) == wanted(FLOATS, pads, mode)).all()


@pytest.mark.parametrize("mode", ["reflect", "edge", "wrap"])
@pytest.mark.parametrize("dtype", ["int32", "bool", "uint8"])
def test_elements_that_are_no_floats_are_repeated(coreml, mode, dtype):
    x = (np.arange(12).reshape(3, 4) % 5 > 1) if dtype == "bool" else (np.arange(12).reshape(3, 4) * 20).astype(dtype)
    assert (padded(coreml, x, (1, 2, 0, 1), mode) == wanted(x, (1, 2, 0, 1), mode)).all()


@pytest.mark.parametrize("value", [None, 2.5, -np.inf])
def test_a_constant_stands_around_floats(coreml, value):
    result = wanted(FLOATS, (0, 1, 2, 1, 0, 1), "constant", constant_values=value or 0)
    assert (padded(coreml, FLOATS, (0, 1, 2, 1, 0, 1), value=value) == result).all()


def test_a_constant_stands_around_integers_exactly(coreml):
    x = np.array([[16_777_217, -(2**31)]], np.int32)
    assert padded(coreml, x, (0, 1, 1, 0), value=2**31 - 1).tolist() == [
        [2**31 - 1, 16_777_217, -(2**31)],
        [2**31 - 1] * 3,
    ]


def test_negative_pads_cut(coreml):
    result = np.pad(FLOATS[:, 1:, :-2], [(0, 0), (0, 2), (1, 0)], constant_values=7)
    assert (padded(coreml, FLOATS, (0, -1, 1, 0, 2, -2), value=7) == result).all()


def test_a_value_may_be_computed(coreml):
    made = coreml(
        "(float[2,2] x, float v) => (float[3,3] y) <int64[4] p = {1, 0, 0, 1}> { y = Pad(x, p, v) }",
        {"x": np.ones((2, 2), np.float32), "v": np.array(-np.inf, np.float32)},
    )
    assert made.outputs["y"].tolist() == [[-np.inf] * 3, [1, 1, -np.inf], [1, 1, -np.inf]]


def test_pads_of_some_axes(coreml):
    made = coreml(
        "(float[2,3,4] x) => (float[2,3,7] y) <int64[2] p = {1, 2}, float v = {9}, int64[1] a = {-1}>"
        " { y = Pad(x, p, v, a) }",
        {"x": FLOATS},
    )
    assert (made.outputs["y"] == np.pad(FLOATS, [(0, 0), (0, 0), (1, 2)], constant_values=9)).all()


@pytest.mark.parametrize(("height", "width"), [(2, 6), (3, 3), (4, 2)])
def test_center_crop_pad(coreml, height, width):
    from onnx.reference.ops.op_center_crop_pad import CenterCropPad

    made = coreml(
        f"(float[2,3,4] x) => (float[2,{height},{width}] y) {{ y = CenterCropPad<axes = [1, 2]>(x, s) }}",
        {"x": FLOATS},
        {"s": np.array([height, width], np.int64)},
    )
    expected = CenterCropPad.eval(FLOATS, np.array([height, width]), axes=[1, 2])
    assert (made.outputs["y"] == expected).all()
