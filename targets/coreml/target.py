"""The target `coreml`: ML Programs in packages, for Core ML on Apple's systems."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ...vocabulary.digest import digest_file
from ...vocabulary.errors import RefusedError
from ...vocabulary.precision import Precision
from ..artifact import Artifact, Coverage, File, Requirements
from ..base import Options

if TYPE_CHECKING:
    from ...compiler.model import Model
    from ...compiler.quantize.scheme import Scheme

_RUNTIME = "edgewright.targets.coreml.runtime:CoreML"


class CoreML:
    """Says models with coremltools' builder and lets its passes and its serializer make the package."""

    name = "coreml"
    extra: str | None = "coreml"
    packages: tuple[str, ...] = ("coremltools",)
    precisions: tuple[Precision, ...] = (Precision.FP32,)
    formats: Mapping[str, str] = {"": _RUNTIME}

    def ops(self) -> tuple[str, ...]:
        """Hub operators that this target knows, sorted."""
        from .ops.table import LOWERINGS

        return tuple(sorted(f"{domain}.{op}" if domain else op for domain, op in LOWERINGS))

    def schemes(self) -> Mapping[Precision, Scheme]:
        """How integers are wanted, by precision."""
        from .schemes import SCHEMES

        return SCHEMES

    def coverage(self, model: Model, options: Options) -> Coverage:  # noqa: ARG002 - the contract's
        """Say the model, and what became of each node."""
        from .deployment import Deployment
        from .emit import emit

        return emit(model, Deployment.IOS15).coverage

    def compile(self, model: Model, options: Options, out: Path) -> Artifact:
        """Write `model.mlpackage` into the existing, empty folder `out`.

        Raises:
            RefusedError: when some node cannot be said; nothing is written then.
        """
        from .deployment import Deployment
        from .emit import emit
        from .package import write

        emitted = emit(model, Deployment.IOS15)
        if emitted.coverage.refused:
            raise RefusedError(
                "; ".join(f"{node.node} ({node.op}): {node.detail}" for node in emitted.coverage.refused)
            )
        paths = write(emitted, out)
        return Artifact(
            target=self.name,
            variant=options.variant,
            precision=model.precision,
            format=options.format,
            files=tuple(
                File(path=path.relative_to(out).as_posix(), sha256=digest_file(path), size_bytes=path.stat().st_size)
                for path in paths
            ),
            requires=Requirements(runtime="coreml", min_runtime_version=emitted.deployment.label),
            signature=model.signature,
            narrowed={},
            coverage=emitted.coverage,
            ops={},
            toolchain={package: version(package) for package in ("coremltools", "onnx", "onnx-ir")},
        )
