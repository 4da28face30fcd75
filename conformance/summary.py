"""What a record says of one operator, counted: for the page, and for a terminal."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from .record import Entry, Record
from .verdict import FINDINGS, Outcome, Verdict

REASON_LENGTH = 160
ELEMENT_TYPE = r"\b(?:b?float\d+(?:_\w+)?|u?int\d+)\b"

NAMES_OF_NODES = (
    (r"^node '[^']*' \((\S+)\)", r"\1"),
    (r"^(?:node '[^']*'|model\.onnx): ", ""),
    (r" (?:node )?with name '[^']*'", ""),
)
"""How messages name a node of the model, and what is left of it here."""


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Cases by what became of them. `findings` failed or were wrong; `refusals` counts the others by their reason.

    A case of `passed_with_inputs_fixed` was refused as it is given, and passed when all inputs but its first were made
    constants; it is not among `passed`.
    """

    cases: int
    passed: int
    passed_with_inputs_fixed: int
    refused: int
    findings: int
    handling: tuple[str, ...]
    refusals: dict[str, int]
    """Reason → number of cases, the most frequent first."""


def summarize(entries: Iterable[Entry], *, by: str | None = None) -> Summary:
    """Count cases. `by` keeps the reasons of one who refused (`importer`, `tflite`), None those of all."""
    words: Counter[str] = Counter()
    handling: dict[str, None] = {}
    refusals: Counter[str] = Counter()
    for entry in entries:
        word = _word(entry)
        words[word] += len(entry.cases)
        handling |= dict.fromkeys(filter(None, entry.handling.split(", ")))
        if word == "refused":
            last = entry.fixed or entry.given
            if by in (None, last.by):
                refusals[_without_nodes(last)] += len(entry.cases)
    return Summary(
        cases=words.total(),
        passed=words["passed"],
        passed_with_inputs_fixed=words["fixed"],
        refused=words["refused"],
        findings=words["finding"],
        handling=tuple(sorted(handling, reverse=True)),  # native first
        refusals=_merged(refusals),
    )


def summary_of(record: Record) -> Summary:
    """Count all cases of a record."""
    return summarize(entry for entries in record.operators.values() for entry in entries)


def _without_nodes(outcome: Outcome) -> str:
    """Give the reason of a refusal for people: without names of nodes, and without what only follows from another."""
    reason = outcome.reason
    for pattern, words in NAMES_OF_NODES:
        reason = re.sub(pattern, words, reason)
    parts = [part for part in reason.split("; ") if "not judged: " not in part]
    return "; ".join(dict.fromkeys(parts))


def _merged(refusals: Mapping[str, int]) -> dict[str, int]:
    """Make one of reasons that differ in an element type alone, and cut long ones; the most frequent come first."""
    counts: Counter[str] = Counter()
    types: dict[str, set[str]] = {}
    for reason, count in refusals.items():
        found = set(re.findall(ELEMENT_TYPE, reason))
        key = reason if len(found) != 1 else re.sub(ELEMENT_TYPE, "{types}", reason)
        counts[key] += count
        types.setdefault(key, set()).update(found)
    merged: Counter[str] = Counter()
    for key, count in counts.items():
        merged[_cut(key.replace("{types}", ", ".join(sorted(types[key]))))] += count
    return dict(sorted(merged.items(), key=lambda item: (-item[1], item[0])))


def _cut(text: str) -> str:
    return text if len(text) <= REASON_LENGTH else text[:REASON_LENGTH].rpartition(" ")[0].rstrip(",;: ") + " …"


def _word(entry: Entry) -> str:
    verdicts = [entry.given.verdict, *([entry.fixed.verdict] if entry.fixed is not None else [])]
    if FINDINGS.intersection(verdicts):
        return "finding"
    if verdicts[0] is Verdict.PASSED:
        return "passed"
    return "fixed" if verdicts[-1] is Verdict.PASSED else "refused"
