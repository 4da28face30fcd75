"""Tiny hub models, made here."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import helper, numpy_helper

from edgewright.compiler.model import Model, Source
from edgewright.vocabulary.signature import Signature, TensorSpec

OPSET = 20

for _name in ("fake_core_ml", "random_graphs"):
    _spec = importlib.util.spec_from_file_location(f"edgewright_{_name}", Path(__file__).with_name(f"{_name}.py"))
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)  # tests import it by this name, and so do tables
    _spec.loader.exec_module(sys.modules[_spec.name])


@pytest.fixture(scope="session")
def make_hub():
    """Make a hub model: `make_hub(nodes, inputs, outputs, weights)`, tensors as `{name: shape}`, all of one dtype."""

    def make(nodes, inputs, outputs, weights=None, domains=(), dtype="float32"):
        element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

        def infos(tensors):
            return [helper.make_tensor_value_info(name, element, shape) for name, shape in tensors.items()]

        def specs(tensors):
            return tuple(TensorSpec(name=name, dtype=dtype, shape=tuple(shape)) for name, shape in tensors.items())

        graph = helper.make_graph(
            nodes,
            "tiny",
            infos(inputs),
            infos(outputs),
            [numpy_helper.from_array(np.asarray(array, dtype), name) for name, array in (weights or {}).items()],
        )
        opsets = [helper.make_opsetid("", OPSET), *(helper.make_opsetid(domain, 1) for domain in domains)]
        proto = helper.make_model(graph, opset_imports=opsets, ir_version=10)
        if not domains:
            proto = onnx.shape_inference.infer_shapes(proto, strict_mode=True)
        return Model(
            ir=ir.serde.deserialize_model(proto),
            signature=Signature(inputs=specs(inputs), outputs=specs(outputs)),
            source=Source(reference="tiny", framework="onnx", digest="0" * 64, tools={}),
        )

    return make


@pytest.fixture(scope="session")
def convnet(make_hub):
    """A convolutional classifier of 8×8 images with an open batch."""
    generator = np.random.default_rng(0)

    def weight(*shape):
        return generator.standard_normal(shape) * 0.1

    return make_hub(
        [
            helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], "conv1", pads=[1, 1, 1, 1], strides=[2, 2]),
            helper.make_node("Relu", ["c1"], ["r1"], "relu1"),
            helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], "conv2", pads=[1, 1, 1, 1], group=16),
            helper.make_node("Relu", ["c2"], ["r2"], "relu2"),
            helper.make_node("Conv", ["r2", "w3", "b3"], ["c3"], "conv3"),
            helper.make_node("GlobalAveragePool", ["c3"], ["g"], "pool"),
            helper.make_node("Flatten", ["g"], ["f"], "flatten"),
            helper.make_node("Gemm", ["f", "w4", "b4"], ["logits"], "gemm", transB=1),
            helper.make_node("Softmax", ["logits"], ["probability"], "softmax", axis=-1),
        ],
        {"image": ["batch", 3, 8, 8]},
        {"probability": ["batch", 5]},
        {
            "w1": weight(16, 3, 3, 3),
            "b1": weight(16),
            "w2": weight(16, 1, 3, 3),
            "b2": weight(16),
            "w3": weight(32, 16, 1, 1),
            "b3": weight(32),
            "w4": weight(5, 32),
            "b4": weight(5),
        },
    )


@pytest.fixture(scope="session")
def perceptron(make_hub):
    """Two dense layers with weights enough that they make the file's size."""
    generator = np.random.default_rng(1)
    return make_hub(
        [
            helper.make_node("MatMul", ["x", "w1"], ["m1"], "dense1"),
            helper.make_node("Relu", ["m1"], ["r1"], "relu"),
            helper.make_node("MatMul", ["r1", "w2"], ["y"], "dense2"),
        ],
        {"x": ["rows", 128]},
        {"y": ["rows", 128]},
        {"w1": generator.standard_normal((128, 512)) * 0.05, "w2": generator.standard_normal((512, 128)) * 0.05},
    )


