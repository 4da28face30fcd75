"""Node as a device: what it says of itself, and every way in which it ends."""

import json

import numpy as np
import pytest

from edgewright.devices.node import Node
from edgewright.vocabulary.errors import DeviceError
from edgewright.vocabulary.tensor_folder import TensorFolder

TFJS = "edgewright.targets.tfjs.runtime:TFJS"
LITERT = "edgewright.targets.tflite.runtime:LiteRT"


@pytest.fixture(scope="module")
def device():
    return Node("server")


def test_facts_say_which_node_and_what_it_has(device):
    facts = device.facts()
    assert (facts.kind, facts.os, facts.arch) == ("node", "web", "wasm32")
    assert facts.cpu.startswith("Node ")
    assert {"simd", "threads"} <= set(facts.features)
    assert set(facts.runtimes) == {"tfjs/wasm", "onnxruntime-web/wasm"}


def test_says_what_it_cannot_open(device):
    assert device.cannot_open(TFJS) is None
    assert device.cannot_open(LITERT) == "litertjs does not run in Node"


def test_graph_models_are_computed(device, web_job, graph_model, inputs):
    job = web_job(graph_model, TFJS)
    assert device.run(job).runtime == "tfjs/wasm"
    np.testing.assert_array_equal(TensorFolder(job.output)["y"], inputs["x"] + np.array([1, 2], np.float32))


def test_any_name_of_a_tensor_reaches_the_engine_and_comes_back(device, web_job, graph_model, inputs, tmp_path):
    content = json.loads(graph_model.read_text("utf-8"))
    for side, name in (("inputs", "x"), ("outputs", "y")):
        content["signature"][side]["__proto__"] = content["signature"][side].pop(name)
    graph_model.write_text(json.dumps(content), "utf-8")
    folder = TensorFolder.write(tmp_path / "named", {"__proto__": inputs["x"]}).path
    job = web_job(graph_model, TFJS, folder=folder)
    device.run(job)
    np.testing.assert_array_equal(TensorFolder(job.output)["__proto__"], inputs["x"] + np.array([1, 2], np.float32))


def test_a_shard_that_is_missing_is_named(device, web_job, graph_model):
    (graph_model.parent / "group1-shard1of1.bin").unlink()
    with pytest.raises(DeviceError, match=r"group1-shard1of1\.bin: the artifact has no such file"):
        device.run(web_job(graph_model, TFJS))


def test_a_job_that_hangs_is_ended_and_nothing_is_left(device, web_job, hanging_model, started, temporary, once):
    seen = []
    once(["job.mjs"], seen.append)
    with pytest.raises(DeviceError, match="timed out after 4 s"):
        device.run(web_job(hanging_model, timeout_s=4.0))
    assert seen  # it did start
    assert started() == []
    assert list(temporary.iterdir()) == []


def test_a_node_that_is_killed_ends_its_job(device, web_job, hanging_model, started, once):
    once(["job.mjs"], lambda node: node.kill())
    with pytest.raises(DeviceError, match="Node ended by signal 9 before the job did"):
        device.run(web_job(hanging_model))
    assert started() == []


def test_a_job_can_be_cancelled(web_job, hanging_model, started, once):
    device = Node("server")
    once(["job.mjs"], lambda _: device.cancel.set())
    with pytest.raises(DeviceError, match="was cancelled"):
        device.run(web_job(hanging_model))
    assert started() == []


def test_nothing_outlives_the_process_that_started_it(web_job, hanging_model, abandon):
    abandon("node", web_job(hanging_model), ["job.mjs"])


def test_more_memory_than_webassembly_has_is_said(device, web_job, hungry_model):
    with pytest.raises(DeviceError, match=r"running model\.onnx .*: out of memory: .*bad_alloc"):
        device.run(web_job(hungry_model))


def test_a_job_over_its_memory_is_ended(device, web_job, hanging_model, started):
    with pytest.raises(DeviceError, match="memory limit of 60 MB"):
        device.run(web_job(hanging_model, memory_limit_bytes=60_000_000))
    assert started() == []


def test_inference_needs_no_more_memory_for_more_rows(device, web_job, tmp_path):
    width = 50_000  # 200 kB a row, 200 MB all of them
    rows = np.lib.format.open_memmap(tmp_path / "0.npy", mode="w+", dtype=np.float32, shape=(1000, width))
    rows[::500] = 1.0
    rows.flush()
    (tmp_path / "index.json").write_text('{"names": ["x"]}', "utf-8")
    negates = '<ir_version: 10, opset_import: ["" : 20]> negates (float[n, m] x) => (float[n, m] y) { y = Neg(x) }'
    job = web_job(negates, folder=tmp_path, rows_per_call=4, memory_limit_bytes=450_000_000)
    device.run(job)
    assert float(TensorFolder(job.output)["y"][500, 7]) == -1.0


def test_a_machine_without_node_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="the device server needs Node 20 or newer") as caught:
        Node("server").facts()
    assert "apt-get install nodejs" in caught.value.hint
