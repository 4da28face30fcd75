"""Chromium as a device: what it says of itself, what it measures, and every way in which it ends."""

import sys
import tempfile
import time
from importlib.util import find_spec

import numpy as np
import onnx
import psutil
import pytest

from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.devices import browser
from edgewright.devices.base import Benchmark, Inspect
from edgewright.devices.browser import Browser, BrowserSettings
from edgewright.devices.table import make_device
from edgewright.targets.base import Options
from edgewright.targets.table import load_target
from edgewright.targets.tfjs.graph import Constant, DType, Graph, GraphNode, Sizes, Tensor, Text
from edgewright.targets.tfjs.write import write
from edgewright.vocabulary.errors import ConfigError, DeviceError, MissingExtraError
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.tensor_folder import TensorFolder

TFJS = "edgewright.targets.tfjs.runtime:TFJS"
LITERT = "edgewright.targets.tflite.runtime:LiteRT"
ONNXRUNTIME = "edgewright.targets.onnxruntime.runtime:OnnxRuntime"
REFERENCE = "edgewright.targets.onnxruntime.runtime:Reference"


pytestmark = pytest.mark.usefixtures("chromium")


@pytest.fixture(scope="module")
def device():
    return Browser("web")


@pytest.fixture(scope="module")
def webgpu():
    """A device on WebGPU. Chromium brings one drawn by software, so its absence is a failure, too."""
    device = Browser("web", BrowserSettings(backend="webgpu"))
    device.facts()
    return device


def test_facts_say_which_browser_and_what_it_has(device):
    facts = device.facts()
    assert (facts.kind, facts.os, facts.arch) == ("browser", "web", "wasm32")
    assert facts.cpu.startswith("Chromium 1")
    assert " on " in facts.cpu
    assert facts.cpu.endswith("linux x86_64") or sys.platform != "linux"
    assert {"cross-origin-isolated", "simd", "threads"} <= set(facts.features)
    assert set(facts.runtimes) == {"tfjs/wasm", "litertjs/wasm", "onnxruntime-web/wasm"}


def test_a_backend_that_software_draws_is_named_with_it():
    facts = Browser("web", BrowserSettings(backend="webgl")).facts()
    assert "webgl by" in facts.cpu
    assert "SwiftShader" in facts.cpu
    assert set(facts.runtimes) == {"tfjs/webgl"}


def test_a_shader_that_does_not_compile_on_webgpu_is_a_failure_and_gives_no_numbers(webgpu, web_job, tmp_path):
    path = mirrored_along_the_last_of_five_axes(tmp_path / "graph")
    with pytest.raises(DeviceError, match=r"a kernel failed on WebGPU: Error while parsing WGSL"):
        webgpu.run(web_job(path, TFJS))


SQUASHED = """<ir_version: 10, opset_import: ["" : 20]> squashed (float[1, 2] x) => (float[1, 3] y)
    <float[2, 3] w = {1.0, -2.0, 0.5, 3.0, 1.5, -1.0}> { product = MatMul(x, w)  y = Tanh(product) }"""


@pytest.mark.parametrize(("target", "runtime"), [("tfjs", TFJS), ("tflite", LITERT), ("onnxruntime", ONNXRUNTIME)])
def test_every_engine_computes_on_webgpu(webgpu, web_job, inputs, tmp_path, target, runtime):
    onnx.save(onnx.parser.parse_model(SQUASHED), tmp_path / "squashed.onnx")
    hub = import_model(Request(reference="squashed.onnx", folder=tmp_path)).model
    folder = tmp_path / "artifact"
    folder.mkdir()
    artifact = load_target(target).compile(hub, Options(variant="fp32"), folder)
    job = web_job(folder / artifact.files[0].path, runtime)
    result = webgpu.run(job)
    assert result.runtime.endswith("/webgpu")
    weights = np.array([[1.0, -2.0, 0.5], [3.0, 1.5, -1.0]], np.float32)
    expected = np.tanh(inputs["x"].astype(np.float32) @ weights)
    # shaders may compute tanh by their own formula, to about four digits
    np.testing.assert_allclose(TensorFolder(job.output)["y"], expected, atol=1e-4)


