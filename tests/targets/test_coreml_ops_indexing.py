"""Core ML: gathers and scatters, with negative indices, several updates of one element, and dtypes MIL's have not."""

import numpy as np
import pytest

X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
KINDS = {"float32": "float"}


def arrays(**given):
    return {name: np.asarray(array) for name, array in given.items()}


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather_counts_negative_indices_from_the_end(coreml, axis):
    indices = np.array([[1, -1], [-2, 0]])
    wanted = np.take(X, indices, axis)
    sizes = ",".join(map(str, wanted.shape))
    text = f"(float[2,3,4] x) => (float[{sizes}] y) {{ y = Gather<axis = {axis}>(x, i) }}"
    assert (coreml(text, {"x": X}, {"i": indices}).outputs["y"] == wanted).all()


def test_gather_of_computed_indices(coreml):
    made = coreml(
        "(float[2,3,4] x, int64[3] i) => (float[2,3,3] y) { y = Gather<axis = 2>(x, i) }",
        arrays(x=X, i=[-1, 3, -4]),
    )
    assert (made.outputs["y"] == X[:, :, [-1, 3, -4]]).all()


def test_gather_of_computed_indices_beside_an_operation_of_a_later_system(coreml):
    # from iOS 17 on, MIL's gather takes no negative indices
    made = coreml(
        "(float[2,3,4] x, int64[3] i) => (float[2,3,3] y, float[2,3,4] z)"
        ' { y = Gather<axis = 2>(x, i) z = ScatterElements<axis = 2, reduction = "add">(x, j, x) }',
        arrays(x=X, i=[-1, 3, -4]),
        {"j": np.zeros((2, 3, 4), np.int64)},
    )
    assert (made.outputs["y"] == X[:, :, [-1, 3, -4]]).all()


def test_gather_of_one_index_takes_the_axis_away(coreml):
    made = coreml("(float[2,3,4] x) => (float[2,4] y) <int64 i = {-1}> { y = Gather<axis = 1>(x, i) }", arrays(x=X))
    assert (made.outputs["y"] == X[:, -1]).all()


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64"])
def test_gathers_of_what_is_no_float(coreml, dtype):
    x = (np.arange(6).reshape(2, 3) % 2 == 0) if dtype == "bool" else np.arange(250, 256, dtype=dtype).reshape(2, 3)
    made = coreml(
        f"({dtype}[2,3] x) => ({dtype}[2,2] a, {dtype}[2,2] b, {dtype}[2] c)"
        " { a = Gather<axis = 1>(x, i) b = GatherElements<axis = 1>(x, j) c = GatherND(x, k) }",
        {"x": x},
        {"i": np.array([2, -3]), "j": np.array([[2, -3], [0, -1]]), "k": np.array([[0, -1], [-1, 0]])},
    )
    assert (made.outputs["a"] == x[:, [2, 0]]).all()
    assert (made.outputs["b"] == np.take_along_axis(x, np.array([[2, 0], [0, 2]]), 1)).all()
    assert (made.outputs["c"] == x[[0, 1], [2, 0]]).all()


def test_an_index_outside_is_refused(coreml_refusal):
    text = "(float[2,3] x) => (float[2,1] y) <int64[1] i = {3}> { y = Gather<axis = 1>(x, i) }"
    assert "an index lies outside of its axis of 3" in coreml_refusal(text)


def test_gather_elements_may_take_fewer_along_the_other_axes(coreml):
    indices = np.array([[[-1, 0, 3]]])
    made = coreml(
        "(float[2,3,4] x) => (float[1,1,3] y) { y = GatherElements<axis = 2>(x, i) }", arrays(x=X), {"i": indices}
    )
    assert made.outputs["y"].tolist() == [[[3, 0, 3]]]


@pytest.mark.parametrize("shared", [0, 1])
def test_gather_nd(coreml, shared):
    indices = np.array([[[0], [-1]], [[2], [1]]]) if shared else np.array([[1, -3], [-2, 2]])
    wanted = np.stack([X[0, [0, 2]], X[1, [2, 1]]]) if shared else X[[1, 0], [0, 2]]
    sizes = ",".join(map(str, wanted.shape))
    made = coreml(
        f"(float[2,3,4] x) => (float[{sizes}] y) {{ y = GatherND<batch_dims = {shared}>(x, i) }}",
        arrays(x=X),
        {"i": indices},
    )
    assert (made.outputs["y"] == wanted).all()


def test_gather_nd_of_one_element_is_a_scalar(coreml):
    made = coreml("(float[2,3,4] x) => (float y) <int64[3] i = {1,-1,0}> { y = GatherND(x, i) }", arrays(x=X))
    assert made.outputs["y"].shape == ()
    assert made.outputs["y"] == 20


