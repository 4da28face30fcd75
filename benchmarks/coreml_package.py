"""`coreml_package.py PACKAGE DATA INPUT OUTPUT OUT`: what is in a Core ML package, and how far it is from onnxruntime.

The package is run by edgewright's interpreter, whoever made it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from edgewright.targets.coreml.interpreter.session import Session


def main() -> None:
    """Write JSON: size_bytes, ops, op_count, max_abs, reference_max_abs."""
    package, data, input_name, output_name, out = sys.argv[1:]
    with np.load(data, allow_pickle=False) as arrays:
        inputs, references = arrays["inputs"], arrays["outputs"]
    session = Session(Path(package))
    (feature,) = session.program.descriptions["main"].inputs
    outputs = [session.run({input_name: value.astype(feature.dtype)})[output_name] for value in inputs]
    operations = session.program.functions["main"].block.operations
    ops = Counter(each.type for each in operations if each.type != "const")
    figures = {
        "size_bytes": sum(path.stat().st_size for path in Path(package).rglob("*") if path.is_file()),
        "ops": ops,
        "op_count": ops.total(),
        "max_abs": float(np.abs(np.stack(outputs) - references).max()),
        "reference_max_abs": float(np.abs(references).max()),
    }
    Path(out).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
