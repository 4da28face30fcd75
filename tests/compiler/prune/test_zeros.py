"""Single weights that become zero, and what cannot be asked of `prune`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest

from edgewright.compiler import recipe
from edgewright.compiler.model import Model
from edgewright.compiler.prune.prune import Prune
from edgewright.compiler.prune.zeros import Pattern
from edgewright.compiler.quantize.record import notes
from edgewright.vocabulary.errors import ConfigError, RefusedError

Make = Callable[..., Model]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def weight_of(model: Model) -> np.ndarray:
    tensor = model.graph.initializers["w"].const_value
    assert tensor is not None
    return tensor.numpy()


def conv(make: Make, channels: int) -> Model:
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], name="conv")
    return make([node], (1, channels, 6, 6), {"w": noise(64, channels, 3, 3)})


def test_two_of_four_input_channels_keep_their_weight(make: Make) -> None:
    before = conv(make, 8)
    pruned = weight_of(Prune(pattern="2:4")(before))
    groups = pruned.reshape(64, 2, 4, 3, 3)
    assert ((groups != 0).sum(axis=2) == 2).all()
    kept = np.abs(weight_of(before)).reshape(64, 2, 4, 3, 3)
    assert (np.where(groups != 0, kept, np.inf).min(axis=2) >= np.where(groups == 0, kept, 0).max(axis=2)).all()


def test_a_share_of_each_weight_becomes_zero(make: Make) -> None:
    before = conv(make, 8)
    after = Prune(sparsity="90%")(before)
    assert (weight_of(after) == 0).mean() == pytest.approx(0.9, abs=1e-3)
    assert after.precision == before.precision
    assert notes(after.ir)[-1].text == "4,147 of 4,608 weights are zero"


def test_channels_that_are_no_multiple_stay_and_are_named(make: Make) -> None:
    after = Prune(pattern="2:4")(conv(make, 6))
    assert (weight_of(after) != 0).all()
    assert ("conv", "stays: its input channels are no multiple of 4") in [(n.where, n.text) for n in notes(after.ir)]


def test_an_outputs_channels_stay(make: Make) -> None:
    with pytest.raises(RefusedError, match="no channel of the model can go"):
        Prune(structured=True, macs="50%")(conv(make, 8))


def test_no_layer_is_emptied(make: Make) -> None:
    nodes = [onnx.helper.make_node("Conv", ["x", "a"], ["h"]), onnx.helper.make_node("Conv", ["h", "b"], ["y"])]
    model = make(nodes, (1, 3, 4, 4), {"a": noise(16, 3, 1, 1), "b": noise(4, 16, 1, 1)})
    with pytest.raises(RefusedError, match=r"macs = 1% would empty layers \('Conv_0'\): .* 896 of 1,792") as caught:
        Prune(structured=True, macs="1%")(model)
    assert caught.value.hint is not None
    assert caught.value.hint.endswith("ask for more than 6.25%, which one channel in each layer leaves")
    with pytest.raises(RefusedError, match="would empty layers") as caught:
        Prune(structured=True, macs="10%")(model)
    assert caught.value.hint is not None
    assert caught.value.hint.endswith("or for a smaller `multiple`: single channels leave 6.25%")


def test_no_weight_is_emptied(make: Make) -> None:
    with pytest.raises(RefusedError, match="nothing would be left of the 4,608 weights of 'conv'") as caught:
        Prune(sparsity="99.99%")(conv(make, 8))
    assert caught.value.hint == "ask for a sparsity of at most 99.97%"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "nothing asked for; say one of structured"),
        ({"sparsity": "50%", "pattern": "2:4"}, "sparsity and pattern asked for"),
        ({"structured": True}, "structured takes one of macs and width"),
        ({"macs": "50%", "sparsity": "50%"}, "structured takes one of macs and width"),
        ({"structured": True, "macs": "120%"}, "macs = '120%': expected a share between 0% and 100%"),
        ({"structured": True, "macs": "half"}, "macs = 'half': expected"),
        ({"structured": True, "macs": "50%", "importance": "luck"}, "importance = 'luck': expected one of magnitude"),
        ({"sparsity": "50%", "importance": "taylor"}, "importance and heads are of structured = true, and sparsity is"),
        ({"pattern": "2:4", "heads": True}, "importance and heads are of structured = true, and pattern is"),
        ({"blocks": 1, "sparsity": "50%"}, "blocks and sparsity asked for"),
        ({"blocks": -1}, "blocks = -1: expected at least 1"),
        ({"pattern": "4:2"}, "expected how many of how many weights stay"),
        ({"structured": True, "macs": "50%", "multiple": 0}, "multiple = 0: expected at least 1"),
    ],
)
def test_what_cannot_be_meant_is_told(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        recipe.parse([{"prune": options}], where="edgewright.toml: recipes.small")


def test_a_pattern_is_read() -> None:
    assert Pattern.parse("1:4") == Pattern(1, 4)
