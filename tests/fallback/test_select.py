from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgewright.devices.base import Facts
from edgewright.fallback.rules import REFERENCE, Ladder, Rung, last_resort
from edgewright.fallback.select import choose, find_ladder
from edgewright.targets.artifact import Requirements
from edgewright.vocabulary.codec import convert
from edgewright.vocabulary.evidence import Evidence

MakeFacts = Callable[..., Facts]

ANY = Requirements(runtime="onnxruntime", min_runtime_version="1.20")


CHOICES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "decisions.json").read_text("utf-8"))["choices"]


def ladder(*artifacts: str, runtime: str = "onnxruntime", **changes: Any) -> Ladder:
    named = [*((name, runtime) for name in artifacts), (REFERENCE, "onnxruntime")]
    rungs = tuple(
        Rung(artifact=name, runtime=runtime, threads=1, latency_ms=None, size_bytes=1) for name, runtime in named
    )
    plain = {"kind": "local", "os": "linux", "arch": "x86_64", "evidence": Evidence.MEASURED_HOST, "rungs": rungs}
    return Ladder(**{**plain, **changes})


def test_what_the_device_can_run_stays_in_order(facts: MakeFacts) -> None:
    choice = choose(ladder("a", "b"), {"a": ANY, "b": ANY, REFERENCE: ANY}, facts())

    assert [rung.artifact for rung in choice.rungs] == ["a", "b", REFERENCE]
    assert choice.passed_over == ()


@pytest.mark.parametrize(
    ("needs", "reason"),
    [
        ({"os": ("android", "ios")}, "needs os android or ios, this is linux"),
        ({"arch": ("aarch64",)}, "needs arch aarch64, this is x86_64"),
        ({"min_ram_bytes": 2**40}, f"needs {2**40} bytes of RAM, this has {2**33}"),
        ({"accelerator": "cuda"}, "needs the accelerator cuda"),
        ({"features": ("neon", "dotprod")}, "needs a CPU with neon, dotprod"),
        ({"runtime": "apache-tvm"}, "needs apache-tvm, not installed"),
        ({"min_runtime_version": "1.32"}, "needs onnxruntime 1.32 or newer, 1.31.1 is installed"),
        ({"min_runtime_version": "newest"}, "needs onnxruntime newest or newer, 1.31.1 is installed"),
    ],
)
def test_a_rung_is_passed_over_with_the_reason(facts: MakeFacts, needs: dict[str, Any], reason: str) -> None:
    requirements = Requirements(**{"runtime": "onnxruntime", "min_runtime_version": "1.20", **needs})

    choice = choose(ladder("a", runtime=requirements.runtime), {"a": requirements, REFERENCE: ANY}, facts())

    assert [rung.artifact for rung in choice.rungs] == [REFERENCE]
    assert [(item.rung.artifact, item.reason) for item in choice.passed_over] == [("a", reason)]


@pytest.mark.parametrize(
    ("installed", "wanted", "runs"),
    [
        ("1.9", "1.10", False),
        ("1.10", "1.9", True),
        ("1.20", "1.20.0", True),
        ("1.20.0rc1", "1.20", False),
        ("2.14.0+nv24.3", "2.14.0", True),
        ("custom-build", "1.0", False),
    ],
)
def test_versions_are_compared_as_versions(facts: MakeFacts, installed: str, wanted: str, runs: bool) -> None:
    requirements = Requirements(runtime="onnxruntime", min_runtime_version=wanted)

    choice = choose(ladder(), {REFERENCE: requirements}, facts(runtimes={"onnxruntime": installed}))

    assert bool(choice.rungs) is runs


def test_an_artifact_that_the_bundle_lacks_is_passed_over(facts: MakeFacts) -> None:
    choice = choose(ladder("gone"), {REFERENCE: ANY}, facts())

    assert choice.passed_over[0].reason == "the bundle has no such artifact"


def test_a_device_takes_the_ladder_of_its_own_family(facts: MakeFacts) -> None:
    own, other = ladder("a"), ladder("a", arch="aarch64")

    assert find_ladder([other, own], facts()) is own


def test_a_board_that_was_measured_over_ssh_finds_its_ladder(facts: MakeFacts) -> None:
    measured = ladder("a", kind="ssh", arch="aarch64")

    assert find_ladder([ladder("b"), measured], facts(arch="aarch64")) is measured


def test_its_own_kind_comes_before_another(facts: MakeFacts) -> None:
    own, emulated = ladder("a"), ladder("a", kind="emulated", evidence=Evidence.MEASURED_DEVICE)

    assert find_ladder([emulated, own], facts()) is own


def test_the_better_evidence_comes_first_within_a_family(facts: MakeFacts) -> None:
    guessed, measured = ladder("a", evidence=Evidence.ESTIMATED), ladder("a")

    assert find_ladder([guessed, measured], facts()) is measured


def test_a_device_of_no_family_finds_none(facts: MakeFacts) -> None:
    assert find_ladder([ladder("a")], facts(os="android")) is None


@pytest.mark.parametrize("case", CHOICES, ids=[case["name"] for case in CHOICES])
def test_choices(case: dict[str, Any]) -> None:
    facts = convert(case["facts"], Facts, "facts")
    ladders = convert(case["ladders"], tuple[Ladder, ...], "ladders")
    requirements = convert(case["requirements"], dict[str, Requirements], "requirements")

    found = find_ladder(ladders, facts)
    choice = choose(found or last_resort(facts.os, case["reference_size_bytes"]), requirements, facts)

    assert (ladders.index(found) if found is not None else None) == case["ladder"]
    assert [rung.key for rung in choice.rungs] == case["rungs"]
    assert [{"rung": item.rung.key, "reason": item.reason} for item in choice.passed_over] == case["passed_over"]
