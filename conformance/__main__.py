"""ONNX's operator cases through targets: a line a case, then counts; 1 when a case failed or is wrong.

`python -m edgewright.conformance tflite --op Resize` looks at one operator; `--keep` runs all cases and writes the kept
records and the reference page.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec

from .cases import cases
from .page import PAGE, page
from .record import Record, kept, path_of
from .run import run
from .subjects import load_subject, subjects
from .verdict import Result, Verdict
from .versions import versions_of


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks."""
    options = _parse(arguments)
    names = [
        name
        for name, case in cases().items()
        if (not options.only or name in options.only) and (not options.op or case.operator in options.op)
    ]
    found = False
    for target in options.target or subjects():
        with Path(options.json).open("ab") if options.json else nullcontext() as lines:
            results = []
            for result in run(target, names):
                results.append(result)
                if not options.keep and options.verdict in (None, *(each.verdict for each in result.outcomes)):
                    _say(_line(result))
                if lines is not None:
                    lines.write(msgspec.json.encode(result) + b"\n")
        found |= _conclude(target, results, keep=options.keep)
    if options.keep:
        records = [record for name in subjects() if (record := kept(name)) is not None]
        PAGE.write_text(page(records), "utf-8")
    return int(found)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m edgewright.conformance", description=__doc__)
    parser.add_argument("target", nargs="*", help="targets by name, or torch-graph (all)")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="these cases alone")
    parser.add_argument("--op", nargs="+", metavar="OPERATOR", help="the cases of these operators alone")
    parser.add_argument("--verdict", choices=list(Verdict), help="print the lines of this verdict alone")
    parser.add_argument("--json", metavar="FILE", help="add the results to a file, a line of JSON each, as they come")
    parser.add_argument("--keep", action="store_true", help="write the kept records and the reference page")
    options = parser.parse_args(arguments)
    known = cases()
    for unknown in sorted({*(options.only or ())} - known.keys()):
        parser.error(f"there is no case named {unknown!r}")
    for unknown in sorted({*(options.op or ())} - {case.operator for case in known.values()}):
        parser.error(f"there is no case of an operator {unknown!r}")
    for unknown in sorted({*options.target} - {*subjects()}):
        parser.error(f"there is no target named {unknown!r}")
    if options.keep and (options.only or options.op):
        parser.error("a record is of all cases")
    return options


def _conclude(target: str, results: Sequence[Result], *, keep: bool) -> bool:
    """Print counts and what was found; give whether anything was."""
    findings = [result for result in results if result.is_finding]
    before = kept(target)
    lost = before.lost(results) if before is not None else ()
    if keep:
        plain = {name for name, case in cases().items() if case.is_plain}
        path_of(target).write_bytes(Record.of(target, versions_of(load_subject(target)), results, plain).encode())
    for result in findings if keep else ():  # else they stand among the lines
        _say(_line(result))
    for result in lost:
        _say(f"no pass any more: {_line(result)}")
    _say(f"{target}: {len(results)} cases")
    for word, count in Counter(result.word for result in results).most_common():
        _say(f"{count:6} {word}")
    return bool(findings)


def _line(result: Result) -> str:
    reasons = "; with inputs fixed: ".join(
        f"{outcome.by}: {outcome.reason}" if outcome.by else outcome.reason
        for outcome in result.outcomes
        if outcome.reason
    )
    return f"{result.case} ({result.operator}): {result.word}{f': {reasons}' if reasons else ''}"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - what the program is for


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
