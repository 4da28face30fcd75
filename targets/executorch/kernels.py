"""What ExecuTorch's portable kernels compute: asked of the runtime, first by name, then by trying."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn
from torch.utils import _pytree

from .export import example_inputs
from .lower import PORTABLE, Placed
from .runtime import bindings
from .toolkit import exir, quiet

if TYPE_CHECKING:
    from torch.fx import Node

    from ...compiler.model import Model

FILLS: Final = (0, 1)
"""Inputs of a trial are full of one of these: 0 is an index everywhere, 1 a divisor."""


def without_kernel(placed: Placed) -> str | None:
    """Say why the runtime has no kernel for an operator, None when it has one, or a delegate computes it."""
    if placed.by != PORTABLE or not _is_operator(placed.call):
        return None
    out = _out_variant(placed.call.target)
    if out is None:
        return f"ExecuTorch has no kernel {placed.op}: it writes into no given memory"
    return None if out in _registered() or out in _UNMADE else f"ExecuTorch has no kernel {placed.op}"


def runs(program: bytes, inputs: Mapping[int, tuple[torch.Tensor, ...]]) -> bool:
    """Try a program: whether it runs on one of these inputs."""
    try:
        loaded = bindings()._load_program_from_buffer(program)
        method = loaded.load_method("forward")
    except RuntimeError:
        return False
    return any(_runs_on(method, tensors) for tensors in inputs.values())


def _runs_on(method: Any, tensors: tuple[torch.Tensor, ...]) -> bool:
    try:
        method.call(list(tensors))
    except RuntimeError:
        return False
    return True


def differing_output(program: bytes, module: nn.Module, model: Model) -> str | None:
    """Give the first output that is not what the module in PyTorch gives, on inputs on which both run; None if none."""
    loaded = bindings()._load_program_from_buffer(program)
    for integers in INTEGERS:
        inputs = drawn(model, integers)
        try:
            with torch.no_grad():
                expected = module(*inputs)
            results = loaded.load_method("forward").call(list(inputs))
        except (RuntimeError, IndexError):  # these inputs are none for the model: it ran on others
            continue
        outputs = zip(model.signature.outputs, results, expected, strict=True)
        alike = _are_alike if model.precision.integer else _are_close
        return next((spec.name for spec, got, wanted in outputs if not alike(got, wanted)), None)
    return None


INTEGERS: Final = ((-3, -2, -1, 1, 2, 3), (0, 1))
"""What integer inputs are drawn from: first both signs and no zero, then what is an index everywhere."""


def _are_close(got: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Compare for what is plainly wrong: sums in another order differ by far less, other arithmetic by far more."""
    if got.dtype != wanted.dtype or got.shape != wanted.shape:
        return False
    if not wanted.dtype.is_floating_point or wanted.numel() == 0:
        return bool(torch.equal(got, wanted))
    return bool(
        torch.allclose(
            got, wanted, rtol=0, atol=_FAR * float(wanted.nan_to_num(0, 0, 0).abs().max()) + 1e-6, equal_nan=True
        )
    )


def _are_alike(got: torch.Tensor, wanted: torch.Tensor) -> bool:
    """Compare programs of integers, whose roundings differ: what they give must at least follow what is wanted.

    A result that does not depend on the input is off by as much as the wanted one varies.
    """
    if got.dtype != wanted.dtype or got.shape != wanted.shape:
        return False
    is_number = wanted.dtype.is_floating_point or wanted.dtype in (torch.int8, torch.uint8)
    if not is_number or wanted.numel() < 2 or not wanted.isfinite().all():
        return True  # an index of the largest, say, may be another one of two that are as large
    one, other = got.double(), wanted.double()
    least = _STEPS * float(other.abs().max())
    return float((one - other).square().mean().sqrt()) <= max(_SHARE * float(other.std()), least)


_SHARE: Final = 0.5
"""Of the spread of an output."""

_STEPS: Final = 0.05
"""Of its largest magnitude: an output that hardly varies may be all rounding, of which a grid of 8 bits has 1/127."""

_FAR: Final = 1e-2
"""Of the largest magnitude of an output."""


