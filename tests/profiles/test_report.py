"""The report is read strictly, and shown in full, in a line or on a page."""

import io
import json
import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edgewright.profiles.html import render_html
from edgewright.profiles.markup import Markup, element
from edgewright.profiles.render import COLUMNS, fitting_columns, render
from edgewright.profiles.report import Report, Verdict
from edgewright.vocabulary.errors import ConfigError
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.label import Label
from edgewright.vocabulary.note import Note
from edgewright.vocabulary.training import Measured, TrainingRecord


def changed(report, **fields):
    return json.dumps({**json.loads(report.encode()), **fields}).encode()


def test_what_is_written_is_read_again(report):
    assert Report.decode(report.encode()) == report


def test_equal_reports_are_equal_bytes(report):
    assert report.encode() == Report.decode(report.encode()).encode()


def test_an_unknown_field_of_this_version_is_refused(report):
    with pytest.raises(ConfigError, match="unknown key colour"):
        Report.decode(changed(report, colour="red"))


def test_another_major_version_is_refused(report):
    with pytest.raises(ConfigError, match=r"expected a report of schema version 1.x, got '2.0'"):
        Report.decode(changed(report, schema_version="2.0"))


def test_unknown_fields_of_a_newer_minor_version_are_ignored(report):
    newer = Report.decode(changed(report, schema_version="1.7", colour="red"))
    assert msgspec.structs.replace(newer, schema_version="1.0") == report


def test_unknown_fields_that_are_critical_are_refused(report):
    with pytest.raises(ConfigError, match="colour must be understood"):
        Report.decode(changed(report, schema_version="1.7", colour="red", critical=["colour"]))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"schema_version": 1}', b'{"schema_version": "1.x"}'])
def test_what_is_no_report_is_refused(data):
    with pytest.raises(ConfigError):
        Report.decode(data)


def text_of(report, width):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(render(report, width))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_table_is_no_wider_than_the_terminal(report, width):
    assert max(map(len, text_of(report, width).splitlines())) <= width


def test_a_narrow_table_keeps_what_matters_most(report):
    assert [column.title for column in fitting_columns(report, 80)] == [
        "artifact",
        "verdict",
        "metric",
        "max |Δ|",
        "p90",
        "memory",
        "size",
        "evidence",
    ]


def test_a_wide_table_has_all_columns_but_the_runtimes_that_artifacts_name_themselves(report):
    titles = [column.title for column in fitting_columns(report, 140)]
    assert titles == [column.title for column in COLUMNS if column.title != "runtime"]


@pytest.fixture
def on_two_devices(report):
    """The passing entry here and in a browser, and another artifact that only the browser opens."""
    here = report.entries[0]
    there = msgspec.structs.replace(here, device="chromium", runtime="litertjs/wasm")
    tfjs = msgspec.structs.replace(there, artifact="tfjs-fp32", runtime="tfjs/wasm")
    reason = "tfjs is behind a pipe here"
    left_out = [
        msgspec.structs.replace(
            tfjs,
            artifact=name,
            device="here",
            runtime="tfjs",
            evidence=Evidence.NOT_RUN,
            verdict=Verdict.NOT_RUN,
            parity=None,
            profile=None,
            reasons=(reason,),
        )
        for name in ("tfjs-fp32", "tfjs-fp16")
    ]
    browser = msgspec.structs.replace(
        report.devices["here"],
        kind="browser",
        os="web",
        arch="wasm32",
        cpu="Chromium 150",
        runtimes={"tfjs/wasm": "4.22.0", "litertjs/wasm": "2.5.3"},
    )
    return msgspec.structs.replace(
        report, devices={**report.devices, "chromium": browser}, entries=(here, there, *left_out, tfjs)
    )


