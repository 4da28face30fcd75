"""`graph_model.py MODEL.json DATA OUT`: what is in a TF.js graph model, and how far its outputs are from those in DATA.

It is run by TF.js on wasm, in Node.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from edgewright.targets.runtime import RunOptions
from edgewright.targets.tfjs.runtime import TFJS

NOT_COMPUTED = ("Const", "Placeholder")


def main() -> None:
    """Write JSON: size_bytes, json_bytes, ops, op_count, max_abs, reference_max_abs."""
    path, data, out = (Path(argument) for argument in sys.argv[1:])
    with np.load(data, allow_pickle=False) as arrays:
        inputs, references = arrays["inputs"], arrays["outputs"]
    model = json.loads(path.read_text("utf-8"))
    (name,) = model["signature"]["inputs"]
    session = TFJS().load(path, RunOptions())
    outputs = np.stack([next(iter(session.run({name: value}).values())) for value in inputs])
    ops = Counter(node["op"] for node in model["modelTopology"]["node"] if node["op"] not in NOT_COMPUTED)
    figures = {
        "size_bytes": sum(file.stat().st_size for file in path.parent.iterdir()),
        "json_bytes": path.stat().st_size,
        "ops": ops,
        "op_count": ops.total(),
        "max_abs": float(np.abs(outputs - references).max()),
        "reference_max_abs": float(np.abs(references).max()),
    }
    out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