def mirrored_along_the_last_of_five_axes(folder):
    """A graph model of x float32[1, 2] to [1, 4], whose kernel on WebGPU is written for four axes."""
    numbers = {"five": [1, 1, 1, 1, 2], "two": [1, 4], "pads": [[0, 0]] * 4 + [[1, 1]]}
    graph = Graph(
        inputs={"x": Tensor("x", 0, (1, 2), DType.FLOAT)},
        outputs={"y": Tensor("y", 0, (1, 4), DType.FLOAT)},
        constants=tuple(Constant(name=name, array=np.array(array, np.int32)) for name, array in numbers.items()),
        nodes=(
            GraphNode(name="x", op="Placeholder", attributes={"dtype": DType.FLOAT, "shape": Sizes((1, 2))}),
            GraphNode(name="wide", op="Reshape", inputs=("x", "five")),
            GraphNode(name="pad", op="MirrorPad", inputs=("wide", "pads"), attributes={"mode": Text("REFLECT")}),
            GraphNode(name="y", op="Reshape", inputs=("pad", "two")),
        ),
    )
    folder.mkdir()
    return write(graph, folder, {})[0]


def test_a_backend_that_is_missing_is_said_with_the_way_out(tmp_path, chromium):
    without = tmp_path / "without-webgpu"
    without.write_text(
        "#!/bin/sh\n"
        'for each; do shift; [ "$each" = --enable-unsafe-webgpu ] || set -- "$@" "$each"; done\n'
        f'exec {chromium} "$@"\n',
        "utf-8",
    )
    without.chmod(0o755)
    with pytest.raises(DeviceError) as caught:
        Browser("web", BrowserSettings(backend="webgpu", executable=str(without))).facts()
    assert "computes nothing on webgpu" in caught.value.message
    assert "tfjs: WebGPU finds no adapter here" in caught.value.message
    assert "leave `backend` of [devices.web] out" in caught.value.hint


@pytest.mark.parametrize(
    ("backend", "runtime", "reason"),
    [
        ("wasm", TFJS, None),
        ("wasm", LITERT, None),
        ("wasm", REFERENCE, None),
        ("webgl", TFJS, None),
        ("webgpu", LITERT, None),
        ("webgl", LITERT, "litertjs does not compute on webgl in a browser, only on wasm and webgpu"),
        ("cpu", ONNXRUNTIME, "onnxruntime-web does not compute on cpu in a browser, only on wasm and webgpu"),
        ("wasm", "edgewright.targets.coreml.runtime:CoreML", "no engine opens artifacts of CoreML in a browser"),
    ],
)
def test_says_what_it_cannot_open(backend, runtime, reason):
    assert Browser("web", BrowserSettings(backend=backend)).cannot_open(runtime) == reason


def test_does_not_start_for_what_it_cannot_open(device, web_job, graph_model):
    with pytest.raises(DeviceError, match=r"web cannot open model\.json: no engine opens artifacts of CoreML"):
        device.run(web_job(graph_model, "edgewright.targets.coreml.runtime:CoreML"))


def test_graph_models_are_computed_and_measured(device, web_job, graph_model, inputs, tmp_path):
    job = web_job(graph_model, TFJS)
    result = device.run(job)
    assert result.runtime == "tfjs/wasm"
    np.testing.assert_array_equal(TensorFolder(job.output)["y"], inputs["x"] + np.array([1, 2], np.float32))


def test_what_it_measures_says_under_what_circumstances(device, web_job, graph_model, inputs):
    job = web_job(graph_model, TFJS)
    measured = Benchmark(inputs=inputs.path, rows_per_call=1, batched=True, min_runs=20, min_seconds=0.05)
    result = device.run(type(job)(**{**{f: getattr(job, f) for f in job.__struct_fields__}, "task": measured}))
    assert result.evidence is Evidence.MEASURED_HOST
    context = result.samples.context
    assert context["program"] == "Chromium"
    assert context["cross_origin_isolated"] == "true"
    assert 0 < context["timer_resolution_us"] <= 10
    assert context["wasm_memory_bytes"] > 1_000_000
    assert context["js_heap_bytes"] > 1_000_000
    assert context["cpu"] in device.facts().cpu
    assert result.samples.peak_memory_bytes < 50_000_000  # of the artifact, not of the browser


def test_inner_tensors_are_not_shown(device, web_job, graph_model, inputs):
    job = web_job(graph_model, TFJS)
    task = Inspect(inputs=inputs.path, rows_per_call=1, batched=True, tensors=("w",))
    with pytest.raises(DeviceError, match="tfjs shows no inner tensors"):
        device.run(type(job)(**{**{f: getattr(job, f) for f in job.__struct_fields__}, "task": task}))


