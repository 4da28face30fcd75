"""Finds out how the inputs of each layer vary together over the calibration rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ...vocabulary.digest import Plain
from .base import own_code, versions
from .prepared import FileRef, Prepared


class FindMoments(msgspec.Struct, frozen=True, kw_only=True, tag="moments"):
    """The second moments of a model's layers on `rows`. Leaves `moments.npz`."""

    model: Prepared
    rows: FileRef

    @property
    def title(self) -> str:
        """`find second moments`."""
        return "find second moments"

    def key_parts(self) -> Mapping[str, Plain]:
        """The model, the rows and the tools."""
        return {
            "model": self.model.hub.digest,
            "rows": self.rows.digest,
            "tools": versions("onnx", "onnx-ir", "onnxruntime", "numpy", "ml_dtypes"),
            "code": own_code(),
        }

    def run(self, out: Path) -> None:
        """Run the model over the rows.

        Raises:
            ToolError: when onnxruntime cannot run the model.
        """
        from ...compiler.quantize.moments import save_moments, second_moments
        from ...vocabulary.tensor_folder import TensorFolder

        save_moments(out / "moments.npz", second_moments(self.model.load(), TensorFolder(Path(self.rows.path))))
