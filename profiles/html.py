"""The report as one page: no script, no network, nothing that depends on anything but the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..devices.base import Facts
from ..targets.artifact import Coverage, Handling
from ..vocabulary.note import Note
from . import measured_view, wording
from .markup import Content, Markup, element, join
from .mixed_view import section_of
from .page import page, table
from .reasons import told
from .report import Entry, MetricResult, Parity, Profile, Report, Verdict
from .sections import sections_of
from .speed_view import speed_section
from .training_view import details_of
from .training_view import section_of as training_section

WORDS = {Verdict.PASS: "pass", Verdict.FAIL: "fail", Verdict.NOT_RUN: "not run"}


def render_html(report: Report) -> str:
    """Give the page. Equal reports, equal pages: mappings are in the order of their names, as in `report.json`."""
    return page(
        f"{report.name} {report.version}",
        "report",
        [wording.summary_of(report), f" · report schema {report.schema_version}"],
        [
            element("h2", "Verdicts"),
            _verdicts(report),
            _labels(report.entries),
            _reasons([entry for entry in report.entries if not entry.left_out]),
            section_of(report.searches),
            measured_view.section_of(report.measured),
            training_section(report.entries),
            speed_section(report),
            element("h2", "In detail"),
            [_details(entry) for entry in report.entries if not entry.left_out],
            _import(report.imported),
            element("h2", "Devices"),
            _devices(report.devices),
        ],
    )


TITLES = ("Artifact", "Verdict", "Metric", "Drop", "Max |Δ|", "p50", "p90", "p99", "Memory", "Size")
FIRST_NUMBER = TITLES.index("Metric")


def _verdicts(report: Report) -> Markup:
    """Give the table: below the name of each device its rows, and what it does not open."""
    header = [
        element("th", title, scope="col", class_="number" if index >= FIRST_NUMBER else "text")
        for index, title in enumerate(TITLES)
    ]
    bodies = [
        element(
            "tbody",
            _whole_row(
                "th",
                [
                    section.device,
                    element("span", wording.device_of(report.devices.get(section.device)), class_="quiet"),
                ],
                scope="rowgroup",
            ),
            [_row(entry) for entry in section.entries],
            [_whole_row("td", element("span", line), class_="quiet") for line in section.left_out],
        )
        for section in sections_of(report.entries)
    ]
    return element(
        "div",
        element("table", element("thead", element("tr", header)), bodies, class_="cards"),
        class_="scroll",
    )


def _whole_row(name: str, content: Content, **attributes: str) -> Markup:
    return element("tr", element(name, content, colspan=str(len(TITLES)), **attributes), class_="whole")


def _row(entry: Entry) -> Markup:
    figures = (
        wording.metric_of(entry.metric),
        _drop(entry.metric),
        wording.worst_difference(entry),
        wording.latency_of(entry, 50),
        wording.latency_of(entry, 90),
        wording.latency_of(entry, 99),
        wording.memory_of(entry),
    )
    cells: list[Content] = [
        [wording.artifact_of(entry), element("span", wording.runtime_of(entry), class_="tier")],
        _verdict(entry.verdict),
        *(_with_tier(figure, entry) for figure in figures),
        wording.artifact_size_of(entry),
    ]
    return element(
        "tr",
        [
            element("td", element("span", cell), data_label=title, class_="number" if index >= FIRST_NUMBER else "text")
            for index, (title, cell) in enumerate(zip(TITLES, cells, strict=True))
        ],
        **({} if entry.files else {"class_": "nothing"}),
    )


def _reasons(entries: Sequence[Entry]) -> Content:
    """Say what the gates have to say, each reason once; it stands in the details of each entry, too."""
    lines = [
        element("li", f"{', '.join(entry.artifact for entry in each.entries)} on {each.device}: {each.reason}")
        for each in told(entries)
    ]
    return element("ul", lines) if lines else []


def _labels(entries: Sequence[Entry]) -> Content:
    """Say what the words behind the names of artifacts mean."""
    return [element("p", f"{label}: {meaning}.", class_="quiet") for label, meaning in wording.labels_of(entries)]


def _drop(metric: MetricResult | None) -> str:
    """Give the drop without its interval, which stands in the details."""
    return wording.NOT_RUN if metric is None else f"{metric.drop_pp:.2f} {metric.unit}"


def _with_tier(figure: str, entry: Entry) -> Content:
    """A figure with the tier of its evidence; one that was not run is only that."""
    if figure == wording.NOT_RUN:
        return [figure, element("span", "not run", class_="tier")]
    return [figure, element("span", entry.evidence, class_="tier")]


def _verdict(verdict: Verdict) -> Markup:
    return element("span", WORDS[verdict], class_=f"verdict {verdict}")


def _details(entry: Entry) -> Markup:
    runtime = " ".join(filter(None, (entry.runtime, entry.runtime_version)))
    parts: list[Content] = [
        element(
            "p",
            f"{runtime or 'no runtime'}, {entry.threads} thread{'s' if entry.threads != 1 else ''}, "
            f"{entry.batch or 'no'} row{'s' if entry.batch != 1 else ''} a call; "
            f"target {entry.target}{f', variant {entry.variant}' if entry.variant else ''}; evidence: {entry.evidence}",
            class_="quiet",
        )
    ]
    if entry.reasons:
        parts.append(element("ul", [element("li", reason) for reason in entry.reasons]))
    parts += [
        _parity(entry.parity, entry.evidence),
        _made(entry.made, entry.evidence),
        _metric(entry.metric, entry.evidence),
        _profile(entry.profile, entry.evidence),
        _coverage(entry.coverage),
        _notes(entry.notes),
        details_of(entry.training),
        _files(entry),
        _pairs("Toolchain", sorted(entry.toolchain.items())),
    ]
    summary = element("summary", f"{wording.artifact_of(entry)} on {entry.device}", _verdict(entry.verdict))
    if entry.verdict is Verdict.PASS:
        return element("details", summary, element("div", parts))
    return element("details", summary, element("div", parts), open="")


def _made(parity: Parity | None, evidence: str) -> Content:
    """Give how far an artifact is from the model of its recipe, where that is not the original."""
    return [] if parity is None else _parity(parity, evidence, "Parity with the model that the recipe made")


def _parity(parity: Parity | None, evidence: str, heading: str = "Parity") -> Content:
    if parity is None:
        return [element("h3", heading), element("p", "Not run.")]
    rows = [
        (
            name,
            "not finite" if found.max_abs is None else wording.difference_of(found.max_abs),
            wording.NOT_RUN if found.cosine is None else f"{found.cosine:.7f}",
            wording.NOT_RUN if found.psnr_db is None else f"{found.psnr_db:.1f} dB",
            wording.NOT_RUN if found.snr_db is None else f"{found.snr_db:.1f} dB",
            f"{100 * found.equal_fraction:.4g} %",
            f"{found.reference_max_abs:.4g}",
            found.dtype,
        )
        for name, found in sorted(parity.outputs.items())
    ]
    titles = ("Output", "Max |Δ|", "Cosine", "PSNR", "SNR", "Equal", "Max |reference|", "dtype")
    return _table(heading, f"{parity.rows} rows of {parity.inputs} inputs; {evidence}", titles, rows)


def _metric(metric: MetricResult | None, evidence: str) -> Content:
    if metric is None:
        return [element("h3", "Task metric"), element("p", "Not run.")]
    low, high = metric.ci95
    row = (
        metric.name,
        wording.value_of(metric.value, metric.unit),
        wording.value_of(metric.reference, metric.unit),
        f"{metric.drop_pp:.3f} {metric.unit}",
        f"{low:.3f} to {high:.3f} {metric.unit}",
    )
    titles = ("Metric", "Artifact", "Original", "Drop", "95% interval")
    return _table("Task metric", f"{metric.rows} rows, paired bootstrap; {evidence}", titles, [row])


def _profile(profile: Profile | None, evidence: str) -> Content:
    if profile is None:
        return [element("h3", "Profile"), element("p", "Not run.")]
    latency = profile.latency_ms
    row = (
        *(
            wording.time_of(value)
            for value in (profile.load_ms, profile.first_ms, latency.p50, latency.p90, latency.p99)
        ),
        wording.size_of(profile.peak_memory_bytes),
    )
    titles = ("Load", "First call", "p50", "p90", "p99", "Peak memory")
    return [
        _table("Profile", f"{latency.n} calls; {evidence}", titles, [row]),
        _pairs("Context of the measurement", sorted(profile.context.items())),
    ]


def _coverage(coverage: Coverage | None) -> Content:
    if coverage is None:
        return []
    counts = ", ".join(f"{coverage.count(handling)} {handling}" for handling in Handling)
    refused = [(node.node, node.op, node.detail) for node in coverage.refused]
    if not refused:
        return [element("h3", "Coverage"), element("p", f"{len(coverage.nodes)} nodes: {counts}.")]
    return _table(
        "Coverage", f"{len(coverage.nodes)} nodes: {counts}; refused:", ("Node", "Operator", "Reason"), refused
    )


def _notes(notes: Sequence[Note]) -> Content:
    if not notes:
        return []
    rows = [(note.step, note.where, note.text) for note in notes]
    return _table("Steps of the recipe", "what they did to the model", ("Step", "Where", "What"), rows)


def _files(entry: Entry) -> Content:
    if not entry.files:
        return []
    rows = [(file.path, f"{file.size_bytes} B", element("code", file.sha256)) for file in entry.files]
    return _table("Files", "", ("Path", "Size", "SHA-256"), rows)


def _import(parity: Parity | None) -> Content:
    if parity is None:
        return []
    return [element("h2", "Import"), _parity(parity, "the hub model against the model in its own framework")]


DEVICE_TITLES = ("Device", "Kind", "CPU", "Memory", "Features", "Runtimes")
SHORT = ("Device", "Kind", "Memory")
"""Columns whose cells are not broken into lines."""


def _devices(devices: dict[str, Facts]) -> Content:
    rows = [
        (
            name,
            facts.kind,
            f"{facts.cpu}, {facts.cores} cores, {facts.arch}, {facts.os}",
            wording.size_of(facts.ram_bytes),
            ", ".join(facts.features) or wording.NOT_RUN,
            ", ".join(f"{runtime} {version}" for runtime, version in sorted(facts.runtimes.items())) or wording.NOT_RUN,
        )
        for name, facts in sorted(devices.items())
    ]
    header = [element("th", title, scope="col") for title in DEVICE_TITLES]
    body = [
        element(
            "tr",
            [
                element("td", element("span", cell), data_label=title, class_="text" if title in SHORT else "long")
                for title, cell in zip(DEVICE_TITLES, row, strict=True)
            ],
        )
        for row in rows
    ]
    shown = element("table", element("thead", element("tr", header)), element("tbody", body), class_="cards")
    return element("div", shown, class_="scroll")


def _table(heading: str, caption: str, titles: Sequence[str], rows: Iterable[Sequence[Content]]) -> Markup:
    found = table(tuple(titles), [element("tr", [element("td", cell) for cell in row]) for row in rows], caption)
    return join([element("h3", heading) if heading else [], found])


def _pairs(heading: str, pairs: Iterable[tuple[str, object]]) -> Content:
    rows = [
        element("tr", element("th", key, scope="row"), element("td", "not told" if value is None else str(value)))
        for key, value in pairs
    ]
    if not rows:
        return []
    return [
        element("h3", heading),
        element("div", element("table", element("tbody", rows), class_="pairs"), class_="scroll"),
    ]
