"""`coreml_weights.py DENSE PACKAGE... OUT.json`: bytes of packages, and how far their weights are from the dense one's.

coremltools reads all of them and takes the stored weights apart.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewright.targets.coreml.toolkit import coremltools

SMALLEST = 2048
"""Neither compresses constants of fewer elements."""


def main() -> None:
    """Write, for each package, size_bytes, weights (how many are not plain) and noise (that of all, by their power)."""
    dense, *packages, out = sys.argv[1:]
    plain = weights(Path(dense))
    found = {}
    for package in packages:
        read = weights(Path(package))
        noises = [min(noise(array, other) for other in plain if other.shape == array.shape) for array in read]
        power = sum(float((array**2).sum()) for array in plain)
        found[package] = {
            "size_bytes": sum(path.stat().st_size for path in Path(package).rglob("*") if path.is_file()),
            "weights": sum(each > 0 for each in noises),
            "noise": sum(noises) / power,
        }
    Path(out).write_text(json.dumps(found, indent=2) + "\n", "utf-8")


def noise(array: NDArray[np.float64], original: NDArray[np.float64]) -> float:
    """How far a weight is from another: the sum of squares. Its original is the nearest of its shape."""
    return float(((array - original) ** 2).sum())


def weights(package: Path) -> list[NDArray[np.float64]]:
    """Give the constants of floats in a package, those of a matrix or more axes that are not small."""
    tools: Any = coremltools()
    from coremltools.converters.mil.frontend.milproto.load import load

    spec = tools.models.utils.load_spec(str(package))
    program = load(spec, spec.specificationVersion, str(package / "Data/com.apple.CoreML/weights"))
    found = []
    for operation in program.functions["main"].operations:
        compressed = operation.op_type.startswith("constexpr_")
        if operation.op_type != "const" and not compressed:
            continue
        value = operation.outputs[-1]
        array = operation.materialized_val_inference() if compressed else value.val
        if any(reader.op_type.startswith("constexpr_") for reader in value.child_ops):
            continue
        is_weight = isinstance(array, np.ndarray) and array.dtype in (np.float32, np.float16) and array.ndim > 1
        if is_weight and array.size >= SMALLEST:
            found.append(array.astype(np.float64))
    return found


if __name__ == "__main__":
    main()
