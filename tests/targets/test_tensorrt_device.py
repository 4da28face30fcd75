"""The scripts that build and verify an engine, run as programs against a TensorRT that stands in for the real one.

`fake_tensorrt/` checks what TensorRT checks of flags, profiles, shapes, memory and versions, and computes by
onnxruntime. Nothing here says what a real TensorRT does.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from edgewright.compiler.recipe import apply, parse
from edgewright.targets.base import Options
from edgewright.targets.tensorrt.device.build_engine import trtexec
from edgewright.targets.tensorrt.on_device import finish, finished
from edgewright.targets.tensorrt.target import TensorRT
from edgewright.vocabulary.errors import ToolError
from edgewright.vocabulary.label import Label

FAKE = Path(__file__).parent / "fake_tensorrt"


@pytest.fixture(scope="module")
def tiny(make_hub):
    return make_hub(
        [
            helper.make_node("MatMul", ["x", "w"], ["m"], "dense"),
            helper.make_node("Add", ["m", "b"], ["a"], "bias"),
            helper.make_node("Relu", ["a"], ["y"], "relu"),
        ],
        {"x": ["rows", 8]},
        {"y": ["rows", 4]},
        {"w": np.random.default_rng(0).standard_normal((8, 4)), "b": np.ones(4)},
    )


@pytest.fixture
def artifact(tmp_path, tiny):
    """Compile for TensorRT: `artifact(**settings)` gives the artifact and its folder."""

    def compile_(recipe=None, **settings):
        out = tmp_path / f"artifact{len(list(tmp_path.iterdir()))}"
        out.mkdir()
        model = apply(tiny, parse(recipe, where="r")) if recipe else tiny
        return TensorRT().compile(model, Options(variant="v", settings=settings), out), out

    return compile_


@pytest.fixture(scope="module")
def built_once(tmp_path_factory, tiny):
    out = tmp_path_factory.mktemp("built")
    TensorRT().compile(tiny, Options(variant="v"), out)
    assert run(out, "build_engine.py")[0] == 0
    return out


@pytest.fixture
def built(built_once, tmp_path):
    """A folder with the engine of TensorRT 10.6 on a Fake A10."""
    return Path(shutil.copytree(built_once, tmp_path / "built"))


def environment(version="10.6.0", gpu="Fake A10,8.6"):
    return {**os.environ, "PYTHONPATH": str(FAKE), "FAKE_TENSORRT_VERSION": version, "FAKE_TENSORRT_GPU": gpu}


def stand_in(monkeypatch, **there):
    for name, value in environment(**there).items():
        monkeypatch.setenv(name, value)


def run(folder, script, *arguments, version="10.6.0", gpu="Fake A10,8.6"):
    """Run a script where tensorrt is the fake one; gives the exit code and all that was said."""
    done = subprocess.run(
        [sys.executable, "-B", script, *arguments],
        cwd=folder,
        env=environment(version, gpu),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "not given back" not in done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout + done.stderr


def engine_header(folder):
    """What the fake TensorRT noted in its engine."""
    data = (folder / "model.engine").read_bytes()
    return json.loads(data[len(b"FAKEPLAN") :].partition(b"\n")[0])


@pytest.mark.parametrize(
    ("version", "typed", "flags", "line"),
    [
        ("8.6.1", False, [], "trtexec --onnx=model.onnx --saveEngine=model.engine --skipInference --noTF32"),
        ("10.6.0", True, [], "trtexec --onnx=model.onnx --saveEngine=model.engine --skipInference --stronglyTyped"),
        ("11.0.0", True, [], "trtexec --onnx=model.onnx --saveEngine=model.engine --skipInference --noTF32"),
    ],
)
def test_an_engine_is_built_and_verified(artifact, version, typed, flags, line):
    _, folder = artifact(release="8.6")
    code, said = run(folder, "build_engine.py", version=version)
    assert code == 0, said
    assert f"equal to: {line}" in said
    header = engine_header(folder)
    assert (header["typed"], header["flags"], header["level"]) == (typed, flags, "NONE")
    record = json.loads((folder / "engine.json").read_text())
    assert (record["tensorrt"], record["gpu"], record["compute_capability"]) == (version, "Fake A10", "8.6")
    assert (record["driver"], record["cuda"]) == ("12.6", "12.4")
    assert run(folder, "verify_engine.py", version=version) == (0, "case 0, y: agrees\nverified\n")


def test_version_8_is_told_by_a_flag_what_the_graph_says_itself_to_later_ones(artifact):
    _, folder = artifact(["float16"], release="8.6")
    code, said = run(folder, "build_engine.py", version="8.6.1")
    assert (code, engine_header(folder)["flags"]) == (0, ["FP16"]), said
    assert " --fp16 " in said
    assert run(folder, "verify_engine.py", version="8.6.1")[0] == 0
    assert run(folder, "build_engine.py")[0] == 0
    assert engine_header(folder)["flags"] == []


def test_bfloat16_is_a_flag_of_a_network_that_is_not_strongly_typed(artifact):
    _, folder = artifact(compute="bf16", tf32=True)
    assert run(folder, "build_engine.py")[0] == 0
    header = engine_header(folder)
    assert (header["typed"], header["flags"]) == (False, ["BF16", "TF32"])
    code, said = run(folder, "build_engine.py", version="11.0.0")
    assert code == 1
    assert "bf16 is computed by a flag that TensorRT 11 does not have" in said


def test_a_profile_gives_the_sizes_of_open_dimensions(artifact):
    made, folder = artifact(profile={"rows": "1..4..8"}, workspace="64 MiB")
    assert made.signature.inputs[0].shape == ("rows", 8)
    code, said = run(folder, "build_engine.py")
    assert code == 0
    assert "--minShapes=x:1x8 --optShapes=x:4x8 --maxShapes=x:8x8 --memPoolSize=workspace:64M" in said
    header = engine_header(folder)
    assert header["profile"] == {"x": [[1, 8], [4, 8], [8, 8]]}
    assert header["workspace"] == 64 * 2**20
    agree = "".join(f"case {number}, y: agrees\n" for number in range(3))
    assert run(folder, "verify_engine.py") == (0, f"{agree}verified\n")


def test_weights_beside_the_model_are_those_that_it_was_written_with(artifact, monkeypatch):
    monkeypatch.setattr("edgewright.targets.tensorrt.emit.INLINE_LIMIT_BYTES", 0)
    _, folder = artifact()
    (folder / "model.onnx.data").write_bytes(b"other weights")
    code, said = run(folder, "build_engine.py")
    assert code == 1
    assert "no engine: model.onnx.data is not the file that build.json was written for" in said


def test_a_damaged_timing_cache_is_begun_anew(artifact, tmp_path):
    _, folder = artifact()
    (cache := tmp_path / "timing.cache").write_bytes(b"damaged")
    code, said = run(folder, "build_engine.py", "--timing-cache", str(cache))
    assert code == 0
    assert "or damaged: begun anew" in said
    assert cache.read_bytes() != b"damaged"


def test_a_name_in_the_line_for_trtexec_is_a_word_whatever_it_holds(artifact):
    _, folder = artifact(profile={"rows": "1..8"})
    plan = json.loads((folder / "build.json").read_text())
    plan["inputs"][0]["name"] = "x'; rm -r ~ #"
    assert "--minShapes=x'; rm -r ~ #:1x8" in shlex.split(trtexec(10, plan, None))


def test_an_engine_may_be_read_by_whoever_may_read_its_model(built_once):
    modes = {name: (built_once / name).stat().st_mode for name in ("model.engine", "engine.json", "build.json")}
    assert len(set(modes.values())) == 1


def test_a_damaged_record_is_no_engine(built, artifact):
    made, _ = artifact()
    (built / "engine.json").write_text('{"tensorrt": "10.6.0"}')
    assert "not verified: no engine with its engine.json" in run(built, "verify_engine.py")[1]
    with pytest.raises(ToolError, match="there is no engine in"):
        finished(made, built)


def test_open_dimensions_without_their_profile_give_no_engine(artifact):
    _, folder = artifact(profile={"rows": "1..8"})
    plan = json.loads((folder / "build.json").read_text())
    (folder / "build.json").write_text(json.dumps({**plan, "profiled": False}))
    code, said = run(folder, "build_engine.py")
    assert code == 1
    assert "no optimization profile for the dynamic input x" in said
    assert "no engine: TensorRT 10.6.0 built no engine" in said


def test_engines_for_other_gpus_and_versions_are_asked_for_by_their_flags(artifact):
    _, folder = artifact(version_compatible=True, hardware="ampere_plus")
    code, said = run(folder, "build_engine.py")
    assert code == 0
    assert "--versionCompatible --hardwareCompatibilityLevel=ampere+" in said
    assert engine_header(folder)["level"] == "AMPERE_PLUS"
    assert run(folder, "verify_engine.py", version="10.7.0", gpu="Fake H200,9.0")[0] == 0
    code, said = run(folder, "verify_engine.py", gpu="Fake T4,7.5")
    assert code == 1
    assert "the engine is of Fake A10 (8.6), here is Fake T4 (7.5): build it anew" in said
    code, said = run(folder, "verify_engine.py", version="10.5.0")
    assert code == 1
    assert "the engine is of TensorRT 10.6.0, here is 10.5.0" in said


@pytest.mark.parametrize(
    ("there", "reason"),
    [
        ({"version": "10.7.0"}, "the engine is of TensorRT 10.6.0, here is 10.7.0"),
        ({"gpu": "Fake H200,9.0"}, "the engine is of Fake A10 (8.6), here is Fake H200 (9.0)"),
        ({"gpu": "Fake A40,8.6"}, "the engine is of Fake A10 (8.6), here is Fake A40 (8.6)"),
        ({"gpu": "none"}, "no CUDA-capable device is detected (100)"),
    ],
)
def test_an_engine_of_another_gpu_or_version_is_refused(built_once, there, reason):
    code, said = run(built_once, "verify_engine.py", **there)
    assert code == 1
    assert f"not verified: {reason}" in said or f": {reason}" in said


def test_wrong_outputs_are_told_and_the_exit_code_is_1(built):
    entry = json.loads((built / "golden.json").read_text())["cases"][0]["outputs"][0]
    data = bytearray((built / "golden.bin").read_bytes())
    data[entry["offset"] : entry["offset"] + 4] = np.float32(1e3).tobytes()
    (built / "golden.bin").write_bytes(data)
    code, said = run(built, "verify_engine.py")
    assert code == 1
    assert "for 1000.0 at 0" in said
    assert said.endswith("1 outputs differ\n")


def test_an_engine_that_was_changed_is_refused(built):
    with (built / "model.engine").open("ab") as file:
        file.write(b"x")
    assert "model.engine is not the file that engine.json was written for" in run(built, "verify_engine.py")[1]
    (built / "engine.json").unlink()
    assert run(built, "verify_engine.py")[1].startswith("not verified: no engine with its engine.json")


def test_a_model_that_was_changed_is_not_built(artifact):
    _, folder = artifact()
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    code, said = run(folder, "build_engine.py")
    assert code == 1
    assert said.endswith("no engine: model.onnx is not the file that build.json was written for\n")


def test_a_release_older_than_the_models_is_refused(artifact):
    _, folder = artifact()
    code, said = run(folder, "build_engine.py", version="8.6.1")
    assert code == 1
    assert "this model was written for TensorRT 10.6 or later, here is 8.6.1" in said


def test_a_timing_cache_is_read_and_written_and_begun_anew_for_another_gpu(artifact, tmp_path):
    _, folder = artifact()
    cache = tmp_path / "times.cache"
    for _ in range(2):
        code, said = run(folder, "build_engine.py", "--timing-cache", str(cache))
        assert code == 0
        assert f"--timingCacheFile={cache}" in said
    assert cache.read_bytes() == b"10.6.0 Fake A10\nkernel\nkernel\n"
    said = run(folder, "build_engine.py", "--timing-cache", str(cache), gpu="Fake H200,9.0")[1]
    assert "is of another GPU or TensorRT, or damaged: begun anew" in said
    assert cache.read_bytes() == b"10.6.0 Fake H200\nkernel\n"
    assert list(tmp_path.glob(".times*")) == []


def test_without_tensorrt_both_say_so(artifact):
    _, folder = artifact()
    for script in ("build_engine.py", "verify_engine.py"):
        done = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout) == (1, "tensorrt cannot be imported: No module named 'tensorrt'\n")


RUN = """
import sys
from pathlib import Path
import numpy as np
from edgewright.targets.runtime import RunOptions, is_emulated
from edgewright.targets.tensorrt.runtime import TensorRT
runtime = TensorRT()
print(is_emulated(runtime), runtime.version())
for inputs in ({"x": np.ones((2, 8), np.float32)}, {"x": np.ones((9, 8), np.float32)}, {"x": np.ones((2, 8))}, {}):
    try:
        outputs = runtime.load(Path(sys.argv[1]), RunOptions()).run(inputs)
        print({name: (array.dtype.name, array.shape) for name, array in outputs.items()})
    except ValueError as error:
        print(error)
