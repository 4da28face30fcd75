from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgewright.bundle.golden import mismatches
from edgewright.pipeline.config import parse_project
from edgewright.pipeline.verdicts import Verdicts
from edgewright.profiles.judge import judge
from edgewright.profiles.parity import compare
from edgewright.profiles.report import Parity, Verdict
from edgewright.vocabulary.evidence import Evidence

PROJECT = '[model]\nsource = "m.onnx"\n[targets.tflite]\n[bundle]\nname = "m"\nversion = "1"\n[gates]\n'


def verdicts(gates: str) -> Verdicts:
    return Verdicts(parse_project(PROJECT + gates, folder=Path()))


REFERENCE = np.array([[10.0, -4.0, 2.0]], np.float32)


@pytest.mark.parametrize("gates", ["", 'max_abs = "2e-3 abs"', 'min_psnr = "70 dB"', 'min_cosine = "0.9999999999 abs"'])
@pytest.mark.parametrize("error", [0.0, 5e-4, 9e-4, 1.5e-3, 3e-3, 1e-1])
def test_who_verifies_holds_an_artifact_to_what_the_build_held_it_to(entry, gates: str, error: float) -> None:
    own = verdicts(gates)
    candidate = REFERENCE + np.float32(error)
    parity = Parity(outputs={"y": compare("y", REFERENCE, candidate)}, rows=1, inputs="golden")
    judged = own.judge(msgspec.structs.replace(entry, parity=parity), None)
    found = mismatches({"y": candidate}, {"y": REFERENCE}, own.tolerances(judged))
    assert (judged.verdict is Verdict.PASS) == (found == ())


def test_golden_vectors_that_break_a_bound_fail_the_entry(entry) -> None:
    near = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE)}, rows=1, inputs="evaluation")
    far = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE + 1)}, rows=1, inputs="golden")
    judged = verdicts("").judge(msgspec.structs.replace(entry, parity=near), far)
    assert judged.verdict is Verdict.FAIL
    assert judged.reasons[0].startswith("golden vectors: max_abs")
    assert judge(msgspec.structs.replace(entry, parity=near), verdicts("")._gates["tflite"]).verdict is Verdict.PASS


def test_the_reference_is_held_to_no_gate_of_the_project(entry) -> None:
    reference = msgspec.structs.replace(entry, artifact="reference", target="reference", variant="")
    assert verdicts('max_size = "1 B"').judge(reference, None).verdict is Verdict.PASS


def test_a_kept_entry_that_broke_a_bound_on_the_golden_vectors_still_fails(entry) -> None:
    near = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE)}, rows=1, inputs="evaluation")
    far = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE + 1)}, rows=1, inputs="golden")
    judged = verdicts("").judge(msgspec.structs.replace(entry, parity=near), far)
    assert verdicts("").judge_kept(judged) == judged


def test_a_kept_entry_says_why_it_was_not_run(entry) -> None:
    idle = msgspec.structs.replace(
        entry, parity=None, profile=None, evidence=Evidence.NOT_RUN, reasons=("the device was not there",)
    )
    judged = verdicts('allow_not_run = ["max_abs"]').judge_kept(idle)
    assert judged.verdict is Verdict.NOT_RUN
    assert judged.reasons[0] == "the device was not there"


def test_a_kept_entry_is_held_to_the_gates_of_today(entry) -> None:
    broken = verdicts('max_size = "1 B"').judge(entry, None)
    assert broken.verdict is Verdict.FAIL
    assert verdicts("").judge_kept(broken) == verdicts("").judge(entry, None)
