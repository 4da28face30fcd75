"""The encoder of `models.py` with padding: tokens of number 0 are no text, and attention does not look at them.

`masked_encoder.py FOLDER` writes `masked_encoder.onnx` and `masked_encoder.npz` (`calibration`, rows without a batch
axis; `inputs` and onnxruntime's `outputs`) into a folder, unless they are there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from models import SEED, Encoder, EncoderLayer, Subject, make
from torch import Tensor, nn

NAME = "masked_encoder"


class MaskedLayer(EncoderLayer):
    """An encoder layer whose attention is told which keys are text."""

    def forward(self, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """state: float32[batch, length, width], and the mask bool[batch, 1, 1, length], which is handed on."""
        x, is_text = state
        x = x + self.attend_to(self.attention_norm(x), is_text)
        return x + self.network(self.network_norm(x)), is_text

    def attend_to(self, x: Tensor, is_text: Tensor) -> Tensor:
        """x: float32[batch, length, width]; is_text: bool[batch, 1, 1, length]."""
        batch, length, width = x.shape
        query, key, value = (
            linear(x).reshape(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        )
        scores = query @ key.transpose(2, 3) / (width // self.heads) ** 0.5
        weights = torch.softmax(scores.masked_fill(~is_text, float("-inf")), dim=-1)
        return self.project((weights @ value).transpose(1, 2).reshape(batch, length, width))


class MaskedEncoder(Encoder):
    """Encoder with padding: 4 layers, 64 tokens of a vocabulary of 1,000, width 256, 4 heads."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(MaskedLayer(self.WIDTH, heads=4) for _ in range(4)))

    def forward(self, ids: Tensor) -> Tensor:
        """ids: int64[batch, 64] → float32[batch, 64, 256]."""
        x, _ = self.layers((self.embedding(ids) + self.position, (ids != 0)[:, None, None, :]))
        return self.norm(x)


def draw(source: torch.Generator) -> Tensor:
    """int64[1, 64]: 16 to 64 tokens, and padding behind them."""
    ids = torch.randint(1, Encoder.VOCABULARY, (1, Encoder.LENGTH), generator=source)
    ids[:, int(torch.randint(16, Encoder.LENGTH + 1, (), generator=source)) :] = 0
    return ids


def main() -> None:
    """Write what is not there yet; the data come last."""
    folder = Path(sys.argv[1])
    path, data = folder / f"{NAME}.onnx", folder / f"{NAME}.npz"
    if data.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    module = make(Subject(name=NAME, module=MaskedEncoder, draw=draw, input="ids", output="hidden"))
    source = torch.Generator().manual_seed(SEED + 1)
    calibration, inputs = (torch.stack([draw(source) for _ in range(count)]) for count in (32, 4))
    names = {"input_names": ["ids"], "output_names": ["hidden"]}
    torch.onnx.export(module, (inputs[0],), path, external_data=False, dynamo=True, verbose=False, **names)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    outputs = np.stack([session.run(None, {"ids": row})[0] for row in inputs.numpy()])
    np.savez(data, calibration=calibration[:, 0].numpy(), inputs=inputs.numpy(), outputs=outputs)


if __name__ == "__main__":
    main()
