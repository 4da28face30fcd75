import importlib.util
import sys
from pathlib import Path

import onnx
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper

from edgewright.compiler.model import Model
from edgewright.compiler.torch_graph.dtypes import array_from, tensor_from
from edgewright.compiler.torch_graph.graph import to_torch
from edgewright.vocabulary.signature import Signature, TensorSpec
from edgewright.vocabulary.source import Source

if "edgewright_random_graphs" not in sys.modules:  # the tests of targets load it too
    _place = Path(__file__).parents[2] / "targets" / "random_graphs.py"
    _spec = importlib.util.spec_from_file_location("edgewright_random_graphs", _place)
    assert _spec is not None
    assert _spec.loader is not None
    sys.modules[_spec.name] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(sys.modules[_spec.name])


def spec_of(info):
    tensor = info.type.tensor_type
    shape = tuple(size.dim_param or size.dim_value for size in tensor.shape.dim)
    return TensorSpec(name=info.name, dtype=str(helper.tensor_dtype_to_np_dtype(tensor.elem_type)), shape=shape)


@pytest.fixture(scope="session")
def proto_of():
    """Make an ONNX model of its text syntax: `proto_of("(float[4] x) => (float[4] y) { y = Relu(x) }", {})`."""

    def make(text, weights=None, opset=20):
        proto = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : {opset}]> tiny {text}')
        proto.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in (weights or {}).items())
        return proto

    return make


@pytest.fixture(scope="session")
def hub_of():
    """Make a hub model of an ONNX model: its signature is what the graph says."""

    def make(proto):
        return Model(
            ir=ir.serde.deserialize_model(proto),
            signature=Signature(
                inputs=tuple(map(spec_of, proto.graph.input)), outputs=tuple(map(spec_of, proto.graph.output))
            ),
            source=Source(reference="tiny", framework="onnx", digest="0" * 64, tools={}),
        )

    return make


@pytest.fixture(scope="session")
def compute():
    """Run a module on arrays, in the order of its inputs: `compute(module, [x])` gives arrays."""

    def run(module, arrays):
        with torch.no_grad():
            return [array_from(result) for result in module(*map(tensor_from, arrays))]

    return run


@pytest.fixture(scope="session")
def said(proto_of, hub_of, compute):
    """Give the outputs of a text in PyTorch: `said("(uint64[2] x) => (uint64[2] y) { y = Div(x, x) }", [x])`."""

    def run(text, arrays, weights=None, opset=20):
        return compute(to_torch(hub_of(proto_of(text, weights, opset))).whole(), arrays)

    return run


@pytest.fixture(scope="session")
def reference():
    """Run an ONNX model by ONNX Runtime, as it stands."""

    def run(proto, arrays):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run(None, {info.name: array for info, array in zip(proto.graph.input, arrays, strict=True)})

    return run
