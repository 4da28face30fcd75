"""`with_tensorflowjs.py SAVED_MODEL OUT STORED`: a SavedModel as a TF.js graph model, by the official converter.

STORED is how the files hold the weights: float32, float16, uint8 or uint16. Runs in the environment `tensorflowjs`.
"""

from __future__ import annotations

import os
import sys
import types


def main() -> None:
    """Convert."""
    saved_model, out, stored = sys.argv[1:]
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # The converter imports this for the sake of decision forests; it has no release for a TensorFlow that runs here.
    sys.modules["tensorflow_decision_forests"] = types.ModuleType("tensorflow_decision_forests")
    from tensorflowjs.converters.tf_saved_model_conversion_v2 import convert_tf_saved_model

    quantized = {} if stored == "float32" else {"quantization_dtype_map": {stored: "*"}}
    convert_tf_saved_model(saved_model, out, **quantized)


if __name__ == "__main__":
    main()