"""


def test_the_runtime_runs_engines_where_tensorrt_is(artifact):
    _, folder = artifact(profile={"rows": "1..8"})
    run(folder, "build_engine.py")

    def said(name, **there):
        command = [sys.executable, "-c", RUN, str(folder / name)]
        done = subprocess.run(command, env=environment(**there), capture_output=True, text=True, timeout=60, check=True)
        return done.stdout.splitlines()

    assert said("model.engine") == [
        "False 10.6.0",
        "{'y': ('float32', (2, 4))}",
        "x: the engine takes (-1, 8) in its profile, got (9, 8)",
        "x: expected float32, got float64",
        "expected the inputs ['x'], got []",
    ]
    assert said("model.onnx")[1] == (
        "model.onnx: TensorRT runs engines; build one with build_engine.py, which lies beside it"
    )
    assert said("model.onnx", gpu="none")[:2] == ["True 10.15", "{'y': ('float32', (2, 4))}"]
    assert said("model.engine", gpu="none")[1] == (
        "model.engine: an engine runs by TensorRT on a GPU alone, and one of the two is not here"
    )


def test_a_device_makes_of_an_artifact_its_engine(artifact, monkeypatch):
    made, folder = artifact()
    assert made.labels == (Label.TO_BE_BUILT,)
    stand_in(monkeypatch)
    built = finish(made, folder, seconds=60)
    assert (built.name, built.labels) == ("tensorrt-v-engine", ())
    assert [file.path for file in built.files[:2]] == ["model.engine", "engine.json"]
    assert {file.path for file in built.files} == {path.name for path in folder.iterdir()}
    requires = built.requires
    assert (requires.runtime, requires.min_runtime_version) == ("tensorrt", "10.6.0")
    assert (requires.os, requires.accelerator) == (("linux",), "cuda sm_86")


def test_a_device_that_cannot_build_gives_the_words_of_its_script(artifact, monkeypatch):
    made, folder = artifact()
    stand_in(monkeypatch, gpu="none")
    with pytest.raises(ToolError, match=r"(?s)build_engine.py: exit code 1: .*no CUDA-capable device"):
        finish(made, folder, seconds=60)
    with pytest.raises(ToolError, match="there is no engine"):
        finished(made, folder)


def test_an_engine_of_another_model_is_not_taken_for_this_one(artifact, built):
    other, folder = artifact(release="8.6")
    for name in ("model.engine", "engine.json"):
        shutil.copyfile(built / name, folder / name)
    with pytest.raises(ToolError, match="is not that of this artifact"):
        finished(other, folder)
