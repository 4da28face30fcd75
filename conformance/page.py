"""The reference page `docs/reference/ops.md`, made from the kept records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .record import Record
from .summary import Summary, summarize, summary_of
from .verdict import IMPORTER

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "ops.md"
"""Where the page lies in a checkout."""

HEAD = """# Operators

What each target does with ONNX's own operator cases (`onnx.backend.test.case.node`): small models of one operator with
inputs and the outputs that ONNX's reference gives. Every case of the installed `onnx` runs through import,
`coverage()`, `compile` and the target's runtime, and its outputs are compared in dtype, shape and value (relative
1e-3, absolute 1e-4). This page is made from the kept records by `make conformance`; CI runs all cases again, and fails
on any that fails, is wrong, or passed in the record and does no more.

- **passed**: as the case is given.
- **with inputs fixed**: refused as given, passed when all inputs but the first are constants, as they are in most
  trained models (weights, axes, sizes, pads). Never counted as passed.
- **refused**: by the importer or by `coverage()`, before anything is written, with a reason.
- **failed**, **wrong**: what must not be.

`torch-graph` is no target: it is the hub's [PyTorch form](../explanation/the-pytorch-form.md), from which ExecuTorch's
artifacts are made, run eagerly.
"""

TABLE = """
## By operator

In a cell: cases passed of all; what the target makes of the operator's own node where its cases pass (nothing where
the node is folded or taken apart before the target sees it); in brackets how many more pass with inputs fixed. A case
with the body of a function operator in place of its node counts for that operator.
"""

REFUSALS = """
## What is refused

Numbers are cases that are refused as given and with inputs fixed. What a reason names is an operator of the model, or
one that it is made of.
"""

PLAIN = "Of these, the cases whose inputs and outputs are tensors of float32, integers and booleans, none of training:"


def page(records: Sequence[Record]) -> str:
    """Give the page for the records of all targets, in their order."""
    lines = [HEAD, *_totals(records), TABLE, *_operators(records), REFUSALS]
    lines += ["### By the importer, for every target", "", *_refusals(records[0], by=IMPORTER)]
    for record in records:
        lines += ["", f"### By {record.target}", "", *_refusals(record, by=record.target)]
    return "\n".join(lines) + "\n"


def _totals(records: Sequence[Record]) -> list[str]:
    rows = {record.target: summary_of(record) for record in records}
    lines = [
        "| target | cases | passed | with inputs fixed | refused | failed or wrong |",
        "|---|---|---|---|---|---|",
        *(_total(target, summary) for target, summary in rows.items()),
        "",
        PLAIN,
        "",
        "| target | cases | passed | with inputs fixed | refused | failed or wrong |",
        "|---|---|---|---|---|---|",
    ]
    for record in records:
        lines.append(_plain(record.target, record.plain))
    lines += ["", *(f"- {record.target}: {_versions(record)}" for record in records)]
    return lines


def _total(target: str, summary: Summary) -> str:
    figures = (summary.cases, summary.passed, summary.passed_with_inputs_fixed, summary.refused, summary.findings)
    return f"| {target} | {' | '.join(f'{figure:,}' for figure in figures)} |"


def _plain(target: str, counts: Mapping[str, int]) -> str:
    passed, refused = counts.get("passed", 0), counts.get("refused", 0)
    fixed = counts.get("refused; passed with inputs fixed", 0)
    total = sum(counts.values())
    figures = (total, passed, fixed, refused, total - passed - fixed - refused)
    return f"| {target} | {' | '.join(f'{figure:,}' for figure in figures)} |"


def _versions(record: Record) -> str:
    return ", ".join(f"{package} {number}" for package, number in record.versions.items())


def _operators(records: Sequence[Record]) -> list[str]:
    names = sorted({name for record in records for name in record.operators})
    lines = [
        f"| operator | {' | '.join(record.target for record in records)} |",
        "|---|" + "---|" * len(records),
    ]
    for name in names:
        cells = [_cell(summarize(record.operators.get(name, ()))) for record in records]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _cell(summary: Summary) -> str:
    parts = [f"{summary.passed}/{summary.cases}"]
    if summary.passed or summary.passed_with_inputs_fixed:
        parts.append("/".join(summary.handling))
    if summary.passed_with_inputs_fixed:
        parts.append(f"(+{summary.passed_with_inputs_fixed})")
    if summary.findings:
        parts.append(f"**{summary.findings} failed or wrong**")
    return " ".join(filter(None, parts))


def _refusals(record: Record, *, by: str) -> list[str]:
    lines = ["| operator | cases | reason |", "|---|---|---|"]
    for operator, entries in record.operators.items():
        for reason, count in summarize(entries, by=by).refusals.items():
            lines.append(f"| {operator} | {count} | {_cell_text(reason)} |")
    return lines


def _cell_text(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[").replace("_", "\\_").replace("*", "\\*")
