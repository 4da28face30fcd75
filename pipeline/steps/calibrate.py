"""Finds out what values the tensors of a model take over the calibration rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ...vocabulary.digest import Plain
from ...vocabulary.errors import ConfigError
from ...vocabulary.tensor_folder import TensorFolder
from .base import own_code, versions
from .prepared import FileRef, Prepared

if TYPE_CHECKING:
    from ...compiler.model import Model
    from ...compiler.quantize.ranges import Ranges


class Calibrate(msgspec.Struct, frozen=True, kw_only=True, tag="calibrate"):
    """The float steps of a recipe, and the ranges of the model that they give.

    The ranges are found on `rows`, or are those of `kept` that are of this very model. Leaves `ranges.json`, and, when
    there are steps, the model as `hub/`.
    """

    model: Prepared
    steps: tuple[Any, ...]
    rows: FileRef | None
    kept: tuple[FileRef, ...]
    recipe: str
    """The name of the recipe, for titles and errors; others that begin with the same steps share the result."""

    @property
    def title(self) -> str:
        """`calibrate on 50 rows`, `calibrate on 50 rows for smoothed`, `take kept ranges`."""
        what = "take kept ranges" if self.rows is None else f"calibrate on {_rows_in_words(Path(self.rows.path))}"
        return f"{what} for {self.recipe}" if self.steps else what

    def key_parts(self) -> Mapping[str, Plain]:
        """The model, the steps, the rows or ranges, and the tools."""
        return {
            "model": self.model.key_parts(),
            "steps": msgspec.to_builtins(self.steps),
            "rows": self.rows.digest if self.rows is not None else None,
            "kept": [ref.digest for ref in self.kept],
            "tools": versions("onnx", "onnx-ir", "onnxruntime", "numpy", "ml_dtypes"),
            "code": own_code(),
        }

    def run(self, out: Path) -> None:
        """Apply the steps; then run the model over the rows, or look for its ranges among those that were kept.

        Raises:
            DataError: when a tensor of the model holds NaN or infinity on some row.
            ConfigError: when no kept ranges are of this model, or the steps are no recipe.
            ToolError: when onnxruntime cannot run the model.
        """
        from ...compiler.quantize.calibrate import calibrate

        model = self.model.apply(self.steps, where=f"recipes.{self.recipe}") if self.steps else self.model.load()
        if self.steps:
            (out / "hub").mkdir()
            model.save(out / "hub")
        ranges = calibrate(model, TensorFolder(Path(self.rows.path))) if self.rows is not None else self._kept(model)
        ranges.save(out / "ranges.json")

    def _kept(self, model: Model) -> Ranges:
        from ...compiler.graph_digest import graph_digest
        from ...compiler.quantize.ranges import Ranges

        digest = graph_digest(model)
        for ref in self.kept:
            ranges = Ranges.load(Path(ref.path))
            if ranges.model == digest:
                return ranges
        what = f"the model after the steps of recipe {self.recipe!r}" if self.steps else "this model"
        raise ConfigError(
            f"{', '.join(Path(ref.path).name for ref in self.kept)}: no ranges of {what}, but of another",
            hint="build once with data.calibration instead of data.ranges, and keep the ranges that it leaves",
        )


def _rows_in_words(folder: Path) -> str:
    count = TensorFolder(folder).row_count
    return "1 row" if count == 1 else f"{count} rows"
