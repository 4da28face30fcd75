"""The target onnxruntime: the hub model, optimised, as a `.onnx` or `.ort` file."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ...vocabulary.digest import digest_file
from ...vocabulary.errors import ModelError, RefusedError, RequestError
from ...vocabulary.precision import Precision
from ..artifact import Artifact, Coverage, File, Requirements
from ..base import InnerTensor, Options
from ..checks import check_floats, check_format, check_layouts

if TYPE_CHECKING:
    from ...compiler.model import Model
    from ...compiler.quantize.scheme import Scheme

_RUNTIME = "edgewright.targets.onnxruntime.runtime:OnnxRuntime"


class OnnxRuntime:
    """Optimised offline for any CPU; symbolic dimensions stay unless `Options.dims` fixes them.

    `.onnx` is the faster of the two: onnxruntime lays it out for the CPU at hand when it loads it. A `.ort` file is run
    as it is, which is all that small builds of onnxruntime without an ONNX parser can do.
    """

    name = "onnxruntime"
    extra: str | None = None
    packages: tuple[str, ...] = ("onnxruntime",)
    precisions: tuple[Precision, ...] = (
        Precision.FP32,
        Precision.FP16,
        Precision.WEIGHT_ONLY_WI8_AFP32,
        Precision.WEIGHT_ONLY_WI4_AFP32,
        Precision.DYNAMIC_WI8_AFP32,
        Precision.STATIC_WI8_AI8,
    )
    formats: Mapping[str, str] = {"": _RUNTIME, "onnx": _RUNTIME, "ort": _RUNTIME}

    def ops(self) -> tuple[str, ...]:
        """Hub operators for which onnxruntime has a kernel on the CPU, or a body made of such operators."""
        from .coverage import known_ops

        return known_ops()

    def schemes(self) -> Mapping[Precision, Scheme]:
        """How integers are wanted, by precision."""
        from .schemes import SCHEMES

        return SCHEMES

    def coverage(self, model: Model, options: Options) -> Coverage:
        """Ask onnxruntime itself: native for each node that it can prepare to run.

        Raises:
            RequestError: when the options cannot be met.
        """
        from ...compiler.passes.fix_dimensions import FixDimensions
        from .coverage import coverage

        self._check(model, options)
        return coverage(FixDimensions(options.dims)(model))

    def compile(self, model: Model, options: Options, out: Path) -> Artifact:
        """Write `model.onnx` or `model.ort` (and `model.onnx.data` beside it when the weights are large).

        Raises:
            RefusedError: when onnxruntime cannot run some node; nothing is written then.
            RequestError: when the options cannot be met: an unknown format or dimension, another layout.
            ToolError: when onnxruntime failed, or optimised for this machine's CPU alone.
        """
        from ...compiler.passes.fix_dimensions import FixDimensions
        from .coverage import coverage
        from .emit import emit

        self._check(model, options)
        fixed = FixDimensions(options.dims)(model)
        found = coverage(fixed)
        if found.refused:
            raise RefusedError(
                f"onnxruntime cannot run {len(found.refused)} of {len(found.nodes)} nodes: "
                + "; ".join(f"{node.node} ({node.op}): {node.detail}" for node in found.refused),
                hint="take these operators out of the model, or leave the target out",
            )
        paths, ops = emit(fixed, options.format or "onnx", out)
        installed = version("onnxruntime")
        return Artifact(
            target=self.name,
            variant=options.variant,
            precision=model.precision,
            format="" if options.format == "onnx" else options.format,
            files=tuple(
                File(path=path.name, sha256=digest_file(path), size_bytes=path.stat().st_size) for path in paths
            ),
            # an optimised graph holds fused operators: that an older version has them all is not known
            requires=Requirements(runtime="onnxruntime", min_runtime_version=installed),
            signature=fixed.signature,
            narrowed={},
            coverage=found,
            ops=ops,
            toolchain={package: version(package) for package in ("onnx", "onnx-ir", "onnxruntime")},
        )

    def inner_tensors(
        self,
        model: Model,
        options: Options,  # noqa: ARG002 - the contract's
        artifact: Path,
    ) -> Mapping[str, InnerTensor]:
        """Tell by name which tensors of `model` a `.onnx` file still holds; a `.ort` file shows none."""
        from .inner_tensors import inner_tensors

        return inner_tensors(model, artifact)

    def _check(self, model: Model, options: Options) -> None:
        check_format(self, options)
        if options.format == "ort" and model.precision is Precision.WEIGHT_ONLY_WI4_AFP32:
            raise RequestError(
                "a .ort file of onnxruntime cannot hold weights of four bits",
                hint='leave `format` out, or take the precision "weight_only_wi8_afp32"',
            )
        for name in options.dims:
            if name not in model.signature.symbols:
                known = ", ".join(model.signature.symbols) or "none, all of its dimensions are numbers"
                raise ModelError(f"the model has no dimension named {name!r}", hint=f"its symbolic dimensions: {known}")
        check_floats(self, options)
        check_layouts(self, model.signature, options)
