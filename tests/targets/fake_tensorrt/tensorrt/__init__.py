"""TensorRT without a GPU: the calls that the scripts use, with what TensorRT checks of them; onnxruntime computes.

`FAKE_TENSORRT_VERSION` says which TensorRT this is: 8.6, 10 and 11 differ in their flags, as their release notes say.
The parser knows the published table of operators.
"""

import importlib
import json
import os
import sys
from enum import IntEnum
from pathlib import Path

import fake_cuda


class _Late:
    """A module that is imported when it is used: most of what is refused needs none."""

    def __init__(self, name):
        self.name = name

    def __getattr__(self, attribute):
        return getattr(importlib.import_module(self.name), attribute)


np, onnx = _Late("numpy"), _Late("onnx")

VERSION = os.environ.get("FAKE_TENSORRT_VERSION", "10.6.0")
__version__ = VERSION
_NUMBERS = tuple(map(int, VERSION.split(".")))
_MAJOR = _NUMBERS[0]
_TABLE = json.loads((Path(__file__).parents[4] / "targets" / "tensorrt" / "operators.json").read_text())
_RELEASE = _TABLE["8.6" if _MAJOR == 8 else "10.6" if _NUMBERS < (10, 15) else "10.15"]
_MAGIC = b"FAKEPLAN"

_FLAGS = {"GPU_FALLBACK": 3, "TF32": 7, "VERSION_COMPATIBLE": 13}
if _MAJOR < 11:
    _FLAGS |= {"FP16": 0, "INT8": 1}
if 9 <= _MAJOR < 11:
    _FLAGS |= {"BF16": 18}
BuilderFlag = IntEnum("BuilderFlag", _FLAGS)
_NETWORK = ({"EXPLICIT_BATCH": 0} if _MAJOR < 11 else {}) | ({"STRONGLY_TYPED": 1} if _MAJOR >= 10 else {})
NetworkDefinitionCreationFlag = IntEnum("NetworkDefinitionCreationFlag", _NETWORK)
MemoryPoolType = IntEnum("MemoryPoolType", {"WORKSPACE": 0})
_LEVELS = {"NONE": 0, "AMPERE_PLUS": 1} | ({"SAME_COMPUTE_CAPABILITY": 2} if _NUMBERS >= (10, 13) else {})
HardwareCompatibilityLevel = IntEnum("HardwareCompatibilityLevel", _LEVELS)
TensorIOMode = IntEnum("TensorIOMode", {"NONE": 0, "INPUT": 1, "OUTPUT": 2})
_TYPES = {"FLOAT": 0, "HALF": 1, "INT8": 2, "INT32": 3, "BOOL": 4, "UINT8": 5} | ({"INT64": 8} if _MAJOR >= 9 else {})
DataType = IntEnum("DataType", _TYPES)
_OF_NUMPY = {"float32": "FLOAT", "float16": "HALF", "int64": "INT64", "int32": "INT32", "bool": "BOOL", "int8": "INT8"}


class Logger:
    WARNING = 2

    def __init__(self, severity=WARNING):
        self.severity = severity

    def error(self, text):
        sys.stderr.write(f"[TRT] [E] {text}\n")


class Network:
    def __init__(self, flags):
        known = sum(1 << int(flag) for flag in NetworkDefinitionCreationFlag)
        assert not flags & ~known, f"no such network flags: {flags:b}"
        self.typed = _MAJOR >= 11 or bool(_MAJOR == 10 and flags & 2)
        self.batched = _MAJOR >= 10 or bool(flags & 1)
        self.model = None


class ParserError:
    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text


class OnnxParser:
    def __init__(self, network, logger):
        self.network, self.errors = network, []

    @property
    def num_errors(self):
        return len(self.errors)

    def get_error(self, index):
        return self.errors[index]

    def parse_from_file(self, path):
        assert isinstance(path, str)
        model = onnx.load(path)
        onnx.checker.check_model(model)
        low, high = _RELEASE["opset"]
        [opset] = [entry.version for entry in model.opset_import if entry.domain == ""]
        known = {name for group in _RELEASE["supported"] for name in group["operators"]}
        if not self.network.batched:
            self.errors.append(ParserError("the network has no explicit batch"))
        if not low <= opset <= high:
            self.errors.append(ParserError(f"opset {opset}"))
        for node in model.graph.node:
            if node.op_type not in known:
                self.errors.append(ParserError(f"no importer for {node.op_type}"))
        for value in model.graph.input:
            if _MAJOR == 8 and value.type.tensor_type.elem_type == onnx.TensorProto.INT64:
                self.errors.append(ParserError("INT64 bindings"))
        self.network.model = model
        return not self.errors