def drawn(model: Model, integers: tuple[int, ...]) -> tuple[torch.Tensor, ...]:
    """Draw inputs of a model of fixed shapes, the same ones always: floats between 0 and 1, and these integers."""
    generator = torch.Generator().manual_seed(0)
    choice = torch.tensor(integers)
    return tuple(
        torch.rand(zeros.shape, generator=generator).to(zeros.dtype)
        if zeros.dtype.is_floating_point
        else choice[torch.randint(0, len(integers), zeros.shape, generator=generator)].to(zeros.dtype)
        for zeros in example_inputs(model)
    )


def why_not(placed: Placed) -> str | None:
    """Try a portable operator alone; say why its kernel does not run, None when it does or cannot be tried alone."""
    if placed.by != PORTABLE or not _is_operator(placed.call):
        return None
    known = [node.meta.get("val") for node in placed.call.all_input_nodes]
    tensors = [tensor for tensor in known if isinstance(tensor, torch.Tensor)]
    if len(tensors) < len(known):
        return None
    inputs = {fill: tuple(torch.full(tensor.shape, fill, dtype=tensor.dtype) for tensor in tensors) for fill in FILLS}
    try:
        with quiet():
            exported = torch.export.export(_Alone(placed.call), inputs[0], strict=False)
            config = exir().EdgeCompileConfig(_check_ir_validity=False)
            program = bytes(exir().to_edge(exported, compile_config=config).to_executorch().buffer)
    except Exception:  # noqa: BLE001 - alone it cannot be written: then it is no judge
        return None
    if runs(program, inputs):
        return None
    kinds = ", ".join(f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}" for tensor in tensors)
    return f"ExecuTorch's kernel {placed.op} does not compute {kinds}"


class _Alone(nn.Module):
    """One call of an operator, its tensors as inputs."""

    def __init__(self, call: Node) -> None:
        super().__init__()
        self._call: Callable[..., Any] = _in_aten(call.target)
        self._operands = call.all_input_nodes
        self._args, self._kwargs = call.args, call.kwargs

    def forward(self, *tensors: torch.Tensor) -> Any:
        known = dict(zip(self._operands, tensors, strict=True))
        args, kwargs = _pytree.tree_map(
            lambda leaf: known.get(leaf, leaf) if isinstance(leaf, torch.fx.Node) else leaf,
            (list(self._args), dict(self._kwargs)),
        )
        result = self._call(*args, **kwargs)
        return result if isinstance(result, tuple) else (result,)


_UNMADE: Final = frozenset({"aten::view_copy.out", "aten::sym_size.int"})
"""What ExecuTorch makes into no call of a kernel."""


def _is_operator(call: Node) -> bool:
    return getattr(call.target, "_schema", None) is not None


def _in_aten(target: Any) -> Any:
    """Give PyTorch's operator, for one of ExecuTorch's edge dialect too."""
    return target if isinstance(target, torch._ops.OpOverload) else target._op


def _out_variant(target: Any) -> str | None:
    """Give the name of the operator that writes its results into given memory, as kernels are registered."""
    from executorch.exir.operator.convert import to_out_variant

    try:
        with quiet():  # found as ExecuTorch finds it when it writes the program: otherwise for its own dialect
            found = to_out_variant(target)[0] if isinstance(target, torch._ops.OpOverload) else target.to_out_variant()
    except RuntimeError:
        return None
    schema = found._schema
    return f"{schema.name}.{schema.overload_name}" if schema.overload_name else str(schema.name)


@cache
def _registered() -> frozenset[str]:
    return frozenset(bindings()._get_operator_names())


def portable_calls(placed: tuple[Placed, ...]) -> Iterator[Placed]:
    """Give what portable kernels compute, each kind of call of a hub node once."""
    seen = set()
    for each in placed:
        kind = (each.hub, each.op, tuple(_kind_of(node.meta.get("val")) for node in each.call.all_input_nodes))
        if each.by == PORTABLE and kind not in seen:
            seen.add(kind)
            yield each


def _kind_of(value: Any) -> tuple[str, ...]:
    return (str(value.dtype), str(tuple(value.shape))) if isinstance(value, torch.Tensor) else (type(value).__name__,)
