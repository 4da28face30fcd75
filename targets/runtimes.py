"""The runtimes that open artifacts. Others come by the entry point `edgewright.runtimes`."""

from __future__ import annotations

from typing import cast

from ..vocabulary.tables import Table
from .runtime import Accelerated, Runtime, is_emulated

RUNTIMES = Table(
    "edgewright.runtimes",
    {
        "onnxruntime": "edgewright.targets.onnxruntime.runtime:OnnxRuntime",
        "ai-edge-litert": "edgewright.targets.tflite.runtime:LiteRT",
        "coreml": "edgewright.targets.coreml.runtime:CoreML",
        "tfjs": "edgewright.targets.tfjs.runtime:TFJS",
        "executorch": "edgewright.targets.executorch.runtime:ExecuTorch",
        "torch": "edgewright.targets.executorch.runtime:LiteInterpreter",
        "apache-tvm": "edgewright.targets.tvm.runtime:TVM",
        "tensorrt": "edgewright.targets.tensorrt.runtime:TensorRT",
    },
)
"""Runtime, as artifacts require it → the `Runtime` class that drives it."""


def load_runtime(name: str) -> Runtime:
    """Give the runtime of this name.

    Raises:
        RequestError: when there is no such runtime.
        ImportError: when its driver cannot be imported.
    """
    return cast("type[Runtime]", RUNTIMES.load(name))()


def installed_runtimes() -> dict[str, str]:
    """Give the version of every runtime of the table that this machine has. What is emulated here, it does not have."""
    found = {}
    for name in RUNTIMES.names:
        try:
            runtime = load_runtime(name)
            if not is_emulated(runtime):
                found[name] = runtime.version()
        except ImportError:
            continue
    return found


def accelerators() -> tuple[str, ...]:
    """Name the accelerators of this machine that some runtime of the table can use, sorted."""
    found: set[str] = set()
    for name in RUNTIMES.names:
        try:
            runtime = load_runtime(name)
            if isinstance(runtime, Accelerated) and not is_emulated(runtime):
                found.update(runtime.accelerators())
        except ImportError:
            continue
    return tuple(sorted(found))
