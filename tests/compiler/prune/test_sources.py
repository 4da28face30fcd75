"""A module and the ONNX file that PyTorch exports of it lose the same channels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.compiler.inspect import summarize
from edgewright.compiler.model import Model
from edgewright.compiler.prune.prune import Prune
from edgewright.vocabulary.signature import TensorDeclaration

MODULE = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.depthwise = nn.Conv2d(3, 48, 3, bias=False), nn.Conv2d(48, 48, 3, padding=1, groups=48)
        self.pointwise, self.head = nn.Conv2d(48, 48, 1), nn.Linear(48, 6)
        self.norms = nn.ModuleList(nn.BatchNorm2d(48) for _ in range(3))
        for norm in self.norms:
            nn.init.uniform_(norm.weight, 0.5, 2.0)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)

    def forward(self, x):
        x = torch.relu(self.norms[0](self.stem(x)))
        y = torch.relu(self.norms[1](self.depthwise(x)))
        x = x + self.norms[2](self.pointwise(y))
        return self.head(torch.relu(x).mean((2, 3)))


def net():
    return Net().eval()
"""
# PyTorch 2.13 warns of its own pytree while it exports
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")

PRUNED = [{"structured": True, "macs": "50%"}, {"sparsity": "60%"}, {"pattern": "2:4"}]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Model, Model]:
    """One network, imported as a module and as the ONNX file of it."""
    import torch

    folder = tmp_path_factory.mktemp("net")
    (folder / "net.py").write_text(MODULE)
    scope: dict[str, Callable[[], torch.nn.Module]] = {}
    exec(MODULE, scope)
    torch.onnx.export(
        scope["net"](),
        (torch.zeros(2, 3, 8, 8),),
        folder / "net.onnx",
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("n")},),
        input_names=["x"],
        output_names=["y"],
        verbose=False,
    )
    x = TensorDeclaration(dtype="float32", shape=("n", 3, 8, 8))
    asked = Request(reference="net.py:net", folder=folder, inputs={"x": x}, outputs={"y": TensorDeclaration()})
    as_file = Request(reference="net.onnx", folder=folder)
    return CLEANUP(import_model(asked).model), CLEANUP(import_model(as_file).model)


@pytest.mark.parametrize("options", PRUNED, ids=["channels", "zeros", "pattern"])
def test_both_are_one_model(
    options: dict[str, object], both: tuple[Model, Model], run: Callable[..., dict[str, np.ndarray]]
) -> None:
    first, second = (Prune(**options)(model) for model in both)
    x = np.random.default_rng(2).standard_normal((2, 3, 8, 8)).astype(np.float32)
    before, one, other = (run(model, {"x": x})["y"] for model in (both[0], first, second))
    assert summarize(first).macs == summarize(second).macs
    assert np.abs(one - before).max() > 0.01
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)  # the two fold their norms in another order
