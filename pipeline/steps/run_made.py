"""Runs the model that a recipe made, before its precision was set: what the artifact of it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ...vocabulary.digest import Plain
from .base import own_code, versions
from .compile_model import CompileModel
from .prepared import FileRef


class RunMade(msgspec.Struct, frozen=True, kw_only=True, tag="run made"):
    """The model of a recipe that made it compute something else than the original.

    Leaves `reference/` and `golden/outputs/`, as an import does: its outputs on the rows, and on the golden inputs.
    """

    compile: CompileModel
    inputs: FileRef
    golden: FileRef

    @property
    def title(self) -> str:
        """`run the model of small for tflite`."""
        return f"run the model of {self.compile.options.variant} for {self.compile.target}"

    def key_parts(self) -> Mapping[str, Plain]:
        """The model, the steps in front of its precision, the rows and the tools."""
        return {
            "model": self.compile.model.key_parts(),
            "recipe": msgspec.to_builtins(self.compile.recipe),
            "rows": [self.inputs.digest, self.golden.digest],
            "tools": versions("onnx", "onnx-ir", "onnxscript", "onnxruntime", "numpy", "ml_dtypes"),
            "code": own_code(),
        }

    def run(self, out: Path) -> None:
        """Apply the steps in front of the precision, and run what they give.

        Raises:
            ModelError: when its outputs hold NaN.
            ToolError: when onnxruntime cannot run it.
        """
        from ...compiler.bare import bare
        from ...compiler.importers.onnx_original import OnnxOriginal
        from ...vocabulary.tensor_folder import TensorFolder
        from .original import run_original
        from .variant import before_precision

        model = bare(before_precision(self.compile))
        (out / "model").mkdir()
        model.save(out / "model")
        names = tuple(spec.name for spec in model.signature.outputs)
        original = OnnxOriginal(out / "model" / "model.onnx", names)
        (out / "golden").mkdir()
        for rows, place in ((self.inputs, "reference"), (self.golden, "golden/outputs")):
            run_original(original, model.signature, TensorFolder(Path(rows.path)), out / place)