@pytest.fixture(scope="session")
def oddly_named(make_hub):
    """Two inputs and two outputs, in no alphabetical order, under names that only ONNX allows."""
    return make_hub(
        [
            helper.make_node("Add", ["left/in:0", "a right"], ["sum;1"], "add"),
            helper.make_node("Mul", ["left/in:0", "a right"], ["product"], "mul"),
        ],
        {"left/in:0": [1, 4], "a right": [1, 4]},
        {"sum;1": [1, 4], "product": [1, 4]},
    )


@pytest.fixture(scope="session")
def unsayable(make_hub):
    """A model with an operator that nobody knows between two that everybody knows."""
    return make_hub(
        [
            helper.make_node("Relu", ["x"], ["r"], "before"),
            helper.make_node("Twirl", ["r"], ["t"], "the twirl", domain="com.example"),
            helper.make_node("Relu", ["t"], ["y"], "after"),
        ],
        {"x": [1, 4]},
        {"y": [1, 4]},
        domains=["com.example"],
    )


@pytest.fixture(scope="session")
def hub_of_proto():
    """Make a hub model of an ONNX model: its signature is what the graph says."""

    def spec(info):
        tensor = info.type.tensor_type
        shape = tuple(size.dim_param or size.dim_value for size in tensor.shape.dim)
        return TensorSpec(name=info.name, dtype=str(helper.tensor_dtype_to_np_dtype(tensor.elem_type)), shape=shape)

    def make(proto):
        return Model(
            ir=ir.serde.deserialize_model(proto),
            signature=Signature(
                inputs=tuple(map(spec, proto.graph.input)), outputs=tuple(map(spec, proto.graph.output))
            ),
            source=Source(reference="tiny", framework="onnx", digest="0" * 64, tools={}),
        )

    return make


@pytest.fixture(scope="session")
def hub_of_text(hub_of_proto):
    """Make a hub model of ONNX's text syntax: `hub_of_text("(float[1,4] x) => (float[1,4] y) { y = Relu(x) }", {})`."""

    def make(text, weights=None, opset=OPSET):
        proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : {opset}]> tiny {text}')
        for place, node in enumerate(proto.graph.node):
            node.name = node.name or f"{node.op_type}_{place}"
        proto.graph.initializer.extend(
            numpy_helper.from_array(np.asarray(array), name) for name, array in (weights or {}).items()
        )
        return hub_of_proto(proto)

    return make


@pytest.fixture
def litert(tmp_path, hub_of_text):
    """Compile text for TFLite and run it in LiteRT on drawn inputs; gives what came of it."""
    from types import SimpleNamespace

    from edgewright.targets.base import Options
    from edgewright.targets.runtime import RunOptions
    from edgewright.targets.tflite.runtime import LiteRT
    from edgewright.targets.tflite.target import TFLite

    def draw(spec, generator):
        if spec.dtype.startswith("float"):
            return generator.standard_normal(spec.shape).astype(spec.dtype)
        if spec.dtype == "bool":
            return generator.integers(0, 2, spec.shape).astype(bool)
        return generator.integers(1, 9, spec.shape).astype(spec.dtype)

    def run(text, weights=None, *, feeds=None, model=None, opset=OPSET, **options):
        model = model or hub_of_text(text, weights, opset)
        (out := tmp_path / f"artifact{len(list(tmp_path.iterdir()))}").mkdir()
        artifact = TFLite().compile(model, Options(variant="fp32", **options), out)
        session = LiteRT().load(out / artifact.files[0].path, RunOptions())
        generator = np.random.default_rng(0)
        feeds = feeds or {spec.name: draw(spec, generator) for spec in artifact.signature.inputs}
        return SimpleNamespace(
            model=model,
            artifact=artifact,
            ops=artifact.ops,
            outputs=session.run(feeds),
            feeds=feeds,
            session=session,
            path=out / "model.tflite",
        )

    return run


