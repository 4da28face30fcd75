"""A child ends in every way that there is, and leaves nothing behind."""

import _thread
import os
import signal
import sys
import threading
import time

import psutil
import pytest

from edgewright.devices.process import Ending, run_child
from edgewright.vocabulary.errors import DeviceError, ToolError


def python(code, **limits):
    return run_child([sys.executable, "-c", code], **{"timeout_s": 30.0, **limits})


def wait_until_gone(pid):
    deadline = time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.02)


def test_gives_the_log_of_a_child_that_ended_well():
    finished = python("import sys; print('out'); print('err', file=sys.stderr)")
    assert (finished.ending, finished.exit_code, finished.failure) == (Ending.EXITED, 0, None)
    assert sorted(finished.log.split()) == ["err", "out"]


def test_says_the_exit_code():
    finished = python("raise SystemExit(3)")
    assert (finished.ending, finished.exit_code) == (Ending.EXITED, 3)
    assert finished.failure == "ended with exit code 3"


def test_names_the_signal_of_a_crash():
    finished = python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    assert (finished.ending, finished.exit_code) == (Ending.SIGNALLED, -signal.SIGSEGV)
    assert finished.failure == "was killed by SIGSEGV"


def test_a_child_that_hangs_times_out():
    finished = python("import time; print('began', flush=True); time.sleep(60)", timeout_s=2.5)
    assert finished.ending is Ending.TIMED_OUT
    assert finished.failure == "timed out after 2.5 s"
    assert finished.log == "began\n"
    assert finished.wall_seconds < 10


def test_a_child_that_eats_memory_is_killed():
    finished = python("import time; kept = b'x' * 400_000_000; time.sleep(60)", memory_limit_bytes=200_000_000)
    assert finished.ending is Ending.OVER_MEMORY
    assert finished.failure == "went over its memory limit of 200 MB"
    assert finished.peak_memory_bytes > 200_000_000


def test_the_memory_of_descendants_counts():
    grandchild = "kept = b'x' * 400_000_000; import time; time.sleep(60)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    assert python(code, memory_limit_bytes=200_000_000).ending is Ending.OVER_MEMORY


def test_a_child_within_its_memory_limit_is_left_alone():
    finished = python("import time; time.sleep(0.3)", memory_limit_bytes=500_000_000)
    assert finished.failure is None
    assert 1_000_000 < finished.peak_memory_bytes < 500_000_000


def test_cancelling_kills_the_child():
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    finished = python("import time; time.sleep(60)", cancel=cancel)
    assert finished.ending is Ending.CANCELLED
    assert finished.failure == "was cancelled"


@pytest.mark.parametrize("own_session", [False, True])
def test_descendants_do_not_outlive_the_child(own_session):
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], "
        f"start_new_session={own_session}, stdout=subprocess.DEVNULL)\n"
        "print(child.pid)"
    )
    finished = python(code)
    assert finished.failure is None
    wait_until_gone(int(finished.log))


def test_descendants_that_have_lost_their_mark_do_not_outlive_a_child_that_hangs():
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], "
        "start_new_session=True, env={}, stdout=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)"
    )
    finished = python(code, timeout_s=1.5)
    assert finished.ending is Ending.TIMED_OUT
    wait_until_gone(int(finished.log))


@pytest.mark.usefixtures("interruptible")
def test_nothing_is_left_running_after_a_keyboard_interrupt():
    threading.Timer(0.8, _thread.interrupt_main).start()
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with pytest.raises(KeyboardInterrupt):
        python("import time; time.sleep(60)")
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


def test_a_long_log_keeps_head_and_tail():
    finished = python("print('first'); print('x' * 1_000_000); print('last')")
    assert finished.log.startswith("first\n")
    assert finished.log.endswith("last\n")
    assert len(finished.log) < 70_000
    assert "bytes left out" in finished.log


def test_the_environment_and_folder_are_those_given(tmp_path):
    finished = run_child(
        [sys.executable, "-c", "import os; print(os.environ['COLOUR'], os.getcwd(), 'HOME' in os.environ)"],
        env={"COLOUR": "blue"},
        cwd=tmp_path,
        timeout_s=30.0,
    )
    assert finished.log.split() == ["blue", os.path.realpath(tmp_path), "False"]


def test_a_command_that_does_not_exist_is_an_error():
    with pytest.raises(ToolError, match="cannot start /nowhere/tool"):
        run_child(["/nowhere/tool"], timeout_s=1.0)


def test_requiring_success_raises_the_class_asked_for_with_the_log():
    finished = python("print('no such op'); raise SystemExit(2)")
    with pytest.raises(DeviceError) as caught:
        finished.require_success("converting: the child", DeviceError)
    assert caught.value.message == "converting: the child ended with exit code 2\nno such op"


def test_requiring_success_of_a_success_does_nothing():
    python("pass").require_success("converting: the child")
