"""The comparison as a Markdown table."""

from __future__ import annotations

from typing import Any

HEAD = (
    "| model, input | converter | seconds | peak MB | file MB | ops (TRANSPOSE) | max_abs | ms | ratio to best peer |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|--:|\n"
)


def markdown(record: dict[str, Any]) -> str:
    """Write the record of `compare_converters.py` as text for people."""
    context = record["context"]
    runtime, (before, *_), (after, *_) = context["runtime"], context["load_before"], context["load_after"]
    machine = (
        f"{context['date']}, {context['cpu']}, {context['cores']} cores, load {before:.1f} before and {after:.1f} after"
    )
    software = ", ".join(f"{name} {version}" for name, version in runtime.items())
    lines = [f"{machine}; {software}.\n\n", HEAD]
    for subject, entry in record["models"].items():
        for row in entry["rows"]:
            lines.append(_line(subject, row, context["versions"]))
    for subject, entry in record["models"].items():
        if entry["import"] is not None:
            lines.append(
                f"\nImporting {subject} into the hub, once for all targets: {entry['import']['wall_s']:.2f} s, "
                f"{entry['import']['peak_bytes'] / 1e6:.0f} MB.\n"
            )
    return "".join(lines)


def _line(subject: str, row: dict[str, Any], versions: dict[str, dict[str, str]]) -> str:
    name = row["converter"]
    ratio = "–"
    if row.get("best_peer") == name:
        ratio = "1"
    elif "ratio" in row:
        low, high = row["ratio_quartiles"]
        ratio = f"{row['ratio']:.3f} ({low:.3f}–{high:.3f})"
    cells = [
        f"{subject}, {row['layout']}",
        f"{name} {versions[name][name]}",
        f"{row['wall_s']:.2f}",
        f"{row['peak_bytes'] / 1e6:.0f}",
        f"{row['size_bytes'] / 1e6:.2f}",
        f"{row['op_count']} ({row['transpose_count']})",
        f"{row['max_abs']:.1e}",
        f"{row['latency_ms']:.3f}",
        ratio,
    ]
    return f"| {' | '.join(cells)} |\n"