class Profile:
    def __init__(self):
        self.shapes = {}

    def set_shape(self, name, low, best, high):
        self.shapes[name] = [list(low), list(best), list(high)]


class HostMemory(bytes):
    pass


class TimingCache:
    def __init__(self, data):
        self.header, _, body = data.partition(b"\n")
        self.body = body

    def serialize(self):
        return HostMemory(self.header + b"\n" + self.body)


def _here():
    return f"{__version__} {fake_cuda.NAME}".encode()


class BuilderConfig:
    def __init__(self):
        self.flags = {BuilderFlag.TF32}
        self.profiles, self.limits, self.cache = [], {}, None
        self.hardware_compatibility_level = HardwareCompatibilityLevel.NONE

    def set_flag(self, flag):
        self.flags.add(BuilderFlag(flag))

    def clear_flag(self, flag):
        self.flags.discard(BuilderFlag(flag))

    def set_memory_pool_limit(self, pool, size):
        assert size > 0
        self.limits[pool] = size

    def add_optimization_profile(self, profile):
        for low, best, high in profile.shapes.values():
            if not all(a <= b <= c for a, b, c in zip(low, best, high, strict=True)):
                return -1
        self.profiles.append(profile)
        return len(self.profiles) - 1

    def create_timing_cache(self, data):
        data = bytes(data) or _here() + b"\n"
        return TimingCache(data) if b"\n" in data else None

    def set_timing_cache(self, cache, ignore_mismatch):
        if cache.header != _here() and not ignore_mismatch:
            return False
        self.cache = cache
        return True

    def get_timing_cache(self):
        return self.cache


class Builder:
    def __init__(self, logger):
        self.logger = logger

    def create_network(self, flags=0):
        return Network(flags)

    def create_builder_config(self):
        return BuilderConfig()

    def create_optimization_profile(self):
        return Profile()

    def build_serialized_network(self, network, config):
        reason = _refusal(network, config)
        if reason:
            self.logger.error(reason)
            return None
        if config.cache is not None:
            config.cache.body += b"kernel\n"
        shapes = config.profiles[0].shapes if config.profiles else {}
        header = {
            "version": __version__,
            "gpu": fake_cuda.NAME,
            "capability": fake_cuda.CAPABILITY,
            "flags": sorted(flag.name for flag in config.flags),
            "typed": network.typed,
            "level": config.hardware_compatibility_level.name,
            "workspace": config.limits.get(MemoryPoolType.WORKSPACE),
            "profile": shapes,
        }
        return HostMemory(_MAGIC + json.dumps(header).encode() + b"\n" + network.model.SerializeToString())


def _refusal(network, config):
    names = {flag.name for flag in config.flags}
    precision = names & {"FP16", "INT8", "BF16"}
    if network.typed and precision:
        return f"a strongly typed network takes no {', '.join(sorted(precision))}"
    used = {tensor.data_type for tensor in network.model.graph.initializer}
    if not network.typed:
        for dtype, flag in ((onnx.TensorProto.FLOAT16, "FP16"), (onnx.TensorProto.INT8, "INT8")):
            if dtype in used and flag not in names:
                return f"the network needs the flag {flag}"
    for value in network.model.graph.input:
        sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if 0 in sizes:
            shapes = config.profiles[0].shapes.get(value.name) if config.profiles else None
            if shapes is None:
                return f"no optimization profile for the dynamic input {value.name}"
            if any(own not in (0, size) for shape in shapes for own, size in zip(sizes, shape, strict=True)):
                return f"the profile of {value.name} does not fit"
    return ""


