"""Distill: a model learns to answer as the original does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import onnx_ir as ir

from .from_teacher import FromTeacher


@dataclass(kw_only=True, eq=False)
class Distill(FromTeacher):
    """Trains the model that the steps in front of it gave, so that it answers as the original (the teacher) does.

    `student` is the width of a copy of the original to train instead (`"50%"`), or a model of the user's.
    """

    student: str = ""

    def rewrite(self, model: ir.Model) -> bool:
        """Train it.

        Raises:
            EdgewrightError: as `learn` does; ModelError when a tensor of `features` is not there.
        """
        from .learn import learn
        from .plain import Plain

        student = replace(self.material.teacher, ir=model)
        learn("distill", self, Plain(student), self.aims(student))
        return True
