"""Residual blocks that change the outputs least go, and what is left computes as if they said nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Imported
from edgewright.compiler.model import Model
from edgewright.compiler.prune.blocks import find_blocks
from edgewright.compiler.prune.prune import Prune
from edgewright.compiler.quantize.record import notes
from edgewright.compiler.train.material import Material
from edgewright.vocabulary.errors import RefusedError

Read = Callable[..., Imported]
Run = Callable[..., dict[str, np.ndarray]]

NETWORK = """<ir_version: 9, opset_import: ["" : 20]>
    g (float[n, 8, 6, 6] x) => (float[n, 8, 6, 6] y)
    <float[8,8,3,3] a, float[16,8,1,1] b, float[8,16,1,1] c, float[8,8,1,1] d, float[8,8,1,1] e, float f = {0.5}> {
    h = Conv <pads = [1,1,1,1]> (x, a)
    i = Conv (h, b)
    j = Relu (i)
    k = Conv (j, c)
    first = Add (h, k)
    l = Conv (first, d)
    m = Sigmoid (l)
    n1 = Mul (l, m)
    second = Add (n1, first)
    o = Conv (second, e)
    p = Add (second, o)
    r = Mul (p, f)
    s = Add (p, r)
    y = Add (s, o) }"""
"""Two blocks; a sum of what is used once more; one in which nothing is multiplied by weights."""


@pytest.fixture
def network(tmp_path: Path, read: Read) -> Model:
    """The network, its weights drawn; the second block says little."""
    proto = onnx.parser.parse_model(NETWORK)
    source = np.random.default_rng(7)
    for weight in proto.graph.value_info:  # declared without numbers
        shape = [size.dim_value for size in weight.type.tensor_type.shape.dim]
        array = source.standard_normal(shape).astype(np.float32) / (100 if weight.name == "d" else 3)
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array, weight.name))
    del proto.graph.value_info[:]
    for node in proto.graph.node:
        node.name = f"makes_{node.output[0]}"
    onnx.save(proto, tmp_path / "model.onnx")
    return CLEANUP(read(tmp_path / "model.onnx").model)


def prune(blocks: int, model: Model) -> Model:
    rows = np.random.default_rng(3).standard_normal((5, 8, 6, 6)).astype(np.float32)
    material = Material(rows={"x": rows}, labels=None, digest="of some rows", teacher=model)
    return Prune(blocks=blocks).taught(material)(model)


def silenced(model: Model, *weights: str) -> Model:
    """Give it with zeros for some weights."""
    graph = model.ir.clone()
    for name in weights:
        value = graph.graph.initializers[name]
        assert value.const_value is not None
        value.const_value = ir.tensor(np.zeros_like(value.const_value.numpy()), name=name)
    return model.with_graph(graph)


def test_blocks_are_found(network: Model) -> None:
    assert [block.end.name for block in find_blocks(network.graph)] == ["makes_first", "makes_second"]


def test_the_block_that_says_least_goes(network: Model, run: Run) -> None:
    x = {"x": np.random.default_rng(4).standard_normal((2, 8, 6, 6)).astype(np.float32)}
    one = prune(1, network)
    assert [block.end.name for block in find_blocks(one.graph)] == ["makes_first"]
    np.testing.assert_array_equal(run(one, x)["y"], run(silenced(network, "d"), x)["y"])
    np.testing.assert_array_equal(run(prune(2, network), x)["y"], run(silenced(network, "c", "d"), x)["y"])
    (told,) = notes(one.ir)
    assert told.where == "makes_second"
    assert told.text.startswith("block of 3 nodes is taken out, one of 2: outputs change by ")


def test_more_blocks_than_there_are_is_told(network: Model) -> None:
    with pytest.raises(RefusedError, match="blocks = 3, and no more than 2 of the model's layers") as caught:
        prune(3, network)
    assert caught.value.hint == "ask for at most 2"
