"""`judge.py FILE OUT DATA…`: how well a file does on the rows that judge, for each draw.

Accuracy where there are labels; beside it, how far the outputs are from onnxruntime's on the float32 model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from loaded import loaded


def main() -> None:
    """Write a JSON list, an entry for each draw.

    Its keys: rows, cosine (mean, min), snr_db, max_abs; with labels also right, fp32_right, and how many rows the file
    gained and lost against float32.
    """
    path, out, *data = (Path(argument) for argument in sys.argv[1:])
    model, entries = loaded(path), []
    for draw in data:
        with np.load(draw, allow_pickle=False) as arrays:
            inputs, references, labels = arrays["inputs"], arrays["outputs"], arrays.get("labels")
        outputs = np.stack([model.run(value, references.shape[1:]) for value in inputs])
        entries.append(figures(outputs, references, labels))
    out.write_text(json.dumps(entries, indent=2) + "\n", "utf-8")


def figures(outputs: np.ndarray, references: np.ndarray, labels: np.ndarray | None) -> dict[str, Any]:
    """outputs, references: float[rows, 1, …]; labels: int64[rows], the index of the largest output of axis 2."""
    mine, original = (values.reshape(len(values), -1).astype(np.float64) for values in (outputs, references))
    norms = np.linalg.norm(mine, axis=1) * np.linalg.norm(original, axis=1)
    cosines = np.divide((mine * original).sum(axis=1), norms, out=np.zeros(len(mine)), where=norms > 0)
    noise, signal = ((mine - original) ** 2).sum(), (original**2).sum()
    found = {
        "rows": len(mine),
        "cosine": float(cosines.mean()),
        "cosine_min": float(cosines.min()),
        "snr_db": float(10 * np.log10(signal / noise)) if noise else None,
        "max_abs": float(np.abs(mine - original).max()),
        "finite": bool(np.isfinite(mine).all()),
    }
    if labels is not None:
        right, fp32_right = (values.argmax(axis=1) == labels for values in (mine, original))
        found |= {"right": int(right.sum()), "fp32_right": int(fp32_right.sum())}
        found |= {"gained": int((right & ~fp32_right).sum()), "lost": int((fp32_right & ~right).sum())}
    return found


if __name__ == "__main__":
    main()
