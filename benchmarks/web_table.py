"""The tables of `compare_web.py` as Markdown."""

from __future__ import annotations

import statistics
from typing import Any

YARDSTICK = "tfjs fp32"
"""To whose latency the others' is set in relation: TF.js with edgewright's artifact."""


def markdown(record: dict[str, Any]) -> str:
    """All tables: wasm with each number of threads, then the other backends."""
    context = record["context"]
    (before, *_), (after, *_) = context["load_before"], context["load_after"]
    machine = f"{context['date']}, {context['cpu']}, {context['cores']} cores"
    software = ", ".join([context["browser"], *sorted(versions(record))])
    lines = [
        f"{machine}, load {before:.1f} before and {after:.1f} after; {software}.",
        f"Outputs against onnxruntime {context['onnxruntime']}.",
        "",
    ]
    for model, entry in record["models"].items():
        lines += of_model(model, entry)
    lines += ["Other backends of TF.js, 1 page, 1 round:", "", *others(record), ""]
    return "\n".join(lines)


def of_model(model: str, entry: dict[str, Any]) -> list[str]:
    """What wasm gave for one model."""
    return [f"**{model}**, outputs within ±{entry['reference_max_abs']:.3g}", "", *wasm(entry), ""]


def versions(record: dict[str, Any]) -> set[str]:
    """The engines that took part, with their versions."""
    return {
        f"{key.split()[0]} {row['version']}"
        for entry in record["models"].values()
        for race in entry["races"]
        for key, row in race["rows"].items()
        if "version" in row
    }


def wasm(entry: dict[str, Any]) -> list[str]:
    """A row for each artifact in its engine; columns for each number of threads."""
    races = [race for race in entry["races"] if race["backend"] == "wasm"]
    counts = sorted({race["threads"] for race in races})
    head = "".join(f" ms, {threads} | ratio to {YARDSTICK} |" for threads in counts)
    lines = [f"| engine, artifact | load + first ms | max_abs |{head}", f"|---|--:|--:|{'--:|--:|' * len(counts)}"]
    for key in races[0]["rows"] if races else ():
        cells = []
        for threads in counts:
            own = [race["rows"] for race in races if race["threads"] == threads]
            cells += latency(key, own)
        rows = [race["rows"][key] for race in races if "failed" not in race["rows"][key]]
        if not rows:
            lines.append(f"| {key} | {races[0]['rows'][key]['failed']} |")
            continue
        load = statistics.median(value for row in rows for value in row["loadMs"])
        first = statistics.median(value for row in rows for value in row["firstMs"])
        worst = max(row["max_abs"] for row in rows)
        lines.append(f"| {key} | {load:.0f} + {first:.0f} | {worst:.1e} | {' | '.join(cells)} |")
    return [*lines[:2], *sorted(lines[2:])]


def latency(key: str, pages: list[dict[str, Any]]) -> tuple[str, str]:
    """The median latency over all rounds, and the ratio to the yardstick's in the same round with its quartiles."""
    if any("failed" in page[key] for page in pages):
        return "failed", ""
    mine = [value for page in pages for value in page[key]["medians"]]
    middle = f"{statistics.median(mine):.3f}"
    if key == YARDSTICK or any("failed" in page.get(YARDSTICK, {"failed": ""}) for page in pages):
        return middle, "1" if key == YARDSTICK else ""
    base = [value for page in pages for value in page[YARDSTICK]["medians"]]
    ratios = [own / other for own, other in zip(mine, base, strict=True)]
    low, ratio, high = statistics.quantiles(ratios, n=4)
    return middle, f"{ratio:.3f} ({low:.3f}–{high:.3f})"


def others(record: dict[str, Any]) -> list[str]:
    """A row for each artifact on each backend that computes without wasm."""
    lines = ["| model | artifact, backend | load + first ms | ms | max_abs |", "|---|---|--:|--:|--:|"]
    for model, entry in record["models"].items():
        for race in entry["races"]:
            for key, row in race["rows"].items() if race["backend"] != "wasm" else ():
                if "failed" in row:
                    lines.append(f"| {model} | {key}, {race['backend']} | {row['failed']} | | |")
                    continue
                spent = f"{row['loadMs'][0]:.0f} + {row['firstMs'][0]:.0f} | {statistics.median(row['medians']):.2f}"
                lines.append(f"| {model} | {key}, {race['backend']} | {spent} | {row['max_abs']:.1e} |")
    return lines
