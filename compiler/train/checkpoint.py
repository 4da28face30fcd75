"""What training has reached, in a file that is whole whenever its process dies."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from .lesson import Judged

_DIGEST_BYTES: Final = 32
"""A file begins with the SHA-256 of what follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Good:
    """Weights that were judged, the number of steps that made them, and the judgement."""

    step: int
    judged: Judged
    weights: Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """All that a training needs to go on: `step` steps were made, in `spent_s` seconds of all its processes."""

    step: int
    spent_s: float
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Any]
    before: Judged
    good: Good

    def save(self, path: Path) -> None:
        """Replace the file as a whole.

        Raises:
            OSError: when it cannot be written.
        """
        fresh = path.with_name(path.name + ".part")
        state = {
            "step": self.step,
            "spent_s": self.spent_s,
            "weights": dict(self.weights),
            "optimizer": dict(self.optimizer),
            "before": asdict(self.before),
            "good": {"step": self.good.step, "judged": asdict(self.good.judged), "weights": dict(self.good.weights)},
        }
        content = io.BytesIO()
        torch.save(state, content)
        data = content.getvalue()
        with fresh.open("wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path) -> Checkpoint | None:
        """Give what was saved, None when there is nothing or the file was harmed."""
        try:
            found = path.read_bytes()
        except FileNotFoundError:
            return None
        digest, data = found[:_DIGEST_BYTES], found[_DIGEST_BYTES:]
        if hashlib.sha256(data).digest() != digest:
            return None  # training begins anew and comes to the same weights
        state = torch.load(io.BytesIO(data), weights_only=True)
        good = state["good"]
        return cls(
            step=state["step"],
            spent_s=state["spent_s"],
            weights=state["weights"],
            optimizer=state["optimizer"],
            before=Judged(**state["before"]),
            good=Good(step=good["step"], judged=Judged(**good["judged"]), weights=good["weights"]),
        )
