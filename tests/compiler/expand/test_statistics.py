"""Means of squares, and what is computed of them up to the root, are told from what float16 holds."""

import onnx
import onnx_ir as ir

from edgewright.compiler.expand.origin import mark_origins
from edgewright.compiler.expand.statistics import statistics

HEAD = '<ir_version: 10, opset_import: ["" : 20]> g (float[2,512,3] x) => (float[2,512,3] y)'
LAYER_NORM = """
<float[1] n = {0.001953125}, int64[1] axes = {1}, float[1] zero = {0.0}, float[1] epsilon = {0.00001}>
{
    before = Relu (x)
    sum = ReduceSum <keepdims = 1> (before, axes)
    square = Mul (before, before)
    squares = ReduceSum <keepdims = 1> (square, axes)
    second = Mul (squares, n)
    mean = Mul (sum, n)
    first = Mul (mean, mean)
    difference = Sub (second, first)
    variance = Max (zero, difference)
    shifted = Add (variance, epsilon)
    deviation = Sqrt (shifted)
    centred = Sub (before, mean)
    y = Div (centred, deviation)
}"""


def found_in(text):
    model = onnx.parser.parse_model(text)
    for node in model.graph.node:
        node.name = node.output[0]
    graph = ir.serde.deserialize_model(model).graph
    mark_origins(graph)
    return statistics(graph)


def test_a_variance_as_a_difference_is_one_from_the_squares_and_the_mean_to_the_root():
    assert found_in(HEAD + LAYER_NORM) == {
        *("sum", "square", "squares", "second", "mean", "first", "difference", "variance", "shifted", "deviation")
    }


def test_a_norm_of_squares_is_one():
    constants = "<int64[1] axes = {1}, float two = {2.0}>"
    body = "{ s = Pow (x, two) m = ReduceMean (s, axes) r = Sqrt (m) y = Div (x, r) }"
    assert found_in(HEAD + constants + body) == {"s", "m", "r"}
    assert found_in(HEAD + "<int64[1] axes = {1}> { m = ReduceL2 (x, axes) y = Div (x, m) }") == {"m", "y"}


def test_products_that_are_no_squares_and_squares_that_nobody_adds_up_are_none():
    assert found_in(HEAD + "{ a = Relu (x) y = Mul (a, x) }") == set()
    assert found_in(HEAD + "{ a = Mul (x, x) y = Relu (a) }") == set()
    assert found_in(HEAD + "<int64[1] axes = {1}> { a = ReduceMean (x, axes) y = Sub (x, a) }") == set()
