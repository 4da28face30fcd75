"""Which constants learn."""

from __future__ import annotations

import onnx_ir as ir

from edgewright.compiler.train.weights import learnable

GIVES_A_WEIGHT = """<ir_version: 10, opset_import: ["" : 21]>
g (float[1, 2] x) => (float[1, 2] y, float[2, 2] given)
<float[2, 2] given = {1.0, 2.0, 3.0, 4.0}, float[2, 2] own = {1.0, 2.0, 3.0, 4.0}> {
  h = MatMul(x, given)
  y = MatMul(h, own)
}"""


def test_a_constant_that_is_an_output_stays() -> None:
    graph = ir.from_onnx_text(GIVES_A_WEIGHT).graph
    assert [value.name for value in learnable(graph)] == ["own"]
