"""The target `tensorrt`: a model that NVIDIA's TensorRT takes whole, and the scripts that build its engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...vocabulary.digest import digest_file
from ...vocabulary.errors import RequestError
from ...vocabulary.label import Label
from ...vocabulary.note import Note
from ...vocabulary.precision import Precision
from ..artifact import Artifact, Coverage, File, Requirements
from ..base import Options
from ..checks import check_coverage, check_floats, check_format, check_layouts

if TYPE_CHECKING:
    from ...compiler.model import Model
    from ...compiler.quantize.scheme import Scheme
    from .settings import Settings
    from .shaped import Shaped


BUILD_SECONDS = 3600.0
"""TensorRT times many kernels of each layer; a large model takes minutes on a small board."""


class TensorRT:
    """ONNX of the operators, types and shapes that TensorRT's parser takes; the engine is built on the device.

    Dimensions are fixed, the leading one to 1 when nothing is said, or have their sizes from the profile.
    """

    name = "tensorrt"
    extra: str | None = None
    packages: tuple[str, ...] = ("onnxruntime",)
    precisions: tuple[Precision, ...] = (
        Precision.FP32,
        Precision.FP16,
        Precision.WEIGHT_ONLY_WI4_AFP32,
        Precision.STATIC_WI8_AI8,
    )
    formats: Mapping[str, str] = {"": "edgewright.targets.tensorrt.runtime:TensorRT"}
    settings = "edgewright.targets.tensorrt.settings:Settings"
    builds = "engine"

    def ops(self) -> tuple[str, ...]:
        """Hub operators that the parser of the default release has, sorted; some nodes of one are refused."""
        from .releases import DEFAULT_RELEASE, releases
        from .restrictions import NEVER

        return tuple(sorted(releases()[DEFAULT_RELEASE].operators - NEVER))

    def schemes(self) -> Mapping[Precision, Scheme]:
        """How integers are wanted, by precision."""
        from .schemes import SCHEMES

        return SCHEMES

    def drawn_sizes(self, settings: Mapping[str, Any]) -> Mapping[str, int]:
        """Give sizes that the profile has: those that the engine is made fastest for."""
        return {symbol: each.best for symbol, each in _settings(settings).bounds.items()}

    def coverage(self, model: Model, options: Options) -> Coverage:
        """Write the model for the parser, and judge each node by the published table.

        Raises:
            ModelError: when a dimension is open that no profile has.
            RequestError: when the options ask for what this model cannot have.
        """
        return self._shape(model, options).coverage

    def compile(self, model: Model, options: Options, out: Path) -> Artifact:
        """Write `model.onnx`, the scripts that build and verify an engine of it, and golden vectors.

        Raises:
            RefusedError: when TensorRT does not take some node; nothing is written then.
            ModelError: when a dimension is open that no profile has.
            RequestError: when the options ask for a format, a layout, integers in and out or settings that there are
                not, or that this model cannot have.
        """
        from .emit import emit

        shaped, settings = self._shape(model, options), _settings(options.settings)
        check_coverage(self.name, shaped.coverage)
        paths, reason = emit(shaped.model, settings, out)
        notes = (
            (Note(step="tensorrt", where="golden vectors", text=f"none, so verify_engine.py cannot pass: {reason}"),)
            if reason
            else ()
        )
        return Artifact(
            target=self.name,
            variant=options.variant,
            precision=model.precision,
            format=options.format,
            files=tuple(
                File(path=path.name, sha256=digest_file(path), size_bytes=path.stat().st_size) for path in paths
            ),
            requires=Requirements(runtime="tensorrt", min_runtime_version=settings.release),
            signature=shaped.model.signature,
            narrowed=dict(shaped.narrowed),
            coverage=shaped.coverage,
            ops=dict(sorted(Counter(node.op_type for node in shaped.model.graph).items())),
            toolchain={package: version(package) for package in ("onnx", "onnx-ir", "onnxruntime")},
            notes=notes,
            labels=(Label.TO_BE_BUILT,),
        )

    def build_here(self, artifact: Artifact, folder: Path) -> Artifact:
        """Build the engine on this machine, which has TensorRT, and hold it to the golden vectors.

        Raises:
            ToolError: when a script failed or took longer than `BUILD_SECONDS`.
        """
        from .on_device import finish

        return finish(artifact, folder, seconds=BUILD_SECONDS)

    def _shape(self, model: Model, options: Options) -> Shaped:
        from .shaped import shape

        settings = _settings(options.settings)
        check_format(self, options)
        check_floats(self, options)
        check_layouts(self, model.signature, options)
        _check(model, settings)
        return shape(model, options.dims, settings)


def _settings(settings: Mapping[str, Any]) -> Settings:
    from ..settings import read_settings
    from .settings import Settings

    return read_settings("tensorrt", settings, Settings)


def _check(model: Model, settings: Settings) -> None:
    """Hold the settings against a model.

    Raises:
        RequestError: when it asks for what there is not.
    """
    if settings.compute and model.precision is not Precision.FP32:
        raise RequestError(
            f"compute = {settings.compute!r} is for the precision fp32, this variant is {model.precision}",
            hint="leave compute out of this target's settings, or build the recipe fp32 alone",
        )
    if settings.float32_nodes:
        known = {node.name for node in model.graph}
        unknown = [name for name in settings.float32_nodes if name not in known]
        if unknown:
            raise RequestError(
                f"float32_nodes: the model has no node named {unknown[0]!r}", hint="`inspect` shows the names of nodes"
            )
    if model.precision is Precision.WEIGHT_ONLY_WI4_AFP32 and settings.release == "8.6":
        raise RequestError("TensorRT 8.6 has no weights of four bits", hint='say release = "10.6", or leave it out')
