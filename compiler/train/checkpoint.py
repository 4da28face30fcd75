"""What training has reached, in a file that is whole whenever its process dies."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .lesson import Judged


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
        with fresh.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path) -> Checkpoint | None:
        """Give what was saved, None when there is nothing or the file was harmed."""
        try:
            state = torch.load(path, weights_only=True)
        except FileNotFoundError:
            return None
        except (OSError, EOFError, RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile):
            return None  # a harmed file: training begins anew and comes to the same weights
        good = state["good"]
        return cls(
            step=state["step"],
            spent_s=state["spent_s"],
            weights=state["weights"],
            optimizer=state["optimizer"],
            before=Judged(**state["before"]),
            good=Good(step=good["step"], judged=Judged(**good["judged"]), weights=good["weights"]),
        )
