"""Core ML: attention under a mask of booleans, filled with −10,000 where it is false.

coremltools' own path from PyTorch has turned such a mask round without a word. Here a key that is masked must be as
good as absent.
"""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from edgewright.compiler.model import Precision
from edgewright.targets.base import Options
from edgewright.targets.coreml.runtime import CoreML as Runtime
from edgewright.targets.coreml.target import CoreML
from edgewright.targets.runtime import RunOptions

BATCH, LENGTH, HEADS, DEPTH = 2, 6, 2, 4
WIDTH = HEADS * DEPTH
KEPT = [4, 6]
MASK = np.arange(LENGTH) < np.array(KEPT)[:, None]
GENERATOR = np.random.default_rng(11)
X = GENERATOR.standard_normal((BATCH, LENGTH, WIDTH)).astype(np.float32)

ATTENTION = f"""
(float[{BATCH},{LENGTH},{WIDTH}] x, bool[{BATCH},{LENGTH}] mask) => (float[{BATCH},{LENGTH},{WIDTH}] y) {{
    parted = Reshape(x, heads)
    q = Transpose<perm = [0, 2, 1, 3]>(parted)
    k = Transpose<perm = [0, 2, 3, 1]>(parted)
    scores = MatMul(q, k)
    MASKED
    weights = Softmax<axis = -1>(masked)
    mixed = MatMul(weights, q)
    back = Transpose<perm = [0, 2, 1, 3]>(mixed)
    y = Reshape(back, joined)
}}"""
SHAPES = {
    "heads": np.array([0, 0, HEADS, DEPTH]),
    "joined": np.array([0, 0, WIDTH]),
    "wide": np.array([BATCH, 1, LENGTH, LENGTH]),
    "middle": np.array([1, 2]),
    "low": np.array(-10_000, np.float32),
    "one": np.array(1, np.float32),
    "zero": np.array(0, np.float32),
}
FORMS = {
    "masked_fill": """
        broad = Unsqueeze(mask, middle)
        all = Expand(broad, wide)
        off = Not(all)
        masked = Where(off, low, scores)""",
    "a sum with (1 - mask) * -10000": """
        broad = Unsqueeze(mask, middle)
        number = Cast<to = 1>(broad)
        off = Sub(one, number)
        added = Mul(off, low)
        masked = Add(scores, added)""",
    "a mask of numbers compared with zero": """
        number = Cast<to = 7>(mask)
        broad = Unsqueeze(number, middle)
        all = Expand(broad, wide)
        again = Cast<to = 9>(all)
        added = Where(again, zero, low)
        masked = Add(scores, added)""",
}


def by_hand(x, kept):
    """Attend to the first `kept` keys alone, in float64."""
    parts = x.astype(np.float64).reshape(LENGTH, HEADS, DEPTH).transpose(1, 0, 2)
    scores = parts @ parts[:, :kept].transpose(0, 2, 1)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = (weights / weights.sum(-1, keepdims=True)) @ parts[:, :kept]
    return mixed.transpose(1, 0, 2).reshape(LENGTH, WIDTH)


@pytest.fixture
def package(tmp_path):
    """Compile a hub model and give a function that runs it."""

    def compiled(model, variant="fp32"):
        artifact = CoreML().compile(model, Options(variant=variant), tmp_path)
        return Runtime().load(tmp_path / artifact.files[0].path, RunOptions()).run

    return compiled


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("precision", "atol"),
    [
        (Precision.FP32, 1e-6),
        (Precision.FP16, 1e-2),  # scores up to 16 are rounded to 2^-7, which moves a weight by less than a hundredth
    ],
)
def test_a_masked_key_is_as_good_as_absent(package, hub_of_text, form, precision, atol):
    text = ATTENTION.replace("MASKED", FORMS[form])
    model = replace(hub_of_text(text, SHAPES), precision=precision)
    got = package(model)({"x": X, "mask": MASK.astype(np.int32)})["y"]
    for sentence, kept in enumerate(KEPT):
        assert np.abs(got[sentence] - by_hand(X[sentence], kept)).max() < atol


def test_a_mask_decides_the_result(package, hub_of_text):
    run = package(hub_of_text(ATTENTION.replace("MASKED", FORMS["masked_fill"]), SHAPES))
    turned = run({"x": X, "mask": (~MASK).astype(np.int32)})["y"]
    assert np.abs(turned[0] - by_hand(X[0], KEPT[0])).max() > 0.1


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # torch's exporter uses what torch gives up
def test_a_block_exported_from_torch(package, hub_of_proto):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    from torch import nn

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.all, self.out, self.norm = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH), nn.LayerNorm(WIDTH)

        def forward(self, x, mask):
            batch, length, _ = x.shape
            parts = self.all(x).view(batch, length, 3, HEADS, DEPTH)
            q, k, v = parts.permute(2, 0, 3, 1, 4)
            off = ~mask[:, None, None, :].expand(batch, 1, length, length)
            scores = (q @ k.transpose(-1, -2) / 2).masked_fill(off, -1e4)
            mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, WIDTH)
            return self.norm(x + self.out(mixed))

    torch.manual_seed(0)
    block = Block().eval()
    inputs = torch.from_numpy(X), torch.from_numpy(MASK)
    exported = torch.onnx.export(
        block, inputs, dynamo=True, input_names=["x", "mask"], output_names=["y"], verbose=False
    ).model_proto
    got = package(hub_of_proto(exported))({"x": X, "mask": MASK.astype(np.int32)})["y"]
    (same,) = onnxruntime.InferenceSession(exported.SerializeToString()).run(None, {"x": X, "mask": MASK})
    with torch.no_grad():
        wanted = block(*inputs).numpy()
    assert np.abs(got - same).max() < 1e-5
    assert np.abs(got - wanted).max() < 1e-5
