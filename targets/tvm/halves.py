"""Weights that a library holds as halves, and makes floats of once, when it is loaded."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .runtime import WEIGHTS
from .toolkit import relax, tvm

_LEAST_ELEMENTS: Final = 1024
"""What is smaller takes less than the code that would convert it."""


def with_stored_halves(module: Any) -> tuple[Any, int]:
    """Give a module whose `main` takes large weights as arguments, and how many.

    Those are float32 constants whose every number is a half: storing them so changes nothing. `weights` gives them.
    """
    outside = _outside_class()()
    main = module["main"]
    body = outside.visit_expr(main.body)
    if not outside.taken:
        return module, 0
    changed = relax().Function([*main.params, *outside.taken], body, main.ret_ty, main.is_pure, main.attrs)
    module = module.clone()
    module["main"] = changed
    module[WEIGHTS] = _giving(outside.halves)
    # a reshape stays one: the virtual machine has it, and it copies nothing
    return relax().transform.LegalizeOps(skip_ops=["relax.reshape"])(module), len(outside.taken)


def _giving(halves: list[NDArray[np.float16]]) -> Any:
    block = relax().BlockBuilder()
    with block.function(WEIGHTS, []):
        with block.dataflow():
            # in one row: those of as many elements share their code, whatever their shapes
            rows = [block.emit(relax().op.astype(relax().const(half.reshape(-1)), "float32")) for half in halves]
            floats = [block.emit(relax().op.reshape(row, half.shape)) for row, half in zip(rows, halves, strict=True)]
            given = block.emit_output(relax().Tuple(floats))
        block.emit_func_output(given)
    return block.get()[WEIGHTS]


def _outside_class() -> Any:
    """Give the class of what puts variables in the place of constants; made late, as its base is TVM's."""

    @relax().expr_functor.mutator
    class Outside(relax().PyExprMutator):  # type: ignore[misc]  # a base that is known only now
        def __init__(self) -> None:
            super().__init__()
            self.constants: list[Any] = []
            self.halves: list[NDArray[np.float16]] = []
            self.taken: list[Any] = []

        def visit_generic_const_(self, constant: Any) -> Any:
            if not isinstance(constant.value, tvm().runtime.Tensor):
                return constant
            for known, variable in zip(self.constants, self.taken, strict=True):
                if known.same_as(constant):
                    return variable
            array = constant.value.numpy()
            if array.dtype != np.float32 or array.size < _LEAST_ELEMENTS:
                return constant
            with np.errstate(over="ignore"):
                halves = array.astype(np.float16)
            if not np.array_equal(halves.astype(np.float32), array, equal_nan=True):
                return constant
            self.constants.append(constant)
            self.halves.append(halves)
            self.taken.append(relax().Var(f"weight_{len(self.taken)}", constant.ty))
            return self.taken[-1]

    return Outside
