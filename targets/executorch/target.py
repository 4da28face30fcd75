"""The target `executorch`: programs for ExecuTorch, PyTorch's runtime for devices."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...vocabulary.digest import digest_file
from ...vocabulary.errors import MissingExtraError, RequestError
from ...vocabulary.precision import Precision
from ..artifact import Artifact, Coverage, File, Requirements
from ..base import Options
from ..checks import check_coverage, check_floats, check_format, check_layouts
from .seal import sealed

if TYPE_CHECKING:
    from ...compiler.model import Model
    from ...compiler.quantize.scheme import Scheme
    from .program import Program
    from .settings import Settings

FIRST_EXECUTORCH = "1.5.1"
"""The first version that was tried with what we emit."""

ACCELERATORS = {"coreml": "coreml", "vulkan": "vulkan"}
"""Delegate → the accelerator that a device must have."""


class ExecuTorch:
    """Says models in PyTorch and lets ExecuTorch lower them, most of it to a delegate such as XNNPACK."""

    name = "executorch"
    extra: str | None = "executorch"
    packages: tuple[str, ...] = ("executorch", "torch")
    precisions: tuple[Precision, ...] = (
        Precision.FP32,
        Precision.FP16,
        Precision.DYNAMIC_WI8_AFP32,
        Precision.STATIC_WI8_AI8,
    )
    formats: Mapping[str, str] = {
        "": "edgewright.targets.executorch.runtime:ExecuTorch",
        "ptl": "edgewright.targets.executorch.runtime:LiteInterpreter",
    }
    settings = "edgewright.targets.executorch.settings:Settings"

    def __init__(self) -> None:
        """Nothing is made yet."""
        self._last: tuple[Model, tuple[Any, ...], tuple[Model, Program]] | None = None

    def drawn_sizes(self, settings: Mapping[str, Any]) -> Mapping[str, int]:  # noqa: ARG002 - every size is fixed
        """Give no sizes: what is open is fixed as for any target of fixed shapes."""
        return {}

    def ops(self) -> tuple[str, ...]:
        """Hub operators that this target knows, sorted."""
        from ...compiler.torch_graph.ops.table import LOWERINGS

        return tuple(sorted(f"{domain}.{op}" if domain else op for domain, op in LOWERINGS))

    def schemes(self) -> Mapping[Precision, Scheme]:
        """How integers are wanted, by precision."""
        from .schemes import SCHEMES

        return SCHEMES

    def coverage(self, model: Model, options: Options) -> Coverage:
        """Make the program, and say what became of each node.

        Raises:
            ModelError: when a dimension must be fixed and is not.
            RequestError: when the options ask for what this target does not do.
        """
        return self._made(model, options)[1].coverage

    def compile(self, model: Model, options: Options, out: Path) -> Artifact:
        """Write `model.pte` or `model.ptl` into the existing, empty folder `out`.

        Raises:
            RefusedError: when some node cannot be said or run; nothing is written then.
            ModelError: when a dimension must be fixed and is not.
            RequestError: when the options ask for what this target does not do.
        """
        fixed, program = self._made(model, options)
        check_coverage(self.name, program.coverage)
        assert program.data is not None, program.coverage
        lite = options.format == "ptl"
        path = out / ("model.ptl" if lite else "model.pte")
        path.write_bytes(program.data if lite else sealed(program.data))
        return Artifact(
            target=self.name,
            variant=options.variant,
            precision=model.precision,
            format=options.format,
            files=(File(path=path.name, sha256=digest_file(path), size_bytes=path.stat().st_size),),
            requires=Requirements(
                runtime="torch" if lite else "executorch",
                min_runtime_version=version("torch").partition("+")[0] if lite else FIRST_EXECUTORCH,
                accelerator=None if lite else ACCELERATORS.get(self._settings(options).delegate),
            ),
            signature=fixed.signature,
            narrowed={},
            coverage=program.coverage,
            ops=program.ops,
            toolchain={package: version(package) for package in (*self._tools(options), "onnx", "onnx-ir")},
        )

    def _made(self, model: Model, options: Options) -> tuple[Model, Program]:
        """Give the model with every size known, and its program."""
        from ...compiler.lowering.static_shapes import with_static_shapes
        from .program import make_lite, make_program

        self._check(model, options)
        delegate = self._settings(options).delegate
        asked = (options.dims, options.format, delegate)
        if self._last is not None and self._last[0] is model and self._last[1] == asked:
            return self._last[2]
        fixed = with_static_shapes(model, options.dims)
        made = fixed, make_lite(fixed) if options.format == "ptl" else make_program(fixed, delegate)
        self._last = (model, asked, made)  # a model is never changed in place, and coverage is asked for before files
        return made

    def _check(self, model: Model, options: Options) -> None:
        check_format(self, options)
        if self._settings(options).delegate == "coreml" and find_spec("coremltools") is None:
            raise MissingExtraError(
                "programs for Core ML need coremltools, not installed here",
                hint="make them on macOS or on x86-64 Linux, where executorch brings it along",
            )
        check_floats(self, options)
        check_layouts(self, model.signature, options)
        if options.format == "ptl" and model.precision.integer:
            raise RequestError(
                f"a .ptl file does not hold a model of {model.precision}",
                hint="leave the format out: a .pte file does, or take the recipe fp32",
            )

    def _tools(self, options: Options) -> tuple[str, ...]:
        return (*self.packages, *(["coremltools"] if self._settings(options).delegate == "coreml" else []))

    def _settings(self, options: Options) -> Settings:
        from ..settings import read_settings
        from .settings import Settings

        return read_settings(self.name, options.settings, Settings)
