"""The reference pages name everything that the code has."""

import re
from pathlib import Path

import msgspec
import pytest

from edgewright.cli.main import VERBS
from edgewright.devices.base import Facts
from edgewright.devices.browser import BrowserSettings
from edgewright.devices.local import LocalSettings
from edgewright.devices.node import NodeSettings
from edgewright.devices.table import DEVICES
from edgewright.devices.web.engines import BACKENDS
from edgewright.devices.web.find import CHROMIUM_VARIABLE
from edgewright.fallback.rules import Ladder, Ladders, Rung
from edgewright.pipeline.config import (
    BundleSection,
    DataSection,
    MetricSection,
    ModelSection,
    Selection,
    TargetSection,
)
from edgewright.profiles.built_in_metric import BUILT_IN
from edgewright.profiles.gates import DIMENSIONS, GateOn
from edgewright.profiles.mixed_precision import Evaluation, MixedPrecisionSearch
from edgewright.profiles.report import Entry, Latency, MetricResult, Parity, Profile, Report, TensorParity, Verdict
from edgewright.profiles.tensor_bounds import DEFAULTS
from edgewright.targets.coreml.settings import Settings as CoreMLSettings
from edgewright.targets.table import TARGETS, load_target
from edgewright.targets.tensorrt.settings import Settings as TensorRTSettings
from edgewright.targets.tvm.library import LIBRARY_VARIABLE
from edgewright.vocabulary import errors
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.quantity import Quantity
from edgewright.vocabulary.sensitivity import NodeSensitivity
from edgewright.vocabulary.signature import TensorDeclaration
from edgewright.web.assets import NODE_VARIABLE

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def spans(page: str) -> set[str]:
    """Give what stands as code in a page, and the words of it."""
    found = re.findall(r"`([^`\n]+)`", (REFERENCE / page).read_text("utf-8"))
    return {*found, *(word for span in found for word in re.findall(r"[\w-]+", span))}


@pytest.mark.parametrize(
    ("page", "structs"),
    [
        ("report.md", (MixedPrecisionSearch, Evaluation, NodeSensitivity)),
        ("report.md", (Report, Facts, Entry, Parity, TensorParity, MetricResult, Profile, Latency)),
        ("ladder.md", (Ladders, Ladder, Rung)),
        ("project-file.md", (ModelSection, TensorDeclaration, DataSection, Selection, MetricSection)),
        ("project-file.md", (TargetSection, LocalSettings, BrowserSettings, NodeSettings, BundleSection)),
        ("project-file.md", (CoreMLSettings,)),
        ("project-file.md", (TensorRTSettings,)),
    ],
)
def test_every_field_is_told(page: str, structs: tuple[type[msgspec.Struct], ...]) -> None:
    names = {name for struct in structs for name in struct.__struct_fields__}
    assert names - spans(page) == set()


def test_every_gate_unit_and_choice_is_told() -> None:
    assert {*DIMENSIONS, *Quantity.UNITS, *GateOn, *Verdict, *DEFAULTS} - spans("gates.md") == set()


def test_the_default_bounds_are_told() -> None:
    table = [re.split(r"(?<!\\)\|", line) for line in (REFERENCE / "gates.md").read_text("utf-8").splitlines()]
    told = {cells[1].strip(" `"): f"{cells[2]} {cells[3]}" for cells in table if len(cells) == 6}
    for precision, bounds in DEFAULTS.items():
        figures = [float(text) for text in re.findall(r"\d[\d.]*(?:e-\d+)?", told[precision].replace("max(1,", ""))]
        known = [figure for figure in (bounds.max_abs, bounds.min_cosine, bounds.min_psnr_db) if figure is not None]
        assert bounds.min_equal is not None
        assert figures == [*known, pytest.approx(100 * bounds.min_equal)]


def test_every_kind_of_error_is_told_with_its_exit_code() -> None:
    text = (REFERENCE / "errors-and-exit-codes.md").read_text("utf-8")
    told = {name: int(code) for name, code in re.findall(r"^\| `(\w+Error)`.*? \| (\d) \|", text, re.MULTILINE)}
    known = [kind for kind in vars(errors).values() if isinstance(kind, type) and kind is not errors.EdgewrightError]
    assert {kind.__name__: kind.exit_code for kind in known if issubclass(kind, errors.EdgewrightError)} == {
        name: code for name, code in told.items() if name != "UsageError"
    }


def test_every_tier_of_evidence_is_told() -> None:
    assert {*Evidence} - spans("report.md") == set()


def test_every_metric_is_told() -> None:
    assert set(BUILT_IN) - spans("project-file.md") == set()


@pytest.mark.parametrize("name", TARGETS.names)
def test_every_target_is_told(name: str) -> None:
    target = load_target(name)
    assert {name, *filter(None, target.formats), *target.precisions} - spans("runtimes-and-targets.md") == set()


def test_every_verb_and_variable_is_told() -> None:
    variables = {CHROMIUM_VARIABLE, LIBRARY_VARIABLE, NODE_VARIABLE, "EDGEWRIGHT_CACHE_DIR", "EDGEWRIGHT_SIGNING_KEY"}
    assert {*VERBS, *variables} - spans("command-line.md") == set()


def test_every_kind_of_device_is_told() -> None:
    assert {*DEVICES.names} - spans("runtimes-and-targets.md") == set()


def test_the_table_says_what_engines_compute_on_in_browsers_and_in_node() -> None:
    text = (REFERENCE / "runtimes-and-targets.md").read_text("utf-8")
    header = next(line for line in text.splitlines() if line.startswith("| artifact | `local` |"))
    kinds = [cell.strip(" `") for cell in header.strip("|").split("|")]
    for engine in ("tfjs", "litertjs", "onnxruntime-web"):
        row = next(line for line in text.splitlines() if f"| `{engine}/wasm`" in line)
        cells = dict(zip(kinds, row.strip("|").split("|"), strict=True))
        for kind, backends in BACKENDS.items():
            assert set(re.findall(r"/(\w+)`", cells[kind])) == set(backends[engine])
