from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewright.devices.base import Facts
from edgewright.fallback.rules import REFERENCE, Ladder, Ladders, Rung, last_resort, make_ladders
from edgewright.profiles.report import Entry, Verdict
from edgewright.vocabulary.errors import ConfigError
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.label import Label

MakeEntry = Callable[..., Entry]
MakeFacts = Callable[..., Facts]


def names(ladder: Ladder) -> list[str]:
    return [rung.artifact for rung in ladder.rungs]


def test_the_fastest_passing_comes_first_and_the_reference_last(entry: MakeEntry, facts: MakeFacts) -> None:
    entries = [entry("slow", 3.0), entry("fast", 1.0), entry(REFERENCE, 0.5), entry("middle", 2.0)]

    (ladder,) = make_ladders(entries, {"here": facts()}, 7)

    assert names(ladder) == ["fast", "middle", "slow", REFERENCE]
    assert ladder.family == "local linux x86_64"
    assert ladder.evidence is Evidence.MEASURED_HOST
    assert ladder.rungs[-1].latency_ms == 0.5


def test_slower_integers_stand_behind_floats_however_small_they_are(entry: MakeEntry, facts: MakeFacts) -> None:
    entries = [
        entry("tflite-int8", 1.4, precision="static_wi8_ai8", size_bytes=10),
        entry("tflite-fp32", 1.0, size_bytes=40),
    ]
    (ladder,) = make_ladders(entries, {"here": facts()}, 40)
    assert [rung.artifact for rung in ladder.rungs] == ["tflite-fp32", "tflite-int8", "reference"]


def test_what_was_not_tuned_stands_behind_everything_that_was_however_fast(entry: MakeEntry, facts: MakeFacts) -> None:
    entries = [
        entry("tvm-host", 0.5, labels=(Label.UNTUNED,)),
        entry("tvm-tuned", 2.0),
        entry("onnxruntime-fp32", 3.0),
        entry(REFERENCE, 4.0),
    ]
    (ladder,) = make_ladders(entries, {"here": facts()}, 7)

    assert names(ladder) == ["tvm-tuned", "onnxruntime-fp32", "tvm-host", REFERENCE]


def test_what_was_not_tuned_and_is_slower_than_the_reference_is_no_rung(entry: MakeEntry, facts: MakeFacts) -> None:
    entries = [entry("tvm-host", 4.1, labels=(Label.UNTUNED,)), entry("a", 5.0), entry(REFERENCE, 4.0)]
    (ladder,) = make_ladders(entries, {"here": facts()}, 7)

    assert names(ladder) == ["a", REFERENCE]


def test_what_a_device_makes_something_else_of_is_no_rung(entry: MakeEntry, facts: MakeFacts) -> None:
    (ladder,) = make_ladders([entry("onnx", 0.1, labels=(Label.TO_BE_BUILT,)), entry("a")], {"here": facts()}, 7)

    assert names(ladder) == ["a", REFERENCE]


def test_of_equal_latency_the_smaller_comes_first(entry: MakeEntry, facts: MakeFacts) -> None:
    (ladder,) = make_ladders([entry("b", size_bytes=9), entry("a", size_bytes=10)], {"here": facts()}, 7)

    assert names(ladder) == ["b", "a", REFERENCE]


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.NOT_RUN])
def test_what_did_not_pass_is_no_rung(entry: MakeEntry, facts: MakeFacts, verdict: Verdict) -> None:
    (ladder,) = make_ladders([entry("good"), entry("bad", 0.1, verdict=verdict)], {"here": facts()}, 7)

    assert names(ladder) == ["good", REFERENCE]


def test_what_was_not_run_is_no_rung_whatever_its_verdict_says(entry: MakeEntry, facts: MakeFacts) -> None:
    (ladder,) = make_ladders([entry("ghost", 0.1, evidence=Evidence.NOT_RUN)], {"here": facts()}, 7)

    assert names(ladder) == [REFERENCE]
    assert ladder.evidence is Evidence.NOT_RUN


def test_tiers_of_evidence_get_ladders_of_their_own(entry: MakeEntry, facts: MakeFacts) -> None:
    entries = [entry("guessed", 0.1, evidence=Evidence.EMULATED), entry("measured", 5.0)]

    first, second = make_ladders(entries, {"here": facts()}, 7)

    assert (first.evidence, names(first)) == (Evidence.MEASURED_HOST, ["measured", REFERENCE])
    assert (second.evidence, names(second)) == (Evidence.EMULATED, ["guessed", REFERENCE])


def test_each_family_of_devices_gets_a_ladder_of_its_own(entry: MakeEntry, facts: MakeFacts) -> None:
    entries = [entry("a", 1.0, device="pi"), entry("b", 2.0, device="pi"), entry("a", 2.0), entry("b", 1.0)]

    board, host = make_ladders(entries, {"here": facts(), "pi": facts(arch="aarch64", kind="ssh")}, 7)

    assert (host.family, names(host)) == ("ssh linux aarch64", ["a", "b", REFERENCE])
    assert (board.family, names(board)) == ("local linux x86_64", ["b", "a", REFERENCE])


def test_a_rung_passes_on_every_device_of_the_family_that_ran_it(entry: MakeEntry, facts: MakeFacts) -> None:
    entries = [entry("a", 1.0), entry("a", 9.0, device="other", verdict=Verdict.FAIL), entry("b", 5.0)]

    (ladder,) = make_ladders(entries, {"here": facts(), "other": facts()}, 7)

    assert names(ladder) == ["b", REFERENCE]


