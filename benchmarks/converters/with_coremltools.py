"""Converts a PyTorch module to a Core ML package with coremltools' own PyTorch frontend. Runs in its environment."""

from __future__ import annotations

import sys
from pathlib import Path

import coremltools
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from models import SUBJECTS, load


def main() -> None:
    """`with_coremltools.py MODEL FOLDER OUT`; inputs and outputs have the names of the ONNX file."""
    name, folder, out = sys.argv[1:]
    subject = SUBJECTS[name]
    module, example = load(subject, Path(folder)), subject.draw(torch.Generator())
    coremltools.convert(
        torch.jit.trace(module, example),
        inputs=[coremltools.TensorType(name=subject.input, shape=example.shape)],
        outputs=[coremltools.TensorType(name=subject.output)],
        convert_to="mlprogram",
        minimum_deployment_target=coremltools.target.iOS15,
        compute_precision=coremltools.precision.FLOAT32,
        skip_model_load=True,
    ).save(out)


if __name__ == "__main__":
    main()
