"""What people see of a search: lines in a terminal, a section of the report, a page with the Pareto set."""

from __future__ import annotations

import io
import tomllib

import msgspec
import pytest
from rich.console import Console

from edgewright.profiles.html import render_html
from edgewright.profiles.mixed_precision import Evaluation, MixedPrecisionSearch
from edgewright.profiles.mixed_view import lines_of, ranked_of
from edgewright.profiles.recipe_search import Figures, RecipeSearch, Trial
from edgewright.profiles.render import render
from edgewright.profiles.search_view import recipe_text, render_search, render_search_html
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.sensitivity import NodeSensitivity


def evaluation(kept: int, drop: float) -> Evaluation:
    return Evaluation(kept_float=kept, drop=drop, unit="pp", size_bytes=40_000 + 1_000 * kept, holds=drop <= 0.5)


MIXED = MixedPrecisionSearch(
    artifact="tflite-mixed",
    max_drop="0.5 pp",
    rows=200,
    limit=9,
    evaluations=(evaluation(0, 42.0), evaluation(1, 3.5), evaluation(2, 0.25)),
    kept_float=("conv1", "conv<7>"),
    holds=True,
    ranking=tuple(
        NodeSensitivity(node=name, op="Conv", snr_db=snr, tensor="t", tensor_snr_db=9.0, why="a step is 3")
        for name, snr in (("conv1", 1.5), ("conv<7>", 8.0), ("conv2", 30.0))
    ),
)


def test_a_mixed_precision_search_is_told_in_lines() -> None:
    assert lines_of(MIXED) == [
        "tflite-mixed: 2 of 3 nodes stay float for 0.5 pp (3 of at most 9 evaluations on 200 tuning rows)",
        "  float          drop      size",
        "      0      42.00 pp   40.0 kB  too far",
        "      1       3.50 pp   41.0 kB  too far",
        "      2       0.25 pp   42.0 kB  taken",
        "  the most sensitive nodes, and the signal to noise with each alone in integers:",
    ]
    assert ranked_of(MIXED) == [
        ("1.5 dB", "conv1 (Conv)", "a step is 3"),
        ("8.0 dB", "conv<7> (Conv)", "a step is 3"),
        ("30.0 dB", "conv2 (Conv)", "a step is 3"),
    ]


def test_a_search_that_found_nothing_says_so() -> None:
    failed = msgspec.structs.replace(MIXED, evaluations=MIXED.evaluations[:2], kept_float=("conv1",), holds=False)
    assert lines_of(failed)[0] == (
        "tflite-mixed: nothing keeps within 0.5 pp (2 of at most 9 evaluations on 200 tuning rows); "
        "the best found keeps 1 of 3 nodes float"
    )
    assert lines_of(failed)[3].endswith("taken, the best found")


def test_the_report_shows_the_curve(report) -> None:
    searched = msgspec.structs.replace(report, searches=(MIXED,))
    html = render_html(searched)
    assert "2 of 3 nodes stay float for 0.5 pp" in html
    assert html.count("<circle") == 3
    assert "conv&lt;7&gt;" in html
    assert "<svg" not in render_html(report)
    console = Console(file=io.StringIO(), width=100)
    console.print(render(searched, 100))
    assert "2 of 3 nodes stay float" in console.file.getvalue()
    assert "    8.0 dB  conv<7> (Conv)  a step is 3\n" in console.file.getvalue()


def trial(drop: float, latency_ms: float, size_bytes: int, *recipe: object) -> Trial:
    figures = Figures(
        drop=drop, unit="pp", latency_ms=latency_ms, size_bytes=size_bytes, evidence=Evidence.MEASURED_HOST
    )
    return Trial(target="tflite", recipe=recipe, figures=figures)


INT8 = trial(0.25, 0.04, 45_000, "equalize", {"quantize": {"precision": "static_wi8_ai8", "bias_correction": True}})
SEARCH = RecipeSearch(
    name="kws",
    device="here",
    rows=200,
    limit=12,
    seed=0,
    trials=(
        trial(0.0, 0.1, 130_000),
        INT8,
        trial(0.5, 0.2, 60_000, "float16"),
        Trial(target="tflite", recipe=({"smooth_quant": {"alpha": 0.5}},), figures=None, problem="refused: <why>"),
    ),
)


@pytest.mark.parametrize("width", [80, 140])
def test_the_pareto_set_is_a_table(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    console.print(render_search(SEARCH))
    text = console.file.getvalue()
    assert "2 of 4 trials are beaten by no other (200 tuning rows, 1 without an artifact that runs)" in " ".join(
        text.split()
    )
    assert "0.25 pp" in text
    assert "0.50 pp" not in text
    assert max(map(len, text.splitlines())) <= width


def test_a_recipe_is_written_as_a_project_file_has_it() -> None:
    assert tomllib.loads(f"recipe = {recipe_text(INT8.recipe)}") == {"recipe": list(INT8.recipe)}


def test_the_page_of_a_search_shows_every_trial() -> None:
    html = render_search_html(SEARCH)
    assert html.count("<circle") == 3
    assert html.count('fill="var(--pass)"') == 2
    assert "refused: &lt;why&gt;" in html
