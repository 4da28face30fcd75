"""Trains the demo's model from scikit-learn's digits and writes `digits.onnx` and `digits.npz` beside this file.

Needs torch and scikit-learn, which the demo itself does not: both files are committed. On one set of tools a second run
writes the same bytes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx_ir as ir
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).parent
SEED = 20
CALIBRATION_ROWS = 100
EVALUATION_ROWS = 500
EPOCHS = 80
BATCH = 64


class SeparableBlock(nn.Module):
    """A 3×3 convolution for each channel by itself, then a 1×1 convolution across channels."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels_in, channels_in, 3, stride, padding=1, groups=channels_in, bias=False)
        self.depthwise_norm = nn.BatchNorm2d(channels_in)
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1, bias=False)
        self.pointwise_norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        """x: float32[batch, channels_in, height, width] → float32[batch, channels_out, height/stride, width/stride]."""
        x = functional.relu(self.depthwise_norm(self.depthwise(x)))
        return functional.relu(self.pointwise_norm(self.pointwise(x)))


class DigitNet(nn.Module):
    """Reads one digit from an 8×8 image of ink counts 0…16; the scaling to 0…1 is part of the model."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(SeparableBlock(16, 32, stride=1), SeparableBlock(32, 64, stride=2))
        self.residual = SeparableBlock(64, 64, stride=1)
        self.dropout = nn.Dropout(0.2)
        self.head = nn.Linear(64, 10)

    def logits(self, image: Tensor) -> Tensor:
        """image: float32[batch, 1, 8, 8] → float32[batch, 10], before the softmax."""
        x = functional.relu(self.stem_norm(self.stem(image / 16.0)))
        x = self.blocks(x)
        x = x + self.residual(x)
        return self.head(self.dropout(x.mean(dim=(2, 3))))

    def forward(self, image: Tensor) -> Tensor:
        """image: float32[batch, 1, 8, 8] → float32[batch, 10], the probability of each digit."""
        return torch.softmax(self.logits(image), dim=1)


def split() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Give (images, labels) for training, and for calibration and evaluation in that order; each digit in its share.

    Images are float32[rows, 1, 8, 8] with ink counts 0…16, labels int64[rows].
    """
    digits = load_digits()
    images = digits.images.astype(np.float32).reshape(-1, 1, 8, 8)
    labels = digits.target.astype(np.int64)
    train_images, held_images, train_labels, held_labels = train_test_split(
        images, labels, test_size=CALIBRATION_ROWS + EVALUATION_ROWS, stratify=labels, random_state=SEED
    )
    first, second = train_test_split(
        np.arange(len(held_labels)), test_size=EVALUATION_ROWS, stratify=held_labels, random_state=SEED
    )
    order = np.concatenate([first, second])
    return (train_images, train_labels), (held_images[order], held_labels[order])


def shifted(images: Tensor) -> Tensor:
    """Move every image by at most one pixel each way, filling with blank paper."""
    padded = functional.pad(images, (1, 1, 1, 1))
    moves = torch.randint(0, 3, (len(images), 2)).tolist()
    return torch.stack([image[:, y : y + 8, x : x + 8] for image, (y, x) in zip(padded, moves, strict=True)])


def train(images: np.ndarray, labels: np.ndarray) -> DigitNet:
    """Train a network; the same images, labels and tools give the same weights."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)  # sums in one order, whatever the machine
    torch.use_deterministic_algorithms(True)
    net, inputs, targets = DigitNet(), torch.from_numpy(images), torch.from_numpy(labels)
    optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=1e-2, epochs=EPOCHS, steps_per_epoch=-(-len(labels) // BATCH)
    )
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(labels)).split(BATCH):
            loss = functional.cross_entropy(net.logits(shifted(inputs[rows])), targets[rows], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def accuracy(net: DigitNet, images: np.ndarray, labels: np.ndarray) -> float:
    """The share of images whose likeliest digit is the right one."""
    with torch.no_grad():
        return float((net(torch.from_numpy(images)).argmax(dim=1).numpy() == labels).mean())


def export(net: DigitNet, path: Path) -> None:
    """Write the network as ONNX with a free batch size, input `image`, output `probability`."""
    program = torch.onnx.export(
        net,
        (torch.zeros(2, 1, 8, 8),),
        input_names=["image"],
        output_names=["probability"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        verbose=False,
    )
    model = program.model
    for node in model.graph.all_nodes():
        node.metadata_props.clear()  # the exporter notes stack traces: paths of the machine it ran on
    for value in (*model.graph.inputs, *model.graph.outputs):
        value.metadata_props.clear()
    model.metadata_props.clear()
    model.graph.metadata_props.clear()
    ir.save(model, path)


def main() -> None:
    """Train, export, and keep the rows that training has not seen."""
    (train_images, train_labels), (held_images, held_labels) = split()
    net = train(train_images, train_labels)
    export(net, HERE / "digits.onnx")
    np.savez_compressed(HERE / "digits.npz", image=held_images, label=held_labels)
    images, labels = held_images[CALIBRATION_ROWS:], held_labels[CALIBRATION_ROWS:]
    print(f"parameters           {sum(p.numel() for p in net.parameters()):,}")
    print(f"accuracy, training   {accuracy(net, train_images, train_labels):.2%} of {len(train_labels):,}")
    print(f"accuracy, evaluation {accuracy(net, images, labels):.2%} of {len(labels):,}")


if __name__ == "__main__":
    main()
