"""The built-in targets. Others come by the entry point `edgewright.targets`."""

from __future__ import annotations

from typing import cast

from ..vocabulary.errors import MissingExtraError
from ..vocabulary.tables import Table
from .base import Target

TARGETS = Table(
    "edgewright.targets",
    {
        "onnxruntime": "edgewright.targets.onnxruntime.target:OnnxRuntime",
        "tflite": "edgewright.targets.tflite.target:TFLite",
        "coreml": "edgewright.targets.coreml.target:CoreML",
        "tfjs": "edgewright.targets.tfjs.target:TFJS",
        "executorch": "edgewright.targets.executorch.target:ExecuTorch",
        "tvm": "edgewright.targets.tvm.target:TVM",
        "tensorrt": "edgewright.targets.tensorrt.target:TensorRT",
    },
)


def load_target(name: str) -> Target:
    """Give the target of this name; its packages may still be missing.

    Raises:
        RequestError: when there is no such target.
    """
    return cast("type[Target]", TARGETS.load(name))()


def require_installed(target: Target) -> None:
    """Check that what a target needs is installed.

    Raises:
        MissingExtraError: when it is not; the message names the extra.
    """
    missing = missing_packages(target)
    if missing:
        raise MissingExtraError(
            f"target {target.name} needs {', '.join(missing)}, not installed here",
            hint=f"pip install 'edgewright[{target.extra}]'" if target.extra else f"pip install {' '.join(missing)}",
        )


def missing_packages(target: Target) -> tuple[str, ...]:
    """The distributions that a target needs and that are not installed."""
    from importlib.metadata import PackageNotFoundError, version

    missing = []
    for package in target.packages:
        try:
            version(package)
        except PackageNotFoundError:
            missing.append(package)
    return tuple(missing)
