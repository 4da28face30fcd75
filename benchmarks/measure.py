"""`measure.py FILE DATA OUT`: what is in a TFLite file, and how far it is from onnxruntime on the same inputs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from tflite_file import LoadedModel, count_ops


def main() -> None:
    """Write JSON: size_bytes, ops, op_count, transpose_count, max_abs, reference_max_abs."""
    path, data, out = (Path(argument) for argument in sys.argv[1:])
    with np.load(data, allow_pickle=False) as arrays:
        inputs, references = arrays["inputs"], arrays["outputs"]
    model, ops = LoadedModel(path), count_ops(path)
    outputs = np.stack([model.run(value, references.shape[1:]) for value in inputs])
    figures = {
        "size_bytes": path.stat().st_size,
        "ops": ops,
        "op_count": sum(ops.values()),
        "transpose_count": ops.get("TRANSPOSE", 0),
        "max_abs": float(np.abs(outputs - references).max()),
        "reference_max_abs": float(np.abs(references).max()),
    }
    out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