def test_the_slowest_device_of_a_family_counts(entry: MakeEntry, facts: MakeFacts) -> None:
    entries = [entry("a", 1.0), entry("a", 9.0, device="other"), entry("b", 5.0)]

    (ladder,) = make_ladders(entries, {"here": facts(), "other": facts()}, 7)

    assert [(rung.artifact, rung.latency_ms) for rung in ladder.rungs] == [("b", 5.0), ("a", 9.0), (REFERENCE, None)]


def test_latency_is_compared_for_one_row(entry: MakeEntry, facts: MakeFacts) -> None:
    (ladder,) = make_ladders([entry("one", 1.0), entry("eight", 4.0, batch=8)], {"here": facts()}, 7)

    assert [(rung.artifact, rung.latency_ms) for rung in ladder.rungs[:2]] == [("eight", 0.5), ("one", 1.0)]


def test_an_artifact_with_other_threads_is_another_rung(entry: MakeEntry, facts: MakeFacts) -> None:
    entries = [entry("a", 2.0), entry("a", 1.0, device="four", threads=4)]

    (ladder,) = make_ladders(entries, {"here": facts(), "four": facts()}, 7)

    assert [(rung.artifact, rung.threads) for rung in ladder.rungs] == [("a", 4), ("a", 1), (REFERENCE, 1)]


def test_what_passed_without_a_latency_comes_behind(entry: MakeEntry, facts: MakeFacts) -> None:
    (ladder,) = make_ladders([entry("unmeasured", None), entry("slow", 99.0)], {"here": facts()}, 7)

    assert names(ladder) == ["slow", "unmeasured", REFERENCE]


def test_a_family_on_which_nothing_passed_gets_the_reference(entry: MakeEntry, facts: MakeFacts) -> None:
    (ladder,) = make_ladders([entry("a", verdict=Verdict.FAIL)], {"here": facts()}, 7)

    assert names(ladder) == [REFERENCE]
    assert ladder.evidence is Evidence.NOT_RUN
    assert ladder.rungs[0].size_bytes == 7


def test_entries_of_unknown_devices_are_left_out(entry: MakeEntry) -> None:
    assert make_ladders([entry("a")], {}, 7) == ()


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_promises_hold_for_any_report(entry: MakeEntry, facts: MakeFacts, data: st.DataObject) -> None:
    devices = {"here": facts(), "twin": facts(cpu="another"), "pi": facts(arch="aarch64"), "em": facts(kind="emulated")}
    entries = [
        entry(
            data.draw(st.sampled_from(["a", "b", "c", REFERENCE])),
            data.draw(st.none() | st.floats(0.01, 100)),
            device=data.draw(st.sampled_from([*devices, "gone"])),
            threads=data.draw(st.sampled_from([1, 2])),
            batch=data.draw(st.sampled_from([1, 4])),
            size_bytes=100,
            evidence=data.draw(st.sampled_from(Evidence)),
            verdict=data.draw(st.sampled_from(Verdict)),
        )
        for _ in range(data.draw(st.integers(0, 12)))
    ]

    ladders = make_ladders(entries, devices, 7)

    assert Ladders.decode(Ladders(ladders=ladders).encode()).ladders == ladders
    assert {ladder.family for ladder in ladders} == {f"{item.kind} {item.os} {item.arch}" for item in devices.values()}
    for ladder in ladders:
        assert names(ladder).index(REFERENCE) == len(ladder.rungs) - 1
        latencies = [rung.latency_ms for rung in ladder.rungs[:-1]]
        measured = [latency for latency in latencies if latency is not None]
        assert latencies == [*sorted(measured), *[None] * (len(latencies) - len(measured))]
        for rung in ladder.rungs[:-1]:
            behind = [
                item
                for item in entries
                if (item.artifact, item.threads, item.evidence) == (rung.artifact, rung.threads, ladder.evidence)
                and item.device in devices
                and (devices[item.device].kind, devices[item.device].arch) == (ladder.kind, ladder.arch)
                and item.verdict is not Verdict.NOT_RUN
            ]
            assert behind
            assert all(item.verdict is Verdict.PASS for item in behind)
            assert ladder.evidence is not Evidence.NOT_RUN


def rung(artifact: str) -> Rung:
    return Rung(artifact=artifact, runtime="r", threads=1, latency_ms=None, size_bytes=1)


@pytest.mark.parametrize("artifacts", [[], ["a"], [REFERENCE, "a"], ["a", REFERENCE, REFERENCE], ["a", "a", REFERENCE]])
def test_what_is_no_ladder_is_refused(artifacts: list[str]) -> None:
    rungs = tuple(rung(name) for name in artifacts)

    with pytest.raises(ValueError, match="ladder"):
        Ladder(kind="k", os="o", arch="a", evidence=Evidence.EMULATED, rungs=rungs)


def test_rungs_that_were_not_run_make_no_ladder() -> None:
    with pytest.raises(ValueError, match="not-run"):
        Ladder(kind="k", os="o", arch="a", evidence=Evidence.NOT_RUN, rungs=(rung("a"), rung(REFERENCE)))


def test_two_ladders_for_one_family_and_tier_are_refused() -> None:
    with pytest.raises(ValueError, match="two ladders"):
        Ladders(ladders=(last_resort("linux", 1), last_resort("linux", 1)))


def test_ladders_of_another_major_version_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"ladder\.json: expected schema version 1\.0, got '2\.0'"):
        Ladders.decode(b'{"schema_version": "2.0", "ladders": []}')
