"""OnnxFile: `model.onnx`."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import onnx
import onnx_ir as ir
from google.protobuf.message import DecodeError

from ...vocabulary.digest import digest_file, digest_value
from ...vocabulary.errors import ModelError
from ..model import INLINE_LIMIT_BYTES, Model, Source
from ..passes.fix_dimensions import FixDimensions
from ..passes.infer_shapes import InferShapes
from .arrived_precision import arrived_precision
from .checker import check, own_contrib_nodes
from .external_data import external_files
from .file_kind import seems_to_be
from .interface import check_dims, settle_interface
from .newer_operators import expand_newer
from .normal_form import normalize
from .onnx_original import OnnxOriginal
from .opset import NEWEST, raise_opset
from .request import Imported, Request
from .unfuse import unfuse


class OnnxFile:
    """Reads ONNX files of opset 7 and later, with weights inside or beside them."""

    name = "onnx"
    framework = "onnx"
    extra = None

    def accepts(self, request: Request) -> bool:
        """`*.onnx`."""
        return request.reference.lower().endswith(".onnx")

    def read(self, request: Request) -> Imported:
        """Import the file; see `Importer.read`."""
        path = request.path
        graph = _load(path)
        beside = external_files(graph, path.parent)
        files = tuple(sorted((path, *beside)))
        normalize(graph)
        if beside and sum(file.stat().st_size for file in beside) <= INLINE_LIMIT_BYTES:
            graph = ir.external_data.load_to_model(graph)  # larger ones stay mapped, and are read when they are needed
        raise_opset(graph)
        unfuse(graph)
        InferShapes().rewrite(graph)
        signature = settle_interface(graph, request)
        check_dims(signature, request.dims, request.reference)
        source = Source(
            reference=request.reference,
            framework=self.framework,
            digest=source_digest(files, path.parent),
            tools={package: version(package) for package in ("onnx", "onnx-ir")},
        )
        model = Model(ir=graph, signature=signature, source=source, precision=arrived_precision(graph))
        model = FixDimensions(request.dims)(model)
        return Imported(
            model=model,
            original=OnnxOriginal(path, tuple(spec.name for spec in signature.outputs)),
            files=files,
        )


def source_digest(files: tuple[Path, ...], folder: Path) -> str:
    """Digest of what a model was read from: the digests of its files by name, wherever the folder lies."""
    names = [path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name for path in files]
    return digest_value([[name, digest_file(path)] for name, path in zip(names, files, strict=True)])


def _load(path: Path) -> ir.Model:
    try:
        kind = seems_to_be(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from error
    if kind is not None:
        raise ModelError(f"{path}: not an ONNX model; it seems to be {kind}")
    try:
        proto = onnx.load(path, load_external_data=False)
    except DecodeError as error:
        raise ModelError(
            f"{path}: not an ONNX model, or a truncated one", hint="compare its size with that of the source"
        ) from error
    if not proto.HasField("graph") or proto.ir_version < 3 or not proto.graph.output:
        raise ModelError(f"{path}: not an ONNX model, or a truncated one: it has no graph with outputs")
    if proto.graph.sparse_initializer:
        name = proto.graph.sparse_initializer[0].values.name
        raise ModelError(f"{path}: the weights of {name!r} are stored sparsely", hint="store them as plain tensors")
    owned = own_contrib_nodes(proto)
    model = ir.from_proto(proto)
    ir.external_data.set_base_dir(model.graph, path.parent)
    external_files(model, path.parent)  # before the checker, which says less
    check(path, proto, changed=owned)
    expanded = expand_newer(proto, NEWEST)
    if expanded is not proto:
        model = ir.from_proto(expanded)
        ir.external_data.set_base_dir(model.graph, path.parent)
    return model