class Runtime:
    def __init__(self, logger):
        self.logger, self.engine_host_code_allowed = logger, False

    def deserialize_cuda_engine(self, data):
        if data[: len(_MAGIC)] != _MAGIC:
            return self.logger.error("no engine")
        text, _, model = data[len(_MAGIC) :].partition(b"\n")
        header = json.loads(text)
        if header["version"] != __version__ and "VERSION_COMPATIBLE" not in header["flags"]:
            return self.logger.error(f"an engine of {header['version']}")
        if "VERSION_COMPATIBLE" in header["flags"] and not self.engine_host_code_allowed:
            return self.logger.error("host code of engines is not allowed")
        if header["level"] == "NONE" and header["capability"] != fake_cuda.CAPABILITY:
            return self.logger.error("an engine of another compute capability")
        return Engine(header, model)


class Engine:
    def __init__(self, header, model):
        import onnxruntime

        self.header = header
        self.session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        graph = onnx.ModelProto.FromString(model).graph
        self.io = {}
        for mode, values in ((TensorIOMode.INPUT, graph.input), (TensorIOMode.OUTPUT, graph.output)):
            for value in values:
                sizes = [dim.dim_value or -1 for dim in value.type.tensor_type.shape.dim]
                dtype = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
                self.io[value.name] = mode, sizes, dtype

    @property
    def num_io_tensors(self):
        return len(self.io)

    def get_tensor_name(self, index):
        return list(self.io)[index]

    def get_tensor_mode(self, name):
        return self.io[name][0]

    def get_tensor_shape(self, name):
        return tuple(self.io[name][1])

    def get_tensor_dtype(self, name):
        return DataType[_OF_NUMPY[self.io[name][2].name]]

    def create_execution_context(self):
        return ExecutionContext(self)


class ExecutionContext:
    def __init__(self, engine):
        self.engine, self.shapes, self.addresses = engine, {}, {}

    def set_input_shape(self, name, shape):
        _, own, _ = self.engine.io[name]
        low, _, high = self.engine.header["profile"].get(name, [own, own, own])
        if len(shape) != len(own) or not all(a <= b <= c for a, b, c in zip(low, shape, high, strict=True)):
            return False
        self.shapes[name] = tuple(shape)
        return True

    def set_tensor_address(self, name, address):
        assert address in fake_cuda.memory, f"{name}: no memory of the GPU"
        self.addresses[name] = address

    def infer_shapes(self):
        inputs = [
            name for name, (mode, sizes, _) in self.engine.io.items() if mode is TensorIOMode.INPUT and -1 in sizes
        ]
        return [name for name in inputs if name not in self.shapes]

    def get_tensor_shape(self, name):
        mode, sizes, _ = self.engine.io[name]
        if mode is TensorIOMode.INPUT:
            return self.shapes.get(name, tuple(sizes))
        if self.infer_shapes():
            return tuple(sizes)
        zeros = {
            name: np.zeros(self.shapes.get(name, own), dtype)
            for name, (mode, own, dtype) in self.engine.io.items()
            if mode is TensorIOMode.INPUT
        }
        return self.engine.session.run([name], zeros)[0].shape

    def execute_async_v3(self, stream_handle):
        if (
            stream_handle not in fake_cuda.streams
            or self.infer_shapes()
            or self.addresses.keys() != self.engine.io.keys()
        ):
            return False
        inputs = {}
        for name, (mode, sizes, dtype) in self.engine.io.items():
            if mode is TensorIOMode.INPUT:
                shape = self.shapes.get(name, tuple(sizes))
                block, need = fake_cuda.memory[self.addresses[name]], int(np.prod(shape)) * dtype.itemsize
                assert len(block) >= need, f"{name}: the GPU would read behind its memory"
                inputs[name] = np.frombuffer(bytes(block[:need]), dtype).reshape(shape)
        outputs = [name for name, (mode, *_) in self.engine.io.items() if mode is TensorIOMode.OUTPUT]
        for name, array in zip(outputs, self.engine.session.run(outputs, inputs), strict=True):
            block, data = fake_cuda.memory[self.addresses[name]], np.ascontiguousarray(array).tobytes()
            assert len(block) >= len(data), f"{name}: the GPU would write behind its memory"
            block[: len(data)] = data
        return True
