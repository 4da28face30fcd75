"""Converts an ONNX file with onnx2tf. Runs in onnx2tf's environment."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import onnx2tf


def main() -> None:
    """`with_onnx2tf.py MODEL FOLDER LAYOUT OUT INPUT`; INPUT is the input's name."""
    name, folder, layout, out, input_name = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "model.onnx"
        shutil.copy(Path(folder) / f"{name}.onnx", source)  # it rewrites the file that it is given
        onnx2tf.convert(
            input_onnx_file_path=str(source),
            output_folder_path=f"{scratch}/out",
            keep_shape_absolutely_input_names=None if layout == "NHWC" else [input_name],
            non_verbose=True,
        )
        shutil.copy(f"{scratch}/out/model_float32.tflite", out)


if __name__ == "__main__":
    main()
