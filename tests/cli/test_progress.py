import io
import re
import threading
import time

import pytest
from rich.console import Console

from edgewright.cli.progress import Bars, Lines


@pytest.fixture
def stream():
    return io.StringIO()


def bars(stream, **options):
    console = Console(file=stream, force_terminal=True, width=80, color_system=None)
    return Bars(console, **({"every_step": False} | options))


def plain(stream):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue())


def test_a_long_step_leaves_a_line(stream):
    with bars(stream) as progress:
        progress.started("measure tflite-fp32 on here")
        progress.finished("measure tflite-fp32 on here", 1.27, "done")
    assert "✓ measure tflite-fp32 on here 1.27 s" in plain(stream)


def test_a_short_step_leaves_none(stream):
    with bars(stream) as progress:
        progress.started("compile tflite-fp32")
        progress.finished("compile tflite-fp32", 0.2, "done")
    assert "tflite" not in plain(stream)


def test_a_short_step_leaves_a_line_when_every_step_is_wanted(stream):
    with bars(stream, every_step=True) as progress:
        progress.started("compile tflite-fp32")
        progress.finished("compile tflite-fp32", 0.0, "cached")
    assert "✓ compile tflite-fp32 cached" in plain(stream)


def test_a_refused_step_always_leaves_a_line(stream):
    with bars(stream) as progress:
        progress.started("compile tflite-fp32")
        progress.finished("compile tflite-fp32", 0.2, "refused")
    assert "✗ compile tflite-fp32 refused after 0.20 s" in plain(stream)


def test_a_bar_appears_once_a_step_has_taken_a_second(stream, monkeypatch):
    monkeypatch.setattr("edgewright.cli.progress.SHOWN_AFTER_S", 0.05)
    with bars(stream) as progress:
        progress.started("run [tflite] on here")
        progress.advanced("run [tflite] on here", 16, 800)
        time.sleep(0.3)
    assert "run [tflite] on here" in plain(stream)
    assert "16 of 800" in plain(stream)


def test_steps_may_be_told_from_many_threads(stream):
    def work(progress, name):
        progress.started(name)
        for done in range(20):
            progress.advanced(name, done, 20)
        progress.finished(name, 1.5, "done")

    with bars(stream) as progress:
        threads = [threading.Thread(target=work, args=(progress, f"step {index}")) for index in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(plain(stream).count(f"✓ step {index} 1.50 s") == 1 for index in range(8))


def test_a_step_that_never_began_may_end(stream):
    with bars(stream) as progress:
        progress.advanced("unknown", 1, 2)
        progress.finished("unknown", 2.0, "done")
    assert "✓ unknown 2.00 s" in plain(stream)


def test_what_is_announced_is_a_line_at_once() -> None:
    stream = io.StringIO()
    Lines(stream).announced("int8: at most 9 evaluations")
    assert stream.getvalue() == "int8: at most 9 evaluations\n"


def test_what_a_long_step_says_stands_below_its_bar_and_its_last_word_stays(stream, monkeypatch):
    monkeypatch.setattr("edgewright.cli.progress.SHOWN_AFTER_S", 0.05)
    with bars(stream) as progress:
        progress.started("tune tvm-fp32")
        progress.noted("tune tvm-fp32", f"trial 9, 11 s left; all kernels 0.04 ms; {'x' * 80}")
        time.sleep(0.3)
        progress.noted("tune tvm-fp32", "4 kernels, 35 trials in 19 s")
        progress.finished("tune tvm-fp32", 25.45, "done")
    shown = plain(stream)
    assert re.search(r"tune tvm-fp32 ━+ .*\n +trial 9, 11 s left; all kernels 0.04 ms; x+…", shown)
    assert re.search(r"✓ tune tvm-fp32 25.45 s\n\s+4 kernels, 35 trials in 19 s", shown)


def test_a_log_has_the_first_and_the_last_word_of_a_step():
    stream = io.StringIO()
    lines = Lines(stream)
    for text in ("trial 1", "trial 2", "4 kernels, 35 trials"):
        lines.noted("tune tvm-fp32", text)
    lines.finished("tune tvm-fp32", 25.45, "done")
    assert stream.getvalue() == "tune tvm-fp32: trial 1\ntune tvm-fp32: 4 kernels, 35 trials\ntune tvm-fp32 … 25.45 s\n"
