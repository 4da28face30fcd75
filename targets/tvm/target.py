"""The target `tvm`: shared libraries of machine code, made by Apache TVM for one CPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ...vocabulary.digest import digest_file
from ...vocabulary.errors import RequestError
from ...vocabulary.label import Label
from ...vocabulary.precision import Precision
from ...vocabulary.signature import Signature
from ..artifact import Artifact, Coverage, File, Requirements
from ..base import Options
from ..checks import check_coverage, check_floats, check_layouts
from ..settings import read_settings
from .cpus import HOST, NAMES, cpu_named
from .settings import Settings

if TYPE_CHECKING:
    from ...compiler.model import Model
    from ...compiler.quantize.scheme import Scheme
    from .emit import Emitted
    from .schedule.tile import Tile

_RUNTIME = "edgewright.targets.tvm.runtime:TVM"

FILE_NAME = "model.so"

FIRST_TVM = "0.27.0"
"""The first version whose virtual machine was tried with what we emit."""


class TVM:
    """Says models in Relax and has TVM and LLVM make a shared library of them."""

    name = "tvm"
    extra: str | None = "tvm"
    packages: tuple[str, ...] = ("apache-tvm", "apache-tvm-ffi")
    precisions: tuple[Precision, ...] = (Precision.FP32, Precision.FP16)
    formats: Mapping[str, str] = dict.fromkeys(("", *NAMES), _RUNTIME)
    """A CPU each; the first is the one of the machine that compiles."""
    settings = "edgewright.targets.tvm.settings:Settings"

    def ops(self) -> tuple[str, ...]:
        """Hub operators that this target knows, sorted."""
        from .ops.table import LOWERINGS

        return tuple(sorted(f"{domain}.{op}" if domain else op for domain, op in LOWERINGS))

    def schemes(self) -> Mapping[Precision, Scheme]:
        """How integers are wanted, by precision."""
        from .schemes import SCHEMES

        return {precision: scheme for precision, scheme in SCHEMES.items() if precision in self.precisions}

    def drawn_sizes(self, settings: Mapping[str, Any]) -> Mapping[str, int]:  # noqa: ARG002 - the contract's
        """Give none: no setting fixes a size."""
        return {}

    def coverage(self, model: Model, options: Options) -> Coverage:
        """Say the model, and what became of each node.

        Raises:
            ModelError: when a dimension must be fixed and is not.
            RequestError: when the options ask for what this target does not do.
        """
        from .emit import emit

        return emit(self._fixed(model, options)).coverage

    def compile(self, model: Model, options: Options, out: Path) -> Artifact:
        """Write `model.so` into the existing, empty folder `out`.

        Raises:
            RefusedError: when some node cannot be said; nothing is written then.
            ModelError: when a dimension must be fixed and is not.
            RequestError: when the options ask for what this target does not do, as for a CPU that it does not know.
            ToolError: when the linker for the CPU is not installed, or fails.
        """
        return self._compiled(model, options, {}, (Label.UNTUNED,), out)

    def is_for_this_machine(self, options: Options) -> bool:
        """Say whether the CPU is that of this machine, and not one by name."""
        return options.format in ("", HOST)

    def tunes(self, options: Options) -> bool:
        """Say whether the settings ask for it; only the CPU of this machine can be tried here."""
        asked = read_settings(self.name, options.settings, Settings).tune
        return asked is not None and self.is_for_this_machine(options)

    def tune(self, model: Model, options: Options, database: Path, out: Path, told: Callable[[str], None]) -> None:
        """Try tiles for the kernels of a model on this machine; leave the fastest in the folder `out`.

        Raises:
            RefusedError: when some node cannot be said.
            RequestError: when the options do not ask for it, or for what this target does not do.
            ToolError: when not one trial was measured.
        """
        from .llvm import target_of
        from .schedule.pipeline import fused
        from .tuning.tune import tune

        asked = read_settings(self.name, options.settings, Settings).tune
        if asked is None or not self.tunes(options):
            raise RequestError(
                f"tvm tunes for the CPU of this machine alone, not for {options.format or HOST!r} with these settings",
                hint='say `settings.tune = { budget = "10 min" }`, and "host" in formats',
            )
        target = target_of(cpu_named(options.format))
        emitted = self._said(self._fixed(model, options))
        tune(fused(emitted.module, target), target, asked.budget_seconds, database, out, told)

    def compile_tuned(self, model: Model, options: Options, tuning: Path, out: Path) -> Artifact:
        """Do as `compile`, with the tiles that `tune` left in the folder `tuning`.

        Raises:
            EdgewrightError: as `compile` does.
            RequestError: when `tuning` holds nothing.
        """
        from .tuning.found import tiles_in

        return self._compiled(model, options, tiles_in(tuning), (), out)

    def _compiled(
        self, model: Model, options: Options, tiles: Mapping[str, Tile], labels: tuple[Label, ...], out: Path
    ) -> Artifact:
        from .compile import compile_module
        from .cross import linker_of
        from .interface import add_interface, interface_of
        from .llvm import features_of

        cpu = cpu_named(options.format)
        linker = linker_of(cpu, out)
        linked_by = {linker.command: linker.version()}  # before the work: it may not be there
        fixed = self._fixed(model, options)
        emitted = self._said(fixed)
        path = out / FILE_NAME
        compiled = compile_module(emitted.module, model.precision, cpu, path, tiles)
        signature = _with_shapes(fixed.signature, emitted.shapes)
        add_interface(path, interface_of(signature, cpu.name, compiled.weights))
        return Artifact(
            target=self.name,
            variant=options.variant,
            precision=model.precision,
            format=options.format,
            files=(File(path=path.name, sha256=digest_file(path), size_bytes=path.stat().st_size),),
            requires=Requirements(
                runtime="apache-tvm",
                min_runtime_version=FIRST_TVM,
                os=(cpu.os,),
                arch=(cpu.arch,),
                features=features_of(cpu),
            ),
            signature=signature,
            narrowed={},
            coverage=emitted.coverage,
            ops=compiled.calls,
            toolchain={package: version(package) for package in (*self.packages, "onnx", "onnx-ir")} | linked_by,
            labels=labels,
        )

    def _said(self, fixed: Model) -> Emitted:
        """Say a model.

        Raises:
            RefusedError: when some node cannot be said.
        """
        from .emit import emit

        emitted = emit(fixed)
        check_coverage(self.name, emitted.coverage)
        return emitted

    def _fixed(self, model: Model, options: Options) -> Model:
        """Give the model with every size known."""
        from ...compiler.lowering.static_shapes import with_static_shapes

        check_floats(self, options)
        check_layouts(self, model.signature, options)
        return with_static_shapes(model, options.dims)


def _with_shapes(signature: Signature, shapes: Sequence[tuple[int, ...]]) -> Signature:
    """Give a signature with the shapes that its outputs came to have: the source may leave their sizes open."""
    outputs = zip(signature.outputs, shapes, strict=True)
    return msgspec.structs.replace(
        signature, outputs=tuple(msgspec.structs.replace(spec, shape=shape) for spec, shape in outputs)
    )
