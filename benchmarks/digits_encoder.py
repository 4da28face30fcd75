"""A transformer encoder that reads scikit-learn's digits, with the outlier channels of a language model put in.

Large language models have a few channels of the residual stream that are tens of times larger than the others behind
every LayerNorm (Dettmers et al. 2022, "LLM.int8()"), and one scale for a tensor then leaves few steps for the rest. A
network this small grows none, so they are put in after training without changing what it computes: in each LayerNorm
some channels are multiplied by `OUTLIER`, and the weights that read them divided by it.
"""

from __future__ import annotations

import numpy as np
import torch
from models import EncoderLayer
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import Tensor, nn

WIDTH, HEADS, LAYERS = 128, 4, 3
TOKENS, PATCH = 16, 4
OUTLIER, OUTLIER_CHANNELS = 40.0, (17, 63, 90)
TRAINED_ROWS = 1000
EPOCHS = 25


class DigitsEncoder(nn.Module):
    """Sixteen patches of 2×2 pixels as tokens, three layers, the mean of the tokens, ten logits."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Linear(PATCH, WIDTH)
        self.position = nn.Parameter(torch.randn(1, TOKENS, WIDTH) * 0.1)
        self.layers = nn.Sequential(*(EncoderLayer(WIDTH, HEADS) for _ in range(LAYERS)))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 10)

    def forward(self, picture: Tensor) -> Tensor:
        """picture: float32[batch, 8, 8] of 0…1 → float32[batch, 10]."""
        batch = picture.shape[0]
        patches = picture.reshape(batch, 4, 2, 4, 2).transpose(2, 3).reshape(batch, TOKENS, PATCH)
        return self.head(self.norm(self.layers(self.embedding(patches) + self.position)).mean(dim=1))


def digits() -> tuple[tuple[NDArray[np.float32], NDArray[np.int64]], tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Pictures float32[N, 8, 8] of 0…1 and labels: those to train on, and those kept back."""
    pictures, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pictures))
    pictures, labels = (pictures[order] / 16).astype(np.float32).reshape(-1, 8, 8), labels[order]
    return (pictures[:TRAINED_ROWS], labels[:TRAINED_ROWS]), (pictures[TRAINED_ROWS:], labels[TRAINED_ROWS:])


def digits_encoder() -> DigitsEncoder:
    """Train it, then put the outliers in."""
    torch.manual_seed(0)
    module, ((pictures, labels), _) = DigitsEncoder(), digits()
    x, y = torch.from_numpy(pictures), torch.from_numpy(labels)
    optimizer = torch.optim.AdamW(module.parameters(), 1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=EPOCHS * -(-len(x) // 50))
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x[rows]), y[rows]).backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        for layer in module.layers:
            assert isinstance(layer, EncoderLayer)
            _enlarge(layer.attention_norm, [layer.query, layer.key, layer.value])
            first = layer.network[0]
            assert isinstance(first, nn.Linear)
            _enlarge(layer.network_norm, [first])
    return module.eval()


def _enlarge(norm: nn.LayerNorm, readers: list[nn.Linear]) -> None:
    channels = list(OUTLIER_CHANNELS)
    norm.weight[channels] *= OUTLIER
    norm.bias[channels] *= OUTLIER
    for reader in readers:
        reader.weight[:, channels] /= OUTLIER
