"""`race.py SEED ROUNDS DATA OUT FILE…`: the latency of several TFLite or ONNX files, taking turns in one process.

In every round each file runs for a moment, in an order that is drawn anew. So a slow spell of the machine hits all of
them, and the ratio of two files within a round holds where milliseconds do not.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from loaded import Loaded, loaded

TURN_S = 0.06
WARMUP_RUNS = 10


def timed_ms(model: Loaded) -> float:
    """The time of one run."""
    start = time.perf_counter_ns()
    model.invoke()
    return (time.perf_counter_ns() - start) / 1e6


def main() -> None:
    """Write JSON: for each file a list of `ROUNDS` medians in milliseconds."""
    seed, rounds, data, out, *paths = sys.argv[1:]
    source = random.Random(int(seed))
    with np.load(data, allow_pickle=False) as arrays:
        value = arrays["inputs"][0]
    shuffled = source.sample(paths, len(paths))  # where the buffers come to lie must not follow the file's name
    models = {path: loaded(Path(path)) for path in shuffled}
    runs = {}
    for path, model in models.items():
        model.set_input(value)
        typical_ms = statistics.median(timed_ms(model) for _ in range(WARMUP_RUNS))
        runs[path] = max(5, round(TURN_S * 1e3 / typical_ms))
    medians: dict[str, list[float]] = {path: [] for path in paths}
    for _ in range(int(rounds)):
        for path in source.sample(paths, len(paths)):
            models[path].invoke()  # brings the weights back into the caches
            medians[path].append(statistics.median(timed_ms(models[path]) for _ in range(runs[path])))
    Path(out).write_text(json.dumps(medians) + "\n")


if __name__ == "__main__":
    main()
