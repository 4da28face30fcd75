"""`make_keras_mobilenet.py FOLDER`: Keras' MobileNetV2 as a SavedModel and as ONNX, the same function in both.

Keras is version 2 (`tf_keras`): of a model by Keras 3 the official TF.js converter leaves the batch norms of the
depthwise convolutions unfolded, and would make 130 operators of it instead of 69.

Runs in the environment `tensorflowjs`. It writes `mobilenet_v2_keras.saved_model` (a folder), `mobilenet_v2_keras.onnx`
(batch 1) and `mobilenet_v2_keras.npz` (`calibration`, rows without a batch axis; `inputs`, and Keras' `outputs`).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # before TensorFlow is imported

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
import tf_keras as keras

SEED = 20
NAME = "mobilenet_v2_keras"
IMAGE = (1, 224, 224, 3)


def main() -> None:
    """Write what is not there yet; the data come last."""
    folder = Path(sys.argv[1])
    if (folder / f"{NAME}.npz").exists():
        return
    model = mobilenet()

    @tf.function(input_signature=[tf.TensorSpec(IMAGE, tf.float32, name="image")])
    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"logits": model(image, training=False)}

    tf.saved_model.save(model, str(folder / f"{NAME}.saved_model"), signatures=serve)
    converted, _ = tf2onnx.convert.from_function(serve, input_signature=serve.input_signature, opset=18)
    onnx.save(converted, folder / f"{NAME}.onnx")
    source = np.random.default_rng(SEED + 1)
    calibration = source.standard_normal((16, *IMAGE[1:])).astype(np.float32)
    inputs = source.standard_normal((4, *IMAGE)).astype(np.float32)
    outputs = np.stack([serve(tf.constant(image))["logits"].numpy() for image in inputs])
    np.savez(folder / f"{NAME}.npz", calibration=calibration, inputs=inputs, outputs=outputs)


def mobilenet() -> keras.Model:
    """A network with seeded weights, its batch norms set to the statistics of what really flows through them."""
    keras.utils.set_random_seed(SEED)
    model = keras.applications.MobileNetV2(weights=None, classifier_activation=None)
    source = np.random.default_rng(SEED)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # the statistics of the one pass below
            layer.gamma.assign(source.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(source.uniform(-0.5, 0.5, layer.beta.shape))
    model.layers[-1].bias.assign(source.uniform(-0.5, 0.5, 1000))  # zeros would be optimised away
    model(source.standard_normal((16, *IMAGE[1:])).astype(np.float32), training=True)
    return model


if __name__ == "__main__":
    main()
