"""Distill: a model learns to answer as the original does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import onnx_ir as ir

from ..model import Model
from .from_teacher import FromTeacher


@dataclass(kw_only=True, eq=False)
class Distill(FromTeacher):
    """Trains the model that the steps in front of it gave, so that it answers as the original (the teacher) does.

    `student` names a model of the user's that is trained instead; whoever gives the material reads it.
    """

    student: str = ""

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: when one cannot be meant.
        """
        super().__post_init__()
        if self.student.endswith("%"):
            raise ValueError(
                f"student = {self.student!r}: expected a model; a narrow copy of the original is made in front, by "
                f'{{ prune = {{ structured = true, width = "{self.student}" }} }} and "reinitialize"'
            )

    def __call__(self, model: Model) -> Model:
        """Give the trained model; the one given stays as it was.

        Raises:
            EdgewrightError: as `rewrite` does.
        """
        student = self.material.student
        return super().__call__(model if student is None else replace(student, source=model.source))

    def rewrite(self, model: ir.Model) -> bool:
        """Train it.

        Raises:
            EdgewrightError: as `learn` does; ModelError when a tensor of `features` is not there.
        """
        from .learn import learn
        from .plain import Plain

        student = replace(self.material.student or self.material.teacher, ir=model)
        learn("distill", self, Plain(student), self.aims(student))
        return True
