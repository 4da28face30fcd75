"""Artifacts are made and measured by turns, what was found is in the recipe, and a kept report needs no measuring."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from edgewright.devices.base import Facts, Job, JobResult, Samples
from edgewright.pipeline.cache import Cache
from edgewright.pipeline.child import AnyStep
from edgewright.pipeline.config import parse_project
from edgewright.pipeline.imported import Imported
from edgewright.pipeline.measured_turns import TURNS
from edgewright.pipeline.on_device import Place
from edgewright.pipeline.plan import drawn_sizes, plan_artifacts
from edgewright.pipeline.preparation import Preparation
from edgewright.pipeline.progress import Silent
from edgewright.pipeline.runner import Runner
from edgewright.pipeline.settling import Settling
from edgewright.pipeline.steps.import_model import ImportModel
from edgewright.vocabulary.evidence import Evidence

PROJECT = """
[model]
source = "net.onnx"
[recipes]
small = [{ low_rank = { energy = "99%", measured = true } }]
narrow = [{ prune = { structured = true, latency = "60%" } }]
[targets.onnxruntime]
recipes = ["small", "narrow"]
[gates]
min_cosine = "0.9 abs"
[bundle]
name = "net"
version = "1.0.0"
"""

NET = """<ir_version: 9, opset_import: ["" : 20]>
    g (float[n, 64] x) => (float[n, 64] y) <float[64,64] a, float[64,64] b> {
    h = MatMul (x, a)
    r = Relu (h)
    y = MatMul (r, b) }"""


class Scales:
    """A device on which an artifact takes a microsecond for each byte, and some more where a layer has factors."""

    kind, name, threads, cancel = "scales", "scales", 1, threading.Event()

    def __init__(self, dislikes: str = "") -> None:
        self.dislikes, self.jobs = dislikes, 0

    def facts(self) -> Facts:
        return Facts(kind="scales", arch="any", os="any", cpu="any", features=(), cores=1, ram_bytes=1, runtimes={})

    def cannot_open(self, runtime: str) -> str | None:
        return None

    def run(self, job: Job) -> JobResult:
        self.jobs += 1
        slower = 40.0 if self.dislikes and f"{self.dislikes}/".encode() in job.artifact.read_bytes() else 0.0
        latency = job.artifact.stat().st_size / 1000 + slower
        samples = Samples(load_ms=1.0, first_ms=1.0, latency_ms=(latency,), peak_memory_bytes=1, context={})
        return JobResult(
            runtime=job.runtime,
            runtime_version="1",
            evidence=Evidence.MEASURED_DEVICE,
            samples=samples,
            log="",
        )


@pytest.fixture
def settling_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Settle the project's artifacts on a device; steps run in this process."""
    proto = onnx.parser.parse_model(NET)
    source = np.random.default_rng(0)
    for weight in proto.graph.value_info:
        array = source.standard_normal((64, 8)) @ source.standard_normal((8, 64)) / 8
        proto.graph.initializer.append(onnx.numpy_helper.from_array(array.astype(np.float32), weight.name))
    del proto.graph.value_info[:]
    for index, node in enumerate(proto.graph.node):
        node.name = f"layer_{index}"
    onnx.save(proto, tmp_path / "net.onnx")

    def here(self: Runner, step: AnyStep, out: Path) -> None:
        step.run(out)

    monkeypatch.setattr(Runner, "child", here)
    project = parse_project(PROJECT, folder=tmp_path)
    runner = Runner(Cache(tmp_path / "cache"), Silent())
    imported = Imported(runner.reading(ImportModel.of(project, None, drawn_sizes(project))))
    preparation = Preparation(project, imported, runner)
    items = {item.options.variant: item for item in plan_artifacts(project)}

    def make(device: Scales, **known):
        places = (Place(device=device, facts=device.facts()),)
        return Settling(project, runner, places, preparation, imported, **known), items

    return make


def test_layers_that_the_device_is_slower_at_stay_whole(settling_on) -> None:
    device = Scales(dislikes="layer_2")
    settling, items = settling_on(device)

    settled = settling.settle(items["small"])
    record = settling.measured["onnxruntime-small"]

    assert settled.recipe == ({"low_rank": {"energy": "99%", "layers": ["layer_0"]}},)
    assert record.candidates == ("layer_0", "layer_2")
    assert [(each.tried, each.taken) for each in record.comparisons] == [
        (("layer_0", "layer_2"), False),
        (("layer_0",), True),
        (("layer_2",), False),
    ]
    assert device.jobs == 3 * 2 * TURNS
    assert (record.device, record.evidence) == ("scales", Evidence.MEASURED_DEVICE)


def test_a_latency_becomes_a_share_of_multiplications(settling_on) -> None:
    device = Scales()
    settling, items = settling_on(device)

    settled = settling.settle(items["narrow"])
    record = settling.measured["onnxruntime-narrow"]

    (share,) = record.chosen
    (taken,) = [each for each in record.comparisons if each.taken]
    assert settled.recipe == ({"prune": {"structured": True, "macs": share}},)
    assert record.holds
    assert taken.tried == (f"macs = {share}",)
    assert taken.ratio <= 0.6
    assert taken.highest == taken.lowest == taken.ratio


def test_a_kept_report_is_followed_without_measuring(settling_on) -> None:
    settling, items = settling_on(Scales())
    settled = settling.settle(items["small"])
    device = Scales(dislikes="layer_0")

    again, _ = settling_on(device, known_measured=tuple(settling.measured.values()))

    assert again.settle(items["small"]) == settled
    assert again.measured == settling.measured
    assert device.jobs == 0
