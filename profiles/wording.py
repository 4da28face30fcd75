"""Figures in words: one way to write each, in tables and pages alike. A figure that was not run is a dash."""

from __future__ import annotations

from collections.abc import Iterable

from ..devices.base import Facts
from ..vocabulary.evidence import Evidence
from ..vocabulary.label import Label
from .report import Entry, MetricResult, Report, Verdict

NOT_RUN = "–"

TIERS = {
    Evidence.MEASURED_DEVICE: "device",
    Evidence.MEASURED_HOST: "host",
    Evidence.EMULATED: "emulated",
    Evidence.ESTIMATED: "estimated",
    Evidence.NOT_RUN: "not run",
}
"""A tier of evidence → the word that stands beside each figure."""

_TIMES = ((1e3, "s", 1e-3), (1.0, "ms", 1.0), (1e-3, "µs", 1e3))
_SIZES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def time_of(milliseconds: float | None) -> str:
    """`43.2 µs`, `1.25 ms`, `2.04 s`: three digits."""
    if milliseconds is None:
        return NOT_RUN
    for least, unit, scale in _TIMES:
        if milliseconds >= least:
            return f"{_digits(milliseconds * scale)} {unit}"
    return f"{_digits(milliseconds * 1e6)} ns"


def size_of(size_bytes: int | None) -> str:
    """`812 B`, `41.4 kB`, `3.16 MB`: three digits."""
    if size_bytes is None:
        return NOT_RUN
    for least, unit in _SIZES:
        if size_bytes >= least:
            return f"{_digits(size_bytes / least)} {unit}"
    return f"{size_bytes} B"


def difference_of(value: float | None) -> str:
    """`3.1e-07`, or 0; a dash when there is none, because something is not finite."""
    if value is None:
        return NOT_RUN
    return f"{value:.1e}" if value else "0"


def metric_of(metric: MetricResult | None) -> str:
    """`90.13 %` for a share, `31.31` for another metric."""
    return NOT_RUN if metric is None else value_of(metric.value, metric.unit)


def value_of(value: float, unit: str) -> str:
    """Give a metric's value: percent when it drops in percentage points, a plain number otherwise."""
    return f"{100.0 * value:.2f} %" if unit == "pp" else f"{value:.4g}"


def drop_of(metric: MetricResult | None) -> str:
    """`0.25 pp [-0.13, 0.63]`: the drop and its 95% interval."""
    if metric is None:
        return NOT_RUN
    low, high = metric.ci95
    return f"{metric.drop_pp:.2f} {metric.unit} [{low:.2f}, {high:.2f}]"


def worst_difference(entry: Entry) -> str:
    """The largest difference of any output; `not finite` when one of them is."""
    if entry.parity is None:
        return NOT_RUN
    differences = [parity.max_abs for parity in entry.parity.outputs.values()]
    if not differences:
        return NOT_RUN
    found = [difference for difference in differences if difference is not None]
    return difference_of(max(found)) if len(found) == len(differences) else "not finite"


def latency_of(entry: Entry, percentile: int) -> str:
    """The latency of one call at percentile 50, 90 or 99."""
    if entry.profile is None:
        return NOT_RUN
    latency = entry.profile.latency_ms
    return time_of({50: latency.p50, 90: latency.p90, 99: latency.p99}[percentile])


def load_of(entry: Entry) -> str:
    """How long loading took."""
    return time_of(None if entry.profile is None else entry.profile.load_ms)


def memory_of(entry: Entry) -> str:
    """The peak memory."""
    return size_of(None if entry.profile is None else entry.profile.peak_memory_bytes)


def artifact_size_of(entry: Entry) -> str:
    """The size of all files; a dash when there are none."""
    return size_of(entry.size_bytes if entry.files else None)


LABELS = {
    Label.UNTUNED: "no fast code was looked for on its machine; a ladder has it behind all other artifacts",
    Label.TO_BE_BUILT: "the device itself makes of it what runs there; no ladder relies on it",
}
"""A label → what it means."""


def labels_of(entries: Iterable[Entry]) -> list[tuple[Label, str]]:
    """Give the labels that occur, with what they mean."""
    found = {label for entry in entries for label in entry.labels}
    return [(label, meaning) for label, meaning in LABELS.items() if label in found]


def artifact_of(entry: Entry) -> str:
    """Name an artifact with what must be known of it: `tvm-fp32 (untuned)`."""
    return f"{entry.artifact} ({', '.join(entry.labels)})" if entry.labels else entry.artifact


def runtime_of(entry: Entry) -> str:
    """What runs the artifact there, an engine with its backend on the web; a dash when there is no artifact."""
    return entry.runtime or NOT_RUN


def device_of(facts: Facts | None) -> str:
    """`browser, wasm: Chromium 150 on a CPU, linux x86_64`, `local: a CPU, linux x86_64`."""
    if facts is None:
        return ""
    backends = sorted({backend for name in facts.runtimes if (backend := name.partition("/")[2])})
    # the CPU of a browser says of itself which machine is below it
    system = "" if facts.os == "web" else f", {facts.os} {facts.arch}"
    return f"{', '.join([facts.kind, *backends])}: {facts.cpu}{system}"


def summary_of(report: Report) -> str:
    """`2 passed, 1 failed, 1 not run`: verdicts that occur, passed ones always; what no device opens is told apart."""
    counts = {
        verdict: sum(entry.verdict is verdict and not entry.left_out for entry in report.entries) for verdict in Verdict
    }
    words = {Verdict.PASS: "passed", Verdict.FAIL: "failed", Verdict.NOT_RUN: "not run"}
    said = [f"{count} {words[verdict]}" for verdict, count in counts.items() if count or verdict is Verdict.PASS]
    left_out = sum(entry.left_out for entry in report.entries)
    return ", ".join([*said, *([f"{left_out} not opened by their device"] if left_out else [])])


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
