"""The models of the comparisons, written in PyTorch: the same weights go to every converter.

Run as a script it writes, for each model, `<name>.onnx`, `<name>.pt` (a state dict) and `<name>.npz` (inputs and
onnxruntime's outputs) into a folder. Imported by a converter's child it needs torch alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

SEED = 20
INPUT_COUNT = 4


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model to convert. `draw` gives one input; `input` and `output` are the names in the ONNX file."""

    name: str
    module: Callable[[], nn.Module]
    draw: Callable[[torch.Generator], Tensor]
    input: str
    output: str


class InvertedResidual(nn.Module):
    """Expand (1×1), filter each channel (3×3), project (1×1), and add the input where shapes allow."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels_in * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [nn.Conv2d(channels_in, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6()]
        layers += [
            nn.Conv2d(hidden, hidden, 3, stride, padding=1, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU6(),
            nn.Conv2d(hidden, channels_out, 1, bias=False),
            nn.BatchNorm2d(channels_out),
        ]
        self.layers = nn.Sequential(*layers)
        self.adds = stride == 1 and channels_in == channels_out

    def forward(self, x: Tensor) -> Tensor:
        """x: float32[batch, channels_in, height, width]."""
        return x + self.layers(x) if self.adds else self.layers(x)


class MobileNetV2(nn.Module):
    """MobileNetV2 of width 1.0 (Sandler et al. 2018, table 2), 1,000 logits."""

    STAGES = (  # expansion, channels, repeats, stride of the first
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    )

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 32, 3, 2, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU6()]
        channels = 32
        for expansion, width, repeats, stride in self.STAGES:
            for index in range(repeats):
                layers.append(InvertedResidual(channels, width, stride if index == 0 else 1, expansion))
                channels = width
        layers += [nn.Conv2d(channels, 1280, 1, bias=False), nn.BatchNorm2d(1280), nn.ReLU6()]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(1280, 1000)

    def forward(self, image: Tensor) -> Tensor:
        """image: float32[batch, 3, 224, 224] → float32[batch, 1000]."""
        return self.head(self.features(image).mean(dim=(2, 3)))


class EncoderLayer(nn.Module):
    """Self-attention and a Gelu network, each after a LayerNorm and around a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm, self.network_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.project = nn.Linear(width, width)
        self.network = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """x: float32[batch, length, width]."""
        x = x + self.attend(self.attention_norm(x))
        return x + self.network(self.network_norm(x))

    def attend(self, x: Tensor) -> Tensor:
        """x: float32[batch, length, width]."""
        batch, length, width = x.shape
        query, key, value = (
            linear(x).reshape(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for linear in (self.query, self.key, self.value)
        )
        weights = torch.softmax(query @ key.transpose(2, 3) / (width // self.heads) ** 0.5, dim=-1)
        return self.project((weights @ value).transpose(1, 2).reshape(batch, length, width))


class Encoder(nn.Module):
    """A transformer encoder: 4 layers, 64 tokens of a vocabulary of 1,000, width 256, 4 heads."""

    LENGTH, VOCABULARY, WIDTH = 64, 1000, 256

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(self.VOCABULARY, self.WIDTH)
        self.position = nn.Parameter(torch.randn(1, self.LENGTH, self.WIDTH) * 0.1)
        self.layers = nn.Sequential(*(EncoderLayer(self.WIDTH, heads=4) for _ in range(4)))
        self.norm = nn.LayerNorm(self.WIDTH)

    def forward(self, ids: Tensor) -> Tensor:
        """ids: int64[batch, 64] → float32[batch, 64, 256]."""
        return self.norm(self.layers(self.embedding(ids) + self.position))


class Recurrent(nn.Module):
    """One layer of LSTM, 100 steps, width 128."""

    STEPS, FEATURES, WIDTH = 100, 64, 128

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(self.FEATURES, self.WIDTH, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        """x: float32[batch, 100, 64] → float32[batch, 100, 128]."""
        hidden: Tensor = self.layer(x)[0]
        return hidden


SUBJECTS = {
    subject.name: subject
    for subject in (
        Subject(
            name="mobilenet_v2",
            module=MobileNetV2,
            draw=lambda source: torch.randn(1, 3, 224, 224, generator=source),
            input="image",
            output="logits",
        ),
        Subject(
            name="encoder",
            module=Encoder,
            draw=lambda source: torch.randint(0, Encoder.VOCABULARY, (1, Encoder.LENGTH), generator=source),
            input="ids",
            output="hidden",
        ),
        Subject(
            name="lstm",
            module=Recurrent,
            draw=lambda source: torch.randn(1, Recurrent.STEPS, Recurrent.FEATURES, generator=source),
            input="x",
            output="hidden",
        ),
    )
}


def make(subject: Subject) -> nn.Module:
    """A network with seeded weights, its batch norms set to the statistics of what really flows through them.

    With statistics of 0 and 1 the signal would fade or blow up over 52 layers, and every parity figure with it.
    """
    torch.manual_seed(SEED)
    module = subject.module()
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # a plain mean over the passes below
        if isinstance(layer, nn.BatchNorm2d | nn.LayerNorm):  # 1 and 0, as they start, would be optimised away
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    source = torch.Generator().manual_seed(SEED)
    with torch.no_grad():
        for _ in range(2):
            module(torch.cat([subject.draw(source) for _ in range(8)]))
    return module.eval()


def load(subject: Subject, folder: Path) -> nn.Module:
    """The network that `write` wrote."""
    module = subject.module()
    module.load_state_dict(torch.load(folder / f"{subject.name}.pt", weights_only=True))
    return module.eval()


def write(subject: Subject, folder: Path) -> None:
    """Write the state dict, the ONNX file (batch 1), inputs drawn anew and onnxruntime's outputs for them."""
    import numpy as np
    import onnxruntime

    module = make(subject)
    torch.save(module.state_dict(), folder / f"{subject.name}.pt")
    path = folder / f"{subject.name}.onnx"
    source = torch.Generator().manual_seed(SEED + 1)
    inputs = [subject.draw(source) for _ in range(INPUT_COUNT)]
    torch.onnx.export(
        module,
        (inputs[0],),
        path,
        input_names=[subject.input],
        output_names=[subject.output],
        external_data=False,
        dynamo=True,
        verbose=False,
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    arrays = [value.numpy() for value in inputs]
    outputs = [session.run([subject.output], {subject.input: value})[0] for value in arrays]
    np.savez(folder / f"{subject.name}.npz", inputs=np.stack(arrays), outputs=np.stack(outputs))
    with torch.no_grad():
        gap = max(
            float((module(value) - torch.from_numpy(output)).abs().max())
            for value, output in zip(inputs, outputs, strict=True)
        )
    print(f"{subject.name}: {path.stat().st_size:,} bytes; ONNX against PyTorch: max_abs {gap:.1e}")


def main() -> None:
    """`python models.py FOLDER`: write every model into a folder, those that are there already left alone."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for subject in SUBJECTS.values():
        if not (folder / f"{subject.name}.npz").exists():  # written last
            write(subject, folder)


if __name__ == "__main__":
    main()
