"""The original of an ONNX model: the user's own file, run as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...vocabulary.errors import ModelError, ToolError
from .request import Array


class OnnxOriginal:
    """Runs the user's file by onnxruntime without any graph optimisation.

    Where onnxruntime does not know an operator or an opset, ONNX's reference implementation runs the file instead.
    """

    def __init__(self, path: Path, outputs: tuple[str, ...]) -> None:
        """`outputs`: the names of those to compute."""
        self._path, self._outputs = path, outputs
        self._session: Any = None

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the outputs.

        Raises:
            ToolError: when neither runtime can run the file on these inputs.
        """
        if self._session is None:
            self._session = self._open()
        try:
            arrays = self._session.run(list(self._outputs), dict(inputs))
        except Exception as error:  # both runtimes raise whatever they like
            raise ToolError(f"{self._path.name}: the original model fails on these inputs: {error}") from error
        return dict(zip(self._outputs, arrays, strict=True))

    def _open(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        options.intra_op_num_threads = 1  # the same sums on every machine
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(self._path.parent))
        try:
            return onnxruntime.InferenceSession(self._runnable(), options, providers=["CPUExecutionProvider"])
        except Exception as refusal:  # noqa: BLE001  # what onnxruntime raises has no common root
            from onnx.reference import ReferenceEvaluator

            try:
                return ReferenceEvaluator(str(self._path))
            except Exception as error:
                raise ToolError(
                    f"{self._path.name}: the original model cannot be run: {refusal} (reference: {error})"
                ) from error

    def _runnable(self) -> str | bytes:
        """Give the file itself, or the same model under a stamp that onnxruntime knows."""
        import onnx_ir as ir

        from .opset import stamp_as_known

        model = ir.load(self._path)
        stamped = model.ir_version, model.opset_imports.get("")
        try:
            stamp_as_known(model)
        except ModelError:  # an operator that is too new: onnxruntime says so better
            return str(self._path)
        if (model.ir_version, model.opset_imports.get("")) == stamped:
            return str(self._path)
        data: bytes = ir.to_proto(model).SerializeToString()
        return data
