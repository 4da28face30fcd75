from pathlib import Path

import msgspec
import pytest

from edgewright.cli.build_request import BuildRequest
from edgewright.devices.base import Facts
from edgewright.pipeline.config import load_project
from edgewright.pipeline.result import BuildResult, Problem
from edgewright.profiles.report import Entry, Parity, Report, Verdict
from edgewright.vocabulary.evidence import Evidence

FACTS = Facts(
    kind="local", arch="x86_64", os="linux", cpu="a CPU", features=(), cores=2, ram_bytes=8 * 10**9, runtimes={}
)
ENTRY = Entry(
    artifact="onnxruntime-fp32",
    runtime="onnxruntime",
    runtime_version="1.31.1",
    device="here",
    threads=1,
    batch=1,
    target="onnxruntime",
    variant="fp32",
    precision="fp32",
    files=(),
    size_bytes=39_500,
    evidence=Evidence.MEASURED_HOST,
    parity=None,
    profile=None,
    coverage=None,
    toolchain={},
    verdict=Verdict.PASS,
    reasons=(),
)


@pytest.fixture
def built(monkeypatch, tmp_path):
    """Stand in for the pipeline: keep what it is asked for, give what is planted."""
    asked = {}
    result = BuildResult(
        report=Report(name="digits", version="1.0.0", devices={"here": FACTS}, entries=(ENTRY,)),
        report_path=tmp_path / "out" / "report.json",
        bundle=tmp_path / "out" / "bundle",
        archive=tmp_path / "out" / "bundle.zip",
        signed=True,
        problems=(),
        exit_code=0,
    )

    def build(project, out, *, progress, jobs, evidence):
        asked.update(project=project, out=out, jobs=jobs, evidence=evidence)
        progress.started("compile onnxruntime-fp32")
        progress.finished("compile onnxruntime-fp32", 0.5, "done")
        return msgspec.structs.replace(result, **asked.get("result", {}))

    monkeypatch.setattr("edgewright.pipeline.execute.build", build)
    return asked


@pytest.fixture
def with_project(digits_here, digits):
    (digits_here / "edgewright.toml").write_bytes((digits / "edgewright.toml").read_bytes())
    return digits_here


def test_the_project_file_of_this_folder_says_what_is_built(edgewright, built, with_project):
    said = edgewright("build")
    assert said.exit_code == 0
    assert built["project"] == load_project(with_project)
    assert (built["out"], built["jobs"], built["evidence"]) == (with_project / "out", None, None)


def test_results_go_to_stdout_and_steps_to_stderr(edgewright, built, with_project):
    said = edgewright("build")
    lines = said.stdout.splitlines()
    assert lines[0].split()[:2] == ["artifact", "verdict"]
    assert lines[1].split()[:2] == ["onnxruntime-fp32", "pass"]
    assert lines[-3:] == [
        "report   out/report.json, and report.html beside it",
        "bundle   out/bundle, signed",
        "archive  out/bundle.zip",
    ]
    assert said.stderr == "compile onnxruntime-fp32 … 0.50 s\n"


def test_json_is_the_whole_result_and_nothing_else(edgewright, built, with_project):
    said = edgewright("build", "--json")
    assert said.document["report"]["entries"][0]["artifact"] == "onnxruntime-fp32"
    assert (said.document["exit_code"], said.document["signed"]) == (0, True)
    assert said.stderr == ""


def test_another_folder_and_options_are_handed_on(edgewright, built, with_project, tmp_path):
    line = ["-C", str(with_project), "-o", "there", "--jobs", "3", "--evidence", "report.json", "-t", "tflite"]
    assert edgewright("build", *line).exit_code == 0
    assert (built["out"], built["jobs"], built["evidence"]) == (Path("there"), 3, Path("report.json"))
    assert list(built["project"].targets) == ["tflite"]


def test_a_target_that_the_project_does_not_have_is_refused(edgewright, built, with_project):
    said = edgewright("build", "-t", "coreml")
    assert said.exit_code == 2
    assert said.stderr == "error: edgewright.toml has no target 'coreml'\nhint: it has: onnxruntime, tflite\n"


@pytest.mark.parametrize("exit_code", [1, 2, 3])
def test_without_a_bundle_it_says_why_and_leaves_with_the_code(edgewright, built, with_project, exit_code):
    built["result"] = {"bundle": None, "archive": None, "exit_code": exit_code}
    said = edgewright("build")
    assert said.exit_code == exit_code
    assert said.stdout.splitlines()[-1].startswith("no bundle: ")


def test_a_hint_is_said_once_for_all_that_need_it(edgewright, built, with_project):
    problems = tuple(
        Problem(subject=name, message="refused", hint="take them out", exit_code=2)
        for name in ("tflite-fp32", "tflite-fp16")
    )
    built["result"] = {"problems": problems, "bundle": None, "archive": None, "exit_code": 2}
    assert "hint for tflite-fp16, tflite-fp32: take them out\n" in edgewright("build").stdout


