"""Makes MIL operations. What coremltools' type system refuses is a refusal of the node, with its reason."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from ...compiler.lowering.refused import Refused
from ...compiler.model import dtype_name
from .deployment import Deployment, NeedsNewer
from .names import distinct, mil_name
from .quantized import Quantized
from .toolkit import builder as mil_builder
from .toolkit import coremltools

Array = NDArray[Any]
Var = Any
"""A value of a MIL program, `coremltools…Var`: `.shape` (ints and symbols), `.dtype`, `.val` (None unless constant)."""
Operand = Var | Array

MAX_RANK = 5
"""Core ML's tensors have at most five axes. Source: MIL operations' documentation, and `ct.convert`'s own check."""

INT32 = np.iinfo(np.int32)

MIL_TYPES: Mapping[ir.DataType, str] = {
    ir.DataType.FLOAT: "fp32",
    ir.DataType.FLOAT16: "fp16",
    ir.DataType.BOOL: "bool",
    **{getattr(ir.DataType, f"{kind}INT{bits}"): "int32" for kind in ("", "U") for bits in (8, 16, 32, 64)},
}
"""Hub dtype → what the values of a MIL program hold it as."""


class Builder:
    """MIL operations for one deployment target, added to the function that is open."""

    def __init__(self, deployment: Deployment, taken: Collection[str] = ()) -> None:
        """`deployment`: what the operations' versions are chosen by. `taken`: names of the inputs and outputs."""
        self.deployment = deployment
        self._mb = mil_builder()
        registry = coremltools().converters.mil.mil.ops.registry.SSAOpRegistry
        self._versions = registry.core_ops
        self._held: dict[ir.TensorProtocol, Var] = {}
        self._made: list[Any] = []
        self._names: set[str] = set(taken)
        self.integers: list[Quantized] = []
        """What constants of reals were made of."""

    def op(self, operator: str, /, *operands: Any, **inputs: Any) -> Any:
        """Make an operation by its MIL name; give its result, or a tuple of them.

        `operands` are its inputs in the order of its documentation (`b.op("select", cond, x, 0.0)`), the others go by
        their names; those that are None are left out. Arrays and numbers become constants, a number of the dtype that
        the operation's values have.

        Raises:
            Refused: when coremltools does not take these inputs, one of them is empty, or the result has more axes
                than Core ML's tensors.
            NeedsNewer: when a later deployment target has the operation and this one does not.
        """
        kind = self._kind(operator)
        spec = kind.input_spec.input_types
        given = dict(zip([*spec][: len(operands)], operands, strict=True)) | inputs
        given = {name: value for name, value in given.items() if value is not None}
        for value in given.values():
            if _is_var(value) and value.val is None and 0 in value.shape:
                raise Refused("a tensor without elements: Core ML has none")
        taken = {name: self._taken(name, value, given, spec) for name, value in given.items()}
        try:
            made = getattr(self._mb, operator)(**taken)
        except (ValueError, TypeError, NotImplementedError, IndexError) as error:  # what coremltools refuses with
            _take_out(operator)
            raise Refused(f"coremltools refuses {operator}: {_sentence(error)}") from error
        self._made.append((made[0] if isinstance(made, tuple | list) else made).op)
        for value in made if isinstance(made, tuple | list) else (made,):
            if hasattr(value, "shape") and value.shape is not None and len(value.shape) > MAX_RANK:
                raise Refused(f"{operator} would give {len(value.shape)} axes; Core ML has at most {MAX_RANK}")
        return made

    def _kind(self, operator: str) -> Any:
        """Give coremltools' class of an operation, of the version that this deployment target has."""
        versions = self._versions[operator]
        first = min(versions)
        if first > self.deployment.opset:
            raise NeedsNewer(_deployment_of(first), operator)
        return versions[max(version for version in versions if version <= self.deployment.opset)]

    def _taken(self, name: str, value: Any, given: dict[str, Any], spec: Any) -> Any:
        """Give an input as coremltools' builder takes it: arrays as MIL holds them, numbers of the right dtype."""
        if isinstance(value, np.ndarray | np.generic):
            return constant(np.asarray(value))
        if type(value) not in (int, float):
            return value
        domain = _domain(spec, name)
        beside = [other for key, other in given.items() if _is_var(other) and _domain(spec, key) == domain]
        if type(value) is float and not beside:  # a parameter with a domain of its own has the dtype of the values
            beside = [other for other in given.values() if _is_var(other) and type_name(other) in ("fp16", "fp32")]
        return number(value, beside[0]) if domain and beside else value

    def begin(self) -> None:
        """Begin with another node of the hub: what was made so far stays."""
        self._made.clear()

    @property
    def operations(self) -> list[str]:
        """What was made since `begin`, by MIL's names."""
        return [operation.op_type for operation in self._made]

    @property
    def results(self) -> list[Var]:
        """The values that were made since `begin`."""
        return [value for operation in self._made for value in operation.outputs]

    def take_back(self) -> None:
        """Remove what was made since `begin`; constants stay, and are dropped at the end unless somebody uses them."""
        for operation in reversed(self._made):
            operation.enclosing_block.remove_ops([operation])
        self._made.clear()

    def finish(self, value: ir.Value, index: int, result: Var) -> Var:
        """Compare what was made for an output with what the hub knows of its dtype and shape, and name it after it.

        Raises:
            Refused: when they differ; the lowering has not said the node.
        """
        if value.dtype is not None and MIL_TYPES.get(value.dtype) != type_name(result):
            raise Refused(f"its output {index} would be {type_name(result)}, not {dtype_name(value.dtype)}")
        _check_shape(index, value, tuple(result.shape))
        self.name(result, value.name)
        return result

    def name(self, value: Var, name: str | None) -> None:
        """Name what was made since `begin` after a tensor of the hub, as far as MIL's grammar allows it."""
        if not name or value.op not in self._made:
            return
        plain = distinct(mil_name(name), self._names)
        self._names.add(plain)
        value.name = plain
        if len(value.op.outputs) == 1:
            value.op.name = plain

    def require(self, deployment: Deployment, what: str) -> None:
        """Ask for a deployment target; `what` needs it.

        Raises:
            NeedsNewer: when this one is older.
        """
        if self.deployment < deployment:
            raise NeedsNewer(deployment, what)

    def const(self, array: Array | float | bool | str) -> Var:
        """Make a constant; integers are stored as int32.

        Raises:
            Refused: when an integer does not fit int32, or MIL has no such dtype.
        """
        return self._mb.const(val=constant(array))

    def hold(self, tensor: ir.TensorProtocol) -> Var:
        """Give a constant of the hub as one of MIL's, the same for the same tensor.

        Raises:
            Refused: when an integer does not fit int32, or MIL has no such dtype.
        """
        if tensor not in self._held:
            self._held[tensor] = self.const(tensor.numpy())
        return self._held[tensor]

    def cast(self, x: Var, dtype: str) -> Var:
        """Give `x` in another of MIL's dtypes (`fp16`, `fp32`, `int32`, `bool`)."""
        return x if type_name(x) == dtype else self.op("cast", x=x, dtype=dtype)


