"""Looks for faster code for one variant by trying it on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from ...targets.base import Options
from ...vocabulary.digest import Plain
from .base import own_code, versions
from .prepared import Prepared
from .schemes_for import schemes_for
from .telling import Line, tell

if TYPE_CHECKING:
    from ...targets.base import Tunable


class TuneModel(msgspec.Struct, frozen=True, kw_only=True, tag="tune"):
    """One variant for one target. Leaves under `tuning/` what the target found."""

    model: Prepared
    target: str
    packages: tuple[str, ...]
    recipe: tuple[Any, ...]
    options: Options
    machine: dict[str, Any]
    """What this machine is: what is fast on it is not on another."""
    database: str
    """The folder of all that was ever tried."""

    @property
    def title(self) -> str:
        """`tune tvm-fp32`."""
        return "tune " + "-".join(part for part in (self.target, self.options.variant, self.options.format) if part)

    def key_parts(self) -> Mapping[str, Plain]:
        """The hub model, the recipe, the options, the machine and the tools; what was tried before is no part of it."""
        return {
            "model": self.model.key_parts(),
            "target": self.target,
            "recipe": msgspec.to_builtins(self.recipe),
            "options": msgspec.to_builtins(self.options),
            "machine": self.machine,
            "tools": versions("onnx", "onnx-ir", "onnxscript", "numpy", "ml_dtypes", *self.packages),
            "code": own_code(),
        }

    def run(self, out: Path) -> None:
        """Apply the recipe and tune.

        Raises:
            RefusedError: when the target cannot say some node.
            RequestError: when the options cannot be met.
            ConfigError: when the recipe has an unknown step.
            ToolError: when not one trial was measured.
        """
        from ...compiler.bare import bare
        from ...targets.table import load_target

        target = cast("Tunable", load_target(self.target))
        schemes = schemes_for(self.target, self.recipe)
        model = self.model.apply(self.recipe, where=f"recipes.{self.options.variant}", schemes=schemes)
        (out / "tuning").mkdir()
        database = Path(self.database)
        database.mkdir(parents=True, exist_ok=True)
        target.tune(bare(model), self.options, database, out / "tuning", lambda text: tell(out, Line(text=text)))
