"""A case that takes its process down, or hangs, is one result; the others go on."""

import textwrap

import pytest

from edgewright.conformance import run as runs
from edgewright.conformance.verdict import Verdict
from edgewright.vocabulary.errors import ToolError

TARGET = """
    import ctypes, os, time

    from edgewright.targets.onnxruntime.target import OnnxRuntime

    class Rough(OnnxRuntime):
        def coverage(self, model, options):
            operator = model.graph[0].op_type
            os.write(1, b"native code prints\\n")
            if operator == "Abs":
                os.write(2, b"out of cheese\\n")
                ctypes.string_at(0)
            if operator == "Acos":
                time.sleep(60)
            return super().coverage(model, options)
"""


@pytest.fixture
def rough(tmp_path, monkeypatch):
    (tmp_path / "rough_target.py").write_text(textwrap.dedent(TARGET))
    information = tmp_path / "rough_target-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Name: rough-target\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[edgewright.targets]\nrough = rough_target:Rough\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_a_crash_and_a_hang_take_one_case_each(rough, monkeypatch):
    monkeypatch.setattr(runs, "CASE_SECONDS", 10.0)
    names = ["test_abs", "test_acos_example", "test_add", "test_and2d"]
    results = {result.case: result for result in runs.run("rough", names, workers=1)}
    assert [results[name].given.verdict for name in names] == [
        Verdict.FAILED,
        Verdict.FAILED,
        Verdict.PASSED,
        Verdict.PASSED,
    ]
    assert results["test_abs"].given.reason == "crash: killed by signal 11: native code prints out of cheese"
    assert results["test_acos_example"].given.reason.startswith("crash: no answer within 10 s")


def test_a_target_that_there_is_not_starts_no_worker():
    with pytest.raises(ToolError, match="the worker for no-such-target does not start"):
        list(runs.run("no-such-target", ["test_abs"], workers=1))
