"""The signature of an imported graph, from what the graph says and what the request declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import onnx_ir as ir

from ...vocabulary.errors import ConfigError, ModelError
from ...vocabulary.signature import DTYPES, Signature, TensorDeclaration, TensorSpec
from ..model import dtype_name
from ..passes.infer_shapes import InferShapes
from .request import Request


def settle_interface(model: ir.Model, request: Request) -> Signature:
    """Write what the request declares into the graph's inputs and outputs, and give the signature of both.

    Declared outputs select: those not named are cut off. A dimension without a name gets one of its own. Fixed
    dimensions are not applied here.

    Raises:
        ConfigError: when the request names inputs or outputs that the graph does not have, or contradicts their dtype
            or shape.
        ModelError: when the rank or dtype of an input or output is neither in the graph nor declared.
    """
    graph = model.graph
    _check_names("input", request.inputs, graph.inputs, request)
    _check_names("output", request.outputs, graph.outputs, request)
    if request.outputs:
        kept = [value for value in graph.outputs if value.name in request.outputs]
        graph.outputs.clear()
        graph.outputs.extend(kept)
    _apply_declared_shapes(model, request)
    inputs = tuple(_spec("input", value, request.inputs, request) for value in graph.inputs)
    outputs = tuple(_spec("output", value, request.outputs, request) for value in graph.outputs)
    for spec in outputs:
        if spec.state is not None and spec.state not in {other.name for other in inputs}:
            raise ConfigError(f"{request.reference}: output {spec.name!r} feeds {spec.state!r}, which is no input")
    return Signature(inputs=inputs, outputs=outputs)


def check_dims(signature: Signature, dims: Mapping[str, int], reference: str) -> None:
    """Check that every dimension to fix is one of the signature.

    Raises:
        ConfigError: when some is not; the hint lists those there are.
    """
    for symbol in dims:
        if symbol not in signature.symbols:
            raise ConfigError(
                f"{reference}: no input has a dimension named {symbol!r}",
                hint=f"symbolic dimensions: {', '.join(signature.symbols) or 'none'}",
            )


def _apply_declared_shapes(model: ir.Model, request: Request) -> None:
    """Give dimensions their declared names and sizes, everywhere in the graph where the same symbol stands."""
    known: dict[str, int | str] = {}
    for value in model.graph.inputs:
        said = request.inputs.get(str(value.name), TensorDeclaration()).shape
        if said is None or value.shape is None:
            continue
        here = [size if isinstance(size, int) else size.value for size in value.shape]
        if len(said) != len(here) or any(
            isinstance(size, int) and size != wanted for size, wanted in zip(here, said, strict=True)
        ):
            raise ConfigError(
                f"{request.reference}: input {value.name!r} has shape {here} in the model, {list(said)} was declared"
            )
        for size, wanted in zip(here, said, strict=True):
            if isinstance(size, str) and known.setdefault(size, wanted) != wanted:
                raise ConfigError(
                    f"{request.reference}: {wanted!r} and {known[size]!r} were declared for one dimension, {size!r}"
                )
        value.shape = ir.Shape(list(said))
    changed = {symbol: wanted for symbol, wanted in known.items() if wanted != symbol}
    for graph in model.graphs() if changed else ():
        for values in (graph.inputs, *(node.outputs for node in graph)):
            for value in values:
                if value.shape is not None:
                    value.shape = ir.Shape([_renamed(size, changed) for size in value.shape])
    if any(isinstance(wanted, int) for wanted in changed.values()):
        InferShapes().rewrite(model)


def _renamed(size: int | ir.SymbolicDim, changed: Mapping[str, int | str]) -> int | str | None:
    if isinstance(size, int) or size.value is None:
        return size if isinstance(size, int) else None
    name = str(size.value)
    # an expression ("2*s0") that speaks of a renamed symbol is left to inference
    if name not in changed and any(symbol in name for symbol in changed):
        return None
    return changed.get(name, name)


def _check_names(
    kind: str, declared: Mapping[str, TensorDeclaration], values: Sequence[ir.Value], request: Request
) -> None:
    names = [value.name for value in values]
    for name in declared:
        if name not in names:
            raise ConfigError(
                f"{request.reference}: the model has no {kind} named {name!r}",
                hint=f"its {kind}s: {', '.join(map(str, names))}",
            )


def _spec(kind: str, value: ir.Value, declared: Mapping[str, TensorDeclaration], request: Request) -> TensorSpec:
    name = str(value.name)
    said = declared.get(name, TensorDeclaration())
    known = dtype_name(value.dtype) if value.dtype is not None else None
    dtype = known or said.dtype
    if dtype is None or (value.shape is None and said.shape is None):
        lacking = "dtype" if dtype is None else "shape"
        raise ModelError(
            f"{request.reference}: the model does not say the {lacking} of {kind} {name!r}",
            hint=f'declare it: {kind}s = {{ {name} = {{ shape = ["batch", 10], dtype = "float32" }} }}',
        )
    if dtype not in DTYPES - {"bfloat16"}:  # NumPy has no bfloat16, and so no runtime's Python takes or gives it
        raise ModelError(
            f"{request.reference}: {kind} {name!r} is {dtype}, which no runtime takes from outside",
            hint="cast it inside the model: float32 outside, what you like within",
        )
    if said.dtype not in (None, dtype):
        raise ConfigError(f"{request.reference}: {kind} {name!r} is {dtype} in the model, {said.dtype} was declared")
    shape = _shape(kind, name, value.shape, said.shape, request.reference)
    value.type, value.shape = ir.TensorType(ir.DataType[_ENUM_NAMES.get(dtype, dtype.upper())]), ir.Shape(list(shape))
    given = {field: entry for field, entry in msgspec.structs.asdict(said).items() if entry is not None}
    return TensorSpec(**{**given, "name": name, "dtype": dtype, "shape": shape})


_ENUM_NAMES = {"float32": "FLOAT", "float64": "DOUBLE"}


def _shape(
    kind: str, name: str, known: ir.Shape | None, said: tuple[int | str, ...] | None, reference: str
) -> tuple[int | str, ...]:
    if known is None:
        assert said is not None
        return said
    sizes = [size if isinstance(size, int) else size.value for size in known]
    if said is not None:
        if len(said) != len(sizes) or any(
            isinstance(here, int) and isinstance(there, int) and here != there
            for here, there in zip(sizes, said, strict=True)
        ):
            raise ConfigError(f"{reference}: {kind} {name!r} has shape {sizes} in the model, {list(said)} was declared")
        # what the model leaves open takes the declared name; a size that only the declaration knows is not believed
        sizes = [
            there if here is None and isinstance(there, str) else here for here, there in zip(sizes, said, strict=True)
        ]
    return tuple(f"{name}_{axis}" if size is None else size for axis, size in enumerate(sizes))