@pytest.mark.parametrize("width", [80, 100, 140])
def test_each_of_several_devices_has_its_part_of_the_table(on_two_devices, width):
    text = text_of(on_two_devices, width)
    lines = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines() if line]
    assert [line[0] for line in lines[1:7]] == [
        "here",
        "tflite-fp32",
        "not opened: tfjs-fp32, tfjs-fp16: tfjs is behind a pipe here",
        "chromium",
        "tflite-fp32",
        "tfjs-fp32",
    ]
    assert [lines[place][1] for place in (1, 4)] == [
        "local: AMD EPYC <9004>, linux x86_64",
        "browser, wasm: Chromium 150",
    ]
    assert [lines[place][1] for place in (2, 5, 6)] == ["ai-edge-litert", "litertjs/wasm", "tfjs/wasm"]
    assert max(map(len, text.splitlines())) <= width


def test_what_a_device_does_not_open_is_no_failure_and_no_reason(on_two_devices):
    text = text_of(on_two_devices, 140)
    assert text.rstrip().endswith("3 passed, 2 not opened by their device")
    assert text.count("tfjs is behind a pipe here") == 1
    page = Page(render_html(on_two_devices))
    assert sum("tfjs is behind a pipe here" in each for each in page.text) == 1
    assert page.tags.count("details") == 3


def test_a_row_says_the_figures_with_units(report):
    row = next(line for line in text_of(report, 140).splitlines() if line.startswith("tflite-fp32"))
    assert re.split(r"\s{2,}", row.strip()) == [
        "tflite-fp32",
        "pass",
        "89.75 %",
        "0.00 pp [-0.12, 0.12]",
        "2.0e-07",
        "43.0 µs",
        "47.0 µs",
        "73.0 µs",
        "3.20 ms",
        "11.7 MB",
        "41.4 kB",
        "host",
    ]


def test_what_was_not_run_is_never_a_number(report):
    row = next(line for line in text_of(report, 140).splitlines() if line.startswith("tflite-grid"))
    assert not re.search(r"\d", row)
    assert "not-run" in row


def test_reasons_and_the_summary_stand_below_the_table(report):
    text = text_of(report, 140)
    assert "tflite-fp16 on here: max_size: 41.43 kB, over 40 kB" in text
    assert text.rstrip().endswith("1 passed, 1 failed, 2 not run")


def test_what_a_label_means_is_said_once_where_it_occurs(report):
    assert "untuned" not in text_of(report, 140)
    labelled = tuple(msgspec.structs.replace(entry, labels=(Label.UNTUNED,)) for entry in report.entries)
    found = msgspec.structs.replace(report, entries=labelled)
    assert text_of(found, 140).count("untuned: no fast code was looked for") == 1
    assert render_html(found).count("untuned: no fast code was looked for") == 1


def test_a_reason_that_several_artifacts_share_is_said_once(report):
    reason = "latency and memory: not run: coreml is emulated"
    fp32, fp16 = (
        msgspec.structs.replace(report.entries[0], artifact=f"coreml-{recipe}", verdict=Verdict.PASS, reasons=reasons)
        for recipe, reasons in {"fp32": (reason,), "fp16": ("max_size: 9 kB, over 8 kB", reason)}.items()
    )
    elsewhere = msgspec.structs.replace(fp32, device="elsewhere")
    both = msgspec.structs.replace(report, entries=(fp32, fp16, elsewhere))

    lines = [line for line in text_of(both, 140).splitlines() if " on " in line]

    assert lines == [
        f"  coreml-fp32, coreml-fp16 on here: {reason}",
        "  coreml-fp16 on here: max_size: 9 kB, over 8 kB",
        f"  coreml-fp32 on elsewhere: {reason}",
    ]
    assert [line.strip() for line in lines] == [
        text for text in Page(render_html(both)).text if " on here: " in text or " on elsewhere: " in text
    ]


