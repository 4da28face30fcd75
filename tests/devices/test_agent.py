"""The part that runs on a device needs the standard library, NumPy and the runtime, and nothing else."""

import json
import os
import subprocess
import sys
import time

import psutil

BLOCKED = ("onnx", "onnx_ir", "onnxscript", "torch", "msgspec", "click", "rich", "psutil")

RUN_BLOCKED = """
import runpy, sys
for name in sys.argv.pop(1).split(","):
    sys.modules[name] = None   # importing it raises ImportError
runpy.run_module("edgewright.devices.agent", run_name="__main__", alter_sys=True)
"""


def write_job(tmp_path, job, **changes):
    task = job.task
    record = {
        "task": "infer",
        "inputs": str(task.inputs),
        "rows_per_call": task.rows_per_call,
        "batched": task.batched,
        "runtime": job.runtime,
        "artifact": str(job.artifact),
        "threads": 1,
        "output": str(job.output),
        **changes,
    }
    path = tmp_path / "job.json"
    path.write_text(json.dumps(record), "utf-8")
    return path


def run_agent(tmp_path, job_path):
    command = [sys.executable, "-c", RUN_BLOCKED, ",".join(BLOCKED), str(job_path), str(tmp_path / "result.json")]
    finished = subprocess.run(command, env=os.environ, capture_output=True, text=True, timeout=60, check=False)
    result = tmp_path / "result.json"
    return finished, json.loads(result.read_text("utf-8")) if result.exists() else None


def test_runs_without_the_compilers_packages(tmp_path, make_job):
    finished, result = run_agent(tmp_path, write_job(tmp_path, make_job("infer")))
    assert finished.returncode == 0, finished.stderr
    assert result == {"runtime": "toy", "runtime_version": "1.2.3", "emulated": False, "samples": None}


def test_measures_without_the_compilers_packages(tmp_path, make_job):
    procedure = {"min_runs": 3, "min_seconds": 0.0, "warmup_runs": 0, "warmup_seconds": 0.0}
    path = write_job(tmp_path, make_job("infer"), task="benchmark", **procedure)
    finished, result = run_agent(tmp_path, path)
    assert finished.returncode == 0, finished.stderr
    assert len(result["samples"]["latency_ms"]) == 3


def test_opens_onnx_files_without_the_compilers_packages(tmp_path, make_job):
    path = write_job(tmp_path, make_job("infer"), runtime="edgewright.targets.onnxruntime.runtime:OnnxRuntime")
    finished, result = run_agent(tmp_path, path)
    assert finished.returncode == 1
    assert "onnxruntime cannot run this file" in result["error"]


def test_a_job_that_lacks_something_is_an_error(tmp_path, make_job):
    path = write_job(tmp_path, make_job("infer"))
    record = json.loads(path.read_text("utf-8"))
    del record["rows_per_call"]
    path.write_text(json.dumps(record), "utf-8")
    finished, result = run_agent(tmp_path, path)
    assert finished.returncode == 1
    assert result == {"error": "ValueError: the job lacks 'rows_per_call'"}


def test_what_cannot_be_written_is_an_error(tmp_path, make_job):
    (tmp_path / "file").write_text("no folder")
    path = write_job(tmp_path, make_job("infer"), output=str(tmp_path / "file" / "outputs"))
    finished, result = run_agent(tmp_path, path)
    assert finished.returncode == 1
    assert result["error"].startswith("NotADirectoryError: ")


def test_a_result_that_cannot_be_written_is_said_in_the_log(tmp_path, make_job):
    (tmp_path / "result.json.part").mkdir()
    finished, result = run_agent(tmp_path, write_job(tmp_path, make_job("infer")))
    assert (finished.returncode, result) == (1, None)
    assert finished.stderr == f"OSError: [Errno 21] Is a directory: '{tmp_path / 'result.json.part'}'\n"


def test_several_rows_a_call_need_a_batch(tmp_path, make_job):
    path = write_job(tmp_path, make_job("infer"), batched=False)
    finished, result = run_agent(tmp_path, path)
    assert finished.returncode == 1
    assert "cannot be meant" in result["error"]


def test_ends_with_the_process_that_started_it(tmp_path, make_job):
    """Also when that one is killed and can do nothing more."""
    path = write_job(tmp_path, make_job("infer", {"on_run": "hang"}))
    start = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'edgewright.devices.agent', *sys.argv[1:]])\n"
        "print(child.pid, flush=True)\n"
        "child.wait()"
    )
    command = [sys.executable, "-c", start, str(path), str(tmp_path / "result.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as parent:
        agent = psutil.Process(int(parent.stdout.readline()))
        deadline = time.monotonic() + 20
        while not (tmp_path / "output").exists() and time.monotonic() < deadline:
            time.sleep(0.02)  # until it runs, and so has tied itself to its parent
        parent.kill()
    agent.wait(5)
