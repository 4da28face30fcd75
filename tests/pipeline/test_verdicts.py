from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgewright.bundle.golden import mismatches
from edgewright.pipeline.config import parse_project
from edgewright.pipeline.plan import plan_artifacts
from edgewright.pipeline.verdicts import Verdicts
from edgewright.profiles.judge import judge
from edgewright.profiles.parity import compare
from edgewright.profiles.report import MetricResult, Parity, Verdict
from edgewright.targets.artifact import Artifact, Coverage, Requirements
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.signature import Signature, TensorSpec

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
    judged = own.judge(msgspec.structs.replace(entry, parity=parity, golden=parity))
    found = mismatches({"y": candidate}, {"y": REFERENCE}, own.tolerances(judged))
    assert (judged.verdict is Verdict.PASS) == (found == ())


def test_golden_vectors_that_break_a_bound_fail_the_entry(entry) -> None:
    near = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE)}, rows=1, inputs="evaluation")
    far = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE + 1)}, rows=1, inputs="golden")
    judged = verdicts("").judge(msgspec.structs.replace(entry, parity=near, golden=far))
    assert judged.verdict is Verdict.FAIL
    assert judged.reasons[0].startswith("golden vectors: max_abs")
    assert judge(msgspec.structs.replace(entry, parity=near), verdicts("")._gates["tflite"]).verdict is Verdict.PASS


def test_the_reference_is_held_to_no_gate_of_the_project(entry) -> None:
    reference = msgspec.structs.replace(entry, artifact="reference", target="reference", variant="")
    assert verdicts('max_size = "1 B"').judge(reference).verdict is Verdict.PASS


def test_a_kept_entry_that_broke_a_bound_on_the_golden_vectors_still_fails(entry) -> None:
    near = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE)}, rows=1, inputs="evaluation")
    far = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE + 1)}, rows=1, inputs="golden")
    judged = verdicts("").judge(msgspec.structs.replace(entry, parity=near, golden=far))
    assert verdicts("").judge_kept(judged) == judged


def test_a_kept_entry_says_why_it_was_not_run(entry) -> None:
    idle = msgspec.structs.replace(
        entry, parity=None, profile=None, evidence=Evidence.NOT_RUN, reasons=("the device was not there",)
    )
    judged = verdicts('allow_not_run = ["max_abs"]').judge_kept(idle)
    assert judged.verdict is Verdict.NOT_RUN
    assert judged.reasons[0] == "the device was not there"


def test_a_kept_entry_is_held_to_the_gates_of_today(entry) -> None:
    broken = verdicts('max_size = "1 B"').judge(entry)
    assert broken.verdict is Verdict.FAIL
    assert verdicts("").judge_kept(broken) == verdicts("").judge(entry)


def far_on_drawn_vectors(entry):
    near = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE)}, rows=1, inputs="evaluation")
    far = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE[:, ::-1].copy())}, rows=1, inputs="golden")
    return msgspec.structs.replace(entry, precision="static_wi8_ai8", parity=near, golden=far)


def test_an_integer_artifact_is_not_judged_on_vectors_that_its_ranges_do_not_reach(entry) -> None:
    assert verdicts("").judge(far_on_drawn_vectors(entry)).verdict is Verdict.PASS


def test_an_integer_artifact_is_judged_on_golden_vectors_that_are_data(entry) -> None:
    project = parse_project(
        PROJECT.replace('version = "1"', 'version = "1"\ngolden_rows = "0:1"') + '[data]\nevaluation = "x.npz"\n',
        folder=Path(),
    )
    judged = Verdicts(project).judge(far_on_drawn_vectors(entry))
    assert judged.verdict is Verdict.FAIL
    assert judged.reasons[0].startswith("golden vectors: min_cosine")


def test_who_verifies_an_integer_artifact_holds_it_to_what_it_gave_at_the_build(entry) -> None:
    judged = far_on_drawn_vectors(entry)
    bounds = verdicts("").tolerances(judged)
    same, other = REFERENCE[:, ::-1].copy(), -REFERENCE
    assert mismatches({"y": same}, {"y": REFERENCE}, bounds) == ()
    assert mismatches({"y": other}, {"y": REFERENCE}, bounds) != ()