class Page(HTMLParser):
    """Reads a page and complains where elements are not closed in order."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_is_whole_and_needs_nothing_else(report):
    page = Page(render_html(report))
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name in ("src", "href") or name.startswith("on")]
    assert "url(" not in render_html(report)
    assert "@import" not in render_html(report)


def test_devices_become_cards_on_a_phone(on_two_devices):
    html = render_html(on_two_devices)
    assert html.count('data-label="Runtimes"') == 2
    assert "litertjs/wasm 2.5.3, tfjs/wasm 4.22.0" in Page(html).text


def test_a_card_of_what_is_not_there_has_no_empty_lines(report):
    without = sum(not entry.files for entry in report.entries)
    assert without > 0
    assert render_html(report).count('<tr class="nothing">') == without


def test_equal_reports_are_equal_pages(report):
    assert render_html(report) == render_html(Report.decode(report.encode()))


def test_the_page_shows_every_figure_with_its_tier(report):
    text = " ".join(Page(render_html(report)).text)
    for figure in ("89.75 %", "2.0e-07", "131.2 dB", "47.0 µs", "11.7 MB", "41.4 kB", "3.20 ms", "-0.125 to 0.125 pp"):
        assert figure in text
    assert "measured-host" in text
    assert "emulated" in text
    assert "1 native, 0 decomposed, 0 refused" in text
    assert "GridSample" in text
    assert "load_before" in text


def test_the_page_shows_what_the_steps_of_a_recipe_did(report):
    note = Note(step="equalize", where="conv1 → conv2", text="16 channels by 0.5 to 2")
    entry = msgspec.structs.replace(report.entries[0], notes=(note,))
    text = Page(render_html(msgspec.structs.replace(report, entries=(entry,)))).text
    assert "Steps of the recipe" in text
    for told in ("equalize", "conv1 → conv2", "16 channels by 0.5 to 2"):
        assert told in text
    assert "Steps of the recipe" not in Page(render_html(report)).text


LEARNED = TrainingRecord(
    step="distill",
    options='{"epochs":20}',
    data="0f" * 32,
    rows=800,
    labelled=True,
    teacher="cd" * 32,
    seed=7,
    steps=300,
    planned=460,
    kept=276,
    metric=Measured(name="accuracy", before=62.5, after=93.75, rows=80),
    threads=2,
    stopped="the budget of 10 min was used up",
)


def test_what_was_learned_is_said_once_for_all_artifacts_and_in_full_on_the_page(report):
    learned = tuple(msgspec.structs.replace(entry, training=(LEARNED,)) for entry in report.entries[:2])
    found = msgspec.structs.replace(report, entries=(*learned, *report.entries[2:]))
    line = (
        f"{learned[0].artifact}, {learned[1].artifact}: distill: accuracy 62.5 → 93.8 % on 80 rows held back, in 300 "
        "of 460 steps on 800 rows, then stopped: the budget of 10 min was used up, the weights of step 276 kept"
    )
    assert line in " ".join(text_of(found, 140).split())
    text = Page(render_html(found)).text
    assert text.count(line) == 1
    for told in ('{"epochs":20}', "800, with labels", "300 of 460; 276 kept", "0f" * 32):
        assert text.count(told) == 2
    assert "Training" not in Page(render_html(report)).text
    assert Report.decode(found.encode()) == found


def test_text_of_the_report_cannot_become_markup(report):
    hostile = "<script>alert('x')</script>&amp;\""
    entry = msgspec.structs.replace(report.entries[0], artifact=hostile, reasons=(hostile,))
    page = Page(render_html(msgspec.structs.replace(report, name=hostile, entries=(entry,))))
    assert "script" not in page.tags
    assert hostile in page.text


@given(st.text(), st.text())
def test_elements_escape_what_they_hold(text, value):
    page = Page(element("p", element("b", text), text, title=value))
    assert page.tags == ["p", "b"]
    # a parser replaces what HTML cannot hold, and reads \r as \n
    if not re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", text + value):
        assert "".join(page.text) == text * 2
        assert page.attributes == [("title", value)]


def test_markup_is_not_escaped_twice():
    assert element("p", Markup("a &amp; b")) == "<p>a &amp; b</p>"


def test_failures_are_open_and_passes_folded(report):
    page = render_html(report)
    assert page.count("<details open") == sum(entry.verdict is not Verdict.PASS for entry in report.entries)
