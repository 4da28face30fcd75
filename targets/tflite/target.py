"""The target `tflite`: flatbuffer files for LiteRT and every other TensorFlow Lite interpreter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...vocabulary.digest import digest_file
from ...vocabulary.precision import Precision
from ...vocabulary.signature import Affine, Signature, TensorSpec
from ..artifact import Artifact, Coverage, File, Requirements
from ..base import InnerTensor, Options
from ..checks import check_format

if TYPE_CHECKING:
    import onnx_ir as ir

    from ...compiler.model import Model
    from ...compiler.quantize.scheme import Scheme

FILE_NAME = "model.tflite"
FIRST_LITERT = "1.0.1"
"""The first ai-edge-litert; its kernels are TensorFlow Lite 2.18's, so it runs everything that we emit."""


class TFLite:
    """Compiles float and integer models by its own writer; no TensorFlow takes part."""

    name = "tflite"
    extra: str | None = "tflite"
    packages: tuple[str, ...] = ("ai-edge-litert", "flatbuffers")
    precisions: tuple[Precision, ...] = (
        Precision.FP32,
        Precision.FP16,
        Precision.WEIGHT_ONLY_WI8_AFP32,
        Precision.WEIGHT_ONLY_WI4_AFP32,
        Precision.DYNAMIC_WI8_AFP32,
        Precision.STATIC_WI8_AI8,
        Precision.STATIC_WI8_AI16,
    )
    formats: Mapping[str, str] = {"": "edgewright.targets.tflite.runtime:LiteRT"}
    settings = "edgewright.targets.tflite.settings:Settings"

    def ops(self) -> tuple[str, ...]:
        """Hub operators that this target knows, sorted."""
        from .ops.table import LOWERINGS

        return tuple(sorted(f"{domain}.{op}" if domain else op for domain, op in LOWERINGS))

    def drawn_sizes(self, settings: Mapping[str, Any]) -> Mapping[str, int]:  # noqa: ARG002 - the contract's
        """No setting says a size."""
        return {}

    def schemes(self) -> Mapping[Precision, Scheme]:
        """How integers are wanted, by precision."""
        from .schemes import SCHEMES

        return SCHEMES

    def coverage(self, model: Model, options: Options) -> Coverage:
        """Lower the model, and say what became of each node.

        Raises:
            ModelError: when a dimension must be fixed and is not.
        """
        from .legalize.legalize import coverage

        return coverage(model, options)

    def compile(self, model: Model, options: Options, out: Path) -> Artifact:
        """Write `model.tflite` into the existing, empty folder `out`.

        Raises:
            RefusedError: when some node cannot be said, `options.io` is int8 and some node computes with floats, or the
                file would pass 2 GiB; nothing is written then.
            ModelError: when a dimension must be fixed and is not.
            RequestError: when the options ask for a format or layout that there is not, or for the metadata of ML Kit
                and that cannot call the model.
        """
        from ..settings import read_settings
        from .emit import emit
        from .legalize.legalize import legalize
        from .metadata_table import ENTRY
        from .ml_kit import ml_kit
        from .settings import Settings

        check_format(self, options)
        settings = read_settings(self.name, options.settings, Settings)
        lowered = legalize(model, options)
        signature = _signature(model.signature, lowered.graph, options)
        data: bytes | memoryview
        if settings.metadata:
            told = ml_kit(signature, settings)
            data = told.appended(bytes(emit(lowered.graph, {ENTRY: told.table})))
        else:
            data = emit(lowered.graph)
        path = out / FILE_NAME
        path.write_bytes(data)
        return Artifact(
            target=self.name,
            variant=options.variant,
            precision=model.precision,
            format=options.format,
            files=(File(path=FILE_NAME, sha256=digest_file(path), size_bytes=len(data)),),
            requires=Requirements(runtime="ai-edge-litert", min_runtime_version=FIRST_LITERT),
            signature=signature,
            narrowed=_narrowed(model.signature, signature),
            coverage=lowered.coverage,
            ops=dict(sorted(Counter(node.op_type for node in lowered.graph).items())),
            toolchain={package: version(package) for package in ("ai-edge-litert", "flatbuffers", "onnx", "onnx-ir")},
        )

    def inner_tensors(self, model: Model, options: Options, artifact: Path) -> Mapping[str, InnerTensor]:
        """Tell by name which tensors of `model` a file holds.

        Raises:
            RequestError: when the file has other tensors than this model gives.
        """
        from .inner_tensors import inner_tensors

        return inner_tensors(model, options, artifact)


def _signature(source: Signature, graph: ir.Graph, options: Options) -> Signature:
    """Give the source's signature with the shapes and layouts that the file has."""
    return Signature(
        inputs=tuple(_spec(spec, value, options) for spec, value in zip(source.inputs, graph.inputs, strict=True)),
        outputs=tuple(_spec(spec, value, options) for spec, value in zip(source.outputs, graph.outputs, strict=True)),
    )


def _spec(spec: TensorSpec, value: ir.Value, options: Options) -> TensorSpec:
    import msgspec

    from .dialect import dtype_name, dtype_of, shape_of
    from .quantization import grid_of, has_grid

    layout = options.layout.get(spec.name, spec.layout)
    found = msgspec.structs.replace(spec, shape=shape_of(value), layout=layout)
    if not has_grid(value):
        return found
    grid = Affine(scale=grid_of(value).scale, zero_point=grid_of(value).zero_point)
    return msgspec.structs.replace(found, dtype=dtype_name(dtype_of(value)), quantization=grid)


def _narrowed(source: Signature, artifact: Signature) -> dict[str, str]:
    pairs = zip((*source.inputs, *source.outputs), (*artifact.inputs, *artifact.outputs), strict=True)
    return {before.name: f"{before.dtype} → {after.dtype}" for before, after in pairs if before.dtype != after.dtype}
