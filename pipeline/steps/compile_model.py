"""Compiles one recipe of the hub model for one target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from ...targets.artifact import Artifact
from ...targets.base import Options
from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from .base import own_code, versions
from .prepared import FileRef, Prepared
from .schemes_for import schemes_for

if TYPE_CHECKING:
    from ...targets.base import Tunable


class CompileModel(msgspec.Struct, frozen=True, kw_only=True, tag="compile"):
    """One variant for one target. Leaves `artifact.json` and the artifact's files under `files/`."""

    model: Prepared
    target: str
    packages: tuple[str, ...]
    """What the target runs, so that another version of it is another result."""
    recipe: tuple[Any, ...]
    """The steps that are left: those in front of the last calibration are in the model."""
    options: Options
    machine: dict[str, Any] = {}
    """What this machine is, where the artifact is made for it; a cache may be shared by several."""
    tuning: FileRef | None = None
    """What `TuneModel` found for this model on the machine that it is for; None when nobody asked."""

    @property
    def title(self) -> str:
        """`compile tflite-fp16`."""
        return "compile " + "-".join(part for part in (self.target, self.options.variant, self.options.format) if part)

    def key_parts(self) -> Mapping[str, Plain]:
        """The hub model, the recipe, the options and the tools."""
        return {
            "model": self.model.key_parts(),
            "target": self.target,
            "recipe": msgspec.to_builtins(self.recipe),
            "options": msgspec.to_builtins(self.options),
            "tools": versions("onnx", "onnx-ir", "onnxscript", "numpy", "ml_dtypes", *self.packages),
            "code": own_code(),
            **({"machine": self.machine} if self.machine else {}),
            **({"tuning": self.tuning.digest} if self.tuning is not None else {}),
        }

    def run(self, out: Path) -> None:
        """Apply the recipe and compile.

        Raises:
            RefusedError: when the target cannot say some node.
            RequestError: when the target has no scheme for the precision that the recipe asks for.
            ConfigError: when the recipe has an unknown step.
        """
        from ...compiler.bare import bare
        from ...compiler.quantize.record import notes
        from ...compiler.train.record import training_records
        from ...targets.table import load_target

        target = load_target(self.target)
        schemes = schemes_for(self.target, self.recipe)
        model = self.model.apply(self.recipe, where=f"recipes.{self.options.variant}", schemes=schemes)
        (out / "files").mkdir()
        shipped = bare(model)
        if self.tuning is None:
            artifact = target.compile(shipped, self.options, out / "files")
        else:
            tunable = cast("Tunable", target)
            artifact = tunable.compile_tuned(shipped, self.options, Path(self.tuning.path), out / "files")
        told = msgspec.structs.replace(artifact, notes=notes(model.ir), training=training_records(model.ir))
        (out / "artifact.json").write_bytes(encode_json(told))


_ARTIFACT: Final = msgspec.json.Decoder(Artifact)
"""Made on import: what msgspec finds out of a type when it first meets it is no work for two threads at once."""


def read_artifact(entry: Path) -> Artifact:
    """Read the artifact that a `CompileModel` left."""
    return _ARTIFACT.decode((entry / "artifact.json").read_bytes())
