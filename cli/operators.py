"""The operators of one target on a terminal: which of ONNX's own cases each passes, and why others are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from .output import columns

if TYPE_CHECKING:
    from rich.console import Console

    from ..conformance.summary import Summary

REASONS = 2
"""How many reasons stand in a line; the page of operators has all."""

REASON_WIDTH = 60


class Conformance(msgspec.Struct, frozen=True, kw_only=True):
    """What a target makes of ONNX's operator cases, by the kept record; `versions` are those that it was made with."""

    versions: dict[str, str]
    total: Summary
    operators: dict[str, Summary]


def conformance_of(target: str) -> Conformance | None:
    """Read the kept record of a target; None when there is none."""
    from ..conformance.record import kept
    from ..conformance.summary import summarize, summary_of

    record = kept(target)
    if record is None:
        return None
    return Conformance(
        versions=record.versions,
        total=summary_of(record),
        operators={operator: summarize(entries) for operator, entries in record.operators.items()},
    )


def in_a_line(total: Summary) -> str:
    """Say how many cases pass."""
    return (
        f"{total.passed:,} of {total.cases:,} ONNX cases pass, {total.passed_with_inputs_fixed:,} more with inputs "
        f"fixed; {total.refused:,} refused, {total.findings:,} wrong or failed"
    )


def show_operators(console: Console, known: Sequence[str], operators: Mapping[str, Summary]) -> None:
    """Print operators in groups: those whose every case passes, of which some are refused, without a case, refused.

    An operator that is not known passes where its body of others is taken in its place.
    """
    said = sorted({*known, *(name for name, each in operators.items() if each.passed + each.passed_with_inputs_fixed)})
    whole = [name for name in said if name in operators and operators[name].passed == operators[name].cases]
    partly = [name for name in said if name in operators and name not in whole]
    untried = [name for name in said if name not in operators]
    others = [name for name in operators if name not in said]
    if whole:
        _title(console, "every case passes (number of cases)")
        words = [f"{name} {operators[name].cases}" for name in whole]
        console.print(columns(words, console.width, indent=4), markup=False, soft_wrap=True)
    if partly:
        _title(console, "some cases are refused (passed of all; + with all inputs but the first fixed)")
        _show_partly(console, {name: operators[name] for name in partly})
    if untried:
        _title(console, "without a case of its own")
        console.print(columns(untried, console.width, indent=4), markup=False, soft_wrap=True)
    if others:
        _title(console, "every case is refused")
        console.print(columns(others, console.width, indent=4), markup=False, soft_wrap=True)


def _title(console: Console, text: str) -> None:
    console.print(f"\n  {text}", markup=False, soft_wrap=True)


def _show_partly(console: Console, operators: Mapping[str, Summary]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, justify="right")
    table.add_column(overflow="fold")
    for name, summary in operators.items():
        table.add_row(
            f"    {name}",
            f"{summary.passed}/{summary.cases}",
            f"+{summary.passed_with_inputs_fixed}" if summary.passed_with_inputs_fixed else "",
            Text(_reasons(name, summary.refusals)),
        )
    console.print(table)


def _reasons(operator: str, refusals: Mapping[str, int]) -> str:
    texts = [_short(reason.removeprefix(f"{operator}: ")) for reason in list(refusals)[:REASONS]]
    more = len(refusals) - len(texts)
    return "; ".join([*texts, *([f"and {more} more"] if more else [])])


def _short(text: str) -> str:
    return text if len(text) <= REASON_WIDTH else text[:REASON_WIDTH].rpartition(" ")[0].rstrip(",;: ") + " …"
