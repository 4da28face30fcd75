"""If, Loop and Scan are written out where that can be done before the model runs, and left as they are where not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgewright.compiler.expand.expand import Expand
from edgewright.compiler.expand.origin import origin_of
from edgewright.compiler.model import Model

Hub = Callable[..., Model]
Run = Callable[..., dict[str, np.ndarray]]

BRANCHES = """
    then_branch = a () => (float[3] p) { p = Add(x, x) },
    else_branch = b () => (float[3] q) { n = Neg(x) q = Exp(n) }
"""
OPEN_IF = f"(float[3] x, bool c) => (float[3] y) {{ y = If (c) <{BRANCHES}> }}"
X = np.array([1, -2, 3], np.float32)

LOOP = """(float[3] x) => (float[3] y, float[K, 3] all) {
    y, all = Loop (trips, go, x) <body = rounds (int64 i, bool on, float[3] before) => (bool more, float[3] after,
        float[3] seen) { f = Cast<to = 1>(i) after = Add(before, f) seen = Mul(after, x) more = Identity(on) }>
}"""

SCAN = """(float[2] start, float[2, 3] x) => (float[2] last, float[2, 3] sums) {
    last, sums = Scan <num_scan_inputs = 1, scan_input_axes = [1], scan_input_directions = [1],
        scan_output_axes = [1], scan_output_directions = [1],
        body = step (float[2] before, float[2] now) => (float[2] after, float[2] seen) {
            after = Add(before, now) seen = Identity(after) }>(start, x)
}"""


def ops(model: Model) -> list[str]:
    return [node.op_type for node in model.graph]


@pytest.mark.parametrize(("taken", "left"), [(True, ["Add"]), (False, ["Neg", "Exp"])])
def test_of_an_if_whose_condition_is_constant_the_branch_stays(hub: Hub, taken: bool, left: list[str]) -> None:
    model = hub(f"(float[3] x) => (float[3] y) {{ y = If (c) <{BRANCHES}> }}", {"c": np.array(taken)})
    assert ops(Expand([])(model)) == left


@pytest.mark.parametrize("taken", [True, False])
def test_of_an_if_that_is_open_both_branches_are_computed(hub: Hub, run: Run, taken: bool) -> None:
    model = hub(OPEN_IF)
    expanded = Expand([])(model)
    assert ops(expanded) == ["Add", "Neg", "Exp", "Where"]
    inputs = {"x": X, "c": np.array(taken)}
    np.testing.assert_array_equal(run(expanded, inputs)["y"], run(model, inputs)["y"])


def test_a_condition_of_one_element_is_made_a_scalar(hub: Hub, run: Run) -> None:
    model = hub(OPEN_IF.replace("bool c", "bool[1] c").replace("float[3]", "float"))
    inputs = {"x": np.array(2, np.float32), "c": np.array([True])}
    assert run(Expand([])(model), inputs)["y"].shape == ()


def test_an_if_whose_branches_differ_in_shape_is_left_with_nothing_of_it_written(hub: Hub, run: Run) -> None:
    text = OPEN_IF.replace("p = Add(x, x)", "one = Constant<value_ints = [0]>() p = Gather(x, one)")
    model = hub(text.replace("(float[3] y)", "(float[M] y)").replace("(float[3] p)", "(float[1] p)"))
    expanded = Expand([])(model)
    assert ops(expanded) == ["If"]
    inputs = {"x": X, "c": np.array(True)}
    np.testing.assert_array_equal(run(expanded, inputs)["y"], [1])


def test_a_branch_sees_what_became_of_the_values_before_it(hub: Hub, run: Run) -> None:
    model = hub("""(float[3] x, bool c) => (float[M] y) { h = Mish(x) y = If (c) <
        then_branch = a () => (float[1] p) { zero = Constant<value_ints = [0]>() p = Gather(h, zero) },
        else_branch = b () => (float[3] q) { q = Neg(h) }> }""")
    expanded = Expand([])(model)
    assert ops(expanded)[-1] == "If"
    assert "Mish" not in ops(expanded)
    inputs = {"x": X, "c": np.array(False)}
    np.testing.assert_allclose(run(expanded, inputs)["y"], run(model, inputs)["y"], rtol=1e-6)


def test_the_rounds_of_a_loop_are_written_one_after_the_other(hub: Hub, run: Run) -> None:
    model = hub(LOOP, {"trips": np.array(4), "go": np.array(True)})
    expanded = Expand([])(model)
    assert ops(expanded).count("Mul") == 4
    assert "Loop" not in ops(expanded)
    assert list(expanded.graph.outputs[1].shape or ()) == [4, 3]
    before, after = run(model, {"x": X}), run(expanded, {"x": X})
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)


def test_a_loop_ends_where_its_body_says_so(hub: Hub, run: Run) -> None:
    text = LOOP.replace("more = Identity(on)", "limit = Constant<value_int = 2>() more = Less(i, limit)")
    model = hub(text, {"trips": np.array(9), "go": np.array(True)})
    assert list(run(Expand([])(model), {"x": X})["all"].shape) == [3, 3]


def test_a_loop_of_no_round_gives_what_it_was_given(hub: Hub, run: Run) -> None:
    text = """(float[3] x) => (float[3] y) { y = Loop (trips, go, x) <body = rounds (int64 i, bool on, float[3] before)
        => (bool more, float[3] after) { after = Neg(before) more = Identity(on) }> }"""
    model = hub(text, {"trips": np.array(5), "go": np.array(False)})
    np.testing.assert_array_equal(run(Expand([])(model), {"x": X})["y"], X)


def test_a_loop_whose_rounds_are_counted_at_run_time_is_left(hub: Hub) -> None:
    model = hub(LOOP.replace("(float[3] x)", "(float[3] x, int64 trips)", 1), {"go": np.array(True)})
    assert ops(Expand([])(model)) == ["Loop"]


@pytest.mark.parametrize(("trips", "left"), [(256, False), (257, True)])
def test_more_rounds_than_the_limit_are_not_written(hub: Hub, trips: int, left: bool) -> None:
    model = hub(LOOP, {"trips": np.array(trips), "go": np.array(True)})
    assert ("Loop" in ops(Expand([])(model))) is left


def test_loops_in_loops_are_left_where_they_multiply_to_too_many_nodes(hub: Hub) -> None:
    text = """(float[3] x) => (float[3] y) { y = Loop (trips, go, x) <body = outer (int64 i, bool on, float[3] before)
        => (bool more, float[3] after) {
            after = Loop (trips, go, before) <body = inner (int64 k, bool on2, float[3] before2)
                => (bool more2, float[3] after2) { after2 = Neg(before2) more2 = Identity(on2) }>
            more = Identity(on) }> }"""
    weights = {"trips": np.array(200), "go": np.array(True)}
    assert ops(Expand([])(hub(text, weights))) == ["Loop"]


def test_a_loop_without_a_condition_that_its_body_would_end_is_left(hub: Hub) -> None:
    text = LOOP.replace("(trips, go, x)", "(trips, , x)").replace(
        "more = Identity(on)", "limit = Constant<value_int = 2>() more = Less(i, limit)"
    )
    assert ops(Expand([])(hub(text, {"trips": np.array(9)}))) == ["Loop"]


def test_the_steps_of_a_scan_are_written_with_its_axes_and_directions(hub: Hub, run: Run) -> None:
    model = hub(SCAN)
    expanded = Expand([])(model)
    assert "Scan" not in ops(expanded)
    inputs = {"start": np.array([10, 20], np.float32), "x": np.arange(6, dtype=np.float32).reshape(2, 3)}
    before, after = run(model, inputs), run(expanded, inputs)
    assert before["sums"].tolist() == [[13, 13, 12], [32, 29, 25]]
    for name, array in before.items():
        np.testing.assert_array_equal(after[name], array)


def test_a_scan_over_a_size_that_stays_open_is_left(hub: Hub) -> None:
    assert ops(Expand([])(hub(SCAN.replace("[2, 3]", "[2, T]")))) == ["Scan"]


def test_what_is_written_was_made_for_the_node_that_it_replaces(hub: Hub) -> None:
    expanded = Expand([])(hub(LOOP, {"trips": np.array(2), "go": np.array(True)}))
    assert {origin_of(node) for node in expanded.graph} == {("Loop_0", "Loop")}
    assert [value.name for value in expanded.graph.outputs] == ["y", "all"]