@pytest.mark.parametrize("dtype", ["float32", "int32", "int64"])
@pytest.mark.parametrize(("reduction", "wanted"), [("add", 1 + 2 + 3 + 4), ("mul", 24), ("max", 4), ("min", 1)])
def test_several_updates_of_one_element_all_count(coreml, dtype, reduction, wanted):
    kind = KINDS.get(dtype, dtype)
    for op, indices in ("ScatterElements", [2, 2, -1]), ("ScatterND", [[2], [2], [-1]]):
        made = coreml(
            f'({kind}[3] x, {kind}[3] u) => ({kind}[3] y) {{ y = {op}<reduction = "{reduction}">(x, i, u) }}',
            {"x": np.array([9, 8, 1], dtype), "u": np.array([2, 3, 4], dtype)},
            {"i": np.array(indices)},
        )
        assert made.outputs["y"].tolist() == [9, 8, wanted]


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_scatter_elements_of_a_part(coreml, reduction, axis):
    generator = np.random.default_rng(axis)
    size = X.shape[axis]
    indices = np.argsort(generator.random(X.shape), axis)[:2, :2, :1]
    if reduction != "none":
        indices = np.concatenate([indices, indices], axis=2)  # along the last axis, two updates of one element
    updates = generator.standard_normal(indices.shape).astype(np.float32)
    reduce = {"none": lambda _, new: new, "add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
    wanted = X.copy()
    for place in np.ndindex(*indices.shape):
        at = list(place)
        at[axis] = indices[place]
        wanted[tuple(at)] = reduce[reduction](wanted[tuple(at)], updates[place])
    sizes = ",".join(map(str, indices.shape))
    made = coreml(
        f"(float[2,3,4] x, int64[{sizes}] i, float[{sizes}] u) => (float[2,3,4] y)"
        f' {{ y = ScatterElements<axis = {axis}, reduction = "{reduction}">(x, i, u) }}',
        {"x": X, "i": indices - size, "u": updates},
    )
    assert np.allclose(made.outputs["y"], wanted, atol=1e-6)


def test_scatters_of_booleans(coreml):
    made = coreml(
        "(bool[3] x, bool[1] u) => (bool[3] y, bool[3] z) { y = ScatterElements(x, i, u) z = ScatterND(x, j, u) }",
        {"x": np.array([True, True, False]), "u": np.array([False])},
        {"i": np.array([-2]), "j": np.array([[-3]])},
    )
    assert made.outputs["y"].tolist() == [True, False, False]
    assert made.outputs["z"].tolist() == [False, True, False]


def test_sums_that_may_leave_a_narrow_dtype_are_refused(coreml_refusal):
    text = (
        "(uint8[3] x) => (uint8[3] y) <int64[1] i = {0}, uint8[1] u = {9}>"
        ' { y = ScatterElements<reduction = "add">(x, i, u) }'
    )
    assert "its sums of uint8 may leave that dtype" in coreml_refusal(text)


def test_tensor_scatter_writes_a_ring(coreml):
    cache, update = np.zeros((2, 4, 1), np.float32), np.array([[[1], [2]], [[3], [4]]], np.float32)
    made = coreml(
        "(float[2,4,1] x, float[2,2,1] u, int64[2] i) => (float[2,4,1] y)"
        ' { y = TensorScatter<axis = 1, mode = "circular">(x, u, i) }',
        {"x": cache, "u": update, "i": np.array([1, 3])},
        opset=24,
    )
    assert made.outputs["y"][..., 0].tolist() == [[0, 1, 2, 0], [4, 0, 0, 3]]


@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_one_hot_of_negative_indices_and_of_those_out_of_range(coreml, axis, dtype):
    on, off = (True, False) if dtype == "bool" else (5, 2)
    kind = KINDS.get(dtype, dtype)
    sizes = "4,3" if axis == 0 else "3,4"
    made = coreml(
        f"(int64[3] i) => ({kind}[{sizes}] y) <int64 d = {{4}}> {{ y = OneHot<axis = {axis}>(i, d, v) }}",
        {"i": np.array([-1, 1, 4])},
        {"v": np.array([off, on], dtype)},
    )
    wanted = np.full((3, 4), off, dtype)
    wanted[0, 3] = wanted[1, 1] = on
    assert (made.outputs["y"] == (wanted.T if axis == 0 else wanted)).all()


def test_an_integer_beyond_int32_is_refused_by_its_value(coreml_refusal):
    text = "(int64[2] x) => (int64[2] y) <int64[2] big = {1, 4294967296}, bool[2] m = {1, 0}> { y = Where(m, big, x) }"
    assert "the integer 4294967296 does not fit into int32" in coreml_refusal(text)