@pytest.fixture
def lite(litert):
    """Do what `litert` does, and compare with onnxruntime."""
    import onnxruntime

    def run(text, weights=None, *, atol=1e-5, **options):
        built = litert(text, weights, **options)
        if not options.get("layout"):
            reference = onnxruntime.InferenceSession(ir.to_proto(built.model.ir).SerializeToString())
            expected = dict(zip(built.outputs, reference.run(list(built.outputs), built.feeds), strict=True))
            for name, array in expected.items():
                assert built.outputs[name].dtype == array.dtype, name
                np.testing.assert_allclose(built.outputs[name], array, rtol=1e-5, atol=atol, err_msg=name)
        return built

    return run


@pytest.fixture
def tfjs(tmp_path, hub_of_text):
    """Compile text for TF.js, run it on wasm in Node on drawn inputs, and compare with onnxruntime unoptimised.

    `expected` takes the place of onnxruntime's answers.
    """
    from types import SimpleNamespace

    from edgewright.targets.base import Options
    from edgewright.targets.onnxruntime.runtime import Reference
    from edgewright.targets.runtime import RunOptions
    from edgewright.targets.tfjs import runtime, target

    def run(text, weights=None, *, feeds=None, model=None, opset=OPSET, atol=1e-5, expected=None, **options):
        model = model or hub_of_text(text, weights, opset)
        (out := tmp_path / f"artifact{len(list(tmp_path.iterdir()))}").mkdir()
        artifact = target.TFJS().compile(model, Options(variant="fp32", **options), out)
        generator = np.random.default_rng(0)
        feeds = feeds or {
            spec.name: generator.standard_normal(spec.shape).astype(np.float32)
            if spec.dtype == "float32"
            else generator.integers(1, 9, spec.shape).astype(spec.dtype)
            for spec in artifact.signature.inputs
        }
        outputs = runtime.TFJS().load(out / "model.json", RunOptions()).run(feeds)
        if expected is None and not options.get("layout"):
            (out / "hub.onnx").write_bytes(ir.to_proto(model.ir).SerializeToString())
            wanted = {spec.name: spec.dtype for spec in model.signature.inputs}
            own = {name: array.astype(wanted[name]) for name, array in feeds.items()}
            expected = Reference().load(out / "hub.onnx", RunOptions()).run(own)
        for name, array in (expected or {}).items():
            assert outputs[name].shape == array.shape, name
            np.testing.assert_allclose(outputs[name], array, rtol=1e-5, atol=atol, err_msg=name)
        return SimpleNamespace(
            model=model, artifact=artifact, ops=artifact.ops, outputs=outputs, feeds=feeds, path=out / "model.json"
        )

    return run


@pytest.fixture(scope="session")
def tfjs_refusal(hub_of_text):
    """Give why a node of a text is refused for TF.js: `{operator: reason}`."""
    from edgewright.targets.base import Options
    from edgewright.targets.tfjs.target import TFJS

    def reasons(text, weights=None, *, opset=OPSET):
        coverage = TFJS().coverage(hub_of_text(text, weights, opset), Options(variant="fp32"))
        return {entry.op: entry.detail for entry in coverage.refused}

    return reasons


