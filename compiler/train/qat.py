"""QAT: quantization-aware training, under the scheme of the target that will run the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import onnx_ir as ir

from ...vocabulary.precision import Precision
from ..quantize.methods import DEFAULT_PERCENT
from ..quantize.quantize import Quantize
from .from_teacher import FromTeacher


@dataclass(kw_only=True, eq=False)
class Qat(FromTeacher):
    """Makes the integer variant that `quantize` makes, and trains it, integers and all.

    The options that `quantize` has mean the same here. What is trained is the very graph that ships: the same integers,
    the same scales, the same nodes in float.
    """

    precision: str  # type: ignore[assignment]  # as recipes say it; a Precision once it was checked
    learning_rate: float = 5e-4
    keep_float: Sequence[str] = ()
    method: str = "minmax"
    percentile: float = DEFAULT_PERCENT

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: when one cannot be meant.
        """
        super().__post_init__()
        self._quantize = Quantize(
            self.precision, keep_float=self.keep_float, method=self.method, percentile=self.percentile
        )
        self.precision = Precision(self.precision)
        self.needs_ranges = self._quantize.needs_ranges

    def rewrite(self, model: ir.Model) -> bool:
        """Quantize it, then train it.

        Raises:
            EdgewrightError: as `Quantize` and `learn` do.
        """
        from .fake_quantized import FakeQuantized
        from .learn import learn

        floats = model.clone()
        self._quantize.informed(self._ranges, self.scheme).rewrite(model)
        student = replace(self.material.teacher, ir=model)
        learn("qat", self, FakeQuantized(student, floats, self.scheme), self.aims(student))
        return True
