"""Distill: a model learns to answer as the original does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import onnx_ir as ir

from .learning import Learning


@dataclass(kw_only=True, eq=False)
class Distill(Learning):
    """Trains the model that the steps in front of it gave, so that it answers as the original (the teacher) does.

    Class scores are compared by the Kullback-Leibler divergence of both at a `temperature`, anything else by its mean
    square difference. `hard` is the share of the loss that labels have; none where the rows have no labels, and 0.1
    where they have and nothing else is said. `features` names tensors of the teacher, each with that of the student
    whose values it is to have (`{ "conv3" = "conv3" }`), `feature_weight` says how much that counts. `student` is the
    width of a copy of the original to train instead (`"50%"`), or a model of the user's. Source: Hinton et al.,
    Distilling the Knowledge in a Neural Network, 2015; features: Romero et al., FitNets, 2015.
    """

    temperature: float = 2.0
    hard: float | None = None
    features: Mapping[str, str] = field(default_factory=dict)
    feature_weight: float = 1.0
    student: str = ""

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: when one cannot be meant.
        """
        super().__post_init__()
        if not self.temperature > 0:
            raise ValueError(f"temperature = {self.temperature}: expected a number above 0")
        if self.hard is not None and not 0 <= self.hard <= 1:
            raise ValueError(f"hard = {self.hard}: expected a number between 0 and 1")
        self.needs_labels = bool(self.hard)

    def rewrite(self, model: ir.Model) -> bool:
        """Train it.

        Raises:
            EdgewrightError: as `learn` does; ModelError when a tensor of `features` is not there.
        """
        from .learn import learn
        from .lesson import Aims
        from .objective import feature_of

        material = self.material
        student = replace(material.teacher, ir=model)
        hard = self.hard if self.hard is not None else _HARD if material.labels is not None else 0.0
        features = tuple(feature_of(student, material.teacher, own, his) for his, own in self.features.items())
        aims = Aims(
            hard=hard,
            temperature=self.temperature,
            features=features,
            feature_weight=self.feature_weight,
            output=self.output,
        )
        learn("distill", self, student, aims)
        return True


_HARD: Final = 0.1
"""The share of labels in the loss. Hinton et al. found a considerably lower weight on them the best."""
