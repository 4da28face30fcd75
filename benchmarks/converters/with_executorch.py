"""Lowers a PyTorch module as ExecuTorch's own documentation does: `torch.export`, XNNPACK's partitioner, a file."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower

sys.path.insert(0, str(Path(__file__).parents[1]))
from models import SUBJECTS, load


def main() -> None:
    """`with_executorch.py MODEL FOLDER OUT`."""
    name, folder, out = sys.argv[1:]
    subject = SUBJECTS[name]
    exported = torch.export.export(load(subject, Path(folder)), (subject.draw(torch.Generator().manual_seed(1)),))
    program = to_edge_transform_and_lower(exported, partitioner=[XnnpackPartitioner()])
    Path(out).write_bytes(program.to_executorch().buffer)


if __name__ == "__main__":
    main()
