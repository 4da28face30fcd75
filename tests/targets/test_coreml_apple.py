"""Packages in Core ML itself, with a fake of coremltools' `MLModel` that the interpreter stands behind."""

import sys
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from edgewright_fake_core_ml import PIL, MLModel, OnAMac, Runtime, toolkit

from edgewright.bundle.interface import Interface
from edgewright.targets.base import Options
from edgewright.targets.coreml import apple
from edgewright.targets.runtime import RunOptions
from edgewright.vocabulary.picture import preprocessed
from edgewright.vocabulary.signature import Preprocess


@pytest.fixture
def on_a_mac(tmp_path, monkeypatch):
    """Compile with settings; gives what calls the package as the source is called, in the fake of Core ML."""
    monkeypatch.setitem(sys.modules, "PIL", PIL)

    def build(model, settings=None, said=None):
        def told(specs):
            return tuple(msgspec.structs.replace(spec, **(said or {}).get(spec.name, {})) for spec in specs)

        signature = msgspec.structs.replace(
            model.signature, inputs=told(model.signature.inputs), outputs=told(model.signature.outputs)
        )
        artifact = OnAMac().compile(
            replace(model, signature=signature), Options(variant="fp32", settings=settings or {}), tmp_path
        )
        session = Runtime().load(tmp_path / artifact.files[0].path, RunOptions())
        interface = Interface(original=signature, artifact=artifact.signature)
        return signature, lambda **inputs: interface.run(session, inputs)

    return build


RELU = '(float["batch",4] x) => (float["batch",4] y) { y = Relu(x) }'


def test_the_package_says_which_units_it_would_run_on(on_a_mac, hub_of_text, tmp_path):
    on_a_mac(hub_of_text(RELU), {"compute_units": "cpu_and_ne"})
    assert MLModel.loaded == (str(tmp_path / "model.mlpackage"), "CPU_AND_NE")


def test_flexible_shapes_are_held_to_their_bounds(on_a_mac, hub_of_text):
    _, run = on_a_mac(hub_of_text(RELU), {"flexible": {"batch": "1..3"}})
    x = np.float32([[-1, 2, -3, 4]] * 3)
    np.testing.assert_array_equal(run(x=x)["y"], np.maximum(x, 0))
    with pytest.raises(ValueError, match="input 'x' is float32"):
        run(x=np.concatenate([x, x]))


@pytest.mark.parametrize("colour", ["RGB", "BGR", "L"])
def test_pictures_are_handed_over_as_pictures(on_a_mac, hub_of_text, colour):
    channels = 1 if colour == "L" else 3
    model = hub_of_text(f"(float[1,{channels},2,4] image) => (float[1,{channels},2,4] y) {{ y = Neg(image) }}")
    contract = Preprocess(scale=(1 / 255,), bias=(-0.5,), colour=colour)
    signature, run = on_a_mac(model, {"images": ["image"]}, {"image": {"preprocess": contract}})
    pixels = np.random.default_rng(0).integers(0, 256, (1, channels, 2, 4), dtype=np.uint8)
    image = preprocessed(pixels, signature.inputs[0])
    np.testing.assert_allclose(run(image=image)["y"], -image, rtol=0, atol=1e-6)


def test_scores_by_label_come_in_the_order_of_the_labels(on_a_mac, hub_of_text):
    model = hub_of_text("(float[1,3] x) => (float[1,3] scores) { scores = Neg(x) }")
    _, run = on_a_mac(model, {"classifier": "scores"}, {"scores": {"labels": ("dog", "cat", "ant")}})
    outputs = run(x=np.float32([[3, 1, 2]]))
    assert outputs["scores"].tolist() == [[-3, -1, -2]]
    assert outputs["scores"].dtype == np.float32


def test_states_are_written_before_a_call_and_read_after_it(on_a_mac, hub_of_text):
    model = hub_of_text("(float[2] x, float[2] h) => (float[2] y, float[2] next) { next = Add(x, h) y = Neg(next) }")
    _, run = on_a_mac(model, {"states": "state"}, {"next": {"state": "h"}})
    outputs = run(x=np.float32([1, 2]), h=np.float32([10, 20]))
    assert (outputs["next"].tolist(), outputs["y"].tolist()) == ([11, 22], [-11, -22])
    assert run(x=np.float32([1, 2]), h=np.float32([0, 0]))["next"].tolist() == [1, 2]


def test_what_core_ml_does_not_take_is_an_error(tmp_path):
    (tmp_path / "x.mlpackage").mkdir()
    with pytest.raises(ValueError, match="Core ML does not take it"):
        apple.load(tmp_path / "x.mlpackage", toolkit)


def test_the_system_decides_which_operations_there_are(monkeypatch):
    for system, operations in (("12.6", "5"), ("14.0", "7"), ("15.3.1", "8"), ("26.1", "9"), ("11.7", "4")):
        monkeypatch.setattr(apple.platform, "mac_ver", lambda release=system: (release, ("", "", ""), ""))
        assert apple.version() == operations


def test_core_ml_is_not_here_without_macos(monkeypatch):
    monkeypatch.setattr(apple.platform, "system", lambda: "Linux")
    apple.is_here.cache_clear()
    assert not apple.is_here()
    apple.is_here.cache_clear()
