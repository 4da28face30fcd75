"""Does one step of a recipe that learns from rows of data, and the float steps in front of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from ...vocabulary.digest import Plain, digest_value
from ...vocabulary.errors import ToolError
from .base import own_code, versions
from .prepared import FileRef, Prepared
from .schemes_for import schemes_for
from .telling import Line, tell

if TYPE_CHECKING:
    from ...compiler.model import Model
    from ...compiler.train.learning import Taught
    from ...compiler.train.material import Material, Standing


class UserFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A function of the user's, `file.py:function` seen from a folder, and the digest of the files it is made of."""

    folder: str
    reference: str
    digest: str


class TrainModel(msgspec.Struct, frozen=True, kw_only=True, tag="train"):
    """What a model has learned. Leaves it as `hub/`, with notes and records of it in its metadata."""

    model: Prepared
    """Calibrated, where the last of the steps must know its ranges: then that is the only one."""
    steps: tuple[Any, ...]
    """The float steps, and behind them the one that learns."""
    rows: FileRef
    labels: FileRef | None
    teacher: FileRef
    """The hub model as it was imported."""
    recipe: str
    """The name of the recipe, for titles and errors; others that begin with the same steps share the result."""
    packages: tuple[str, ...]
    """What the step runs."""
    target: str | None = None
    """Whose scheme it learns for; None for a step that does not set the precision: its result is the same for all."""
    student: FileRef | None = None
    """The hub model of a student of the user's."""
    augment: UserFunction | None = None
    home: str = ""
    """Where what was learned so far is kept, for the case that it is killed. No part of the key."""

    @property
    def title(self) -> str:
        """`distill for small`, `qat for int8 on tflite`."""
        last = self.steps[-1]
        name = last if isinstance(last, str) else next(iter(last))
        return f"{name} for {self.recipe}" + (f" on {self.target}" if self.target is not None else "")

    def key_parts(self) -> Mapping[str, Plain]:
        """The models, the steps, the rows and what else is looked at, and the tools."""
        return {
            "model": self.model.key_parts(),
            "steps": msgspec.to_builtins(self.steps),
            "rows": self._data,
            "teacher": self.teacher.digest,
            "target": self.target,
            "student": self.student.digest if self.student is not None else None,
            "augment": [self.augment.reference, self.augment.digest] if self.augment is not None else None,
            "tools": versions("onnx", "onnx-ir", "onnxscript", "onnxruntime", "numpy", "ml_dtypes", *self.packages),
            "code": own_code(),
        }

    @property
    def _data(self) -> str:
        return digest_value([self.rows.digest, self.labels.digest if self.labels is not None else None])

    def run(self, out: Path) -> None:
        """Apply the float steps, then learn.

        Raises:
            ConfigError: when the steps are no recipe.
            RequestError: when the target has no scheme for the precision of the step.
            DataError: when the rows or labels cannot be learned from, or a function of the user's fails.
            RefusedError: when the model cannot be taught.
            ToolError: when nothing can be learned, or whoever asked for it is gone.
        """
        from ...compiler.quantize.ranges import Ranges
        from ...compiler.recipe import parse, scheme_for
        from ...vocabulary.user_imports import user_imports
        from ..homes import held

        where = f"recipes.{self.recipe}"
        model = self._in_front(where)
        learning = cast("Taught", parse(self.steps[-1:], where=where).passes[0])
        ranges = Ranges.load(Path(self.model.ranges.path)) if self.model.ranges is not None else None
        scheme = scheme_for(learning, schemes_for(self.target, self.steps)) if self.target is not None else None
        if "torch" in self.packages:
            _use_one_thread()
        folder = Path(self.augment.folder) if self.augment is not None else Path(self.rows.path)
        with held(Path(self.home)), user_imports(folder):
            trained = learning.informed(ranges, scheme).taught(self._material(out))(model)
        (out / "hub").mkdir()
        trained.save(out / "hub")

    def _in_front(self, where: str) -> Model:
        """Give the model that learns: a student of the user's, or what the float steps make."""
        from ...compiler.model import Model

        if self.student is not None:  # no step stands in front of one that has a student
            return Model.load(Path(self.student.path))
        return self.model.apply(self.steps[:-1], where=where) if self.steps[1:] else self.model.load()

    def _material(self, out: Path) -> Material:
        from ...compiler.model import Model
        from ...compiler.train.material import Material
        from ...vocabulary.tensor_folder import TensorFolder
        from ..augment import load_augment

        parent = os.getppid()

        def told(standing: Standing) -> None:
            tell(out, Line(text=standing.text, done=standing.done, total=standing.total))
            if os.getppid() != parent:
                raise ToolError(f"{self.title}: the build that asked for it is gone")

        return Material(
            rows=TensorFolder(Path(self.rows.path)),
            labels=TensorFolder(Path(self.labels.path))["labels"] if self.labels is not None else None,
            digest=self._data,
            teacher=Model.load(Path(self.teacher.path)),
            student=Model.load(Path(self.student.path)) if self.student is not None else None,
            home=Path(self.home),
            tell=told,
            augment=load_augment(self.augment.reference, Path(self.augment.folder))
            if self.augment is not None
            else None,
        )


def _use_one_thread() -> None:
    """Let sums be taken in the same order on every machine; a step may say that it wants more threads."""
    import torch

    torch.set_num_threads(1)
