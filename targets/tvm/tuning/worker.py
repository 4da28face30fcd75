"""`python -m edgewright.targets.tvm.tuning.worker`: builds and times tiles, one line of JSON in, one line out.

It is a process of its own because a compiler may crash or hang; whoever started it starts another one then.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from statistics import median
from typing import Annotated, Any

import msgspec
import numpy as np

from ..remainders import target_for
from ..schedule.tile import Tile
from ..schedule.tiled import kernel_of, tiled
from ..toolkit import tvm

SWEEP_BYTES = 8 << 20
"""Weights are taken from so many bytes in turn: in a model others have been read since, and a cache holds less."""

MOST_COPIES, LEAST_SWEEPS, MEASURED_S = 32, 5, 0.06

RELATIVE, ABSOLUTE = 1e-3, 1e-4
"""How far a tile may be from the function as it stands: sums of some thousand products of about 1 in another order."""


LONGEST_S = 300
"""A trial that takes longer ends the process: whoever asked, and would have ended it long before, is gone."""


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A function as `tvm.ir.save_json` writes it, the target as `str` does, and the tile to try."""

    function: str
    target: str
    constants: tuple[int, ...]
    tile: Tile


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Milliseconds for one call, or why there are none."""

    ms: Annotated[float, msgspec.Meta(gt=0)] | None = None
    failure: str | None = None


def main() -> None:
    """Answer until nothing more is asked."""
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what LLVM prints is no answer
    expected: dict[str, list[Any]] = {}
    for line in sys.stdin.buffer:
        signal.alarm(LONGEST_S)  # nobody handles it, so it ends the process also where a compiler hangs
        job = msgspec.json.decode(line, type=Job)
        if job.function not in expected:
            expected.clear()
            expected[job.function] = _examples(job)
        answers.write(msgspec.json.encode(_tried(job, expected[job.function])) + b"\n")
        signal.alarm(0)


def _examples(job: Job) -> list[Any]:
    """Give inputs drawn for a function, and what it gives for them as it stands."""
    function = tvm().ir.load_json(job.function)
    source = np.random.default_rng(0)
    arrays = [
        source.standard_normal([int(size) for size in parameter.shape], np.float32).astype(str(parameter.dtype))
        for parameter in function.params
    ]
    tensors = [tvm().runtime.tensor(array) for array in arrays]
    _built(function, job.target)(*tensors)
    return tensors


def _built(function: Any, target: str) -> Any:
    named = function.with_attr("global_symbol", "main")
    return tvm().tirx.build(tvm().IRModule({"main": named}), target=target_for(function, _target(target)))["main"]


def _target(text: str) -> Any:
    return tvm().target.Target(msgspec.json.decode(text))


def _tried(job: Job, expected: list[Any]) -> Answer:
    function = tvm().ir.load_json(job.function)
    kernel = kernel_of(function)
    if kernel is None:
        return Answer(failure="the function has no kernel")
    try:
        run = _built(tiled(function, kernel, job.tile), job.target)
    except (RuntimeError, ValueError) as error:  # TVM's own errors are of these
        return Answer(failure=" ".join(str(error).split())[-300:])
    *inputs, output = expected
    given = tvm().runtime.empty(output.shape, output.dtype)
    run(*inputs, given)
    if not np.allclose(given.numpy(), output.numpy(), RELATIVE, ABSOLUTE, equal_nan=True):
        return Answer(failure="its results differ from those of the function as it stands")
    return Answer(ms=_milliseconds(run, [*inputs, given], job.constants))


def _milliseconds(run: Any, operands: list[Any], constants: tuple[int, ...]) -> float:
    """Time one call: the median of sweeps over copies of the weights, so that they come from far."""
    held = sum(operands[place].numpy().nbytes for place in constants)
    copies = min(MOST_COPIES, 1 + SWEEP_BYTES // max(held, 1))
    turns = [
        [
            tvm().runtime.tensor(operand.numpy()) if place in constants else operand
            for place, operand in enumerate(operands)
        ]
        for _ in range(copies)
    ]
    sweeps: list[float] = []
    started = time.perf_counter()
    while len(sweeps) < LEAST_SWEEPS or time.perf_counter() - started < MEASURED_S:
        begun = time.perf_counter()
        for turn in turns:
            run(*turn)
        sweeps.append(time.perf_counter() - begun)
    return float(min(median(sweeps), 1.2 * min(sweeps)) / copies * 1e3)


if __name__ == "__main__":
    main()
