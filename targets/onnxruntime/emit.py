"""Write the optimised model by onnxruntime itself."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from ...compiler.model import INLINE_LIMIT_BYTES, Model
from ...compiler.passes.base import Pipeline
from ...compiler.passes.editing import constant_tensor, is_op
from ...compiler.passes.remove_dead_code import RemoveDeadCode
from ...vocabulary.errors import ToolError
from .fuse_bias import FuseBias
from .legalize import GemmToMatMul, NamePaddedAxes, UnpackWeights
from .ort_format import canonical
from .runtime import ERRORS_ONLY

CPU_BOUND = "com.microsoft.nchwc"
"""Operators of this domain have weights laid out for the vector width of the CPU that optimised them."""


def emit(model: Model, format_: str, out: Path) -> tuple[list[Path], dict[str, int]]:
    """Optimise `model` and write it into `out`; give the files, the one to open first, and the operators in it.

    Raises:
        ToolError: when onnxruntime failed, or its output is bound to this machine's CPU.
    """
    with tempfile.TemporaryDirectory(prefix="edgewright-onnxruntime-") as scratch:
        source, optimized = Path(scratch) / "source", Path(scratch) / "optimized"
        source.mkdir()
        optimized.mkdir()
        legal = Pipeline(GemmToMatMul(), UnpackWeights(), NamePaddedAxes(), RemoveDeadCode())(model)
        legal.save(source)
        _save_optimized(source / "model.onnx", optimized / "model.onnx", legal)
        _fuse_biases(optimized / "model.onnx")
        ops = _ops(optimized / "model.onnx")
        bound = sorted(op for op in ops if op.startswith(CPU_BOUND))
        if bound:
            raise ToolError(f"onnxruntime bound the model to this machine's CPU: {', '.join(bound)}")
        if format_ == "ort":
            written = optimized / "model.ort"
            _save_ort(optimized / "model.onnx", written)
            written.write_bytes(canonical(written.read_bytes()))
            names = ["model.ort"]
        else:
            names = sorted(path.name for path in optimized.iterdir())  # model.onnx before model.onnx.data
        return [Path(shutil.copyfile(optimized / name, out / name)) for name in names], ops


def _save_optimized(source: Path, target: Path, model: Model) -> None:
    import onnxruntime

    settings = _settings(target)
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    if _weight_bytes(model) > INLINE_LIMIT_BYTES:
        settings.add_session_config_entry("session.optimized_model_external_initializers_file_name", "model.onnx.data")
    _open(source, settings, _undoing(model))


def _fuse_biases(path: Path) -> None:
    import onnx_ir as ir

    model = ir.load(path)
    if FuseBias().rewrite(model):
        ir.save(model, path)


def _undoing(model: Model) -> list[str]:
    """Give the names of onnxruntime's optimizers that would undo what was done to a model to make it small or fast."""
    disabled = []
    if any(is_op(node, "Cast") and constant_tensor(node.inputs[0]) is not None for node in model.graph):
        # weights that are stored small are casts of float16 or integer constants, and folding makes them float32
        disabled.append("ConstantFolding")
    if any(is_op(node, "DequantizeLinear") for node in model.graph):
        # a MatMul and an Add that have become a Gemm are no longer found by the fusion into a MatMul of integers
        disabled.append("MatMulAddFusion")
    return disabled


def _save_ort(source: Path, target: Path) -> None:
    import onnxruntime

    settings = _settings(target)
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.add_session_config_entry("session.save_model_format", "ORT")
    _open(source, settings, [])


def _settings(target: Path) -> Any:
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    settings.log_severity_level = ERRORS_ONLY
    settings.optimized_model_filepath = str(target)
    return settings


def _open(source: Path, settings: Any, disabled: list[str]) -> None:
    import onnxruntime

    try:
        onnxruntime.InferenceSession(
            str(source), settings, providers=["CPUExecutionProvider"], disabled_optimizers=disabled
        )
    except Exception as error:
        raise ToolError(f"onnxruntime failed to optimise the model: {error}") from error


def _weight_bytes(model: Model) -> int:
    return sum(value.const_value.nbytes for value in model.graph.initializers.values() if value.const_value)


def _ops(path: Path) -> dict[str, int]:
    """Count operators, those of other domains than ONNX's own as `domain.op`."""
    import onnx_ir as ir

    graph = ir.load(path).graph
    names = Counter(
        f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        for node in ir.traversal.RecursiveGraphIterator(graph)
    )
    return dict(sorted(names.items()))
