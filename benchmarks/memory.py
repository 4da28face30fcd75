"""Whether a build's memory grows with the rows that judge it: MobileNetV2 on 16, 64 and 256 images of 600 kB each.

Prints a Markdown table; writes `results/memory.json`. The peaks are those of the build's largest process: resident
memory with mapped files, and private memory alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from child import run
from private_memory import PeakOfDescendants

HERE = Path(__file__).parent
EDGEWRIGHT = str(Path(sys.executable).with_name("edgewright"))
PROJECT = """
[model]
source = "{model}"
[data]
evaluation = {{ file = "rows.npz" }}
[recipes]
fp32 = []
[targets.tflite]
recipes = ["fp32"]
[bundle]
name = "mobilenet"
version = "1.0.0"
"""
MAKE_ROWS = """
import sys, numpy
rows = numpy.random.default_rng(0).standard_normal((int(sys.argv[1]), 3, 224, 224), dtype=numpy.float32)
numpy.savez(sys.argv[2], image=rows)
"""


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[16, 64, 256])
    counts: list[int] = parser.parse_args().rows
    results = HERE / "results"
    run([sys.executable, str(HERE / "models.py"), str(results / "models")], results / "logs/models.log")
    record = {}
    for count in counts:
        with tempfile.TemporaryDirectory() as scratch:
            folder, log = Path(scratch), results / f"logs/memory.{count}.log"
            run([sys.executable, "-c", MAKE_ROWS, str(count), str(folder / "rows.npz")], log)
            project = PROJECT.format(model=results / "models/mobilenet_v2.onnx")
            (folder / "edgewright.toml").write_text(project, "utf-8")
            with PeakOfDescendants() as private:
                usage = run([EDGEWRIGHT, "build", "-C", scratch], log, {"EDGEWRIGHT_CACHE_DIR": f"{scratch}/cache"})
            record[count] = {
                "wall_s": usage.wall_s,
                "resident_bytes": usage.peak_bytes,
                "private_bytes": private.peak_bytes,
                "data_bytes": (folder / "rows.npz").stat().st_size,
            }
    (results / "memory.json").write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    print("| rows | data MB | seconds | resident MB | private MB |\n|--:|--:|--:|--:|--:|")
    for count, figures in record.items():
        megabytes = [f"{figures[key] / 1e6:.0f}" for key in ("data_bytes", "resident_bytes", "private_bytes")]
        print(f"| {count} | {megabytes[0]} | {figures['wall_s']:.1f} | {megabytes[1]} | {megabytes[2]} |")


if __name__ == "__main__":
    main()
