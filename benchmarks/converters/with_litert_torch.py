"""Converts a PyTorch module with litert-torch. Runs in litert-torch's environment."""

from __future__ import annotations

import sys
from pathlib import Path

import litert_torch
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from models import SUBJECTS, load


def main() -> None:
    """`with_litert_torch.py MODEL FOLDER LAYOUT OUT`."""
    name, folder, layout, out = sys.argv[1:]
    subject = SUBJECTS[name]
    module, example = load(subject, Path(folder)), subject.draw(torch.Generator())
    if layout == "NHWC":
        module = litert_torch.to_channel_last_io(module, args=[0])
        example = example.permute(0, 2, 3, 1).contiguous()
    litert_torch.convert(module, (example,)).export(out)


if __name__ == "__main__":
    main()
