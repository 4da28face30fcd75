"""What every target does, the same tests for all of them and for a fake that implements the real interface."""

import os
import subprocess
import sys
from collections import Counter
from importlib.metadata import PackageNotFoundError, version

import msgspec
import numpy as np
import onnx_ir as ir
import pytest
from edgewright_fake_core_ml import OnAMac
from packaging.version import Version

from edgewright.compiler.model import Precision
from edgewright.compiler.recipe import apply, parse
from edgewright.targets.artifact import Artifact, Coverage, File, Handling, NodeCoverage, Requirements
from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.table import TARGETS, load_target
from edgewright.vocabulary.digest import digest_file
from edgewright.vocabulary.errors import RefusedError, RequestError
from edgewright.vocabulary.tables import load_object

REFERENCE = "edgewright.targets.onnxruntime.runtime:Reference"


class FakeRuntime:
    """Runs what `FakeTarget` writes by ONNX's own reference implementation."""

    name = "onnx"

    def version(self):
        return version(self.name)

    def prepare(self):
        import onnx.reference  # noqa: F401 - only so that `load` finds it imported

    def load(self, artifact, options):
        from google.protobuf.message import DecodeError
        from onnx.reference import ReferenceEvaluator

        try:
            return FakeSession(ReferenceEvaluator(str(artifact)))
        except DecodeError as error:
            raise ValueError(f"{artifact.name}: no ONNX file") from error


class FakeSession:
    """Checks its inputs, and runs."""

    def __init__(self, evaluator):
        self.evaluator = evaluator

    def run(self, inputs):
        if set(inputs) != set(self.evaluator.input_names):
            raise ValueError(f"expected {self.evaluator.input_names}, got {sorted(inputs)}")
        for name, type_ in zip(self.evaluator.input_names, self.evaluator.input_types, strict=True):
            sizes = [dim.dim_value or None for dim in type_.tensor_type.shape.dim]
            shape = inputs[name].shape
            if inputs[name].dtype != np.float32 or len(shape) != len(sizes):
                raise ValueError(f"{name} does not fit")
            if any(size not in (None, got) for size, got in zip(sizes, shape, strict=True)):
                raise ValueError(f"{name} does not fit")
        return dict(zip(self.evaluator.output_names, self.evaluator.run(None, dict(inputs)), strict=True))


class FakeTarget:
    """A target whose language is ONNX with few operators."""

    name = "fake"
    extra = None
    packages = ("onnx",)
    precisions = (Precision.FP32, Precision.FP16)
    formats = {"": f"{__name__}:FakeRuntime"}  # noqa: RUF012 - the contract's form, never written to

    def ops(self):
        return tuple(
            sorted("Add Cast Conv Flatten Gemm GlobalAveragePool MatMul Mul Relu Softmax".split())  # noqa: SIM905
        )

    def coverage(self, model, options):
        def cover(node):
            known = not node.domain and node.op_type in self.ops()
            return NodeCoverage(
                node=node.name,
                op=f"{node.domain}.{node.op_type}" if node.domain else node.op_type,
                handling=Handling.NATIVE if known else Handling.REFUSED,
                detail="" if known else "no such operator",
            )

        return Coverage(nodes=tuple(map(cover, model.graph)))

    def compile(self, model, options, out):
        if options.format not in self.formats:
            raise RequestError(f"no format {options.format!r}")
        coverage = self.coverage(model, options)
        if coverage.refused:
            raise RefusedError("; ".join(f"{node.node} ({node.op}): {node.detail}" for node in coverage.refused))
        path = out / "model.onnx"
        ir.save(model.ir, path)
        return Artifact(
            target=self.name,
            variant=options.variant,
            precision=model.precision,
            format=options.format,
            files=(File(path=path.name, sha256=digest_file(path), size_bytes=path.stat().st_size),),
            requires=Requirements(runtime="onnx", min_runtime_version=version("onnx")),
            signature=model.signature,
            narrowed={},
            coverage=coverage,
            ops=dict(sorted(Counter(node.op_type for node in model.graph).items())),
            toolchain={"onnx": version("onnx")},
        )


OTHERS = {"fake": FakeTarget, "coreml on a Mac": OnAMac}