def test_a_build_whose_outputs_are_too_far_off_says_how_to_look_closer(edgewright, built, with_project):
    reasons = ("max_drop: top1 drops by 2 pp, over 1.0 pp", "max_abs: output y is off by 0.0002 on row 67, over 0.0001")
    entry = msgspec.structs.replace(ENTRY, verdict="fail", reasons=reasons)
    report = Report(name="digits", version="1.0.0", devices={"here": FACTS}, entries=(entry,))
    built["result"] = {"report": report, "bundle": None, "archive": None, "exit_code": 1}
    assert "goes wrong:  edgewright bisect onnxruntime-fp32\n" in edgewright("build").stdout
    entry = msgspec.structs.replace(entry, reasons=reasons[:1])
    built["result"]["report"] = msgspec.structs.replace(report, entries=(entry,))
    assert "bisect" not in edgewright("build").stdout


def test_debug_shows_what_a_failed_child_said(edgewright, built, with_project):
    problem = Problem(subject="tflite-fp32", message="a bug", hint=None, exit_code=3, log="Traceback: …\nKeyError: 'x'")
    built["result"] = {"problems": (problem,), "bundle": None, "archive": None, "exit_code": 3}
    assert "tflite-fp32:\nTraceback: …\nKeyError: 'x'\n" in edgewright("build", "--debug").stderr
    assert "Traceback" not in edgewright("build").stderr


def test_what_was_not_judged_is_said_plainly(edgewright, built, with_project):
    parity = Parity(outputs={}, rows=32, inputs="drawn")
    report = Report(
        name="digits",
        version="1.0.0",
        devices={"here": FACTS},
        entries=(msgspec.structs.replace(ENTRY, parity=parity),),
    )
    built["result"] = {"report": report}
    said = edgewright("build").stdout
    assert "inputs   drawn from the signature: no evaluation data was given\n" in said
    assert "metric   not run: only tensors were compared\n" in said


def test_an_unsigned_bundle_is_called_so(edgewright, built, with_project):
    built["result"] = {"signed": False}
    assert "bundle   out/bundle, unsigned: `edgewright keygen`" in edgewright("build").stdout


def test_a_model_on_the_line_needs_no_project_file(edgewright, built, digits_here, monkeypatch):
    monkeypatch.delenv("EDGEWRIGHT_SIGNING_KEY", raising=False)
    line = "digits.onnx -t tflite -t onnxruntime --evaluation digits.npz --labels label --metric top1 --recipe fp16"
    assert edgewright("build", *line.split()).exit_code == 0
    project = built["project"]
    assert list(project.targets) == ["tflite", "onnxruntime"]
    assert (project.model.source, project.metric.name, project.bundle.signing_key) == ("digits.onnx", "top1", None)
    assert project.recipes == {"fp16": ("float16",)}
    assert built["out"] == digits_here / "out"


def test_the_key_of_the_environment_signs(edgewright, built, digits_here, monkeypatch):
    monkeypatch.setenv("EDGEWRIGHT_SIGNING_KEY", "PEM")
    edgewright("build", "digits.onnx", "-t", "onnxruntime")
    assert built["project"].bundle.signing_key == "env:EDGEWRIGHT_SIGNING_KEY"
    edgewright("build", "digits.onnx", "-t", "onnxruntime", "--key", "my.pem")
    assert built["project"].bundle.signing_key == "my.pem"


def test_a_line_says_the_rows_that_a_static_precision_looks_at(edgewright, built, digits_here):
    edgewright(
        *("build", "digits.onnx", "-t", "tflite", "--recipe", "static_wi8_ai8"),
        *("--calibration", "a.npz", "--calibration-rows", "0:9"),
    )
    project = built["project"]
    assert (project.data.calibration.file, project.data.calibration.rows) == ("a.npz", "0:9")
    assert project.recipes == {"static_wi8_ai8": ({"quantize": {"precision": "static_wi8_ai8"}},)}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--metric top1", "--metric goes with a MODEL; without one the project file says it"),
        ("--recipe fp16", "--recipe goes with a MODEL; without one the project file says it"),
        ("digits.onnx -C . -t tflite", "name a MODEL or a --project, not both"),
        ("digits.onnx -t tflite --labels label", "--labels goes with --evaluation"),
        ("digits.onnx -t tflite --calibration-rows 0:9", "--calibration-rows goes with --calibration"),
        ("--calibration test.npz", "--calibration goes with a MODEL; without one the project file says it"),
        ("digits.onnx", "no target is named"),
        ("-C nowhere", "nowhere: there is no project file"),
    ],
)
def test_options_that_contradict_each_other_are_refused(edgewright, built, with_project, line, message):
    said = edgewright("build", *line.split())
    assert said.exit_code == 2
    assert message in said.stderr
    assert "hint: " in said.stderr
    assert built == {}


NOTHING_ASKED = {
    **dict.fromkeys(("model", "folder", "calibration", "calibration_rows", "evaluation", "rows", "labels")),
    **dict.fromkeys(("metric", "key")),
    **dict.fromkeys(("targets", "recipes", "args", "inputs", "outputs", "dims", "allowed"), ()),
}


def test_gates_that_may_be_not_run_are_added_to_those_of_the_project(with_project):
    with (with_project / "edgewright.toml").open("a") as file:
        file.write('\n[targets.onnxruntime.gates]\nallow_not_run = ["max_load"]\n')
    project = BuildRequest(**{**NOTHING_ASKED, "folder": with_project, "allowed": ("max_drop",)}).project()
    assert project.gates["allow_not_run"] == ["max_drop"]
    assert project.targets["onnxruntime"].gates["allow_not_run"] == ["max_load", "max_drop"]
    assert "allow_not_run" not in project.targets["tflite"].gates
