"""`python -m edgewright.conformance TARGET [--only CASE …] [--op OPERATOR]`: verdicts of ONNX's operator cases."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from .cases import cases
from .run import run
from .verdict import Result, Verdict


def main(arguments: Sequence[str]) -> int:
    """Judge cases and print a line each, then counts; 1 when some case failed or is wrong."""
    parser = argparse.ArgumentParser(prog="python -m edgewright.conformance", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--only", nargs="+", metavar="CASE", help="these cases alone")
    parser.add_argument("--op", nargs="+", metavar="OPERATOR", help="the cases of these operators alone")
    parser.add_argument("--verdict", choices=list(Verdict), help="print the lines of this verdict alone")
    options = parser.parse_args(arguments)
    known = cases()
    unknown = sorted({*(options.only or ())} - known.keys())
    if unknown:
        parser.error(f"there is no case named {unknown[0]!r}")
    names = [
        name
        for name, case in known.items()
        if (not options.only or name in options.only) and (not options.op or case.operator in options.op)
    ]
    results = []
    for result in run(options.target, names):
        results.append(result)
        if options.verdict in (None, *(outcome.verdict for outcome in result.outcomes)):
            _write(result)
    for word, count in Counter(result.word for result in results).most_common():
        print(f"{count:5} {word}")  # noqa: T201 - what the program is for
    return int(any(result.is_finding for result in results))


def _write(result: Result) -> None:
    reasons = "; with inputs fixed: ".join(
        f"{outcome.by}: {outcome.reason}" if outcome.by else outcome.reason
        for outcome in result.outcomes
        if outcome.reason
    )
    print(f"{result.case} ({result.operator}): {result.word}{f': {reasons}' if reasons else ''}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