def get_target(name):
    return OTHERS[name]() if name in OTHERS else load_target(name)


def formats_here(name):
    """The formats whose artifacts this machine runs: TVM's others are other machines' CPUs."""
    return [""] if name == "tvm" else list(get_target(name).formats)


@pytest.fixture(params=[*TARGETS.names, "fake"])
def target(request):
    return get_target(request.param)


@pytest.fixture(params=[(name, form) for name in [*TARGETS.names, *OTHERS] for form in formats_here(name)])
def target_and_format(request):
    name, form = request.param
    return get_target(name), form


@pytest.fixture
def compiled(tmp_path):
    """Compile into a new folder; gives the artifact and the folder."""

    def compile_(target, model, form="", **options):
        out = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        out.mkdir()
        return target.compile(model, Options(variant=model.precision, format=form, **options), out), out

    return compile_


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """Compile when first asked for, for tests that look at what was written, or run it; as `compiled`."""
    made = {}

    def compile_(target, model, form="", **options):
        key = type(target), id(model), form, repr(options)
        if key not in made:
            out = tmp_path_factory.mktemp("once")
            made[key] = target.compile(model, Options(variant=model.precision, format=form, **options), out), out
        return made[key]

    return compile_


def half(model):
    return apply(model, parse(["float16"], where="recipes.fp16"))


def draw_inputs(signature, seed=0):
    generator = np.random.default_rng(seed)
    return {
        spec.name: generator.standard_normal(
            [size if isinstance(size, int) else 1 for size in spec.shape], dtype=np.float32
        )
        for spec in signature.inputs
    }


def open_artifact(target, artifact, folder):
    runtime = load_object(target.formats[artifact.format])()
    return runtime.load(folder / artifact.files[0].path, RunOptions(threads=1))


def run_original(model, inputs, folder):
    folder.mkdir()
    model.save(folder)
    return load_object(REFERENCE)().load(folder / "model.onnx", RunOptions()).run(inputs)


MODELS = ["convnet", "perceptron", "oddly_named"]


# what it makes


@pytest.mark.parametrize("name", MODELS)
def test_fp32_gives_what_the_original_gives(target_and_format, once, request, tmp_path, name):
    target, form = target_and_format
    model = request.getfixturevalue(name)
    artifact, folder = once(target, model, form)
    inputs = draw_inputs(artifact.signature)
    expected = run_original(model, inputs, tmp_path / "original")
    outputs = open_artifact(target, artifact, folder).run(inputs)
    for output, values in expected.items():
        assert outputs[output].dtype == np.float32
        # float32 sums of a few hundred products in another order
        np.testing.assert_allclose(outputs[output], values, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["convnet", "perceptron"])
def test_fp16_is_half_the_precision_and_no_less(target_and_format, compiled, request, tmp_path, name):
    target, form = target_and_format
    model = request.getfixturevalue(name)
    artifact, folder = compiled(target, half(model), form)
    assert artifact.precision == "fp16"
    inputs = draw_inputs(artifact.signature)
    expected = run_original(model, inputs, tmp_path / "original")
    outputs = open_artifact(target, artifact, folder).run(inputs)
    for output, values in expected.items():
        assert outputs[output].dtype == np.float32
        # each weight is off by up to 2⁻¹¹ of itself, and hundreds of them add up like a random walk
        np.testing.assert_allclose(outputs[output], values, rtol=0, atol=5e-3 * np.abs(values).max())


def test_fp16_takes_half_the_bytes(target_and_format, compiled, once, perceptron):
    target, form = target_and_format
    whole, _ = once(target, perceptron, form)
    halved, _ = compiled(target, half(perceptron), form)
    assert halved.size_bytes < 0.55 * whole.size_bytes


def test_names_survive_in_their_order(target_and_format, compiled, oddly_named):
    target, form = target_and_format
    artifact, folder = compiled(target, oddly_named, form)
    assert [spec.name for spec in artifact.signature.inputs] == ["left/in:0", "a right"]
    assert [spec.name for spec in artifact.signature.outputs] == ["sum;1", "product"]
    left, right = np.float32([[1, 2, 3, 4]]), np.float32([[10, 20, 30, 40]])
    outputs = open_artifact(target, artifact, folder).run({"left/in:0": left, "a right": right})
    np.testing.assert_array_equal(outputs["sum;1"], left + right)
    np.testing.assert_array_equal(outputs["product"], left * right)


