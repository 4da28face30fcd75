"""The target `coreml`: ML Programs in packages, for Core ML on Apple's systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...vocabulary.digest import digest_file
from ...vocabulary.precision import Precision
from ..artifact import Artifact, Coverage, File, Requirements
from ..base import Options, Part
from ..checks import check_coverage, check_floats, check_format, check_layouts

if TYPE_CHECKING:
    from ...compiler.model import Model
    from ...compiler.quantize.scheme import Scheme
    from .emit import Emitted
    from .settings import Settings

_RUNTIME = "edgewright.targets.coreml.runtime:CoreML"


class CoreML:
    """Says models with coremltools' builder and lets its passes and its serializer make the package."""

    name = "coreml"
    extra: str | None = "coreml"
    packages: tuple[str, ...] = ("coremltools",)
    precisions: tuple[Precision, ...] = tuple(
        each for each in Precision if each not in (Precision.DYNAMIC_WI8_AFP32, Precision.STATIC_WI8_AI16)
    )
    formats: Mapping[str, str] = {"": _RUNTIME}
    settings = "edgewright.targets.coreml.settings:Settings"

    def ops(self) -> tuple[str, ...]:
        """Hub operators that this target knows, sorted."""
        from .ops.table import LOWERINGS

        return tuple(sorted(f"{domain}.{op}" if domain else op for domain, op in LOWERINGS))

    def drawn_sizes(self, settings: Mapping[str, Any]) -> Mapping[str, int]:
        """Give sizes that packages of these settings take: the lowest of each bound, the first of several shapes."""
        from ..settings import read_settings
        from .settings import Settings

        asked = read_settings("coreml", settings, Settings)
        return {symbol: low for symbol, (low, _) in asked.bounds.items()} | {
            f"{name}[{axis}]": size for name, shapes in asked.shapes.items() for axis, size in enumerate(shapes[0])
        }

    def schemes(self) -> Mapping[Precision, Scheme]:
        """How integers are wanted, by precision."""
        from .schemes import SCHEMES

        return SCHEMES

    def coverage(self, model: Model, options: Options) -> Coverage:
        """Say the model, and what became of each node.

        Raises:
            ModelError: when a dimension must be fixed and is not.
            RequestError: when the options ask for what this model cannot have.
        """
        return self._emit(model, options).coverage

    def compile(self, model: Model, options: Options, out: Path) -> Artifact:
        """Write `model.mlpackage` into the existing, empty folder `out`.

        Raises:
            RefusedError: when some node cannot be said; nothing is written then.
            ModelError: when a dimension must be fixed and is not.
            RequestError: when the options ask for a format, a layout, integers in and out or settings that there are
                not, or that this model cannot have.
            ToolError: when coremltools fails.
        """
        from .description import extras_of
        from .float32_nodes import Float32Nodes
        from .interface import metadata_of, narrowed, signature_of
        from .package import write
        from .precision import IN_FLOAT32, in_half, passes

        settings = _settings(options)
        half = in_half(model.precision, settings.compute)
        emitted = self._emit(model, options)
        check_coverage(self.name, emitted.coverage)
        float32_nodes = Float32Nodes(settings.float32_nodes if half else (), emitted.made)
        exact = {entry.node for entry in emitted.coverage.nodes if entry.op in IN_FLOAT32} | emitted.statistics
        extras = extras_of(emitted, settings)
        told = metadata_of(emitted, extras, settings)
        pipeline = passes(half=half, float32_nodes=[float32_nodes, Float32Nodes(sorted(exact), emitted.made)])
        package = write(emitted, out, pipeline, replace(extras, user_defined=told))
        float32_nodes.check()
        signature = signature_of(model.signature, emitted, extras)
        return Artifact(
            target=self.name,
            variant=options.variant,
            precision=model.precision,
            format=options.format,
            files=tuple(
                File(path=path.relative_to(out).as_posix(), sha256=digest_file(path), size_bytes=path.stat().st_size)
                for path in package.files
            ),
            requires=Requirements(runtime="coreml", min_runtime_version=emitted.deployment.core_ml),
            signature=signature,
            narrowed=narrowed(model.signature, signature),
            coverage=emitted.coverage,
            ops=dict(package.operations),
            toolchain={package: version(package) for package in ("coremltools", "onnx", "onnx-ir")},
        )

    def joins(self, settings: Mapping[str, Any]) -> bool:
        """Say whether all variants of a build become one package."""
        from ..settings import read_settings
        from .settings import Settings

        return read_settings("coreml", settings, Settings).multifunction

    def join(self, parts: Sequence[Part], out: Path) -> tuple[Artifact, ...]:
        """Write one `model.mlpackage` with a function for each artifact, and for each a file that names its function.

        Raises:
            RequestError: when two variants have names that give one name of a function.
        """
        from .joined import joined

        return joined(parts, out)

    def _emit(self, model: Model, options: Options) -> Emitted:
        from ...compiler.passes.fix_dimensions import FixDimensions
        from .asked import asked
        from .dimensions import sizes_of
        from .emit import emit

        check_format(self, options)
        check_floats(self, options)
        check_layouts(self, model.signature, options)
        settings = _settings(options)
        wanted = asked(settings, model.signature)
        fixed = FixDimensions(sizes_of(model.signature, options.dims, wanted))(model)
        return emit(fixed, settings.at_least, wanted)


def _settings(options: Options) -> Settings:
    from ..settings import read_settings
    from .settings import Settings

    return read_settings("coreml", options.settings, Settings)
