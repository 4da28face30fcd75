"""What cannot be said is refused before anything is written: every such node, with operator and reason."""

import numpy as np
import pytest

from edgewright.targets.artifact import Handling
from edgewright.targets.base import Options
from edgewright.targets.tflite.target import TFLite
from edgewright.vocabulary.errors import ModelError, RefusedError, RequestError

OPTIONS = Options(variant="fp32")


def test_all_refused_nodes_are_named_with_their_reasons(hub_of_text, tmp_path):
    model = hub_of_text(
        """(float[2,5,5] x) => (float[2] y, int64[3,n] z) {
            p = Det(x)
            y = Relu(p)
            z = NonZero(x)
        }"""
    )
    with pytest.raises(RefusedError) as refusal:
        TFLite().compile(model, OPTIONS, tmp_path)
    assert "Det_0 (Det): the determinant of 5 rows" in refusal.value.message
    assert "NonZero_2 (NonZero): how much it gives depends on the data" in refusal.value.message
    assert "Relu_1" not in refusal.value.message
    assert refusal.value.hint
    assert refusal.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_coverage_says_the_same_without_an_error(hub_of_text):
    model = hub_of_text(
        "(double[4] x, float[4] u) => (double[4] y, float[4] v) { y = Cos(x) v = Cos(u) }",
    )
    coverage = TFLite().coverage(model, OPTIONS)
    assert [(node.node, node.handling) for node in coverage.nodes] == [
        ("Cos_0", Handling.REFUSED),
        ("Cos_1", Handling.NATIVE),
    ]
    assert coverage.nodes[0].detail == "the runtime has no COS for float64"


def test_nodes_behind_a_refused_one_are_judged_where_shapes_are_known(hub_of_text):
    model = hub_of_text(
        "(float[4] x) => (double[4] z, int64[n] w) { y = Cast<to=11>(x) c = Cos(y) z = Sin(c) w = NonZero(z) }",
    )
    details = {node.node: node.detail for node in TFLite().coverage(model, OPTIONS).refused}
    assert details["Cos_1"] == "the runtime has no COS for float64"
    assert details["Sin_2"] == "the runtime has no SIN for float64"


def test_coverage_tells_native_from_decomposed(hub_of_text):
    model = hub_of_text(
        "(float[1,4] x) => (float[1,4] y) { r = Relu(x) s = Softsign(r) k = Shape(s) y = Expand(s, k) }"
    )
    handled = {node.op: node.handling for node in TFLite().coverage(model, OPTIONS).nodes}
    assert handled == {
        "Relu": Handling.NATIVE,
        "Softsign": Handling.DECOMPOSED,
        "Shape": Handling.NATIVE,
        "Expand": Handling.NATIVE,
    }


def test_a_symbol_that_leads_no_input_must_be_fixed(hub_of_text, tmp_path):
    model = hub_of_text("(float[batch, length] x) => (float[batch, length] y) { y = Relu(x) }")
    with pytest.raises(ModelError, match=r"'length' is not fixed") as error:
        TFLite().compile(model, OPTIONS, tmp_path)
    assert "length" in error.value.hint
    fixed = TFLite().compile(model, Options(variant="fp32", dims={"length": 5}), tmp_path)
    assert fixed.signature.input("x").shape == (1, 5)


def test_a_symbol_that_the_model_does_not_have_is_an_error(hub_of_text):
    model = hub_of_text("(float[batch, 4] x) => (float[batch, 4] y) { y = Relu(x) }")
    with pytest.raises(ModelError, match="'bach'"):
        TFLite().coverage(model, Options(variant="fp32", dims={"bach": 2}))


@pytest.mark.parametrize("layout", [{"nobody": "NHWC"}, {"x": "NWHC"}, {"x": "NWC"}])
def test_a_layout_that_cannot_be_had_is_an_error(hub_of_text, layout):
    model = hub_of_text("(float[1,3,4,4] x) => (float[1,3,4,4] y) { y = Relu(x) }")
    with pytest.raises(RequestError, match="layout"):
        TFLite().coverage(model, Options(variant="fp32", layout=layout))


def test_an_unknown_format_is_an_error(hub_of_text, tmp_path):
    model = hub_of_text("(float[4] x) => (float[4] y) { y = Relu(x) }")
    with pytest.raises(RequestError, match="format"):
        TFLite().compile(model, Options(variant="fp32", format="flat"), tmp_path)


def test_weights_beyond_one_flatbuffer_are_refused(hub_of_text, tmp_path, monkeypatch):
    monkeypatch.setattr("edgewright.targets.tflite.emit.LIMIT_BYTES", 1000)
    model = hub_of_text("(float[1,20] x) => (float[1,20] y) { y = MatMul(x, w) }", {"w": np.eye(20, dtype=np.float32)})
    with pytest.raises(RefusedError, match="2 GiB"):
        TFLite().compile(model, OPTIONS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_empty_tensors_go_in_and_out(lite):
    assert lite("(float[4] x) => (int64[0] y) { y = Shape<start=1>(x) }").outputs["y"].shape == (0,)
    built = lite("(float[2,0,3] x, float[2,1,3] z) => (float[2,1,3] y) { y = Concat<axis=1>(x, z) }")
    assert built.outputs["y"].shape == (2, 1, 3)


def test_a_crop_is_refused_even_where_no_size_changes(hub_of_text):
    model = hub_of_text(
        "(float[1,1,4,4] x) => (float[1,1,4,4] y) { "
        'y = Resize<mode = "linear", coordinate_transformation_mode = "tf_crop_and_resize">(x, region, , sizes) }',
        {"region": np.array([0, 0, 0, 0, 1, 1, 0.5, 0.5], np.float32), "sizes": np.array([1, 1, 4, 4])},
    )
    assert [node.detail for node in TFLite().coverage(model, OPTIONS).refused] == ["coordinate mode tf_crop_and_resize"]