def test_the_signature_keeps_dtypes_and_ranks(target, once, convnet):
    artifact, _ = once(target, convnet)
    for before, after in zip(convnet.signature.inputs, artifact.signature.inputs, strict=True):
        assert (after.dtype, len(after.shape)) == (before.dtype, len(before.shape))
    assert artifact.narrowed == {}


def test_dimensions_can_be_fixed(target, compiled, convnet):
    artifact, folder = compiled(target, convnet, dims={"batch": 3})
    if target.name != "fake":  # which leaves them as they are
        assert artifact.signature.inputs[0].shape == (3, 3, 8, 8)
        assert artifact.signature.outputs[0].shape == (3, 5)
    images = np.zeros((3, 3, 8, 8), np.float32)
    assert open_artifact(target, artifact, folder).run({"image": images})["probability"].shape == (3, 5)


# what it writes


def test_the_files_are_those_that_it_says_and_no_others(target_and_format, once, convnet):
    target, form = target_and_format
    artifact, folder = once(target, convnet, form)
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {file.path for file in artifact.files} == written
    for file in artifact.files:
        assert file.sha256 == digest_file(folder / file.path)
        assert file.size_bytes == (folder / file.path).stat().st_size > 0


def test_equal_models_are_equal_bytes(target_and_format, compiled, convnet, perceptron):
    target, form = target_and_format
    first, _ = compiled(target, convnet, form)
    compiled(target, perceptron, form)
    second, _ = compiled(target, convnet, form)
    assert first == second


COMPILE_ELSEWHERE = """
import sys
from pathlib import Path
from edgewright.compiler.model import Model
from edgewright.targets.base import Options
from edgewright.targets.table import load_target
hub, out, name, form = sys.argv[1:]
artifact = load_target(name).compile(Model.load(Path(hub)), Options(variant="fp32", format=form), Path(out))
print([file.sha256 for file in artifact.files])
"""


@pytest.mark.parametrize("name", TARGETS.names)
def test_equal_models_are_equal_bytes_in_every_process(tmp_path, convnet, name):
    (tmp_path / "hub").mkdir()
    convnet.save(tmp_path / "hub")
    form = formats_here(name)[-1]
    digests = set()
    for seed in ("1", "2"):
        (out := tmp_path / seed).mkdir()
        command = [sys.executable, "-c", COMPILE_ELSEWHERE, str(tmp_path / "hub"), str(out), name, form]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
        digests.add(finished.stdout)
    assert len(digests) == 1


def test_the_artifact_is_a_record(target, once, convnet):
    artifact, _ = once(target, convnet)
    assert msgspec.json.decode(msgspec.json.encode(artifact), type=Artifact) == artifact
    assert (artifact.target, artifact.variant) == (target.name, "fp32")
    assert artifact.ops
    assert set(artifact.toolchain) >= set(target.packages)
    assert all(artifact.toolchain.values())


def test_it_requires_a_runtime_that_is_installed_here(target_and_format, once, convnet):
    target, form = target_and_format
    artifact, _ = once(target, convnet, form)
    assert artifact.requires.runtime == load_object(target.formats[form])().name


def test_the_model_given_stays_as_it_was(target_and_format, compiled, convnet, tmp_path):
    target, form = target_and_format
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    convnet.save(tmp_path / "before")
    compiled(target, convnet, form, dims={"batch": 1})
    convnet.save(tmp_path / "after")
    assert (tmp_path / "before" / "model.onnx").read_bytes() == (tmp_path / "after" / "model.onnx").read_bytes()


# coverage and refusal


@pytest.mark.parametrize("name", MODELS)
def test_coverage_is_known_for_every_node_before_anything_is_emitted(target, compiled, request, name):
    model = request.getfixturevalue(name)
    coverage = target.coverage(model, Options(variant="fp32"))
    assert {node.node for node in coverage.nodes} == {node.name for node in model.graph}
    assert coverage.refused == ()
    assert compiled(target, model)[0].coverage == coverage


