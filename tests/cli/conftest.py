import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgewright.cli.main import main


@dataclass(frozen=True, kw_only=True)
class Said:
    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


@pytest.fixture
def edgewright(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Said]:
    """Run one line in this process, in a folder and with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEWRIGHT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("COLUMNS", raising=False)  # pytest's workers set it, and it would wrap what a pipe gets whole

    def run(*line: str) -> Said:
        code = main(line)
        captured = capsys.readouterr()
        return Said(exit_code=code, stdout=captured.out, stderr=captured.err)

    return run


@pytest.fixture
def edgewright_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run one line as a process of its own."""

    def run(*line: str, env: Mapping[str, str] = {}, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "edgewright", *line],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **env},
            cwd=cwd,
            timeout=60,
        )

    return run


@pytest.fixture
def digits() -> Path:
    """The folder of the example: a model, its labelled data, its project file."""
    return Path(__file__).parents[2] / "examples" / "digits"


@pytest.fixture
def digits_here(digits: Path, tmp_path: Path) -> Path:
    """The model and the data of the example, alone in the working directory of `edgewright`."""
    for name in ("digits.onnx", "digits.npz"):
        shutil.copy(digits / name, tmp_path / name)
    return tmp_path
