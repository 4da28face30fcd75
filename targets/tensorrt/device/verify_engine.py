"""Run the engine beside this file on the golden inputs, and compare with the golden outputs.

`python verify_engine.py` gives 0 when all agree within the bounds of `golden.json`, 1 when not. Needs tensorrt, and
nothing else. Part of edgewright.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .cuda_runtime import CudaError, Gpu

RECORD, GOLDEN, VALUES = "engine.json", "golden.json", "golden.bin"
_RECORDED = ("engine_sha256", "tensorrt", "version_compatible", "gpu", "compute_capability", "hardware")
CODES = {"float32": "f", "float16": "e", "int64": "q", "int32": "i", "int8": "b", "uint8": "B", "bool": "?"}
_TYPES = {
    "FLOAT": "float32",
    "HALF": "float16",
    "INT64": "int64",
    "INT32": "int32",
    "INT8": "int8",
    "UINT8": "uint8",
    "BOOL": "bool",
}

Tensor = tuple[str, tuple[int, ...], bytes]
"""Type, shape, and the values in little-endian bytes."""


class EngineError(Exception):
    """The engine cannot be run here, or not so."""


def fits(record: Mapping[str, Any], version: str, gpu: Gpu) -> None:
    """Check that an engine was built for this GPU and this TensorRT.

    Raises:
        EngineError: when it was not.
    """
    built, here = record["tensorrt"], version
    later = built.split(".")[0] == here.split(".")[0] and _numbers(here) >= _numbers(built)
    if built != here and not (record["version_compatible"] and later):
        raise EngineError(f"the engine is of TensorRT {built}, here is {here}: build it anew with build_engine.py")
    own, level = gpu.compute_capability, record["hardware"]
    alike = {
        "this_gpu": record["gpu"] == gpu.name and record["compute_capability"] == own,
        "same_compute_capability": record["compute_capability"] == own,
        "ampere_plus": _numbers(own) >= (8, 0),
    }
    if not alike[level]:
        raise EngineError(
            f"the engine is of {record['gpu']} ({record['compute_capability']}), here is {gpu.name} ({own}): "
            "build it anew with build_engine.py"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in version.split("."))


class Engine:
    """An engine that is loaded."""

    def __init__(self, path: Path) -> None:
        """Load it with the record beside it.

        Raises:
            EngineError: when it is none, or one of another GPU or TensorRT.
            CudaError: when there is no GPU.
            ImportError: when tensorrt is not installed.
        """
        import tensorrt as trt

        self._trt, self._gpu = trt, Gpu()
        try:
            said = json.loads((path.parent / RECORD).read_text("utf-8"))
            record = {name: said[name] for name in _RECORDED}
            data = path.read_bytes()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EngineError(f"no engine with its {RECORD}: {error}; build it with build_engine.py") from error
        if hashlib.sha256(data).hexdigest() != record["engine_sha256"]:
            raise EngineError(f"{path.name} is not the file that {RECORD} was written for")
        fits(record, trt.__version__, self._gpu)
        self._runtime = trt.Runtime(trt.Logger(trt.Logger.WARNING))
        if record["version_compatible"]:
            self._runtime.engine_host_code_allowed = True
        self._engine = self._runtime.deserialize_cuda_engine(data)
        if self._engine is None:
            raise EngineError(f"TensorRT {trt.__version__} does not load {path.name}")
        self._context = self._engine.create_execution_context()
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        self.inputs = {name: self._type(name) for name in names if self._is_input(name)}
        self.outputs = {name: self._type(name) for name in names if not self._is_input(name)}

    def _is_input(self, name: str) -> bool:
        return bool(self._engine.get_tensor_mode(name) == self._trt.TensorIOMode.INPUT)

    def _type(self, name: str) -> str:
        dtype = self._engine.get_tensor_dtype(name)
        for own, known in _TYPES.items():
            if dtype == getattr(self._trt.DataType, own, None):
                return known
        raise EngineError(f"{name} is {dtype}, which is not read here")

    def run(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Run once.

        Raises:
            EngineError: when the inputs are not those of the engine, or the run failed.
        """
        if inputs.keys() != self.inputs.keys():
            raise EngineError(f"expected the inputs {sorted(self.inputs)}, got {sorted(inputs)}")
        held: list[int] = []
        stream = self._gpu.stream()
        try:
            for name, (dtype, shape, data) in inputs.items():
                if dtype != self.inputs[name]:
                    raise EngineError(f"{name}: expected {self.inputs[name]}, got {dtype}")
                if not self._context.set_input_shape(name, shape):
                    own = tuple(self._engine.get_tensor_shape(name))
                    raise EngineError(f"{name}: the engine takes {own} in its profile, got {shape}")
                self._gpu.write(self._hold(name, len(data), held), data)
            missing = list(self._context.infer_shapes())
            if missing:
                raise EngineError(f"the shapes of {', '.join(missing)} are not known")
            places = {name: self._place(name, dtype, held) for name, dtype in self.outputs.items()}
            if not self._context.execute_async_v3(stream):
                raise EngineError("TensorRT failed to run the engine; the reason stands above")
            self._gpu.wait(stream)
            return {
                name: (self.outputs[name], shape, self._gpu.read(address, size))
                for name, (address, size, shape) in places.items()
            }
        finally:
            self._gpu.end(stream)
            for address in held:
                self._gpu.free(address)

    def _hold(self, name: str, size: int, held: list[int]) -> int:
        address = self._gpu.allocate(size)
        held.append(address)
        self._context.set_tensor_address(name, address)
        return address

    def _place(self, name: str, dtype: str, held: list[int]) -> tuple[int, int, tuple[int, ...]]:
        shape = tuple(self._context.get_tensor_shape(name))
        if min(shape, default=0) < 0:
            raise EngineError(f"{name}: its shape {shape} depends on the data, and no memory can be set aside for it")
        size = math.prod(shape) * struct.calcsize("<" + CODES[dtype])
        return self._hold(name, size, held), size, shape


