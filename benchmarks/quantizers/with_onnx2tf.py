"""Converts an ONNX file to an integer TFLite file with onnx2tf, either line. Runs in an environment of that line."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnx2tf

FILES = {"fp32": "float32", "static": "integer_quant", "dynamic": "dynamic_range_quant"}
"""Setting → how the name of the file ends. `integer_quant` has float inputs and outputs and integers between them."""


def main() -> None:
    """`with_onnx2tf.py SETTING SOURCE DATA OUT`."""
    setting, source, data, out = sys.argv[1], *(Path(argument).resolve() for argument in sys.argv[2:])
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        shutil.copy(source, scratch / "model.onnx")  # it rewrites the file that it is given
        os.chdir(scratch)
        # Pictures on which it compares operators while it converts; without this file it asks the network for them.
        pictures = np.random.default_rng(0).random((20, 128, 128, 3), np.float32)
        np.save("calibration_image_sample_data_20x128x128x3_float32.npy", pictures)
        graph = onnx.load(source).graph
        (value,) = graph.input
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        options: dict[str, object] = {}
        if setting == "static":
            with np.load(data, allow_pickle=False) as arrays:
                rows = arrays["calibration"]
            np.save(scratch / "rows.npy", rows.transpose(0, 2, 3, 1) if rows.ndim == 4 else rows)
            # Mean and deviation are subtracted and divided by, whatever the data is: 0 and 1 leave it alone.
            options["output_integer_quantized_tflite"] = True
            options["custom_input_op_name_np_data_path"] = [[value.name, str(scratch / "rows.npy"), [[0.0]], [[1.0]]]]
        if setting == "dynamic":
            options["output_dynamic_range_quantized_tflite"] = True
        if len(shape) < 4:
            options["keep_shape_absolutely_input_names"] = [value.name]
        onnx2tf.convert(
            input_onnx_file_path=str(scratch / "model.onnx"),
            output_folder_path=str(scratch / "out"),
            copy_onnx_input_output_names_to_tflite=True,
            non_verbose=True,
            **options,
        )
        made = scratch / "out" / f"model_{FILES[setting]}.tflite"
        if not made.exists():
            sys.exit(f"no {made.name} among {sorted(path.name for path in made.parent.iterdir())}")
        shutil.copy(made, out)


if __name__ == "__main__":
    main()
