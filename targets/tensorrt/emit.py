"""Write the model, what to build of it, the scripts that build and verify, and golden vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import onnx_ir as ir

from ...compiler.model import INLINE_LIMIT_BYTES, Model, dtype_name
from ...vocabulary.digest import digest_file
from ...vocabulary.signature import TensorSpec
from .device.build_engine import PLAN
from .device.verify_engine import GOLDEN, VALUES
from .golden import write_golden
from .settings import Bounds, Settings

MODEL: Final = "model.onnx"
SCRIPTS: Final = ("build_engine.py", "verify_engine.py", "cuda_runtime.py")

_FLAGS: Final = {ir.DataType.FLOAT16: "fp16", ir.DataType.INT8: "int8"}
"""Types of a graph → the flag without which TensorRT 8 does not compute in them."""


def emit(model: Model, settings: Settings, out: Path) -> tuple[list[Path], str]:
    """Write all files into `out`.

    Gives them, the model first, and why there are no golden vectors, "" when there are.
    """
    path = out / MODEL
    _save(model, path)
    plan = _plan(model, settings, path)
    (out / PLAN).write_text(json.dumps(plan, indent=1, sort_keys=True) + "\n", "utf-8")
    for name in SCRIPTS:
        (out / name).write_bytes(script(name))
    reason = write_golden(model, path, settings, out)
    names = [f"{MODEL}.data", PLAN, *SCRIPTS, GOLDEN, VALUES]
    return [path, *(file for name in names if (file := out / name).is_file())], reason


def script(name: str) -> bytes:
    """Give a script as it lies beside a model: it finds its sibling there, not in a package."""
    text = (Path(__file__).parent / "device" / name).read_text("utf-8")
    return text.replace("from .cuda_runtime import", "from cuda_runtime import").encode()


def _save(model: Model, path: Path) -> None:
    tensors = [value.const_value for value in model.graph.initializers.values()]
    if sum(tensor.nbytes for tensor in tensors if tensor is not None) > INLINE_LIMIT_BYTES:
        ir.save(model.ir, path, external_data=f"{path.name}.data")
    elif any(isinstance(tensor, ir.ExternalTensor) for tensor in tensors):
        ir.save(ir.external_data.load_to_model(model.ir.clone()), path)
    else:
        ir.save(model.ir, path)


def _plan(model: Model, settings: Settings, path: Path) -> dict[str, Any]:
    """What `build_engine.py` reads."""
    dtypes = {value.dtype for node in model.graph for value in node.outputs} | {
        value.dtype for value in model.graph.initializers.values()
    }
    return {
        "model": path.name,
        "sha256": digest_file(path),
        "data": {data.name: digest_file(data) for data in (path.with_name(f"{MODEL}.data"),) if data.is_file()},
        "release": settings.release,
        "types": sorted(flag for dtype, flag in _FLAGS.items() if dtype in dtypes),
        "flags": [settings.compute] if settings.compute else [],
        "tf32": settings.tf32,
        "workspace": settings.workspace_bytes,
        "version_compatible": settings.version_compatible,
        "hardware": settings.hardware,
        "profiled": bool(settings.bounds),
        "inputs": [_input(spec, settings.bounds) for spec in model.signature.inputs],
        "outputs": [
            {"name": str(value.name), "dtype": dtype_name(value.dtype)}
            for value in model.graph.outputs
            if value.dtype is not None
        ],
    }


def _input(spec: TensorSpec, bounds: dict[str, Bounds]) -> dict[str, Any]:
    """One input with the sizes that it may have; none where they are fixed."""
    kinds = {"min": "low", "opt": "best", "max": "high"}
    open_ = any(isinstance(size, str) for size in spec.shape)
    return {
        "name": spec.name,
        "dtype": spec.dtype,
        **{
            kind: [size if isinstance(size, int) else int(getattr(bounds[size], own)) for size in spec.shape]
            if open_
            else []
            for kind, own in kinds.items()
        },
    }
