"""The table of engines says what the engines say themselves."""

import re
from pathlib import Path

import pytest

from edgewright.devices.web.engines import BACKENDS, ENGINES, engine_for
from edgewright.vocabulary.tables import load_object

SOURCES = Path(__file__).parents[2] / "web" / "src" / "engines"


def declared() -> dict[str, set[str]]:
    """Engine → its backends, as its source has them."""
    found = {}
    for path in SOURCES.glob("*.ts"):
        names = re.search(r'^  name: "([\w-]+)",$', path.read_text("utf-8"), re.MULTILINE)
        if names is not None:
            backends = re.search(r"^  backends: (\[.*\]),$", path.read_text("utf-8"), re.MULTILINE)
            found[names[1]] = set(re.findall(r'"(\w+)"', backends[1]))
    return found


def test_browsers_have_the_backends_that_engines_declare():
    assert {name: set(backends) for name, backends in BACKENDS["browser"].items()} == declared()


def test_node_has_none_that_needs_a_page():
    for backends in BACKENDS["node"].values():
        assert backends <= {"wasm", "cpu"}


@pytest.mark.parametrize("runtime", ENGINES)
def test_runtimes_of_the_table_exist(runtime):
    assert load_object(runtime)
    assert ENGINES[runtime].name in BACKENDS["browser"]


def test_the_reference_is_run_node_by_node():
    assert not ENGINES["edgewright.targets.onnxruntime.runtime:Reference"].optimize


@pytest.mark.parametrize(
    ("runtime", "engine"),
    [
        ("tfjs", "tfjs"),
        ("ai-edge-litert", "litertjs"),
        ("onnxruntime", "onnxruntime-web"),
        ("coreml", None),
        ("of nobody", None),
    ],
)
def test_an_engine_stands_for_the_runtime_that_an_artifact_requires(runtime, engine):
    found = engine_for(runtime)
    assert (found.name if found is not None else None) == engine
