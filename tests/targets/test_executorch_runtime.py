"""ExecuTorch's runtime: threads, damage, foreign files, and nothing on the terminal."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgewright.targets.base import Options
from edgewright.targets.executorch.runtime import ExecuTorch as Runtime
from edgewright.targets.executorch.runtime import LiteInterpreter, bindings
from edgewright.targets.executorch.seal import sealed
from edgewright.targets.executorch.target import ExecuTorch
from edgewright.targets.runtime import RunOptions

IMAGE = np.linspace(-1, 1, 192, dtype=np.float32).reshape(1, 3, 8, 8)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory, convnet):
    folder = tmp_path_factory.mktemp("compiled")
    return folder / ExecuTorch().compile(convnet, Options(variant="fp32"), folder).files[0].path


@pytest.fixture
def program(compiled, tmp_path):
    return Path(shutil.copy(compiled, tmp_path))


def unsealed(program: Path) -> bytes:
    return program.read_bytes()[: -len(sealed(b""))]


def test_what_executorch_does_not_read_is_refused(program) -> None:
    program.write_bytes(sealed(unsealed(program)[:500]))
    with pytest.raises(ValueError, match=r"model\.pte: ExecuTorch cannot run this file"):
        Runtime().load(program, RunOptions())


def test_sessions_of_other_thread_counts_go_side_by_side(program) -> None:
    one = Runtime().load(program, RunOptions(threads=1))
    expected = one.run({"image": IMAGE})["probability"]
    two = Runtime().load(program, RunOptions(threads=2))
    for session, threads in ((one, 1), (two, 2), (one, 1)):
        np.testing.assert_allclose(session.run({"image": IMAGE})["probability"], expected, rtol=0, atol=1e-6)
        assert bindings()._threadpool_get_thread_count() == threads


@pytest.mark.parametrize("kept", [0, 20, 0.5, -1])
def test_a_file_that_was_cut_is_refused(program, kept) -> None:
    data = program.read_bytes()
    program.write_bytes(data[: int(len(data) * kept) if isinstance(kept, float) else kept])
    with pytest.raises(ValueError, match=r"model\.pte: it is no program that the target executorch wrote, or its end"):
        Runtime().load(program, RunOptions())


@pytest.mark.parametrize("place", [8, 0.3, 0.6, -30])
def test_a_wrong_byte_is_found_before_it_runs(program, place) -> None:
    data = bytearray(program.read_bytes())
    data[int(len(data) * place) if isinstance(place, float) else place] ^= 1
    program.write_bytes(data)
    with pytest.raises(ValueError, match=r"model\.pte: it is damaged"):
        Runtime().load(program, RunOptions())


def test_a_program_without_names_is_refused(program) -> None:
    program.write_bytes(sealed(unsealed(program).replace(b"edgewright", b"somebody's")))
    with pytest.raises(ValueError, match=r"model\.pte: the program does not say what its inputs are called"):
        Runtime().load(program, RunOptions())


def test_inputs_need_neither_be_writable_nor_lie_in_order(program) -> None:
    session = Runtime().load(program, RunOptions())
    expected = session.run({"image": IMAGE})["probability"]
    turned = np.asfortranarray(IMAGE)
    turned.flags.writeable = False
    np.testing.assert_array_equal(session.run({"image": turned})["probability"], expected)


def test_steps_along_axes_of_one_element_may_be_any_number(program) -> None:
    session = Runtime().load(program, RunOptions())
    odd = np.lib.stride_tricks.as_strided(IMAGE.copy(), IMAGE.shape, (4, *IMAGE.strides[1:]))
    assert odd.flags.c_contiguous
    np.testing.assert_array_equal(
        session.run({"image": odd})["probability"], session.run({"image": IMAGE})["probability"]
    )


QUIET = """
import sys
import zipfile
from pathlib import Path
import numpy as np
from edgewright.compiler.model import Model
from edgewright.targets.base import Options
from edgewright.targets.executorch.runtime import ExecuTorch as Runtime
from edgewright.targets.executorch.seal import sealed
from edgewright.targets.executorch.target import ExecuTorch
from edgewright.targets.runtime import RunOptions
folder = Path(sys.argv[1])
ExecuTorch().compile(Model.load(folder), Options(variant="fp32"), folder / "out")
session = Runtime().load(folder / "out" / "model.pte", RunOptions(threads=2))
session.run({"image": np.zeros((1, 3, 8, 8), np.float32)})
(folder / "damaged.pte").write_bytes(sealed((folder / "out" / "model.pte").read_bytes()[:500]))
try:
    Runtime().load(folder / "damaged.pte", RunOptions())
except ValueError:
    print("refused")
"""


def test_nothing_is_printed_that_is_not_ours(tmp_path, convnet) -> None:
    convnet.save(tmp_path)
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-c", QUIET, str(tmp_path)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    assert (finished.stdout, finished.stderr) == ("refused\n", "")


def test_a_wrong_byte_in_a_file_of_the_lite_interpreter_is_found(tmp_path) -> None:
    artifact = tmp_path / "model.ptl"
    with zipfile.ZipFile(artifact, "w") as archive:
        archive.writestr("model/weights", b"0123")
    artifact.write_bytes(artifact.read_bytes().replace(b"0123", b"0124"))
    with pytest.raises(ValueError, match=r"model\.ptl: .*cannot run this file: model/weights in it was damaged"):
        LiteInterpreter().load(artifact, RunOptions())