@pytest.fixture(scope="session")
def shown_tensors(tmp_path_factory):
    """Give for each hub tensor that an artifact shows what the hub computes and what the artifact holds, flattened.

    `shown_tensors(target, runtime, model, path of the artifact, inputs)`.
    """
    from edgewright.targets.base import Options
    from edgewright.targets.onnxruntime.runtime import Reference
    from edgewright.targets.runtime import RunOptions

    def show(target, runtime, model, artifact, feeds):
        inner = target.inner_tensors(model, Options(variant="fp32"), artifact)
        hub = tmp_path_factory.mktemp("hub") / "model.onnx"
        hub.write_bytes(ir.to_proto(model.ir).SerializeToString())
        reference = Reference().load_inspectable(hub, RunOptions(), list(inner)).run(feeds)
        keys = [place.key for place in inner.values()]
        got = runtime.load_inspectable(artifact, RunOptions(), keys).run(feeds)
        return {
            name: (
                (
                    reference[name] if place.permutation is None else reference[name].transpose(place.permutation)
                ).ravel(),
                got[place.key].ravel(),
            )
            for name, place in inner.items()
        }

    return show


@pytest.fixture(scope="session")
def mil():
    """Compute one MIL operation as Core ML's interpreter does: `mil("relu", x=…)`; `opset` says the system."""
    from edgewright.targets.coreml.interpreter.arguments import Arguments
    from edgewright.targets.coreml.interpreter.checked import implementing
    from edgewright.targets.coreml.interpreter.ops.table import OPERATIONS
    from edgewright.targets.coreml.interpreter.program import Named, Operation, TensorType

    def compute(kind, *, opset="CoreML8", declared="float32", declared_shape=None, **values):
        results = (Named(name="y", type=TensorType(dtype=declared, shape=declared_shape)),) * 4
        operation = Operation(type=kind, inputs={}, outputs=results, attributes={"name": "it"})
        values = {name: [*map(np.asarray, value)] if name == "values" else value for name, value in values.items()}
        values = {
            name: value if isinstance(value, str | list | tuple) else np.asarray(value)
            for name, value in values.items()
        }
        with implementing(operation):
            return OPERATIONS[kind](Arguments(operation, values, opset))

    return compute


@pytest.fixture
def coreml(tmp_path, hub_of_text):
    """Compile text for Core ML and run the package in the interpreter; gives the outputs as the hub has them.

    `operations` counts what is in the package, by MIL's names.
    """
    from types import SimpleNamespace

    from edgewright.targets.adapt import adapt
    from edgewright.targets.base import Options
    from edgewright.targets.coreml.runtime import CoreML as Runtime
    from edgewright.targets.coreml.target import CoreML
    from edgewright.targets.runtime import RunOptions

    def run(text, feeds, weights=None, *, model=None, opset=OPSET):
        model = model or hub_of_text(text, weights, opset)
        (out := tmp_path / f"artifact{len(list(tmp_path.iterdir()))}").mkdir()
        artifact = CoreML().compile(model, Options(variant="fp32"), out)
        session = Runtime().load(out / artifact.files[0].path, RunOptions())
        taken = zip(model.signature.inputs, artifact.signature.inputs, strict=True)
        got = session.run({own.name: adapt(feeds[spec.name], spec, own) for spec, own in taken})
        given = zip(model.signature.outputs, artifact.signature.outputs, strict=True)
        outputs = {spec.name: adapt(got[own.name], own, spec) for spec, own in given}
        return SimpleNamespace(outputs=outputs, operations=artifact.ops, model=model, artifact=artifact)

    return run


@pytest.fixture
def coreml_agrees(coreml):
    """Do what `coreml` does, and compare with onnxruntime; float inputs may be given by their shapes alone."""
    import onnxruntime

    def run(text, feeds, weights=None, *, opset=OPSET, atol=1e-5):
        generator = np.random.default_rng(0)
        feeds = {
            name: generator.standard_normal(given).astype(np.float32) if isinstance(given, tuple) else given
            for name, given in feeds.items()
        }
        made = coreml(text, feeds, weights, opset=opset)
        reference = onnxruntime.InferenceSession(ir.to_proto(made.model.ir).SerializeToString())
        for name, wanted in zip(made.outputs, reference.run(list(made.outputs), feeds), strict=True):
            assert made.outputs[name].dtype == wanted.dtype, name
            np.testing.assert_allclose(made.outputs[name], wanted, rtol=1e-5, atol=atol, err_msg=name)
        return made

    return run


