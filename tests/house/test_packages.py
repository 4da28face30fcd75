import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ["onnx", "onnx_ir", "onnxscript", "onnxruntime", "torch", "ai_edge_litert", "flatbuffers", "sigstore"]
NOT_PACKAGED = {"tests", "benchmarks", "examples", "docs", "build"}


def test_the_packages_listed_are_those_of_the_tree() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    found = {
        ".".join(("edgewright", *path.parent.relative_to(ROOT).parts))
        for path in ROOT.rglob("__init__.py")
        if not {part for part in path.relative_to(ROOT).parts if part in NOT_PACKAGED or part.startswith(".")}
    }
    assert sorted(listed) == sorted(found)


def test_package_files_stay_empty() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    for package in listed:
        assert (ROOT.joinpath(*package.split(".")[1:]) / "__init__.py").read_text() == ""


@pytest.mark.parametrize(
    "module",
    [
        "edgewright.cli.main",
        "edgewright.pipeline.execute",
        "edgewright.bundle.session",
        "edgewright.bundle.verify",
        "edgewright.fallback.guard",
        "edgewright.devices.local",
        "edgewright.profiles.judge",
        "edgewright.targets.onnxruntime.runtime",
        "edgewright.targets.onnxruntime.target",
        "edgewright.targets.tflite.runtime",
        "edgewright.targets.tflite.target",
    ],
)
def test_heavy_packages_are_imported_only_where_they_are_used(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_line_answers_without_numpy_or_rich() -> None:
    code = "import sys, edgewright.cli.main; print([n for n in ('numpy', 'rich', 'msgspec') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
