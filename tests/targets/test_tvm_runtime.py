"""TVM's libraries, run by its runtime library alone."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.table import load_target
from edgewright.targets.tvm.library import LIBRARY_VARIABLE
from edgewright.targets.tvm.runtime import TVM

IMAGE = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def library(tmp_path_factory, convnet):
    out = tmp_path_factory.mktemp("library")
    load_target("tvm").compile(convnet, Options(variant="fp32"), out)
    return out / "model.so"


@pytest.fixture(scope="module")
def expected(library):
    return TVM().load(library, RunOptions()).run({"image": IMAGE})["probability"]


RUN_ALONE = """
import json, sys
from pathlib import Path
import numpy as np
from edgewright.targets.runtime import RunOptions
from edgewright.targets.tvm.runtime import TVM
session = TVM().load(Path(sys.argv[1]), RunOptions(threads=2))
session.run({"image": np.zeros((1, 3, 8, 8), np.float32)})
print(json.dumps({
    "maps": [line.split("/")[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libtvm" in line],
    "modules": sorted(sys.modules),
    "version": TVM().version(),
}))
"""


def run_alone(library: Path, **environment: str) -> dict:
    command = [sys.executable, "-c", RUN_ALONE, str(library)]
    finished = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=True
    )
    return json.loads(finished.stdout)


def test_neither_the_compiler_nor_torch_is_loaded(library):
    found = run_alone(library)
    assert "libtvm_runtime.so" in found["maps"]
    assert "libtvm_compiler.so" not in found["maps"]
    assert [name for name in found["modules"] if name in ("tvm", "tvm.relax", "torch", "onnx", "msgspec")] == []


def test_a_device_may_have_the_runtime_library_alone(library, tmp_path):
    installed = Path(find_spec("tvm").origin).parent / "lib" / "libtvm_runtime.so"
    alone = tmp_path / "libtvm_runtime.so.0.27.0"
    shutil.copy(installed, alone)
    found = run_alone(library, **{LIBRARY_VARIABLE: str(alone)})
    assert found["version"] == "0.27.0"
    assert alone.name in found["maps"]
    assert "libtvm_runtime.so" not in found["maps"]


def test_a_library_without_its_version_is_refused(monkeypatch):
    monkeypatch.setenv(LIBRARY_VARIABLE, "/opt/libtvm_runtime.so")
    with pytest.raises(ImportError, match=r"a name like libtvm_runtime\.so\.0\.27\.0 is needed"):
        TVM().version()


def test_as_many_threads_as_are_asked_for_give_the_same(library, expected):
    for threads in (1, 2, 3, 1):
        outputs = TVM().load(library, RunOptions(threads=threads)).run({"image": IMAGE})
        np.testing.assert_array_equal(outputs["probability"], expected)


def test_a_session_runs_in_another_thread_too(library, expected):
    session = TVM().load(library, RunOptions(threads=2))
    found = []
    thread = threading.Thread(target=lambda: found.append(session.run({"image": IMAGE})["probability"]))
    thread.start()
    thread.join()
    np.testing.assert_array_equal(found[0], expected)


def test_a_session_lives_on_when_another_of_the_same_file_is_gone(library, expected):
    first = TVM().load(library, RunOptions())
    second = TVM().load(library, RunOptions())
    second.run({"image": IMAGE})
    del second
    np.testing.assert_array_equal(first.run({"image": IMAGE})["probability"], expected)


@pytest.mark.parametrize("begin", [0, 1, 4, 16])
def test_an_input_may_begin_anywhere_in_memory(library, expected, begin):
    memory = np.zeros(IMAGE.nbytes + 128, np.uint8)
    place = -memory.ctypes.data % 64 + begin
    image = memory[place : place + IMAGE.nbytes].view(np.float32).reshape(IMAGE.shape)
    image[...] = IMAGE
    outputs = TVM().load(library, RunOptions()).run({"image": image})
    np.testing.assert_array_equal(outputs["probability"], expected)


def test_an_input_may_be_strided_or_not_to_be_written(library, expected):
    session = TVM().load(library, RunOptions())
    strided = np.asfortranarray(IMAGE)
    locked = IMAGE.copy()
    locked.flags.writeable = False
    for image in (strided, locked):
        np.testing.assert_array_equal(session.run({"image": image})["probability"], expected)


def test_an_output_that_is_an_input_is_a_copy_of_it(tmp_path, hub_of_text):
    model = hub_of_text("(float[4] x) => (float[4] y, float[4] z) { y = Identity(x) z = Neg(x) }")
    load_target("tvm").compile(model, Options(variant="fp32"), tmp_path)
    x = np.zeros(80, np.uint8)
    x = x[-x.ctypes.data % 64 :][:16].view(np.float32)  # where TVM reads it in its place
    x[...] = 1.0
    outputs = TVM().load(tmp_path / "model.so", RunOptions()).run({"x": x})
    outputs["y"][...] = 7.0
    np.testing.assert_array_equal(x, np.ones(4, np.float32))


# files that are not as they were written


def test_half_a_file_is_refused(library, tmp_path):
    broken = tmp_path / "model.so"
    broken.write_bytes(library.read_bytes()[:9000])
    with pytest.raises(ValueError, match="its end is missing"):
        TVM().load(broken, RunOptions())


@pytest.mark.parametrize("place", [100, 5000, -60])
def test_a_wrong_byte_is_refused(library, tmp_path, place):
    data = bytearray(library.read_bytes())
    data[place] ^= 1
    (tmp_path / "model.so").write_bytes(data)
    with pytest.raises(ValueError, match="it is damaged"):
        TVM().load(tmp_path / "model.so", RunOptions())


@pytest.mark.parametrize(("machine", "named"), [(40, "armv7l"), (243, "riscv64"), (8, "machine 8 of 64 bits")])
def test_a_library_for_other_machines_is_refused_by_name(library, tmp_path, machine, named):
    data = bytearray(library.read_bytes())
    data[18:20] = struct.pack("<H", machine)
    (tmp_path / "model.so").write_bytes(data)
    with pytest.raises(ValueError, match=f"it is for {named}, and this process runs on "):
        TVM().load(tmp_path / "model.so", RunOptions())


def test_another_shared_library_is_refused():
    installed = Path(find_spec("tvm").origin).parent / "lib" / "libtvm_runtime.so"
    with pytest.raises(ValueError, match="no library that the target tvm wrote"):
        TVM().load(installed, RunOptions())
