"""Compiles models of one kernel each for a target, in float32 and in integers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ...compiler.kernel import Kernel
from ...targets.artifact import Artifact
from ...targets.base import Options
from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from ...vocabulary.errors import RefusedError
from ...vocabulary.precision import Precision
from .base import own_code, versions

ROWS = 4
"""Drawn rows that the ranges of an integer kernel are found on: any ranges do, the time does not depend on them."""


class CompiledKernel(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel in two precisions, and how often it stands in each model. `place` is the folder of its files.

    Under `place` lie `fp32/` and `integer/`, the files of the two artifacts, and `inputs/` for one call.
    """

    kernel: Kernel
    times: int
    place: str
    float_: Artifact
    integer: Artifact


class CompileKernels(msgspec.Struct, frozen=True, kw_only=True, tag="compile-kernels"):
    """Some kernels. Leaves `kernels.json`, with those that the target can say in both precisions, and their files."""

    kernels: tuple[Kernel, ...]
    target: str
    packages: tuple[str, ...]
    precision: Precision

    @property
    def title(self) -> str:
        """`compile 4 kernels for tflite in static_wi8_ai8`."""
        return f"compile {len(self.kernels)} kernels for {self.target} in {self.precision}"

    def key_parts(self) -> Mapping[str, Plain]:
        """The kernels, the target and the tools."""
        return {
            "kernels": msgspec.to_builtins(self.kernels),
            "target": self.target,
            "precision": self.precision.value,
            "tools": versions("onnx", "onnx-ir", "onnxscript", "onnxruntime", "numpy", *self.packages),
            "code": own_code(),
        }

    def run(self, out: Path) -> None:
        """Make each model, quantize it by ranges of drawn rows, and compile both.

        Raises:
            RequestError: when the target does not have the precision.
        """
        found = []
        for index, kernel in enumerate(self.kernels):
            try:
                found.append(self._compile(kernel, out, f"{index}"))
            except RefusedError:  # that is told where the model itself is compiled
                continue
        (out / "kernels.json").write_bytes(encode_json(tuple(found)))

    def _compile(self, kernel: Kernel, out: Path, place: str) -> CompiledKernel:
        import numpy as np

        from ...compiler.kernels_of import model_of
        from ...compiler.quantize.calibrate import calibrate
        from ...compiler.recipe import apply, parse
        from ...targets.table import load_target
        from ...vocabulary.tensor_folder import TensorFolder

        target = load_target(self.target)
        model, times = model_of(kernel)
        drawn = np.random.Generator(np.random.PCG64(1)).standard_normal((ROWS, *kernel.input)).astype(np.float32)
        recipe = parse([{"quantize": {"precision": self.precision.value}}], where="recipes.kernel")
        ranges = calibrate(model, {"x": drawn.reshape(-1, *kernel.input[1:])})
        quantized = apply(model, recipe, ranges=ranges, schemes=target.schemes())
        artifacts = []
        for name, variant in (("fp32", model), ("integer", quantized)):
            (files := out / place / name).mkdir(parents=True)
            artifacts.append(target.compile(variant, Options(variant=name), files))
        TensorFolder.write(out / place / "inputs", {"x": drawn[0]})
        return CompiledKernel(kernel=kernel, times=times, place=place, float_=artifacts[0], integer=artifacts[1])


def read_compiled_kernels(entry: Path) -> tuple[CompiledKernel, ...]:
    """Read what a `CompileKernels` left."""
    return msgspec.json.decode((entry / "kernels.json").read_bytes(), type=tuple[CompiledKernel, ...])