def test_a_shard_that_is_missing_is_named(device, web_job, graph_model):
    (graph_model.parent / "group1-shard1of1.bin").unlink()
    with pytest.raises(DeviceError, match=r"group1-shard1of1\.bin: the artifact has no such file"):
        device.run(web_job(graph_model, TFJS))


def test_an_artifact_of_another_kind_is_refused(device, web_job, graph_model):
    with pytest.raises(DeviceError, match=r"running model\.json with .*LiteRT"):
        device.run(web_job(graph_model, LITERT))


def test_a_page_that_hangs_is_ended_and_nothing_is_left(web_job, hanging_model, started, temporary, once):
    seen = []
    once(["--type=renderer"], seen.append)
    with pytest.raises(DeviceError, match="timed out after 6 s"):
        Browser("web").run(web_job(hanging_model, timeout_s=6.0))
    assert seen  # it did start
    assert started() == []
    assert list(temporary.iterdir()) == []


def test_a_job_can_be_cancelled_and_nothing_is_left(web_job, hanging_model, started, temporary, once):
    device = Browser("web")
    once(["--type=renderer"], lambda _: device.cancel.set())
    with pytest.raises(DeviceError, match="was cancelled"):
        device.run(web_job(hanging_model))
    assert started() == []
    assert list(temporary.iterdir()) == []


def test_a_browser_that_is_killed_ends_its_job(web_job, hanging_model, started, once):
    def kill(renderer):
        time.sleep(1.0)  # until it computes
        next(process for process in renderer.parents() if is_browser(process)).kill()

    once(["--type=renderer"], kill)
    with pytest.raises(DeviceError, match="Chromium ended before the job did"):
        Browser("web").run(web_job(hanging_model))
    assert started() == []


def is_browser(process: psutil.Process) -> bool:
    command = process.cmdline()
    return any("remote-debugging" in each for each in command) and not any("--type=" in each for each in command)


def test_nothing_outlives_the_process_that_started_it(web_job, hanging_model, abandon):
    abandon("browser", web_job(hanging_model), ["--type=renderer"])


def test_more_memory_than_webassembly_has_is_said(device, web_job, hungry_model):
    with pytest.raises(DeviceError, match=r"running model\.onnx .*: out of memory: .*bad_alloc"):
        device.run(web_job(hungry_model))


def test_a_job_over_its_memory_is_ended(device, web_job, hanging_model, started):
    with pytest.raises(DeviceError, match="memory limit of 200 MB"):
        device.run(web_job(hanging_model, memory_limit_bytes=200_000_000))
    assert started() == []


def test_a_machine_without_chromium_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="there is no Chromium here") as caught:
        Browser("web").facts()
    assert "apt-get install chromium" in caught.value.hint
    assert "`executable`" in caught.value.hint


def test_a_browser_that_is_named_and_not_there_is_an_error():
    with pytest.raises(DeviceError, match="`executable` names /nowhere/chromium: no such program"):
        Browser("web", BrowserSettings(executable="/nowhere/chromium")).facts()


def test_a_program_that_is_no_browser_is_an_error():
    with pytest.raises(DeviceError, match="Chromium does not start") as caught:
        Browser("web", BrowserSettings(executable="/bin/true")).facts()
    assert "--headless about:blank" in caught.value.hint


def test_a_folder_for_temporary_files_may_have_a_long_name(monkeypatch, tmp_path):
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert Browser("web").facts().os == "web"


def test_playwright_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(browser, "find_spec", lambda name: None if name == "playwright" else find_spec(name))
    with pytest.raises(MissingExtraError) as caught:
        Browser("web").facts()
    assert caught.value.hint == "pip install 'edgewright[browser]'"


def test_is_made_from_its_table():
    device = make_device("web", {"kind": "browser", "backend": "webgpu", "threads": 2}, "edgewright.toml")
    assert isinstance(device, Browser)
    assert (device.kind, device.backend, device.threads) == ("browser", "webgpu", 2)


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "browser", "backend": "metal"},
        {"kind": "browser", "threads": 0},
        {"kind": "browser", "headless": False},
        {"kind": "node", "backend": "webgl"},
        {"kind": "node", "executable": "node"},
    ],
)
def test_a_wrong_table_is_refused(table):
    with pytest.raises(ConfigError, match=r"devices\.web"):
        make_device("web", table, "edgewright.toml")