def test_an_integer_artifact_that_gives_nan_on_any_vectors_fails(entry) -> None:
    near = far_on_drawn_vectors(entry)
    broken = np.array([[10.0, np.nan, 2.0]], np.float32)
    golden = Parity(outputs={"y": compare("y", REFERENCE, broken)}, rows=1, inputs="golden")
    judged = verdicts("").judge(msgspec.structs.replace(near, golden=golden))
    assert judged.verdict is Verdict.FAIL
    assert judged.reasons[0].startswith("golden vectors: max_abs: output y has 1 elements that are NaN")


def test_what_no_device_ran_is_held_to_the_bounds_of_its_precision(entry) -> None:
    same = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE)}, rows=1, inputs="evaluation")
    ran = verdicts("").judge(msgspec.structs.replace(entry, parity=same, golden=same))
    elsewhere = Artifact(
        target="tflite",
        variant="fp32",
        precision="fp32",
        format="rpi4",
        files=(),
        requires=Requirements(runtime="ai-edge-litert", min_runtime_version="2", arch=("aarch64",)),
        signature=Signature(inputs=(), outputs=(TensorSpec(name="y", dtype="float32", shape=(1, 3)),)),
        narrowed={},
        coverage=Coverage(nodes=()),
        ops={},
        toolchain={},
    )
    found = verdicts("").tolerances_of_all([ran], [elsewhere])
    assert found["tflite-fp32-rpi4"] == found[ran.artifact]


PRUNED = """
[recipes]
small = [{ prune = { sparsity = "50%" } }]
[targets.onnxruntime]
recipes = ["fp32", "small"]
"""


def of_recipe(variant: str, gates: str, entry):
    """An entry of onnxruntime, half an element off on the evaluation rows and far off on the drawn golden vectors."""
    project = parse_project(PROJECT.replace("[targets.tflite]", PRUNED) + gates, folder=Path())
    near = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE + 0.5)}, rows=1, inputs="evaluation", metric=METRIC)
    far = Parity(outputs={"y": compare("y", REFERENCE, -REFERENCE)}, rows=1, inputs="golden")
    judging = Verdicts(project, plan_artifacts(project))
    return judging, judging.judge(
        msgspec.structs.replace(
            entry, artifact=f"onnxruntime-{variant}", target="onnxruntime", variant=variant, parity=near, golden=far
        )
    )


METRIC = MetricResult(name="top1", value=0.9, reference=0.91, drop_pp=1.0, ci95=(1.0, 1.0), rows=100)


def test_what_computes_something_else_by_its_recipe_is_judged_by_what_the_project_says(entry) -> None:
    assert of_recipe("fp32", 'max_drop = "2 pp"', entry)[1].verdict is Verdict.FAIL
    assert of_recipe("small", 'max_drop = "2 pp"', entry)[1].verdict is Verdict.PASS
    assert of_recipe("small", 'max_drop = "0.5 pp"', entry)[1].verdict is Verdict.FAIL
    assert of_recipe("small", 'min_cosine = "0.9 abs"', entry)[1].verdict is Verdict.PASS
    assert of_recipe("small", 'min_cosine = "0.9999 abs"', entry)[1].verdict is Verdict.FAIL


def test_what_computes_something_else_fails_where_no_gate_says_how_far_it_may_be(entry) -> None:
    judged = of_recipe("small", "", entry)[1]
    assert judged.verdict is Verdict.FAIL
    assert judged.reasons == (
        (
            "max_drop not run: the recipe changes what the model computes, and no gate says how far output y may be "
            "from the original's; name max_drop, or min_cosine"
        ),
    )


def test_what_computes_something_else_still_computes_what_its_recipe_made(entry) -> None:
    for error, verdict in ((1e-6, Verdict.PASS), (1e-2, Verdict.FAIL)):
        made = Parity(outputs={"y": compare("y", REFERENCE, REFERENCE + error)}, rows=1, inputs="evaluation")
        judged = of_recipe("small", 'max_drop = "2 pp"', msgspec.structs.replace(entry, made=made))[1]
        assert judged.verdict is verdict
        assert [reason.partition("max_abs")[0] for reason in judged.reasons] == (
            [] if verdict is Verdict.PASS else ["beside the model that the recipe made: "]
        )


def test_who_verifies_it_holds_it_to_what_it_gave_at_the_build(entry) -> None:
    judging, judged = of_recipe("small", 'max_drop = "2 pp"', entry)
    assert mismatches({"y": -REFERENCE}, {"y": REFERENCE}, judging.tolerances(judged)) == ()
    assert mismatches({"y": -3 * REFERENCE}, {"y": REFERENCE}, judging.tolerances(judged)) != ()
