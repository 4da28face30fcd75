"""`program_file.py FILE DATA OUT`: what is in a `.pte` file, and how far its output is from onnxruntime's."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from executorch.exir._serialize._program import deserialize_pte_binary
from executorch.exir.schema import DelegateCall, KernelCall
from loaded import loaded


def main() -> None:
    """Write JSON: bytes, calls of delegates and of kernels by name, max_abs."""
    path, data, out = (Path(argument) for argument in sys.argv[1:])
    plans = deserialize_pte_binary(path.read_bytes()).program.execution_plan
    (plan,) = (plan for plan in plans if plan.name == "forward")
    calls = [instruction.instr_args for chain in plan.chains for instruction in chain.instructions]
    kernels = Counter(plan.operators[call.op_index].name for call in calls if isinstance(call, KernelCall))
    with np.load(data, allow_pickle=False) as arrays:
        inputs, outputs = arrays["inputs"], arrays["outputs"]
    model = loaded(path)
    gaps = [
        float(np.abs(model.run(value, wanted.shape) - wanted).max())
        for value, wanted in zip(inputs, outputs, strict=True)
    ]
    found = {
        "bytes": path.stat().st_size,
        "delegates": sum(isinstance(call, DelegateCall) for call in calls),
        "kernels": dict(kernels.most_common()),
        "max_abs": max(gaps),
    }
    out.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
