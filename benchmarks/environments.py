"""Makes an environment of its own for each peer, in `benchmarks/.venvs`, with the versions of `constraints/`.

The variables LITERT_TORCH_PYTHON and ONNX2TF_PYTHON name the interpreters of environments that exist already.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS = {
    "litert-torch": ["litert-torch==0.10.0", "torch==2.13.0"],
    "onnx2tf": ["onnx2tf==2.6.9"],
    "onnx2tf-tensorflow": ["onnx2tf==1.29.24"],
    "onnxruntime": ["onnxruntime==1.31.1", "onnx==1.23.2", "sympy==1.14.0"],
    "nncf": ["nncf==3.4.0", "onnxruntime==1.31.1", "onnx==1.23.2"],
    "ai-edge-quantizer": ["ai-edge-quantizer==0.10.0", "ai-edge-litert==2.3.0"],
    # its PyTorch frontend reads one-element arrays as scalars, which NumPy 2.4 refuses
    "coremltools": ["coremltools==9.0", "torch==2.13.0", "numpy==2.3.5"],
    "coremltools-weights": ["coremltools==9.0", "scikit-learn==1.9.1", "kmeans1d==0.5.0", "numpy==2.3.5"],
    # what tensorflowjs itself asks for cannot be had together with any TensorFlow that runs here: see ALONE
    "tensorflowjs": [
        *("tensorflow==2.19.1", "tf-keras==2.19.0", "tensorflow-hub==0.16.1", "packaging==23.2", "six==1.17.0"),
        *("importlib_resources==7.1.0", "jax==0.6.2", "jaxlib==0.6.2", "flax==0.10.7"),
        *("tf2onnx==1.17.0", "onnx==1.22.0"),
    ],
    "pictures": ["pillow==13.0.0", "numpy==2.4.6"],
}

ALONE = {"tensorflowjs": ["tensorflowjs==4.22.0"]}
"""Peer → packages that are installed without what they require, after the others."""


def python_of(converter: str) -> str:
    """The interpreter of a converter's environment, made or not; edgewright's is the running one."""
    if converter not in REQUIREMENTS:
        return sys.executable
    variable = f"{converter.replace('-', '_').upper()}_PYTHON"
    return os.environ.get(variable) or str(HERE / ".venvs" / converter / "bin" / "python")


def make(peer: str) -> None:
    """Make a peer's environment, unless it is there and complete."""
    folder = HERE / ".venvs" / peer
    done = folder / "complete"
    if done.exists():
        return
    options = ["--constraint", str(HERE / "constraints" / f"{peer}.txt")]
    interpreter = sys.executable
    if peer == "onnx2tf":
        # It declares Python 3.12 or newer; its float conversion runs on 3.11 all the same.
        newer = next(
            (path for name in ("python3.12", "python3.13") if (path := shutil.which(name)) and runs(path)), None
        )
        interpreter = newer or sys.executable
        options += [] if newer else ["--ignore-requires-python"]
    subprocess.run([interpreter, "-m", "venv", "--clear", str(folder)], check=True)
    subprocess.run([str(folder / "bin" / "pip"), "install", *options, *REQUIREMENTS[peer]], check=True)
    if peer in ALONE:
        subprocess.run([str(folder / "bin" / "pip"), "install", "--no-deps", *options, *ALONE[peer]], check=True)
    done.touch()


def runs(interpreter: str) -> bool:
    """Whether an interpreter starts; pyenv puts one on the path for every version that it has heard of."""
    return subprocess.run([interpreter, "--version"], capture_output=True, check=False).returncode == 0


def main() -> None:
    """Make them all."""
    for peer in REQUIREMENTS:
        make(peer)
        print(f"{peer}: {python_of(peer)}")


if __name__ == "__main__":
    main()
