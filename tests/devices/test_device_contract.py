"""What every device does, the same tests for all of them and for a fake that implements the real interface."""

import shutil
from importlib.metadata import version

import msgspec
import numpy as np
import onnx
import pytest

from edgewright.devices.agent.benchmark import benchmark
from edgewright.devices.agent.infer import infer
from edgewright.devices.agent.job import Calls, Procedure
from edgewright.devices.base import Benchmark, Facts, Infer, Job, JobResult, Samples
from edgewright.devices.table import DEVICES, make_device
from edgewright.targets.runtime import RunOptions
from edgewright.vocabulary.errors import DeviceError
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.tables import load_object
from edgewright.vocabulary.tensor_folder import TensorFolder


class FakeDevice:
    """A device that runs jobs in this process: what a device without processes or a system of its own may be."""

    kind = "fake"

    def __init__(self, name):
        self.name = name
        self.threads = 1

    def facts(self):
        return Facts(
            kind=self.kind,
            arch="none",
            os="none",
            cpu="fake",
            features=(),
            cores=1,
            ram_bytes=1,
            runtimes={"onnxruntime": version("onnxruntime")},
        )

    def cannot_open(self, runtime):
        return None

    def run(self, job):
        if job.output.exists():
            raise DeviceError(f"{job.output} is already there")
        calls = Calls(inputs=job.task.inputs, rows_per_call=job.task.rows_per_call, batched=job.task.batched)
        runtime = load_object(job.runtime)()
        samples = None
        try:
            if isinstance(job.task, Benchmark):
                task = job.task
                procedure = Procedure(
                    min_runs=task.min_runs,
                    min_seconds=task.min_seconds,
                    warmup_runs=task.warmup_runs,
                    warmup_seconds=task.warmup_seconds,
                )
                found = benchmark(runtime, job.artifact, job.threads, calls, procedure)
                samples = msgspec.convert(found, Samples)
                job.output.mkdir()
            else:
                infer(runtime.load(job.artifact, RunOptions(threads=job.threads)), calls, job.output)
        except ValueError as error:
            shutil.rmtree(job.output, ignore_errors=True)
            raise DeviceError(f"running {job.artifact.name}: {error}") from error
        return JobResult(
            runtime=runtime.name,
            runtime_version=runtime.version(),
            evidence=Evidence.EMULATED,
            samples=samples,
            log="",
        )


ONNXRUNTIME = "edgewright.targets.onnxruntime.runtime:OnnxRuntime"

DOUBLES = """<ir_version: 10, opset_import: ["" : 20]>
    doubles (float[SHAPE] x) => (float[SHAPE] y, int64[n] rows) <float two = {2}> {
        y = Mul(x, two)
        count = Shape<start = 0, end = 1>(x)
        rows = Expand(count, count)
    }"""
"""`y = 2·x`; `rows` says in every row how many there are."""

LOSES_ROWS = """<ir_version: 10, opset_import: ["" : 20]>
    loses (float[n, 2] x) => (float[m, 2] y) <int64[1] zero = {0}> {
        y = Slice(x, zero, zero)
    }"""


@pytest.fixture(params=[*DEVICES.names, "fake"], scope="module")
def device(request):
    if request.param == "fake":
        return FakeDevice("here")
    if request.param == "browser":
        request.getfixturevalue("chromium")
    return make_device("here", {"kind": request.param}, "edgewright.toml")


@pytest.fixture
def make_job(tmp_path, inputs):
    """Make a job for an ONNX model, which every device can open by some engine."""

    def make(task, model=DOUBLES, *, shape="n, 2", rows_per_call=3, batched=True, folder=inputs.path, **measured):
        artifact = tmp_path / "model.onnx"
        onnx.save(onnx.parser.parse_model(model.replace("SHAPE", shape)), artifact)
        calls = {"inputs": folder, "rows_per_call": rows_per_call, "batched": batched}
        measured = {"min_runs": 20, "min_seconds": 0.05, "warmup_runs": 1, "warmup_seconds": 0.0, **measured}
        return Job(
            task=Infer(**calls) if task == "infer" else Benchmark(**calls, **measured),
            runtime=ONNXRUNTIME,
            artifact=artifact,
            threads=1,
            output=tmp_path / "output",
            timeout_s=60.0,
        )

    return make


