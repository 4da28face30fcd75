"""Running down the ladder: what to do when a rung fails. Pure values; the caller does the work and keeps the record.

The caller loops: persist `state.record` when it has changed, then do what `state.action` says with `state.rung`, then
call `after` with what happened. A rung is written into the record before it is tried and leaves it with its first
answer, so a process that dies with it leaves a trace, and `start` passes over a rung that did so twice running.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Event(StrEnum):
    """What happened to the rung in use."""

    LOADED = "loaded"
    GOLDEN_MATCHED = "golden-matched"
    ANSWERED = "answered"
    LOAD_ERROR = "load-error"
    GOLDEN_MISMATCH = "golden-mismatch"
    RUN_ERROR = "run-error"
    TOO_SLOW = "too-slow"


class Action(StrEnum):
    """What the caller does next."""

    LOAD = "load"
    CHECK_GOLDEN = "check-golden"
    RUN = "run"
    GIVE_UP = "give-up"


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How patient the guard is.

    Run errors and slow answers count together towards `failures_to_step_down`; an answer in time sets the count to 0.
    Two crashes, because the first may have been a power cut.
    """

    failures_to_step_down: int = 3
    crashes_to_skip: int = 2

    def __post_init__(self) -> None:
        if self.failures_to_step_down < 1 or self.crashes_to_skip < 1:
            raise ValueError("both counts are at least 1")


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What survives a restart. Void for another release: `release` is the digest of the manifest it belongs to.

    `trying` is the key of a rung that has not answered yet. `crashes` counts, by rung, how often in succession the
    process ended while it was being tried.
    """

    release: str
    trying: str | None = None
    crashes: dict[str, int] = msgspec.field(default_factory=dict)


class State(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the guard stands. `rung` is a key of `rungs`, None once all have failed (`Action.GIVE_UP`)."""

    rungs: tuple[str, ...]
    index: int
    action: Action
    failures: int
    record: Record
    policy: Policy

    @property
    def rung(self) -> str | None:
        """The key of the rung in use."""
        return self.rungs[self.index] if self.index < len(self.rungs) else None


_ALLOWED = {
    Action.LOAD: (Event.LOADED, Event.LOAD_ERROR),
    Action.CHECK_GOLDEN: (Event.GOLDEN_MATCHED, Event.GOLDEN_MISMATCH, Event.RUN_ERROR, Event.TOO_SLOW),
    Action.RUN: (Event.ANSWERED, Event.RUN_ERROR, Event.TOO_SLOW),
    Action.GIVE_UP: (),
}


def start(rungs: tuple[str, ...], record: Record, policy: Policy) -> State:
    """Begin at the first rung that has not crashed too often; the last one is tried whatever the record says.

    A record with a rung in `trying` was left by a process that died with it: that is a crash.
    """
    crashes = dict(record.crashes)
    if record.trying is not None:
        crashes[record.trying] = crashes.get(record.trying, 0) + 1
    record = Record(release=record.release, crashes=crashes)
    return _enter(rungs, 0, record, policy)


def after(state: State, event: Event) -> State:
    """Give the state after an event.

    Raises:
        ValueError: when the event cannot follow the action that was asked for.
    """
    if event not in _ALLOWED[state.action]:
        raise ValueError(f"{event} cannot follow {state.action}")
    if event is Event.LOADED:
        return msgspec.structs.replace(state, action=Action.CHECK_GOLDEN)
    if event is Event.GOLDEN_MATCHED:
        return msgspec.structs.replace(state, action=Action.RUN)
    if event is Event.ANSWERED:
        return msgspec.structs.replace(state, failures=0, record=_survived(state))
    if state.action is Action.RUN and state.failures + 1 < state.policy.failures_to_step_down:
        return msgspec.structs.replace(state, failures=state.failures + 1)
    return _enter(state.rungs, state.index + 1, state.record, state.policy)


def _survived(state: State) -> Record:
    crashes = {key: count for key, count in state.record.crashes.items() if key != state.rung}
    return Record(release=state.record.release, crashes=crashes)


def _enter(rungs: tuple[str, ...], index: int, record: Record, policy: Policy) -> State:
    while index < len(rungs) - 1 and record.crashes.get(rungs[index], 0) >= policy.crashes_to_skip:
        index += 1
    found = index < len(rungs)
    return State(
        rungs=rungs,
        index=index,
        action=Action.LOAD if found else Action.GIVE_UP,
        failures=0,
        record=msgspec.structs.replace(record, trying=rungs[index] if found else None),
        policy=policy,
    )
