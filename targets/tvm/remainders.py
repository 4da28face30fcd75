"""Keeps functions that count by remainders from LLVM's vectoriser of loops, which reads wrong elements for them.

LLVM takes `i % 4` for a number of two bits that counts on, and vectorises a loop with it behind a check that it does
not begin anew. From version 20 up to 22.1.0, the one in TVM 0.27, LLVM leaves that check out when the loop has one of
a wider number too: it takes the one for the other (`SCEVWrapPredicate::implies`; llvm-project's pull request 118184
brought it, 191498 mended it). The check of the wider number holds, and elements behind the fourth are read. It was seen
with AVX-512, for which LLVM vectorises loops that it leaves alone for others.
"""

from __future__ import annotations

import json
from typing import Any, Final

from .mutating import rewritten
from .toolkit import relax, tirx, tvm, tvm_ffi

_WITHOUT_VECTORISER: Final = (
    "-vectorize-loops:bool=false",
    "-loop-load-elimination-scev-check-threshold:uint=0",  # the other pass that works behind such checks
)

_LEAST_BITS: Final = 32
"""Of an index; what is cast to less begins anew like a remainder."""


def target_for(function: Any, target: Any) -> Any:
    """Give the target that a function of TVM is to be compiled for: `target`, or that without LLVM's vectoriser."""
    return _without_vectoriser(target) if counts_by_remainders(function, target) else target


def with_remainders_apart(module: Any, target: Any) -> Any:
    """Give a module in the virtual machine's words with its functions that count by remainders compiled already.

    They stand in the module's attribute `external_mods`, from which `relax.build` links them. All others stay.
    """
    functions = {variable: function for variable, function in module.functions_items() if _is_code(function)}
    apart = {each: function for each, function in functions.items() if counts_by_remainders(function, target)}
    if not apart:
        return module
    built = tvm().tirx.build(tvm().IRModule(apart), target=_without_vectoriser(target))
    called = _called_by_name(module, {variable.name_hint for variable in apart})
    return called.with_attr("external_mods", [*(module.attrs or {}).get("external_mods", []), built])


def counts_by_remainders(function: Any, target: Any) -> bool:
    """Whether an index in a function's loops may begin anew at a power of two, as LLVM will see it.

    A remainder by any even number counts: LLVM makes `2 * (i % 2)` of `(2 * i) % 4`, and so of others.
    """
    return _has(function, (*_remainders(), tirx().FloorDiv, tirx().Div)) and _has(
        _lowered(function, target), _remainders()
    )


def _is_code(function: Any) -> bool:
    return isinstance(function, tvm().tirx.PrimFunc)


def _remainders() -> tuple[Any, ...]:
    return tirx().FloorMod, tirx().Mod


def _has(function: Any, kinds: tuple[Any, ...]) -> bool:
    """Whether a function has an expression of one of these kinds by an even number, or one that begins anew like it."""
    found: list[Any] = []

    def look(expression: Any) -> None:
        if _is_even(expression.b):
            found.append(expression)

    def look_cast(cast: Any) -> None:
        kept, given = (str(each.ty.dtype) for each in (cast, cast.value))
        if "int" in kept and "int" in given and tvm().DataType(kept).bits < _LEAST_BITS and not _reads(cast.value):
            found.append(cast)

    def look_mask(mask: Any) -> None:
        if _constant(mask.a) is not None or _constant(mask.b) is not None:
            found.append(mask)

    looks = [(kinds, look), (tirx().Cast, look_cast), (tvm().ir.prim.expr.BitwiseAnd, look_mask)]
    tvm_ffi().structural_walk(function.body, looks)
    return bool(found)


def _is_even(divisor: Any) -> bool:
    number = _constant(divisor)
    return number is not None and number % 2 == 0


def _constant(number: Any) -> int | None:
    """Give a constant, or what stands in every lane of a constant vector."""
    if isinstance(number, tirx().Broadcast):
        return _constant(number.value)
    return int(number) if isinstance(number, tirx().IntImm) else None


def _reads(expression: Any) -> bool:
    """Whether an expression reads memory: such an index is no count of a loop."""
    found: list[Any] = []
    tvm_ffi().structural_walk(expression, (tvm().ir.TensorLoad, found.append))
    return bool(found)


def _lowered(function: Any, target: Any) -> Any:
    """Give a function as TVM hands it on, its indices simplified, up to what only packs its arguments.

    These are the steps of `tvm.s_tir.pipeline` for CPUs that change indices, in their order.
    """
    blocks, plain = tvm().s_tir.transform, tvm().tirx.transform
    steps = [
        plain.BindTarget(target),
        blocks.CanonicalizeLoop(),
        blocks.LowerInitBlock(),
        blocks.PlanAndUpdateBufferAllocationLocation(),
        blocks.ConvertBlocksToOpaque(),
        blocks.CompactBufferAllocation(),
        blocks.LowerMatchBuffer(),
        blocks.StmtSimplify(),
        blocks.LowerOpaqueBlock(),
        plain.FlattenBuffer(),
        plain.NarrowDataType(32),
        blocks.LoopPartition(),
        plain.VectorizeLoop(True),
        plain.StorageRewrite(),
        blocks.HoistIfThenElse(),
        plain.UnrollLoop(),
        blocks.RenormalizeSplitPattern(),
        plain.StmtSimplify(),
        plain.RemoveNoOp(),
    ]
    module = tvm().IRModule({"main": function.with_attr("global_symbol", "main")})
    return tvm().transform.Sequential(steps)(module)["main"]


def _without_vectoriser(target: Any) -> Any:
    said = json.loads(str(target))
    return tvm().target.Target({**said, "cl-opt": [*said.get("cl-opt", ()), *_WITHOUT_VECTORISER]})


def _called_by_name(module: Any, names: set[str]) -> Any:
    """Give the module without these functions of TVM, called by their names."""

    @relax().expr_functor.mutator
    class _ByName(relax().PyExprMutator):  # type: ignore[misc]  # a class that is imported when it is needed
        def visit_call_(self, call: Any) -> Any:
            call = super().visit_call_(call)
            if not isinstance(call.op, tvm().ir.GlobalVar) or call.op.name_hint not in names:
                return call
            return relax().Call(relax().ExternFunc(call.op.name_hint), call.args, call.attrs, call.ty_args)

    made = rewritten(_ByName(module), module)
    for variable in list(made.get_global_vars()):
        if variable.name_hint in names:
            del made[variable]
    return made
