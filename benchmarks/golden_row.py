"""`golden_row.py BUNDLE OUT`: the first golden input of a bundle, for a model of one input, as `race.py` reads it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from edgewright.vocabulary.tensor_folder import TensorFolder


def main() -> None:
    """Write `inputs`, the batch axis of one call behind the rows."""
    bundle, out = Path(sys.argv[1]), Path(sys.argv[2])
    golden = json.loads((bundle / "content/manifest.json").read_text("utf-8"))["golden"]
    (rows,) = TensorFolder(bundle / "content/golden/inputs").rows(0, 1).values()
    np.savez(out, inputs=rows[:, None] if golden["batched"] else rows)


if __name__ == "__main__":
    main()