@pytest.fixture
def coreml_refusal(hub_of_text):
    """Give why Core ML refuses text, "" when it does not."""
    from edgewright.targets.base import Options
    from edgewright.targets.coreml.target import CoreML

    def reason(text, weights=None, *, opset=OPSET):
        coverage = CoreML().coverage(hub_of_text(text, weights, opset), Options(variant="fp32"))
        return "; ".join(node.detail for node in coverage.refused)

    return reason


@pytest.fixture(scope="session")
def tvm_agrees(hub_of_text):
    """Say text in Relax, build it without schedules, run it, and compare with onnxruntime.

    Float inputs may be given by their shapes alone. Gives the outputs by name. What schedules do to them is not seen.
    """
    import onnxruntime

    from edgewright.targets.tvm.emit import emit
    from edgewright.targets.tvm.toolkit import relax, tvm

    def run(text, feeds, weights=None, *, opset=OPSET, rtol=1e-5, atol=1e-5):
        model = hub_of_text(text, weights, opset)
        generator = np.random.default_rng(0)
        feeds = {
            name: generator.standard_normal(given).astype(np.float32) if isinstance(given, tuple) else given
            for name, given in feeds.items()
        }
        emitted = emit(model)
        assert not emitted.coverage.refused, emitted.coverage.refused
        built = relax().build(emitted.module, tvm().target.Target({"kind": "llvm"}))
        given = [tvm().runtime.tensor(feeds[spec.name]) for spec in model.signature.inputs]
        made = relax().VirtualMachine(built, tvm().cpu())["main"](*given)
        got = {spec.name: one.numpy() for spec, one in zip(model.signature.outputs, made, strict=True)}
        reference = onnxruntime.InferenceSession(ir.to_proto(model.ir).SerializeToString())
        for name, wanted in zip(got, reference.run(list(got), feeds), strict=True):
            assert (got[name].dtype, got[name].shape) == (wanted.dtype, wanted.shape), name
            np.testing.assert_allclose(got[name], wanted, rtol=rtol, atol=atol, err_msg=name)
        return got

    return run


@pytest.fixture
def tvm_refusal(hub_of_text):
    """Give why TVM refuses text, "" when it does not."""
    from edgewright.targets.base import Options
    from edgewright.targets.tvm.target import TVM

    def reason(text, weights=None, *, opset=OPSET):
        coverage = TVM().coverage(hub_of_text(text, weights, opset), Options(variant="fp32"))
        return "; ".join(node.detail for node in coverage.refused)

    return reason


@pytest.fixture(scope="session")
def mb():
    """Give coremltools' builder of MIL operations."""
    from edgewright.targets.coreml.toolkit import builder

    return builder()


@pytest.fixture
def mlpackage(tmp_path, mb):
    """Make a package without the emitter: `mlpackage(lambda x: mb.relu(x=x), (2, 3))`; inputs are float32 by default.

    The operations stay as they are written: coremltools' passes do not run.
    """
    from edgewright.targets.coreml.toolkit import coremltools, quiet

    def make(function, *inputs, target="iOS15", passes="EMPTY", name="model", **options):
        ct = coremltools()
        system = getattr(ct.target, target)
        specs = [mb.TensorSpec(shape=shape) if isinstance(shape, tuple) else shape for shape in inputs]
        settings = {
            "convert_to": "mlprogram",
            "minimum_deployment_target": system,
            "compute_precision": ct.precision.FLOAT32,
            "pass_pipeline": getattr(ct.PassPipeline, passes),
            "skip_model_load": True,
        }
        with quiet():
            program = mb.program(input_specs=specs, opset_version=system)(function)
            ct.convert(program, **(settings | options)).save(str(tmp_path / f"{name}.mlpackage"))
        return tmp_path / f"{name}.mlpackage"

    return make
