"""Draws inputs for an artifact that is nothing but a file: what it takes is read from the file itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain, digest_file
from ...vocabulary.errors import MissingExtraError, ModelError
from ...vocabulary.signature import DTYPES, Signature, TensorSpec
from .base import own_code

MODEL = "model.json"
"""The file that opens a graph model of TF.js, in a folder of its own."""


class DrawForArtifact(msgspec.Struct, frozen=True, kw_only=True, tag="draw"):
    """One artifact file. Leaves `signature.json` and one row of `inputs/`."""

    artifact: str

    @property
    def title(self) -> str:
        """`draw inputs for model.tflite`."""
        return f"draw inputs for {Path(self.artifact).name}"

    def key_parts(self) -> Mapping[str, Plain]:
        """Give the file and the code."""
        whole = Path(self.artifact)
        files = {path.relative_to(whole.parent).as_posix(): digest_file(path) for path in files_of(whole)}
        return {"artifact": files, "code": own_code()}

    def run(self, out: Path) -> None:
        """Read the signature and draw.

        Raises:
            ModelError: when the file is no artifact of its kind, or takes strings.
            MissingExtraError: when the runtime that could read it is not installed.
        """
        from ...compiler.draw import draw_inputs
        from ...vocabulary.tensor_folder import TensorFolder

        path = Path(self.artifact)
        inputs, graph = _READERS[path.suffix](path)
        signature = Signature(inputs=inputs, outputs=())
        TensorFolder.write(out / "inputs", draw_inputs(_only_inputs(signature, graph), 1))
        (out / "signature.json").write_bytes(encode_json(signature))


def read_signature(out: Path) -> Signature:
    """Read the inputs that a `DrawForArtifact` found; it has no outputs."""
    return msgspec.json.decode((out / "signature.json").read_bytes(), type=Signature)


def files_of(artifact: Path) -> tuple[Path, ...]:
    """Give the files of an artifact: itself, or all in its folder; a graph model with the shards that it names."""
    if artifact.suffix == ".json":
        return (artifact, *(artifact.parent / name for name in _shards(_graph_model(artifact))))
    return tuple(path for path in (artifact, *sorted(artifact.rglob("*"))) if path.is_file())


def _only_inputs(signature: Signature, graph: Any) -> Any:
    """Make a hub model that is asked for its inputs alone, and for the tables that they index."""
    import onnx_ir as ir

    from ...compiler.model import Model, Source

    if graph is None:
        values = [ir.Value(name=spec.name) for spec in signature.inputs]
        graph = ir.Model(ir.Graph(values, [], nodes=[], opset_imports={"": 21}), ir_version=10)
    source = Source(reference="", framework="", digest="", tools={})
    return Model(ir=graph, signature=signature, source=source)


def _read_onnx(path: Path) -> tuple[tuple[TensorSpec, ...], Any]:
    import onnx_ir as ir

    inputs, _ = _read_ort(path)  # the runtime says first whether it is an artifact at all
    return inputs, ir.load(path)


def _read_ort(path: Path) -> tuple[tuple[TensorSpec, ...], Any]:
    import onnxruntime

    from ...targets.onnxruntime.runtime import DTYPES as WORDS
    from ...targets.onnxruntime.runtime import ERRORS_ONLY

    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes share no other base
        raise ModelError(f"{path}: onnxruntime cannot open it: {error}") from error
    return tuple(
        _spec(path, place.name, WORDS.get(place.type, place.type), place.shape) for place in session.get_inputs()
    ), None


def _read_tflite(path: Path) -> tuple[tuple[TensorSpec, ...], Any]:
    import numpy as np

    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise MissingExtraError(
            f"{path}: measuring a .tflite needs ai-edge-litert, not installed here",
            hint="pip install 'edgewright[tflite]'",
        ) from error
    from ...targets.tflite.runtime import SIGNATURE

    try:
        interpreter = Interpreter(model_path=str(path), num_threads=1)
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{path}: LiteRT cannot open it: {error}") from error
    if SIGNATURE not in interpreter.get_signature_list():
        raise ModelError(f"{path}: the file has no signature named {SIGNATURE!r}", hint="write it with one")
    details = interpreter.get_signature_runner(SIGNATURE).get_input_details()
    return tuple(
        _spec(path, name, np.dtype(each["dtype"]).name, [int(size) for size in each["shape"]])
        for name, each in details.items()
    ), None


def _read_mlpackage(path: Path) -> tuple[tuple[TensorSpec, ...], Any]:
    from ...targets.coreml.interpreter.reader import read_package

    try:
        program = read_package(path)
    except ValueError as error:
        raise ModelError(str(error)) from error
    features = program.descriptions[program.default_function].inputs
    return tuple(_spec(path, each.name, each.dtype, list(each.shape)) for each in features), None


def _read_graph_model(path: Path) -> tuple[tuple[TensorSpec, ...], Any]:
    words = {"DT_FLOAT": "float32", "DT_INT32": "int32", "DT_BOOL": "bool"}
    specs = []
    for name, info in _graph_model(path).get("signature", {}).get("inputs", {}).items():
        sizes = [int(dim["size"]) for dim in info.get("tensorShape", {}).get("dim", ())]
        specs.append(
            _spec(path, name, words.get(info["dtype"], info["dtype"]), [size if size >= 0 else None for size in sizes])
        )
    if not specs:
        raise ModelError(f"{path}: its signature names no inputs", hint="convert it with a signature")
    return tuple(specs), None


def _read_library(path: Path) -> tuple[tuple[TensorSpec, ...], Any]:
    from ...targets.tvm.interface import read_interface

    try:
        interface = read_interface(path.read_bytes())
    except ValueError as error:
        raise ModelError(f"{path}: {error}") from error
    return tuple(_spec(path, each.name, each.dtype, list(each.shape)) for each in interface.inputs), None


def _graph_model(path: Path) -> dict[str, Any]:
    try:
        model = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelError(f"{path}: no graph model of TF.js: {error}") from error
    if not isinstance(model, dict) or model.get("format") != "graph-model":
        raise ModelError(f"{path}: no graph model of TF.js", hint="name the model.json of one")
    return model


def _shards(model: Mapping[str, Any]) -> list[str]:
    return [name for group in model.get("weightsManifest", ()) for name in group["paths"]]


def _spec(path: Path, name: str, dtype: str, shape: list[Any]) -> TensorSpec:
    if dtype not in DTYPES - {"string"}:
        raise ModelError(f"{path}: input {name!r} takes {dtype}, of which no values can be drawn")
    sizes = tuple(size if isinstance(size, int) else str(size or f"unknown_{axis}") for axis, size in enumerate(shape))
    return TensorSpec(name=name, dtype=dtype, shape=sizes)


_READERS: Mapping[str, Callable[[Path], tuple[tuple[TensorSpec, ...], Any]]] = {
    ".onnx": _read_onnx,
    ".ort": _read_ort,
    ".tflite": _read_tflite,
    ".mlpackage": _read_mlpackage,
    ".json": _read_graph_model,
    ".so": _read_library,
}
"""Suffix → what reads the inputs, and the graph where the file holds one that can be read."""
