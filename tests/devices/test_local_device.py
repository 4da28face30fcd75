"""The machine itself as a device."""

import threading
import time

import numpy as np
import pytest

from edgewright.devices.local import Local, LocalSettings
from edgewright.devices.table import make_device
from edgewright.vocabulary.errors import ConfigError, DeviceError, RequestError
from edgewright.vocabulary.evidence import Evidence
from edgewright.vocabulary.tensor_folder import TensorFolder


def test_what_it_measures_is_measured_on_the_host(make_job):
    assert Local("here").run(make_job("benchmark")).evidence is Evidence.MEASURED_HOST


def test_what_an_emulation_computes_is_of_that_tier(make_job, emulated_runtime):
    assert Local("here").run(make_job("infer", runtime=emulated_runtime)).evidence is Evidence.EMULATED


def test_an_emulation_is_not_measured(make_job, emulated_runtime):
    with pytest.raises(DeviceError, match="toy is emulated here, and how fast an emulation is says nothing"):
        Local("here").run(make_job("benchmark", runtime=emulated_runtime))


def test_opens_runtimes_that_compute_in_its_own_process(toy_runtime):
    assert Local("here").cannot_open(toy_runtime) is None


def test_does_not_open_a_runtime_behind_a_pipe_and_says_what_does(piped_runtime):
    reason = Local("here").cannot_open(piped_runtime)
    assert reason == "toy is behind a pipe here, and a call takes the pipe's time. Measure it on a toaster"


def test_a_runtime_that_is_not_there_is_left_to_the_job_to_say():
    assert Local("here").cannot_open("no_such_runtime:Runtime") is None


def test_facts_name_the_runtimes_that_are_installed():
    assert {"onnxruntime", "ai-edge-litert"} <= set(Local("here").facts().runtimes)


def test_a_crash_is_named(make_job):
    with pytest.raises(DeviceError, match=r"running model\.toy .* was killed by SIGSEGV"):
        Local("here").run(make_job("infer", {"on_run": "segfault"}))


def test_a_hang_is_ended(make_job):
    with pytest.raises(DeviceError, match=r"timed out after 1\.5 s"):
        Local("here").run(make_job("infer", {"on_run": "hang"}, timeout_s=1.5))


def test_a_job_over_its_memory_is_ended(make_job):
    with pytest.raises(DeviceError, match="memory limit of 500 MB"):
        Local("here").run(make_job("infer", {"on_run": "eat"}, memory_limit_bytes=500_000_000))


def test_a_job_can_be_cancelled(make_job):
    device = Local("here")
    threading.Timer(0.8, device.cancel.set).start()
    with pytest.raises(DeviceError, match="cancelled"):
        device.run(make_job("infer", {"on_run": "hang"}))


@pytest.mark.parametrize("misdeed", ["segfault", "hang"])
def test_a_failed_job_leaves_nothing_beside_its_output(make_job, tmp_path, misdeed):
    job = make_job("infer", {"on_run": misdeed}, timeout_s=1.5)
    with pytest.raises(DeviceError):
        Local("here").run(job)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inputs", "model.toy"]


def test_a_missing_runtime_is_named(make_job):
    with pytest.raises(DeviceError, match="No module named 'no_such_runtime'"):
        Local("here").run(make_job("infer", runtime="no_such_runtime:Runtime"))


def test_memory_is_that_of_the_artifact_not_of_the_process(make_job):
    small = Local("here").run(make_job("benchmark")).samples.peak_memory_bytes
    assert small < 20_000_000


def test_loading_is_timed(make_job):
    assert Local("here").run(make_job("benchmark", {"load_s": 0.25})).samples.load_ms >= 250.0


def test_memory_grows_by_what_loading_takes(make_job):
    samples = Local("here").run(make_job("benchmark", {"load_bytes": 200_000_000})).samples
    assert 200_000_000 <= samples.peak_memory_bytes < 230_000_000


def test_inference_needs_no_more_memory_for_more_rows(make_job, tmp_path):
    width = 25_000  # 100 kB a row; all rows together are more than the limit leaves
    rows = np.lib.format.open_memmap(tmp_path / "0.npy", mode="w+", dtype=np.float32, shape=(3000, width))
    rows[::1000] = 1.0
    rows.flush()
    (tmp_path / "index.json").write_text('{"names": ["x"]}', "utf-8")
    job = make_job("infer", folder=tmp_path, rows_per_call=4, memory_limit_bytes=200_000_000)
    Local("here").run(job)
    assert float(TensorFolder(job.output)["y"][2000, 7]) == 2.0


def test_the_context_says_under_what_circumstances(make_job):
    context = Local("here").run(make_job("benchmark")).samples.context
    for key in ("cpu", "governor", "load_before", "load_after", "kernel", "python", "numpy", "runtime_version"):
        assert key in context
    assert context["runtime"] == "toy"
    assert context["min_runs"] == 20


def test_measurements_take_turns(make_job, tmp_path):
    """Two benchmarks of 0.6 s each, begun together, take at least 1.2 s."""
    jobs = [make_job("benchmark", {"load_s": 0.6}, output=tmp_path / name) for name in ("one", "two")]
    threads = [threading.Thread(target=Local("here").run, args=(job,)) for job in jobs]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began >= 1.2
    assert all(job.output.exists() for job in jobs)


def test_is_made_from_its_table():
    device = make_device("here", {"kind": "local", "threads": 2}, "edgewright.toml")
    assert isinstance(device, Local)
    assert (device.name, device.threads) == ("here", 2)


def test_threads_are_one_unless_said():
    assert LocalSettings().threads == 1


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "local", "thread": 2}, "edgewright.toml: unknown key devices.here.thread"),
        ({"kind": "local", "threads": "2"}, "edgewright.toml: expected `int` in devices.here.threads, got '2'"),
        ({"kind": "local", "threads": 0}, "edgewright.toml: devices.here: threads must be at least 1, got 0"),
        ({"threads": 1}, "edgewright.toml: expected one of local, browser, node in devices.here.kind, got None"),
    ],
)
def test_a_wrong_table_is_refused_by_the_path_of_its_key(table, message):
    with pytest.raises(ConfigError) as caught:
        make_device("here", table, "edgewright.toml")
    assert caught.value.message == message


def test_an_unknown_kind_is_refused_with_those_there_are():
    with pytest.raises(RequestError) as caught:
        make_device("here", {"kind": "toaster"}, "edgewright.toml")
    assert caught.value.message == "there is no device named 'toaster'"
    assert "local" in caught.value.hint
