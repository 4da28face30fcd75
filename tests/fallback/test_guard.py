from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.fallback.guard import Action, Event, Policy, Record, State, after, start

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "decisions.json").read_text("utf-8"))["cases"]


def described(state: State) -> dict[str, Any]:
    return {
        "action": state.action,
        "rung": state.rung,
        "failures": state.failures,
        "trying": state.record.trying,
        "crashes": state.record.crashes,
    }


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_decisions(case: dict[str, Any]) -> None:
    record = Record(release="r", **case["record"])

    state = start(tuple(case["rungs"]), record, Policy(**case["policy"]))

    assert described(state) == case["start"]
    for step in case["steps"]:
        state = after(state, Event(step["event"]))
        assert described(state) == {key: value for key, value in step.items() if key != "event"}
        assert state.record.release == "r"


@pytest.mark.parametrize(
    ("path", "event"),
    [
        ([], Event.ANSWERED),
        ([], Event.GOLDEN_MATCHED),
        ([Event.LOADED], Event.LOADED),
        ([Event.LOADED], Event.ANSWERED),
        ([Event.LOADED, Event.GOLDEN_MATCHED], Event.LOAD_ERROR),
        ([Event.LOADED, Event.GOLDEN_MATCHED], Event.GOLDEN_MISMATCH),
        ([Event.LOAD_ERROR], Event.LOADED),
    ],
)
def test_an_event_that_cannot_happen_now_is_refused(path: list[Event], event: Event) -> None:
    state = start(("a",), Record(release="r"), Policy())
    for step in path:
        state = after(state, step)

    with pytest.raises(ValueError, match="cannot follow"):
        after(state, event)


@pytest.mark.parametrize("field", ["failures_to_step_down", "crashes_to_skip"])
def test_patience_is_at_least_one(field: str) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Policy(**{field: 0})


EVENTS = {
    Action.LOAD: [Event.LOADED, Event.LOAD_ERROR],
    Action.CHECK_GOLDEN: [Event.GOLDEN_MATCHED, Event.GOLDEN_MISMATCH, Event.RUN_ERROR],
    Action.RUN: [Event.ANSWERED, Event.RUN_ERROR, Event.TOO_SLOW],
}


@settings(deadline=None)
@given(rungs=st.integers(0, 4), patience=st.integers(1, 3), data=st.data())
def test_whatever_happens_the_guard_goes_down_and_never_skips_the_check(
    rungs: int, patience: int, data: st.DataObject
) -> None:
    policy = Policy(failures_to_step_down=patience)
    state = start(tuple("abcd"[:rungs]), Record(release="r"), policy)
    checked: set[str | None] = set()
    for _ in range(30):
        if state.action is Action.GIVE_UP:
            assert state.rung is None
            break
        before, event = state, data.draw(st.sampled_from(EVENTS[state.action]))
        state = after(before, event)
        assert state.index >= before.index
        if event is Event.GOLDEN_MATCHED:
            checked.add(before.rung)
        if state.action is Action.RUN:
            assert state.rung in checked
        if state.action in (Action.LOAD, Action.CHECK_GOLDEN):
            assert state.record.trying == state.rung, "a crash now must leave a trace"
        assert state.failures < patience


@settings(deadline=None)
@given(crashing=st.sets(st.sampled_from("abc")))
def test_a_crash_loop_ends_at_a_rung_that_does_not_crash_or_at_the_last(crashing: set[str]) -> None:
    record = Record(release="r")
    for _ in range(20):
        state = start(("a", "b", "c"), record, Policy())
        record = state.record
        if state.rung not in crashing:
            break

    assert state.rung == next((rung for rung in "abc" if rung not in crashing), "c")