def test_what_is_covered_is_of_known_operators(target, convnet):
    assert list(target.ops()) == sorted(set(target.ops()))
    coverage = target.coverage(convnet, Options(variant="fp32"))
    assert {node.op for node in coverage.nodes} <= set(target.ops())


def test_a_node_that_cannot_be_said_is_refused_by_name_operator_and_reason(target, unsayable):
    coverage = target.coverage(unsayable, Options(variant="fp32"))
    refused = {node.node: node for node in coverage.refused}  # what comes after may be refused too
    assert "before" not in refused
    assert "Twirl" in refused["the twirl"].op
    assert refused["the twirl"].detail


def test_refusing_writes_nothing(target_and_format, unsayable, tmp_path):
    target, form = target_and_format
    with pytest.raises(RefusedError, match=r"the twirl.*Twirl"):
        target.compile(unsayable, Options(variant="fp32", format=form), tmp_path)
    assert list(tmp_path.iterdir()) == []


# its runtime


@pytest.fixture
def session(target_and_format, once, convnet):
    target, form = target_and_format
    artifact, folder = once(target, convnet, form, dims={"batch": 1})
    return open_artifact(target, artifact, folder)


IMAGE = np.ones((1, 3, 8, 8), np.float32)


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"picture": IMAGE},
        {"image": IMAGE, "picture": IMAGE},
        {"image": IMAGE.astype(np.float64)},
        {"image": IMAGE.astype(np.uint8)},
        {"image": IMAGE[0]},
        {"image": IMAGE[:, :2]},
    ],
    ids=["missing", "misnamed", "surplus", "float64", "uint8", "rank", "shape"],
)
def test_the_runtime_refuses_inputs_that_do_not_fit(session, inputs):
    with pytest.raises(ValueError):  # noqa: PT011 - each runtime says it in its own words
        session.run(inputs)


def test_outputs_belong_to_the_caller(session):
    first = session.run({"image": IMAGE})["probability"]
    kept = first.copy()
    session.run({"image": -3.0 * IMAGE})
    np.testing.assert_array_equal(first, kept)
    first[:] = 7.0
    np.testing.assert_array_equal(session.run({"image": IMAGE})["probability"], kept)


def test_runs_are_repeatable(session):
    once, again = (session.run({"image": IMAGE})["probability"] for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_the_runtime_refuses_a_file_that_is_no_artifact(target_and_format, tmp_path):
    target, form = target_and_format
    runtime = load_object(target.formats[form])()
    runtime.prepare()
    (tmp_path / "model").write_bytes(b"\x07no model at all" * 20)
    with pytest.raises(ValueError):  # noqa: PT011 - each runtime says it in its own words
        runtime.load(tmp_path / "model", RunOptions())


def test_the_runtime_names_the_distribution_that_it_comes_from(target_and_format):
    target, form = target_and_format
    runtime = load_object(target.formats[form])()
    try:
        expected = version(runtime.name)
    except PackageNotFoundError:  # the system has it, or it is emulated: it must still be comparable
        assert Version(runtime.version())
    else:
        assert runtime.version() == expected


# what it costs


@pytest.mark.parametrize("name", TARGETS.names)
def test_asking_for_a_target_imports_no_runtime_and_no_framework(name):
    heavy = {"torch", "onnxruntime", "ai_edge_litert", "onnxscript", "flatbuffers", "coremltools"}
    code = (
        "import sys\nfrom edgewright.targets.table import load_target, missing_packages\n"
        f"missing_packages(load_target({name!r}))\n"
        f"print(sorted(set({sorted(heavy)!r}) & sys.modules.keys()))"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert finished.stdout == "[]\n"


@pytest.mark.parametrize("name", TARGETS.names)
def test_runtimes_need_none_of_the_compilers_packages(name):
    runtimes = sorted(set(load_target(name).formats.values()))
    others = ["onnx", "onnx_ir", "onnxscript", "torch", "msgspec", "click", "rich", "psutil"]
    if name == "executorch":
        others.remove("torch")  # its bindings for Python stand on PyTorch's libraries
    code = (
        "import sys\n"
        f"for name in {others!r}:\n"
        "    sys.modules[name] = None\n"
        "from edgewright.vocabulary.tables import load_object\n"
        f"for path in {runtimes!r}:\n"
        "    load_object(path)().prepare()"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
