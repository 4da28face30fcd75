"""The child that judges cases: it takes names, a line each, on its standard input and answers a line of JSON to each.

Run as `python -m edgewright.conformance.worker TARGET`. What libraries print goes to its standard error.
"""

from __future__ import annotations

import os
import sys

import msgspec

from .cases import cases
from .judge import judge
from .subjects import load_subject


def main(target_name: str) -> None:
    """Judge until the standard input ends."""
    with os.fdopen(os.dup(1), "wb", buffering=0) as answers:
        os.dup2(2, 1)  # native code prints to descriptor 1 whatever sys.stdout is
        target, known = load_subject(target_name), cases()
        answers.write(b"ready\n")
        for line in sys.stdin:
            answers.write(msgspec.json.encode(judge(known[line.strip()], target)) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1])