def _check_shape(index: int, value: ir.Value, sizes: tuple[Any, ...]) -> None:
    if value.shape is None or not any(isinstance(size, int) for size in value.shape):
        return  # a shape of symbols alone may be what somebody wrote down for an output: it says nothing
    if len(sizes) != len(value.shape) or any(
        isinstance(known, int) and isinstance(size, int) and known != size
        for known, size in zip(value.shape, sizes, strict=True)
    ):
        raise Refused(f"its output {index} would have the shape {list(sizes)}, not {value.shape}")


def constant(array: Array | float | bool | str) -> Any:
    """Give an array as MIL holds it: fp16, fp32, int32 or bool.

    Raises:
        Refused: when an integer does not fit int32, or the dtype is none of those.
    """
    if isinstance(array, str):
        return array
    held = np.asarray(array, np.float32 if isinstance(array, float) else None)
    if held.dtype.kind in "iu":
        if held.size and (held.min() < INT32.min or held.max() > INT32.max):
            beyond = held[(held < INT32.min) | (held > INT32.max)].ravel()[0]
            raise Refused(f"the integer {beyond} does not fit into int32, the widest that Core ML computes with")
        return held.astype(np.int32)
    if held.dtype not in (np.float16, np.float32, np.bool_):
        raise Refused(f"Core ML has no tensors of {held.dtype}")
    return held


def number(value: float, like: Var) -> Any:
    """Give a number in the dtype that `like` has.

    Raises:
        Refused: when it is an integer and does not fit int32.
    """
    if type_name(like) == "int32":
        return constant(np.asarray(int(value)))[()]
    return {"fp16": np.float16, "fp32": np.float32, "bool": np.bool_}[type_name(like)](value)


def _take_out(operator: str) -> None:
    """Take out the last operation when coremltools has refused it after it put it in: it has no results."""
    block = coremltools().converters.mil.mil.block.curr_block()
    last = next(reversed([*block.operations]), None)
    if last is not None and last.op_type == operator and last._output_vars in (None, []):
        last._output_vars = []
        block.remove_ops([last])


def _is_var(value: Any) -> bool:
    return hasattr(value, "op") and hasattr(value, "sym_type")


def _domain(spec: Any, name: str) -> str | None:
    return getattr(spec.get(name), "type_domain_id", None)


def type_name(x: Var) -> str:
    """Give MIL's name of a value's dtype: `fp16`, `fp32`, `int32`, `bool`."""
    return str(coremltools().converters.mil.mil.types.builtin_to_string(x.dtype))


def _deployment_of(opset: Any) -> Deployment:
    return next(each for each in Deployment if each.opset >= opset)


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split())
