"""From a dialect graph to the bytes of a `.tflite` file, mechanically."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import flatbuffers
import numpy as np
import onnx_ir as ir
from ai_edge_litert import schema_py_generated as tfl

from ...vocabulary.errors import RefusedError
from .buffers import Buffers
from .dialect import constant_of, dtype_name, dtype_of, shape_of
from .grids import SharedVectors
from .quantization import Quantization, grid_of, has_grid
from .schema import TENSOR_TYPES, operator_code, options
from .versions import minimum_runtime, operator_version

LIMIT_BYTES = 2**31 - 2**20
"""A flatbuffer ends at 2 GiB; the last MiB is left for everything that is no weight."""


def emit(graph: ir.Graph, metadata: Mapping[str, bytes] = MappingProxyType({})) -> memoryview:
    """Write a dialect graph as a TFLite model, with these entries of metadata. Equal ones give equal bytes.

    The constants are taken out of the graph, each to be let go once it is written, so that large weights do not stand
    in memory twice.

    Raises:
        RefusedError: when the weights do not fit into one flatbuffer.
    """
    writer = _Writer(graph, metadata)
    return writer.pack()


def tensor_indices(graph: ir.Graph) -> dict[ir.Value, int]:
    """Give the place of every value among the tensors of the file that `emit` writes of this graph.

    The constants are taken out of the graph, as `emit` does.
    """
    writer = _Writer(graph, {})
    writer.pack()
    return writer.index_of_value


def _versions(graph: ir.Graph) -> dict[str, int]:
    versions: dict[str, int] = {}
    for node in graph:
        versions[node.op_type] = max(versions.get(node.op_type, 1), operator_version(node))
    return dict(sorted(versions.items()))


class _Writer:
    def __init__(self, graph: ir.Graph, metadata: Mapping[str, bytes]) -> None:
        self.graph, self.metadata = graph, metadata
        self.buffers = Buffers()
        self.vectors = SharedVectors()
        self.tensors: list[Any] = []
        self.index_of_value: dict[ir.Value, int] = {}
        self._names: set[str] = set()
        self._of_constant: dict[tuple[int, tuple[int, ...], ir.DataType, Quantization | None], int] = {}

    def pack(self) -> memoryview:
        versions = _versions(self.graph)
        inputs = [self._tensor(value) for value in self.graph.inputs]
        codes = {name: index for index, name in enumerate(versions)}
        operators = [self._operator(node, codes) for node in self.graph]
        outputs = [self._tensor(value) for value in self.graph.outputs]
        subgraph = tfl.SubGraphT(name="main", tensors=self.tensors, inputs=inputs, outputs=outputs, operators=operators)
        signature = tfl.SignatureDefT(
            signatureKey="serving_default",
            subgraphIndex=0,
            inputs=_tensor_maps(self.graph.inputs, inputs),
            outputs=_tensor_maps(self.graph.outputs, outputs),
        )
        # The runtime reads this entry as text in a buffer of exactly 16 bytes.
        minimum = np.frombuffer(minimum_runtime(versions).encode().ljust(16, b"\0"), np.uint8)
        contents = {"min_runtime_version": minimum} | {
            name: np.frombuffer(content, np.uint8) for name, content in self.metadata.items()
        }
        metadata = [tfl.MetadataT(name=name, buffer=self.buffers.add(array)) for name, array in contents.items()]
        if self.buffers.size_bytes > LIMIT_BYTES:
            raise RefusedError(
                f"tflite: the weights take {self.buffers.size_bytes / 1e9:.2f} GB, a .tflite file ends at 2 GiB",
                hint="store the weights in fewer bits (float16) or use another target",
            )
        model = tfl.ModelT(
            version=3,
            description="edgewright",
            operatorCodes=[_operator_code(name, version) for name, version in versions.items()],
            subgraphs=[subgraph],
            buffers=self.buffers.tables,
            signatureDefs=[signature],
            metadata=metadata,
        )
        builder = flatbuffers.Builder(0)
        # The builder's own bytearray would be filled with zeros, and so in memory, before a weight is let go.
        size = self.buffers.size_bytes + 1024 * (len(self.tensors) + len(operators) + 64)
        builder.Bytes, builder.head = np.zeros(size, np.uint8).data, size
        builder.Finish(model.Pack(builder), b"TFL3")
        return memoryview(builder.Bytes)[builder.Head() :]

    def _tensor(self, value: ir.Value | None) -> int:
        if value is None:
            return -1
        if value not in self.index_of_value:
            self.index_of_value[value] = self._new_tensor(value)
        return self.index_of_value[value]

    def _new_tensor(self, value: ir.Value) -> int:
        shape, dtype = shape_of(value), dtype_of(value)
        array = constant_of(value)
        grid = grid_of(value) if has_grid(value) else None
        buffer = 0
        if array is not None:
            buffer = self.buffers.add(array)
            value.const_value = None
            known = self._of_constant.setdefault((buffer, shape, dtype, grid), len(self.tensors))
            if known < len(self.tensors):
                return known
        name = value.name or f"{'constant' if array is not None else dtype_name(dtype)}_{len(self.tensors)}"
        if name in self._names:  # tools that read the file take a name for one tensor
            name = f"{name}_{len(self.tensors)}"
        self._names.add(name)
        self.tensors.append(
            tfl.TensorT(
                name=name,
                shape=np.array(shape, np.int32),
                type=TENSOR_TYPES[dtype],
                buffer=buffer,
                quantization=None if grid is None else self.vectors.quantization(grid),
                hasRank=True,
            )
        )
        return len(self.tensors) - 1

    def _operator(self, node: ir.Node, codes: dict[str, int]) -> Any:
        kind, table = options(node.op_type, {name: attribute.value for name, attribute in node.attributes.items()})
        return tfl.OperatorT(
            opcodeIndex=codes[node.op_type],
            inputs=np.array([self._tensor(value) for value in node.inputs], np.int32),
            outputs=np.array([self._tensor(value) for value in node.outputs], np.int32),
            builtinOptionsType=kind,
            builtinOptions=table,
        )


def _operator_code(name: str, version: int) -> Any:
    code = operator_code(name)
    # Readers older than the schema's version 3a know only the eight-bit field.
    return tfl.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=min(code, 127), version=version)


def _tensor_maps(values: Any, tensors: list[int]) -> list[Any]:
    return [tfl.TensorMapT(name=value.name, tensorIndex=index) for value, index in zip(values, tensors, strict=True)]
