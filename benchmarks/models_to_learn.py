"""`models_to_learn.py FOLDER [ZOO]`: the models of `compare_learning.py` that are made here, as ONNX.

With ZOO, the folder of trained models, its keyword spotter is exported too.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import torch
from digits_encoder import digits_encoder
from models import SUBJECTS, write


def main() -> None:
    """Train the encoder; draw the one that is there for its latency; export the keyword spotter."""
    folder = Path(sys.argv[1])
    torch.set_num_threads(1)
    write(SUBJECTS["mobilenet_v2"], folder)
    export(digits_encoder(), torch.zeros(2, 8, 8), ("picture", "digit"), folder / "digits_encoder.onnx")
    for zoo in map(Path, sys.argv[2:]):
        spec = importlib.util.spec_from_file_location("ds_cnn", zoo / "ds_cnn/ds_cnn.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        spotter = module.load(zoo / "ds_cnn/weights.pt")
        export(spotter, torch.zeros(2, 1, 49, 10), ("mfcc", "probability"), folder / "ds_cnn.onnx")


def export(module: torch.nn.Module, example: torch.Tensor, names: tuple[str, str], path: Path) -> None:
    """Write a module with an open batch."""
    torch.onnx.export(
        module.eval(),
        (example,),
        path,
        input_names=[names[0]],
        output_names=[names[1]],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        external_data=False,
        dynamo=True,
        verbose=False,
    )


if __name__ == "__main__":
    main()
