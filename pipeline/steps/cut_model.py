"""Compiles a variant that ends at one of its tensors, so that a runtime which shows nothing gives that tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from ...vocabulary.errors import RequestError
from .compile_model import CompileModel
from .variant import variant_of


class CutModel(msgspec.Struct, frozen=True, kw_only=True, tag="cut"):
    """One tensor of one artifact. Leaves what `CompileModel` leaves; the artifact's one output is the tensor."""

    compile: CompileModel
    tensor: str
    """Its name in the variant."""

    @property
    def title(self) -> str:
        """`compile tflite-fp16 up to relu_3`."""
        return f"{self.compile.title} up to {self.tensor}"

    def key_parts(self) -> Mapping[str, Plain]:
        """As for the whole model, and the tensor."""
        return {**self.compile.key_parts(), "tensor": self.tensor}

    def run(self, out: Path) -> None:
        """Cut and compile.

        Raises:
            RefusedError: when the target cannot say some node of what is left.
            RequestError: when the tensor cannot be an output: the rank or a size of it is not known.
        """
        from ...compiler.model import dtype_name
        from ...compiler.quantize.expose import giving
        from ...targets.table import load_target
        from ...vocabulary.signature import Signature, TensorSpec

        variant = variant_of(self.compile)
        cut = giving(variant, [self.tensor])
        value = cut.graph.outputs[0]
        if value.shape is None or value.dtype is None:
            raise RequestError(f"the shape of {self.tensor} is not known")
        output = TensorSpec(
            name=self.tensor,
            dtype=dtype_name(value.dtype),
            shape=tuple(size if isinstance(size, int) else str(size) for size in value.shape),
        )
        cut = replace(cut, signature=Signature(inputs=variant.signature.inputs, outputs=(output,)))
        options = self.compile.options
        inputs = {spec.name for spec in cut.signature.inputs}
        options = msgspec.structs.replace(
            options, layout={name: layout for name, layout in options.layout.items() if name in inputs}
        )
        (out / "files").mkdir()
        artifact = load_target(self.compile.target).compile(cut, options, out / "files")
        (out / "artifact.json").write_bytes(encode_json(artifact))