def test_has_a_name_a_kind_and_threads(device):
    assert device.name == "here"
    assert device.kind
    assert device.threads >= 1


def test_facts_are_a_record(device):
    facts = device.facts()
    assert facts.kind == device.kind
    assert facts.cores >= 1
    assert facts.ram_bytes >= 1
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts


def test_facts_do_not_change_from_call_to_call(device):
    assert device.facts() == device.facts()


def test_what_can_be_opened_is_known_without_asking(device):
    assert device.cannot_open(ONNXRUNTIME) is None


def test_inference_gives_every_row_in_order(device, make_job):
    result = device.run(job := make_job("infer", rows_per_call=3))
    outputs = TensorFolder(job.output)
    np.testing.assert_array_equal(outputs["y"], np.arange(0, 28, 2, dtype=np.float32).reshape(7, 2))
    assert outputs["y"].dtype == np.float32
    assert outputs["rows"].tolist() == [3] * 7  # the last call was filled up
    assert outputs["rows"].dtype == np.int64
    assert result.samples is None
    assert device.facts().runtimes[result.runtime] == result.runtime_version
    assert result.evidence in (Evidence.MEASURED_DEVICE, Evidence.MEASURED_HOST, Evidence.EMULATED)


def test_rows_go_in_without_their_axis_when_not_batched(device, make_job):
    device.run(job := make_job("infer", shape="n", rows_per_call=1, batched=False))
    outputs = TensorFolder(job.output)
    np.testing.assert_array_equal(outputs["y"], np.arange(0, 28, 2, dtype=np.float32).reshape(7, 2))
    assert outputs["rows"].tolist() == [[2, 2]] * 7


def test_a_benchmark_gives_samples(device, make_job):
    result = device.run(make_job("benchmark"))
    samples = result.samples
    assert len(samples.latency_ms) >= 20
    assert all(sample > 0.0 for sample in samples.latency_ms)
    assert samples.load_ms > 0.0
    assert samples.first_ms > 0.0
    assert samples.peak_memory_bytes >= 0
    assert samples.context["threads"] == 1
    assert msgspec.json.decode(msgspec.json.encode(result), type=JobResult) == result


def test_a_benchmark_runs_as_long_as_it_is_asked_to(device, make_job):
    samples = device.run(make_job("benchmark", min_seconds=0.4)).samples
    assert sum(samples.latency_ms) > 200.0


@pytest.mark.parametrize("task", ["infer", "benchmark"])
def test_a_file_that_is_no_artifact_is_refused_and_nothing_is_left(device, make_job, task):
    job = make_job(task)
    job.artifact.write_text("no model", "utf-8")
    with pytest.raises(DeviceError, match=r"model\.onnx"):
        device.run(job)
    assert not job.output.exists()


def test_inputs_of_another_dtype_are_refused_and_nothing_is_left(device, make_job, tmp_path):
    doubles = TensorFolder.write(tmp_path / "doubles", {"x": np.zeros((3, 2))})
    job = make_job("infer", folder=doubles.path)
    with pytest.raises(DeviceError, match=r"input '?x'?.* float32.* got float64"):
        device.run(job)
    assert not job.output.exists()


def test_an_output_that_loses_rows_is_refused(device, make_job):
    with pytest.raises(DeviceError, match="does not hold one row for each"):
        device.run(make_job("infer", LOSES_ROWS))


def test_no_rows_are_refused(device, make_job, tmp_path):
    nothing = TensorFolder.write(tmp_path / "nothing", {"x": np.zeros((0, 2), np.float32)})
    with pytest.raises(DeviceError, match="no rows"):
        device.run(make_job("infer", folder=nothing.path))


def test_an_output_that_is_there_already_is_never_written_over(device, make_job):
    job = make_job("infer")
    job.output.mkdir()
    (job.output / "kept").write_text("kept", "utf-8")
    with pytest.raises(DeviceError, match="already there"):
        device.run(job)
    assert [path.name for path in job.output.iterdir()] == ["kept"]
