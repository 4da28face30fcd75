"""A build that asks for faster code: tried on this machine, kept, and not tried again."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from edgewright.pipeline.progress import Silent
from edgewright.pipeline.steps.telling import Line, tell
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
    said: list[tuple[object, ...]] = []

    class Heard(Silent):
        def advanced(self, step: str, done: int, total: int) -> None:
            said.append((step, done, total))

        def noted(self, step: str, text: str) -> None:
            said.append((step, text))

    with following(tmp_path / "out", "tune", Heard()):
        tell(tmp_path / "out", Line(text="2 of 3 tasks"))
        while not said:
            time.sleep(0.01)
        tell(tmp_path / "out", Line(text="loss 0.2", done=20, total=30))
    assert said == [("tune", "2 of 3 tasks"), ("tune", 20, 30), ("tune", "loss 0.2")]
    assert list(tmp_path.iterdir()) == []
