"""What each verdict takes, with targets that do one thing otherwise than onnxruntime."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from edgewright.conformance.cases import cases
from edgewright.conformance.judge import difference, judge
from edgewright.conformance.verdict import Outcome, Verdict
from edgewright.targets.artifact import Artifact, Coverage, Handling, NodeCoverage
from edgewright.targets.base import Options
from edgewright.targets.onnxruntime.target import OnnxRuntime
from edgewright.vocabulary.errors import RefusedError


def rewrite(path: Path, operator: str) -> None:
    model = onnx.load(path)
    model.graph.node[0].op_type = operator
    onnx.save(model, path)


class Wrong(OnnxRuntime):
    def compile(self, model, options: Options, out: Path) -> Artifact:
        artifact = super().compile(model, options, out)
        rewrite(out / artifact.files[0].path, "Neg")
        return artifact


class CannotRun(OnnxRuntime):
    def compile(self, model, options: Options, out: Path) -> Artifact:
        artifact = super().compile(model, options, out)
        (out / artifact.files[0].path).write_bytes(b"no model")
        return artifact


class RefusesLate(OnnxRuntime):
    def compile(self, model, options: Options, out: Path) -> Artifact:
        raise RefusedError("not this one")


class Breaks(OnnxRuntime):
    def coverage(self, model, options: Options) -> Coverage:
        raise IndexError("list index out of range")


class Refuses(OnnxRuntime):
    """Refuses whatever has more than one input that is open."""

    def coverage(self, model, options: Options) -> Coverage:
        handling = Handling.REFUSED if len(model.signature.inputs) > 1 else Handling.DECOMPOSED
        nodes = [NodeCoverage(node=node.name, op=node.op_type, handling=handling, detail="no") for node in model.graph]
        return Coverage(nodes=tuple(nodes))


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        (OnnxRuntime(), Outcome(verdict=Verdict.PASSED)),
        (Refuses(), Outcome(verdict=Verdict.PASSED)),
        (RefusesLate(), Outcome(verdict=Verdict.REFUSED_LATE, reason="not this one", by="onnxruntime")),
        (Breaks(), Outcome(verdict=Verdict.FAILED, reason="coverage: IndexError: list index out of range")),
    ],
)
def test_a_case_ends_in_a_verdict_with_its_reason(target, outcome) -> None:
    assert judge(cases()["test_abs"], target).given == outcome


def test_another_answer_is_wrong_and_says_where() -> None:
    result = judge(cases()["test_abs"], Wrong())
    assert result.is_finding
    assert result.given.verdict is Verdict.WRONG
    assert result.given.reason.startswith("y: ")
    assert "values differ" in result.given.reason


def test_a_file_that_its_runtime_does_not_open_failed() -> None:
    given = judge(cases()["test_abs"], CannotRun()).given
    assert given.verdict is Verdict.FAILED
    assert given.reason.startswith("load: ValueError: model.onnx: onnxruntime cannot run this file")


def test_what_passes_with_its_inputs_fixed_alone_is_no_pass() -> None:
    result = judge(cases()["test_add"], Refuses())
    assert (result.given.verdict, result.given.reason, result.given.by) == (Verdict.REFUSED, "Add: no", "onnxruntime")
    assert result.fixed == Outcome(verdict=Verdict.PASSED)
    assert (result.word, result.handling) == ("refused; passed with inputs fixed", "decomposed")
    assert not result.is_finding


def test_a_wrong_answer_with_inputs_fixed_is_a_finding() -> None:
    class WrongWhenFixed(Refuses, Wrong):
        pass

    assert judge(cases()["test_sub"], WrongWhenFixed()).is_finding


def test_the_importer_refuses_in_its_own_name() -> None:
    given = judge(cases()["test_adam"], OnnxRuntime()).given
    assert (given.verdict, given.by) == (Verdict.REFUSED, "importer")


@pytest.mark.parametrize(
    ("got", "wanted", "said"),
    [
        (np.float32([1, np.nan]), np.float32([1.001, np.nan]), ""),
        (np.float32([1, 2]), np.float32([1, np.nan]), "1 of 2 values differ, 2.0 for nan at [1]"),
        (np.float32([1]), np.float32([1.002]), "1 of 1 values differ, 1.0 for 1.00199"),
        (np.float32([np.inf]), np.float32([3e38]), "1 of 1 values differ, inf for 3.0000000054977558e+38 at [0]"),
        (np.float32(1), np.float64(1), "dtype float32 for float64"),
        (np.zeros((2, 1)), np.zeros((1, 2)), "shape [2, 1] for [1, 2]"),
        (np.int64([2**62]), np.int64([2**62 + 2**55]), "1 of 1 values differ"),
        (np.uint8([0]), np.uint8([255]), "1 of 1 values differ, 0 for 255 at [0]"),
        (np.array([True, False]), np.array([True, True]), "1 of 2 values differ, False for True at [1]"),
        (np.zeros((0, 3)), np.zeros((0, 3)), ""),
    ],
)
def test_outputs_differ_in_dtype_shape_or_value(got, wanted, said) -> None:
    assert difference(got, wanted).startswith(said)
    assert bool(difference(got, wanted)) == bool(said)
