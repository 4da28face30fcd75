"""What steps that learn from the original have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from .learning import Learning

if TYPE_CHECKING:
    from ..model import Model
    from .lesson import Aims


@dataclass(kw_only=True, eq=False)
class FromTeacher(Learning):
    """A step whose loss is how far a model is from the original (the teacher), and from labels where there are some.

    Class scores are compared by the Kullback-Leibler divergence of both at a `temperature`, anything else by its mean
    square difference. `hard` is the share of the loss that labels have; none where the rows have no labels, and 0.1
    where they have and nothing else is said. `features` names tensors or nodes of the teacher, each with that of the
    student whose values it is to have (`{ conv3 = "conv3" }`), `feature_weight` says how much that counts. Source:
    Hinton et al., Distilling the Knowledge in a Neural Network, 2015; features: Romero et al., FitNets, 2015.
    """

    temperature: float = 2.0
    hard: float | None = None
    features: Mapping[str, str] = field(default_factory=dict)
    feature_weight: float = 1.0

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
        if not self.feature_weight >= 0:
            raise ValueError(f"feature_weight = {self.feature_weight}: expected 0 or more")
        self.needs_labels = bool(self.hard)

    def aims(self, student: Model) -> Aims:
        """Give what counts in the loss of a student.

        Raises:
            ModelError: when a tensor of `features` is not there, or cannot be compared.
        """
        from .lesson import Aims
        from .objective import feature_of

        material = self.material
        default = _HARD if material.labels is not None else 0.0
        return Aims(
            hard=default if self.hard is None else self.hard,
            temperature=self.temperature,
            features=tuple(feature_of(student, material.teacher, own, his) for his, own in self.features.items()),
            feature_weight=self.feature_weight,
            output=self.output,
        )


_HARD: Final = 0.1
"""The share of labels in the loss. Hinton et al. found a considerably lower weight on them the best."""
