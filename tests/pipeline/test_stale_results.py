"""A result is believed only as long as everything that it came from is as it was."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgewright.pipeline.steps.base import own_code

Run = Callable[..., subprocess.CompletedProcess[str]]

LOADER = """
from pathlib import Path
import numpy as np

def rows():
    here = Path(__file__).parent
    return {"image": np.load(here / "images.npy"), "label": np.arange(16) % 4}
"""
METRIC = """
from weighting import weight

def score(outputs, labels):
    return weight + (outputs["score"].argmax(axis=1) == labels).mean()

score.higher_is_better = True
"""
PROJECT = """
[model]
source = "tiny.onnx"
[data]
evaluation = { function = "loader.py:rows", labels = "label" }
[metric]
name = "metric.py:score"
[targets.onnxruntime]
[bundle]
name = "tiny"
version = "1.0.0"
"""


@pytest.fixture
def with_code(project: Path) -> Path:
    """A project with a loader that reads a file of its own and a metric that imports another module."""
    (project / "edgewright.toml").write_text(PROJECT)
    (project / "loader.py").write_text(LOADER)
    (project / "metric.py").write_text(METRIC)
    (project / "weighting.py").write_text("weight = 1\n")
    write_images(project, seed=1)
    return project


def write_images(project: Path, *, seed: int) -> None:
    images = np.random.default_rng(seed).standard_normal((16, 2, 8, 8)).astype(np.float32)
    np.save(project / "images.npy", images)


def built(edgewright: Run, project: Path) -> dict[str, float]:
    """Build from another folder; give the metric's figure of each artifact."""
    done = edgewright("build", "--project", project, "--json")
    assert done.returncode == 0, done.stdout
    return {
        entry["artifact"]: entry["parity"]["metric"]["value"] for entry in json.loads(done.stdout)["report"]["entries"]
    }


def test_a_file_that_the_loader_reads_is_what_a_build_depends_on(edgewright: Run, with_code: Path) -> None:
    before = built(edgewright, with_code)
    write_images(with_code, seed=2)
    assert built(edgewright, with_code) != before


def test_a_module_that_the_metric_imports_is_what_a_score_depends_on(edgewright: Run, with_code: Path) -> None:
    before = built(edgewright, with_code)
    (with_code / "weighting.py").write_text("weight = 2\n")
    assert built(edgewright, with_code) == {name: value + 1 for name, value in before.items()}


def test_equal_code_beside_other_data_is_another_build(edgewright: Run, with_code: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in with_code.iterdir():
        if path.is_file():
            (other / path.name).write_bytes(path.read_bytes())
    write_images(other, seed=2)
    assert built(edgewright, with_code) != built(edgewright, other)


def test_a_build_leaves_nothing_beside_the_users_code(edgewright: Run, with_code: Path) -> None:
    built(edgewright, with_code)
    assert not list(with_code.rglob("__pycache__"))


def test_the_code_of_a_target_of_another_package_belongs_to_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "added_target-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: added-target\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[edgewright.targets]\nadded = added_target:Added\n")
    before = own_code.__wrapped__()
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "added_target.py").write_text("raise ImportError('only looked at')\n")
    one = own_code.__wrapped__()
    (tmp_path / "added_target.py").write_text("raise ImportError('another')\n")
    assert len({before, one, own_code.__wrapped__()}) == 3
