"""Packages that somebody else made: PyTorch modules through coremltools' own converter give what PyTorch gives."""

import subprocess
import sys

import numpy as np
import pytest

from edgewright.targets.coreml.interpreter.session import Session

pytest.importorskip("torch")
pytest.importorskip("coremltools")

CONVERT = """
import sys, warnings
warnings.simplefilter("ignore")
import coremltools as ct
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

class Everything(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, 2, 1, groups=2)
        self.dilated = nn.Conv2d(4, 4, 3, padding="same", dilation=2)
        self.spread = nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2)
        self.norms = nn.ModuleList([
            nn.BatchNorm2d(4), nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True), nn.LayerNorm([8, 6])
        ])
        self.lstm, self.gru, self.rnn = nn.LSTM(4, 5, 2, bidirectional=True), nn.GRU(4, 5), nn.RNN(4, 5)

    def forward(self, image, sequence, matrix, grid):
        places = torch.tensor([[0, 2, 1], [1, 1, 0]])
        yield from (self.conv(image), self.dilated(image), self.spread(image))
        yield from (norm(image) for norm in self.norms)
        yield F.max_pool2d(image, 3, 2, 1, ceil_mode=True)
        yield F.avg_pool2d(image, 3, 2, 1, ceil_mode=True, count_include_pad=False)
        yield F.avg_pool2d(image, 3, 2, 1)
        yield F.adaptive_avg_pool2d(image, (4, 3))
        yield F.interpolate(image, scale_factor=2, mode="nearest")
        yield F.interpolate(image, size=(11, 9), mode="bilinear")
        yield F.interpolate(image, size=(11, 9), mode="bilinear", align_corners=True)
        yield F.grid_sample(image, grid, align_corners=False)
        yield F.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
        yield F.grid_sample(image, grid, mode="nearest", padding_mode="border", align_corners=True)
        yield from (self.lstm(sequence)[0], self.gru(sequence)[0], self.rnn(sequence)[0])
        yield F.scaled_dot_product_attention(image, image, image)
        yield torch.einsum("nchw,nwhu->nchu", image, image.transpose(1, 3))
        yield torch.matmul(matrix, matrix.transpose(0, 1))
        yield from torch.topk(matrix, 3, 1)
        yield torch.argsort(matrix, 1)
        yield torch.gather(matrix, 1, places)
        yield matrix[:, [0, 2]]
        yield matrix.scatter(1, torch.tensor([[0, 2, 1], [3, 4, 0]]), torch.ones(2, 3))
        yield matrix.scatter_add(1, places, torch.ones(2, 3))
        yield from (matrix[:, 1:4:2], matrix[..., -1], torch.flip(matrix, [1]), torch.where(matrix > 0, matrix, -1.0))

torch.manual_seed(0)
module = Everything().eval()
inputs = {"image": (1, 4, 8, 6), "sequence": (6, 1, 4), "matrix": (2, 5), "grid": (1, 3, 4, 2)}
inputs = {name: torch.randn(shape) for name, shape in inputs.items()}
module.forward = (lambda forward: lambda *given: tuple(forward(*given)))(module.forward)
with torch.no_grad():
    outputs = module(*inputs.values())
arrays = {name: tensor.numpy() for name, tensor in inputs.items()}
np.savez(f"{sys.argv[1]}/arrays.npz", **arrays, **{f"y{place}": y.numpy() for place, y in enumerate(outputs)})
traced = torch.jit.trace(module, tuple(inputs.values()), check_trace=False)
for system, precision in (("iOS15", "FLOAT32"), ("iOS16", "FLOAT16"), ("iOS17", "FLOAT32"), ("iOS18", "FLOAT16")):
    specs = [ct.TensorType(name=name, shape=array.shape, dtype=np.float32) for name, array in arrays.items()]
    package = ct.convert(
        traced, inputs=specs,
        outputs=[ct.TensorType(name=f"y{place}") for place in range(len(outputs))], skip_model_load=True,
        minimum_deployment_target=getattr(ct.target, system), compute_precision=getattr(ct.precision, precision),
    )
    package.save(f"{sys.argv[1]}/{system}.mlpackage")
"""


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """Convert in a process of its own: in this one coremltools was imported without PyTorch."""
    folder = tmp_path_factory.mktemp("foreign")
    subprocess.run([sys.executable, "-c", CONVERT, str(folder)], check=True, capture_output=True, timeout=300)
    with np.load(folder / "arrays.npz") as arrays:
        return folder, dict(arrays)


@pytest.mark.parametrize(
    ("system", "bound"),
    [
        ("iOS15", 2e-5),  # the rounding of float32, in sums of some hundred numbers near 1
        ("iOS16", 2e-2),  # float16 has 11 bits; a recurrence of six steps doubles what it loses
        ("iOS17", 2e-5),
        ("iOS18", 2e-2),
    ],
)
def test_a_converted_module_gives_what_pytorch_gives(converted, system, bound):
    folder, arrays = converted
    session = Session(folder / f"{system}.mlpackage")
    outputs = session.run({feature.name: arrays[feature.name] for feature in session.description.inputs})
    assert len(outputs) == len(arrays) - 4 > 30
    for name, got in outputs.items():
        np.testing.assert_allclose(got, arrays[name], rtol=0, atol=bound, err_msg=name)
