"""Lists the tensors of a model, and where each stands in an artifact and in the quantized model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...profiles.bisection import Grid
from ...targets.base import InnerTensor, Transparent
from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain, digest_file
from .compile_model import CompileModel
from .variant import before_precision, variant_of

if TYPE_CHECKING:
    import onnx_ir as ir

    from ...compiler.model import Model


class TracedTensor(msgspec.Struct, frozen=True, kw_only=True):
    """A float tensor of the model that the precision was set of.

    `inputs` are the computed tensors that its node reads. `place` is where the artifact holds it, `stand_in` the tensor
    of the variant that holds its values: itself, or what is left of them on the integers of `grid`. `shaped` says that
    its shape is known, so that the model can be cut behind it.
    """

    name: str
    node: str
    op: str
    inputs: tuple[str, ...]
    place: InnerTensor | None
    stand_in: str | None
    grid: Grid | None
    shaped: bool


class TraceTensors(msgspec.Struct, frozen=True, kw_only=True, tag="trace"):
    """One artifact. Leaves `float/`, the model before its precision is set, `variant/`, after it, and `trace.json`."""

    compile: CompileModel
    artifact: str

    @property
    def title(self) -> str:
        """`list the tensors of tflite-fp16`."""
        return f"list the tensors of {self.compile.title.removeprefix('compile ')}"

    def key_parts(self) -> Mapping[str, Plain]:
        """What the artifact was made of, and the artifact."""
        return {"compile": dict(self.compile.key_parts()), "artifact": digest_file(Path(self.artifact))}

    def run(self, out: Path) -> None:
        """Make both models, and look each tensor up.

        Raises:
            RequestError: when the artifact cannot have been made of this model.
        """
        from ...compiler.quantize.expose import float_tensors
        from ...targets.table import load_target

        original, variant = before_precision(self.compile), variant_of(self.compile)
        for name, model in (("float", original), ("variant", variant)):
            (out / name).mkdir()
            model.save(out / name)
        target = load_target(self.compile.target)
        inner: Mapping[str, InnerTensor] = {}
        if isinstance(target, Transparent):
            inner = target.inner_tensors(variant, self.compile.options, Path(self.artifact))
        standing = _Variant(variant)
        traced = tuple(_traced(value, inner, standing) for value in float_tensors(original))
        (out / "trace.json").write_bytes(encode_json(traced))


def read_trace(entry: Path) -> tuple[TracedTensor, ...]:
    """Read the tensors that a `TraceTensors` listed, in topological order."""
    return msgspec.json.decode((entry / "trace.json").read_bytes(), type=tuple[TracedTensor, ...])


class _Variant:
    """What stands for the tensors of the float model in the variant: themselves, their integers, the reals of those."""

    def __init__(self, model: Model) -> None:
        self.values = {value.name: value for node in model.graph for value in node.outputs}

    def of(self, name: str) -> tuple[list[str], Grid | None]:
        """Give the names that hold a tensor, the most direct first, and the grid of its integers."""
        value = self.values.get(name)
        if value is None:
            return [], None
        if _is(value.producer(), "DequantizeLinear"):  # an output of the graph keeps its name
            node = value.producer()
            assert node is not None
            integers = node.inputs[0]
            computed = integers is not None and integers.producer() is not None  # a weight's are not
            return [name, *([str(integers.name)] if computed and integers is not None else [])], _grid(node)
        names, grid = [name], None
        for node, _ in value.uses():
            if _is(node, "QuantizeLinear"):
                reals = [user.outputs[0] for user, _ in node.outputs[0].uses() if _is(user, "DequantizeLinear")]
                names += [str(node.outputs[0].name), *(str(real.name) for real in reals)]
                grid = grid or _grid(node)
        return names, grid


def _traced(value: ir.Value, inner: Mapping[str, InnerTensor], variant: _Variant) -> TracedTensor:
    node = value.producer()
    assert node is not None
    names, grid = variant.of(str(value.name))
    reals = [name for name in names[1:] if _is(variant.values[name].producer(), "DequantizeLinear")]
    return TracedTensor(
        name=str(value.name),
        node=node.name or "",
        op=node.op_type,
        inputs=tuple(str(each.name) for each in node.inputs if each is not None and each.const_value is None),
        place=next((inner[name] for name in names if name in inner), None),
        stand_in=next(iter([*reals, *names[:1]]), None),
        grid=grid,
        shaped=value.shape is not None,
    )


def _is(node: ir.Node | None, op_type: str) -> bool:
    return node is not None and node.domain == "" and node.op_type == op_type


def _grid(node: ir.Node) -> Grid | None:
    """Read the grid of a Q or DQ node that has one scale for the whole tensor."""
    import numpy as np

    scale, zero = (value.const_value if value is not None else None for value in node.inputs[1:3])
    if scale is None or zero is None or scale.size != 1 or zero.dtype.itemsize < 1:
        return None
    limits = np.iinfo(zero.dtype.numpy())
    return Grid(
        scale=float(scale.numpy().item()),
        zero_point=int(zero.numpy().item()),
        lowest=int(limits.min),
        highest=int(limits.max),
    )
