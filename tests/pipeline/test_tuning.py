"""A build that asks for faster code: tried on this machine, kept, and not tried again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from edgewright.pipeline.told import following

Run = Callable[..., subprocess.CompletedProcess[str]]

TVM = """
[targets.tvm]

[targets.tvm.settings]
tune = { budget = "5 s" }
"""


def with_tvm(project: Path) -> None:
    file = project / "edgewright.toml"
    text = file.read_text()
    start, end = text.index("[targets.tflite]"), text.index("[gates]")
    file.write_text(f"{text[:start]}{TVM}{text[end:]}")


def test_a_tuned_library_is_no_longer_untuned_and_a_second_build_tries_nothing(
    project: Path, edgewright: Run, key: tuple[Path, Path]
) -> None:
    with_tvm(project)

    first = edgewright("build", "--project", project, "--out", project / "out")

    assert first.returncode == 0, first.stdout + first.stderr
    report = json.loads((project / "out" / "report.json").read_bytes())
    (entry,) = [entry for entry in report["entries"] if entry["artifact"] == "tvm-fp32"]
    assert (entry["verdict"], entry["evidence"], entry["labels"]) == ("pass", "measured-host", [])
    assert "tune tvm-fp32 … " in first.stderr

    again = edgewright("build", "--project", project, "--out", project / "again")

    assert again.returncode == 0, again.stdout + again.stderr
    assert "tune tvm-fp32 … cached" in again.stderr
    files = [json.loads((project / out / "report.json").read_bytes()) for out in ("out", "again")]
    first_files, second_files = (
        [entry["files"] for entry in report["entries"] if entry["artifact"] == "tvm-fp32"] for report in files
    )
    assert first_files == second_files


def test_what_a_child_tells_is_handed_on_and_its_file_removed(tmp_path: Path) -> None:
    heard: list[str] = []
    line = tmp_path / "out.told"
    with following(tmp_path / "out", heard.append):
        line.write_text("2 of 3 tasks", "utf-8")
        while not heard:
            pass
    assert heard == ["2 of 3 tasks"]
    assert not line.exists()
