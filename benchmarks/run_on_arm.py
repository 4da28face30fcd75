"""Compiles a model for an ARM CPU, runs it in qemu-user by edgewright's own runtime, and compares with onnxruntime.

    python benchmarks/run_on_arm.py model.onnx rows.npz --cpu rpi4 --qemu cortex-a72

`rows.npz` has an array for each input of the model, rows along the first axis. Needs qemu-user, debootstrap and
gcc-aarch64-linux-gnu (Debian), and to be root the first time. The time that it takes says nothing about ARM.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from arm_root import library_of, make_root, python_of, site_of

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.targets.base import Options
from edgewright.targets.table import load_target

ON_ARM = """
import platform, sys
from pathlib import Path
import numpy as np
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tvm.runtime import TVM
library, rows, count, out = sys.argv[1:]
session = TVM().load(Path(library), RunOptions(threads=2))
inputs = np.load(rows)
given = [session.run({name: inputs[name][row : row + 1] for name in inputs.files}) for row in range(int(count))]
np.savez(out, **{name: np.concatenate([each[name] for each in given]) for name in given[0]})
print(f"ran on {platform.machine()} with apache-tvm {TVM().version()}, python {platform.python_version()}")
"""


def main() -> None:
    """Do what the command line asks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--cpu", default="rpi4", help="a CPU of ARM, as formats of the target tvm name it")
    parser.add_argument("--qemu", default="cortex-a72", help="the CPU that qemu plays")
    parser.add_argument("--count", type=int, default=50, help="how many rows")
    parser.add_argument("--root", type=Path, default=Path.home() / ".cache/edgewright-arm")
    parser.add_argument("--mirror", help="where Debian's packages are; debootstrap's own when nothing is said")
    asked = parser.parse_args()
    make_root(asked.root, asked.mirror)
    given = np.load(asked.rows)
    session = onnxruntime.InferenceSession(asked.model)
    names = [each.name for each in session.get_inputs()]
    rows = {name: given[name][: asked.count] for name in names}
    outputs = [each.name for each in session.get_outputs()]
    wanted = [session.run(None, {name: rows[name][row : row + 1] for name in names}) for row in range(asked.count)]
    with tempfile.TemporaryDirectory() as folder:
        got = _on_arm(asked, rows, Path(folder))
    for place, name in enumerate(outputs):
        expected = np.concatenate([each[place] for each in wanted])
        gap = np.abs(expected.astype(np.float64) - got[name].astype(np.float64)).max()
        print(f"{name} {list(expected.shape)}: max_abs {gap:.3g} of values within ±{np.abs(expected).max():.3g}")


def _on_arm(asked: argparse.Namespace, rows: dict[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    model = CLEANUP(import_model(Request(reference=asked.model.name, folder=asked.model.resolve().parent)).model)
    artifact = load_target("tvm").compile(model, Options(variant="fp32", format=asked.cpu), folder)
    print(f"{artifact.name}: {artifact.size_bytes} bytes, needs {', '.join(artifact.requires.features) or 'nothing'}")
    np.savez(folder / "rows.npz", **rows)
    package = folder / "package"
    package.mkdir()
    (package / "edgewright").symlink_to(Path(__file__).resolve().parents[1])
    library = library_of(asked.root)
    environment = {
        **os.environ,
        "PYTHONPATH": f"{package}:{site_of(asked.root)}",
        "EDGEWRIGHT_TVM_RUNTIME": str(library),
    }
    arguments = [folder / "model.so", folder / "rows.npz", asked.count, folder / "out.npz"]
    command = [*python_of(asked.root, asked.qemu), "-c", ON_ARM, *map(str, arguments)]
    subprocess.run(command, env=environment, check=True)
    found = np.load(folder / "out.npz")
    return {name: found[name] for name in found.files}


if __name__ == "__main__":
    main()
