"""`quantizer_table.py RESULTS PAGE`: puts the comparison of quantizers into a page, a table a model and runtime."""

from __future__ import annotations

import json
import statistics
import sys
import textwrap
from pathlib import Path
from typing import Any

from entrants import ENTRANTS, FP32, MODELS

MARK = "<!-- measured -->"
"""What follows it in a page is written anew."""

RUNTIMES = {".onnx": "onnxruntime", ".tflite": "LiteRT"}
HEAD = (
    "| by | settings | {task} | SNR dB | bytes | seconds | ms | ratio to fp32 | ratio to best peer |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|--:|\n"
)
USABLE_DROP_PP, USABLE_COSINE = 2.0, 0.95
"""A peer whose file answers worse than this against fp32 is none to be faster than."""

Records = dict[str, dict[str, Any]]


def collect(results: Path) -> dict[str, Records]:
    """Give what was measured: model → entrant → its record, with its latencies in milliseconds (None without any)."""
    found: dict[str, Records] = {}
    for subject in MODELS:
        for key, entrant in ENTRANTS.items():
            record, latencies = (
                results / f"{entrant.stem(subject)}.json",
                results / f"{subject}{entrant.suffix}.race.json",
            )
            if record.exists() and latencies.exists():
                values = json.loads(latencies.read_text("utf-8")).get(key)
                found.setdefault(subject, {})[key] = json.loads(record.read_text("utf-8")) | {"latency_ms_all": values}
    return found


def markdown(context: dict[str, Any], found: dict[str, Records]) -> str:
    """Write the records of `compare_quantizers.py` as text for people."""
    (before, *_), (after, *_) = context["load_before"], context["load_after"]
    machine = (
        f"{context['date']}, {context['cpu']}, {context['cores']} cores, load {before:.1f} before and {after:.1f} after"
    )
    versions = "; ".join(
        f"{name}: {', '.join(f'{package} {number}' for package, number in packages.items())}"
        for name, packages in context["versions"].items()
    )
    lines = [f"{machine}. Environments: {versions}.\n"]
    for subject, records in found.items():
        for suffix, runtime in RUNTIMES.items():
            rows = {key: record for key, record in records.items() if ENTRANTS[key].suffix == suffix}
            lines.append(f"\n### {subject} in {runtime}\n\n{HEAD.format(task=_task_name(rows))}")
            lines += [_line(key, rows) for key in rows]
    return "".join(lines)


def best_peer(kind: str, rows: Records) -> str | None:
    """The fastest file of this kind by somebody else whose answers are of use."""
    peers = {
        key: statistics.median(record["latency_ms_all"])
        for key, record in rows.items()
        if ENTRANTS[key].kind == kind and not ENTRANTS[key].ours and record["latency_ms_all"] and _usable(record)
    }
    return min(peers, key=lambda key: peers[key], default=None)


def _line(key: str, rows: Records) -> str:
    entrant, record = ENTRANTS[key], rows[key]
    name = entrant.environment.removesuffix("-tensorflow") + (" 1.29" if "tensorflow" in entrant.environment else "")
    if "failed" in record:
        reason = textwrap.shorten(record["failed"].replace("|", "/"), 110, placeholder=" …")
        cells = [name, entrant.setting, f"fails: {reason}", *["–"] * 6]
        return f"| {' | '.join(cells)} |\n"
    noise = [draw["snr_db"] for draw in record["judged"] if draw["snr_db"] is not None]
    cells = [
        name,
        entrant.setting,
        _task(record),
        f"{statistics.mean(noise):.1f}" if noise else "–",
        f"{record['size_bytes']:,}",
        f"{record['wall_s']:.1f}",
        f"{statistics.median(record['latency_ms_all']):.3f}" if record["latency_ms_all"] else "–",
        _ratio(key, FP32[entrant.suffix].key, rows),
        "–" if entrant.kind == "fp32" else _ratio(key, best_peer(entrant.kind, rows), rows),
    ]
    return f"| {' | '.join(cells)} |\n"


def _task_name(rows: Records) -> str:
    judged = next(record["judged"] for record in rows.values() if "judged" in record)
    return "right of " + str(sum(draw["rows"] for draw in judged)) if "right" in judged[0] else "cosine (lowest row)"


def _task(record: dict[str, Any]) -> str:
    if "right" in record["judged"][0]:
        right = sum(draw["right"] for draw in record["judged"])
        gained, lost = (sum(draw[name] for draw in record["judged"]) for name in ("gained", "lost"))
        return f"{right} ({-drop_pp(record):+.2f} pp: +{gained} -{lost})"
    cosine = statistics.mean(draw["cosine"] for draw in record["judged"])
    return f"{cosine:.5f} ({min(draw['cosine_min'] for draw in record['judged']):.3f})"


def drop_pp(record: dict[str, Any]) -> float:
    """By how many points accuracy is below that of the float model on the same rows."""
    judged = record["judged"]
    lost = sum(draw["fp32_right"] - draw["right"] for draw in judged)
    return float(100 * lost / sum(draw["rows"] for draw in judged))


def _usable(record: dict[str, Any]) -> bool:
    if "right" in record["judged"][0]:
        return drop_pp(record) <= USABLE_DROP_PP
    return statistics.mean(draw["cosine"] for draw in record["judged"]) >= USABLE_COSINE


def _ratio(key: str, other: str | None, rows: Records) -> str:
    if key == other:
        return "1"
    mine, its = rows[key]["latency_ms_all"], rows.get(other or "", {}).get("latency_ms_all")
    if not mine or not its:
        return "–"
    pairs = zip(mine, its, strict=True)
    low, middle, high = statistics.quantiles([own / others for own, others in pairs], n=4)
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


if __name__ == "__main__":
    folder, page = Path(sys.argv[1]), Path(sys.argv[2])
    tables = markdown(json.loads((folder / "context.json").read_text("utf-8")), collect(folder))
    head, _, _ = page.read_text("utf-8").partition(MARK)
    page.write_text(f"{head}{MARK}\n\n{tables}", "utf-8")
