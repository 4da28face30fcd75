from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.bundle.interface import Interface, check_inputs
from edgewright.targets.runtime import Array
from edgewright.vocabulary.signature import Signature, TensorSpec


class Recorder:
    """A session that computes `y = 2·x` in whatever layout and dtype it is given, and remembers its inputs."""

    def __init__(self, dtype: str | None = None) -> None:
        self.dtype = dtype
        self.calls: list[Array] = []

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        self.calls.append(inputs["x"])
        doubled = inputs["x"] * 2
        return {"y": doubled.astype(self.dtype) if self.dtype else doubled}


def signature(shape: tuple[int | str, ...], dtype: str = "float32", layout: str | None = None) -> Signature:
    return Signature(
        inputs=(TensorSpec(name="x", dtype=dtype, shape=shape, layout=layout),),
        outputs=(TensorSpec(name="y", dtype=dtype, shape=shape, layout=layout),),
    )


def test_an_artifact_that_is_called_as_the_original_gets_the_inputs_themselves() -> None:
    session, x = Recorder(), np.ones((2, 3), "float32")
    same = signature(("batch", 3))

    Interface(original=same, artifact=same).run(session, {"x": x})

    assert session.calls[0] is x


@settings(deadline=None)
@given(rows=st.integers(1, 9), rows_per_call=st.integers(1, 4))
def test_a_fixed_leading_dimension_is_filled_up_and_the_surplus_dropped(rows: int, rows_per_call: int) -> None:
    session, x = Recorder(), np.arange(rows * 2, dtype="float32").reshape(rows, 2)
    interface = Interface(original=signature(("batch", 2)), artifact=signature((rows_per_call, 2)))

    outputs = interface.run(session, {"x": x})

    assert np.array_equal(outputs["y"], x * 2)
    assert {call.shape for call in session.calls} == {(rows_per_call, 2)}
    assert len(session.calls) == -(-rows // rows_per_call)


def test_another_layout_is_given_and_taken_back() -> None:
    session = Recorder()
    x = np.arange(24, dtype="float32").reshape(1, 2, 3, 4)
    interface = Interface(original=signature((1, 2, 3, 4)), artifact=signature((1, 3, 4, 2), layout="NHWC"))

    outputs = interface.run(session, {"x": x})

    assert np.array_equal(session.calls[0], x.transpose(0, 2, 3, 1))
    assert np.array_equal(outputs["y"], x * 2)


@pytest.mark.parametrize("layout", ["NHWX", "NHW", "NNHW"])
def test_a_layout_of_other_axes_is_refused(layout: str) -> None:
    interface = Interface(original=signature((1, 2, 3, 4)), artifact=signature((1, 3, 4, 2), layout=layout))

    with pytest.raises(ValueError, match="cannot go from layout NCHW"):
        interface.run(Recorder(), {"x": np.zeros((1, 2, 3, 4), "float32")})


def test_narrower_integers_are_given_and_widened_again() -> None:
    session = Recorder()
    interface = Interface(original=signature((3,), "int64"), artifact=signature((3,), "int32"))

    outputs = interface.run(session, {"x": np.array([1, -2, 3])})

    assert session.calls[0].dtype == np.int32
    assert outputs["y"].dtype == np.int64
    assert outputs["y"].tolist() == [2, -4, 6]


def test_an_integer_that_does_not_fit_is_refused() -> None:
    interface = Interface(original=signature((1,), "int64"), artifact=signature((1,), "int32"))

    with pytest.raises(ValueError, match="do not fit into int32"):
        interface.run(Recorder(), {"x": np.array([2**31])})


def test_an_output_without_rows_is_refused_where_calls_were_split() -> None:
    class Total:
        def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
            return {"y": np.array(inputs["x"].sum())}

    interface = Interface(original=signature(("batch", 2)), artifact=signature((1, 2)))

    with pytest.raises(ValueError, match="does not hold a row for each"):
        interface.run(Total(), {"x": np.ones((2, 2), "float32")})


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({}, "expected the inputs"),
        ({"x": np.ones((1, 2), "float32"), "z": np.ones(1)}, "expected the inputs"),
        ({"x": np.ones((1, 2), "float64")}, "expected float32"),
        ({"x": np.ones((1, 3), "float32")}, "float32\\[1,3\\]|float32\\[1, 3\\]"),
        ({"x": np.ones(2, "float32")}, "got float32"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(inputs: dict[str, Array], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_inputs(signature(("batch", 2)), inputs)


def test_dimensions_of_one_name_are_equal() -> None:
    two = Signature(inputs=tuple(TensorSpec(name=name, dtype="float32", shape=("n",)) for name in "ab"), outputs=())
    check_inputs(two, {"a": np.ones(2, "float32"), "b": np.ones(2, "float32")})

    with pytest.raises(ValueError, match="input 'b'"):
        check_inputs(two, {"a": np.ones(2, "float32"), "b": np.ones(3, "float32")})
