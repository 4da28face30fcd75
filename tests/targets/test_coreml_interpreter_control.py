"""Branches, loops and lists in packages that run."""

import numpy as np
import pytest

from edgewright.targets.coreml.interpreter.session import Session

X = np.array([[1.0, -2.0, 3.0]], np.float32)


def test_a_branch_is_taken_by_what_the_predicate_says(mlpackage, mb):
    def function(x):
        positive = mb.greater(x=mb.squeeze(x=mb.reduce_sum(x=x, axes=[0, 1], keep_dims=True)), y=np.float32(0))
        return mb.cond(
            pred=positive,
            _true_fn=lambda: mb.mul(x=x, y=np.float32(2)),
            _false_fn=lambda: mb.relu(x=mb.add(x=x, y=np.float32(1))),
            name="y",
        )

    session = Session(mlpackage(function, (1, 3)))
    assert session.run({"x": X})["y"].tolist() == [[2, -4, 6]]
    assert session.run({"x": -X})["y"].tolist() == [[0, 3, 0]]


def test_a_loop_goes_on_while_its_condition_holds(mlpackage, mb):
    """Doubles until the sum is beyond 100; the body uses a value from outside of it."""

    def function(x):
        one = mb.const(val=np.float32(1))

        def goes_on(_, total):
            return mb.less(x=total, y=np.float32(100))

        def body(value, total):
            doubled = mb.add(x=mb.mul(x=value, y=np.float32(2)), y=mb.mul(x=x, y=np.float32(0)))
            return doubled, mb.add(x=mb.mul(x=total, y=np.float32(2)), y=one)

        return mb.while_loop(_cond=goes_on, _body=body, loop_vars=(x, mb.const(val=np.float32(6))), name="y")

    outputs = Session(mlpackage(function, (1, 3))).run({"x": X})
    values = sorted(outputs.values(), key=np.size)
    assert values[0] == 111  # 6, 13, 27, 55, 111
    assert np.array_equal(values[1], X * 16)


def test_a_loop_without_an_end_is_an_error(mlpackage, mb, monkeypatch):
    from edgewright.targets.coreml.interpreter.ops import control

    def function(x):
        return mb.while_loop(
            _cond=lambda value: mb.less(x=mb.reduce_sum(x=mb.mul(x=value, y=np.float32(0))), y=np.float32(1)),
            _body=lambda value: mb.add(x=value, y=np.float32(1)),
            loop_vars=(x,),
            name="y",
        )

    session = Session(mlpackage(function, (1, 3)))
    monkeypatch.setattr(control, "MAX_ITERATIONS", 50)  # a million additions take seconds
    with pytest.raises(ValueError, match="while_loop 'y': it did not end within 50 iterations"):
        session.run({"x": X})


def test_an_error_inside_of_a_block_names_both_operations(mlpackage, mb):
    def function(x):
        return mb.cond(
            pred=mb.const(val=True),
            _true_fn=lambda: mb.real_div(x=x, y=np.int32(2), name="half"),
            _false_fn=lambda: mb.identity(x=x),
            name="y",
        )

    from coremltools.converters.mil.mil import types

    session = Session(mlpackage(function, mb.TensorSpec(shape=(2,), dtype=types.int32)))
    assert session.run({"x": np.array([2, 4], np.int32)})["y"].tolist() == [1, 2]
    with pytest.raises(ValueError, match="cond 'y': real_div 'half': its result is no int32"):
        session.run({"x": np.array([2, 3], np.int32)})


def test_a_list_is_written_in_a_loop_and_gathered(mlpackage, mb):
    """Row i of the result is i · x."""

    def function(x):
        empty = mb.make_list(init_length=4, elem_shape=(3,), dtype="fp32")

        def body(index, written):
            row = mb.mul(x=mb.squeeze(x=x, axes=[0]), y=mb.cast(x=index, dtype="fp32"))
            return mb.add(x=index, y=1), mb.list_write(ls=written, index=index, value=row)

        _, written = mb.while_loop(
            _cond=lambda index, _: mb.less(x=index, y=4),
            _body=body,
            loop_vars=(mb.const(val=np.int32(0)), empty),
        )
        return mb.list_gather(ls=written, indices=np.array([3, 1], np.int32), name="y")

    package = mlpackage(function, (1, 3))
    assert np.array_equal(Session(package).run({"x": X})["y"], np.concatenate([3 * X, X]))


def lists(mb, *, grows):
    """Write `x` at place 3 of a list of one element; give the length, what place 3 has, and what place 1 gets later."""

    def function(x):
        empty = mb.make_list(init_length=1, dynamic_length=grows, elem_shape=(3,), dtype="fp32")
        written = mb.list_write(ls=empty, index=3, value=mb.squeeze(x=x, axes=[0]))
        scattered = mb.list_scatter(ls=written, indices=np.array([1], np.int32), value=mb.mul(x=x, y=np.float32(2)))
        return (
            mb.list_length(ls=scattered, name="length"),
            mb.list_read(ls=written, index=3, name="third"),
            mb.list_read(ls=scattered, index=1, name="first"),
        )

    return function


def test_a_list_grows_where_it_is_written_behind_its_end(mlpackage, mb):
    outputs = Session(mlpackage(lists(mb, grows=True), (1, 3))).run({"x": X})
    assert outputs["length"] == 4
    assert np.array_equal(outputs["third"], X[0])
    assert np.array_equal(outputs["first"], 2 * X[0])


def test_a_list_of_fixed_length_does_not_grow(mlpackage, mb):
    session = Session(mlpackage(lists(mb, grows=False), (1, 3)))
    with pytest.raises(ValueError, match=r"list_write .*: place 3 of a list of 1"):
        session.run({"x": X})


def test_an_element_that_was_never_written_is_an_error(mlpackage, mb):
    def function(x):
        empty = mb.make_list(init_length=2, elem_shape=(3,), dtype="fp32")
        written = mb.list_write(ls=empty, index=0, value=mb.squeeze(x=x, axes=[0]))
        return mb.list_read(ls=written, index=1, name="y")

    with pytest.raises(ValueError, match="list_read 'y': place 1 of a list of 2 was never written to"):
        Session(mlpackage(function, (1, 3))).run({"x": X})