def values(tensor: Tensor) -> tuple[Any, ...]:
    """Give the values of a tensor, flattened."""
    dtype, shape, data = tensor
    return struct.unpack(f"<{math.prod(shape)}{CODES[dtype]}", data)


def difference(got: Tensor, wanted: Tensor, bound: float) -> str:
    """Say how an output differs from what is wanted by more than `bound` of its largest value; "" when it does not."""
    if got[:2] != wanted[:2]:
        return f"{got[0]}{list(got[1])} for {wanted[0]}{list(wanted[1])}"
    left, right = values(got), values(wanted)
    exact = not wanted[0].startswith("float")
    peak = max((abs(value) for value in right if not exact and math.isfinite(value)), default=0.0)
    worst, place = 0.0, -1
    for index, (one, other) in enumerate(zip(left, right, strict=True)):
        if one == other or (one != one and other != other):
            continue
        gap = abs(one - other) if math.isfinite(one) and math.isfinite(other) else math.inf
        if gap > worst:
            worst, place = gap, index
    if worst <= (0 if exact else bound * peak):
        return ""
    return f"{left[place]} for {right[place]} at {place}, {worst:g} apart; allowed {0 if exact else bound * peak:g}"


def main() -> int:
    """Verify; 0 when all outputs agree."""
    folder = Path(__file__).resolve().parent
    golden = json.loads((folder / GOLDEN).read_text("utf-8"))
    data = (folder / VALUES).read_bytes()
    if not golden["cases"]:
        say(f"not verified: {golden['reason']}")
        return 1

    def tensor(entry: Mapping[str, Any]) -> Tensor:
        begin, size = entry["offset"], math.prod(entry["shape"]) * struct.calcsize("<" + CODES[entry["dtype"]])
        return entry["dtype"], tuple(entry["shape"]), data[begin : begin + size]

    wrong = 0
    try:
        engine = Engine(folder / "model.engine")
        for number, case in enumerate(golden["cases"]):
            outputs = engine.run({entry["name"]: tensor(entry) for entry in case["inputs"]})
            for entry in case["outputs"]:
                gap = difference(outputs[entry["name"]], tensor(entry), golden["bound"])
                wrong += bool(gap)
                say(f"case {number}, {entry['name']}: {gap or 'agrees'}")
    except ImportError as error:
        say(f"tensorrt cannot be imported: {error}")
        return 1
    except (EngineError, CudaError) as error:
        say(f"not verified: {error}")
        return 1
    say(f"{wrong} outputs differ" if wrong else "verified")
    return int(bool(wrong))


def say(line: str) -> None:
    """Print."""
    print(line, flush=True)  # noqa: T201 - a program's output


if __name__ == "__main__":
    sys.exit(main())
