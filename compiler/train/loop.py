"""The loop: batch, loss, step; deterministic, bounded in time, and able to go on after it was killed."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from ...vocabulary.errors import DataError, RequestError
from .batches import Batches
from .checkpoint import Checkpoint, Good
from .learning import Learning
from .lesson import Judged, Lesson
from .material import Material, Standing

CHECKPOINT_SECONDS: Final = 10.0
"""As much work is lost at most when a training is killed."""
_TELL_SECONDS: Final = 1.0
_WARM_UP: Final = 0.1
"""The share of the training in which the learning rate rises; behind it, it falls as a cosine. Source: Loshchilov and
Hutter, SGDR, 2017."""
FILE: Final = "checkpoint.pt"


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """What came out: the weights that were judged best, and how it went.

    `steps` of `planned` were made; `stopped` says why not all of them, and is empty otherwise.
    """

    good: Good
    before: Judged
    steps: int
    planned: int
    stopped: str


class Loop:
    """One training."""

    def __init__(self, lesson: Lesson, batches: Batches, options: Learning, material: Material) -> None:
        """Nothing is computed before `run`."""
        self._lesson, self._batches, self._options, self._material = lesson, batches, options, material
        self._planned = options.epochs * batches.per_epoch
        self._file: Path | None = material.home / FILE if material.home is not None else None

    def run(self, start: Mapping[str, Tensor], zeros: Mapping[str, Tensor]) -> Trained:
        """Train from the weights `start`.

        `zeros` says of some weights which of their places learn (1) and which stay as they are (0).

        Raises:
            DataError: when the loss is not finite before the first step.
            RequestError: when the budget ends before the first epoch does.
        """
        with _exactly(self._options.threads):
            return self._run(start, zeros)

    def _run(self, start: Mapping[str, Tensor], zeros: Mapping[str, Tensor]) -> Trained:
        kept = Checkpoint.load(self._file) if self._file is not None else None
        first = kept.weights if kept is not None else start
        weights = {name: tensor.clone().requires_grad_() for name, tensor in first.items()}
        optimizer = torch.optim.AdamW(weights.values(), lr=1.0, weight_decay=self._options.weight_decay)
        if kept is not None:
            optimizer.load_state_dict(dict(kept.optimizer))
            before, good, done, spent_s = kept.before, kept.good, kept.step, kept.spent_s
        else:
            before = self._judged_first(weights)
            good, done, spent_s = _good(0, before, weights), 0, 0.0
        clock = _Clock(spent_s)
        stopped, saved, told = "", clock.spent_s, 0.0
        per_epoch = self._batches.per_epoch
        while done < self._planned:
            stopped = self._out_of_time(done, clock)
            if stopped:
                break
            loss = self._step(done, clock, weights, zeros, optimizer)
            if loss is None:
                stopped = f"the loss of step {done + 1} was not finite"
                break
            done += 1
            if done % per_epoch == 0:
                judged = self._lesson.judge(weights)
                if judged.loss <= good.judged.loss:  # what is not finite is never less
                    good = _good(done, judged, weights)
            if self._file is not None and (clock.spent_s - saved >= CHECKPOINT_SECONDS):
                self._checkpoint(done, clock, weights, optimizer, before, good)
                saved = clock.spent_s
            if clock.spent_s - told >= _TELL_SECONDS or done == self._planned:
                told = clock.spent_s
                self._tell(done, loss, good, clock)
        return Trained(good=good, before=before, steps=done, planned=self._planned, stopped=stopped)

    def _judged_first(self, weights: Mapping[str, Tensor]) -> Judged:
        judged = self._lesson.judge(weights)
        if not math.isfinite(judged.loss):
            raise DataError(
                f"the loss of the model as it is, before it learned anything, is {judged.loss}",
                hint="the model or its teacher overflows on some training row; leave such rows out",
            )
        return judged

    def _step(
        self,
        step: int,
        clock: _Clock,
        weights: Mapping[str, Tensor],
        zeros: Mapping[str, Tensor],
        optimizer: torch.optim.Optimizer,
    ) -> float | None:
        """Make one step; None, and nothing changed, when its loss or a gradient is not finite."""
        loss = self._lesson.loss(self._batches.of_step(step), weights)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch does not say what it gives
        found = [tensor.grad for tensor in weights.values() if tensor.grad is not None]
        value = float(loss.detach())
        if not math.isfinite(value) or not all(bool(gradient.isfinite().all()) for gradient in found):
            return None
        for name, learns in zeros.items():
            gradient = weights[name].grad
            if gradient is not None:
                gradient.mul_(learns)
        for group in optimizer.param_groups:
            group["lr"] = self._options.learning_rate * _rate(self._progress(step, clock))
        optimizer.step()
        return value

    def _progress(self, step: int, clock: _Clock) -> float:
        """Give which share of the training is over: by its steps, or by its budget when that ends first."""
        budget = self._options.budget_s
        return max(step / self._planned, clock.spent_s / budget if budget is not None else 0.0)

    def _out_of_time(self, done: int, clock: _Clock) -> str:
        budget, per_epoch = self._options.budget_s, self._batches.per_epoch
        if budget is None or done == 0:
            return ""
        if done < per_epoch:
            if clock.spent_s > budget:
                needed = clock.spent_s / done * per_epoch
                raise RequestError(
                    f"the budget of {self._options.budget} ends at step {done} of {per_epoch} of the first epoch, "
                    f"which takes about {needed:.1f} s here",
                    hint=f'say budget = "{math.ceil(2 * needed)} s" or more, or give fewer rows',
                )
            return ""
        if done % per_epoch == 0 and clock.spent_s * (1 + per_epoch / done) > budget:
            return f"the budget of {self._options.budget} was used up"
        return ""

    def _checkpoint(
        self,
        done: int,
        clock: _Clock,
        weights: Mapping[str, Tensor],
        optimizer: torch.optim.Optimizer,
        before: Judged,
        good: Good,
    ) -> None:
        assert self._file is not None
        Checkpoint(
            step=done,
            spent_s=clock.spent_s,
            weights={name: tensor.detach() for name, tensor in weights.items()},
            optimizer=optimizer.state_dict(),
            before=before,
            good=good,
        ).save(self._file)

    def _tell(self, done: int, loss: float, good: Good, clock: _Clock) -> None:
        if self._material.tell is None:
            return
        epoch = min((done - 1) // self._batches.per_epoch + 1, self._options.epochs)
        left_s = clock.spent_s / done * (self._planned - done)
        if self._options.budget_s is not None:
            left_s = min(left_s, self._options.budget_s - clock.spent_s)
        text = (
            f"epoch {epoch} of {self._options.epochs}, loss {loss:.3g}, "
            f"{self._lesson.metric} {good.judged.metric:.1f} %, {_duration(max(left_s, 0.0))} left"
        )
        self._material.tell(Standing(done=done, total=self._planned, text=text))


class _Clock:
    """Seconds that were spent on a training, by this process and those before it."""

    def __init__(self, before_s: float) -> None:
        self._before_s, self._started = before_s, time.monotonic()

    @property
    def spent_s(self) -> float:
        return self._before_s + time.monotonic() - self._started


def _good(step: int, judged: Judged, weights: Mapping[str, Tensor]) -> Good:
    return Good(step=step, judged=judged, weights={name: tensor.detach().clone() for name, tensor in weights.items()})


def _rate(progress: float) -> float:
    """Give the learning rate as a share of the highest: a rise in a line, then half a cosine down."""
    if progress < _WARM_UP:
        return (progress + 0.01) / (_WARM_UP + 0.01)
    return 0.5 * (1 + math.cos(math.pi * min((progress - _WARM_UP) / (1 - _WARM_UP), 1.0)))


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds:.0f} s" if seconds < 100 else f"{minutes} min"


@contextmanager
def _exactly(threads: int) -> Iterator[None]:
    """Let PyTorch take only ways that give the same numbers each time, in so many threads."""
    before, threads_before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    torch.use_deterministic_algorithms(mode=True)
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        torch.set_num_threads(threads_before)
