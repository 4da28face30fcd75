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


def test_masks_and_what_prepares_the_inputs_do_not_learn() -> None:
    model = ir.from_onnx_text("""<ir_version: 9, opset_import: ["" : 20]>
        g (float[n, 4] x) => (float[n, 4] y)
        <float[4] mean = {0.1, 0.2, 0.3, 0.4}, float[4,4] w = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16},
         float[4] b = {0.5, 0.5, 0.5, 0.5}, float[4] mask = {0, 0, -1e9, 0}, float[4] hidden = {0, 0, -inf, 0}> {
        c = Sub (x, mean)
        h = MatMul (c, w)
        s = Add (h, b)
        m = Add (s, mask)
        y = Add (m, hidden) }""")
    assert [value.name for value in learnable(model.graph)] == ["w", "b"]
