"""Moves changes of layout out of the way: what stands between two layers works on images of channels last too.

A function of TVM that takes a permuted image is changed to take the image as it lies, and to give its own images in
that order; the change of order then stands behind it, and meets its own inverse in front of the next layer. The
change of a function is `s_tir.Schedule.transform_layout`, which keeps what is computed whatever that is.
"""

from __future__ import annotations

from typing import Any

from ..mutating import op_name, rewritten
from ..toolkit import relax, tvm
from .blocks import takes_addresses
from .pack_layers import TO_CHANNELS_FIRST, TO_CHANNELS_LAST


def channels_last(module: Any) -> Any:
    """Give a module whose operators but `permute_dims` are functions of TVM with few permutations left."""

    @relax().expr_functor.mutator
    class _ChannelsLast(relax().PyExprMutator):  # type: ignore[misc]  # a class that is imported when it is needed
        def __init__(self, module: Any) -> None:
            super().__init__(module)
            self.functions = module
            self.beneath: dict[Any, Any] = {}
            """Variable → what lies beneath it: the same image with channels last."""
            self.above: dict[Any, Any] = {}

        def visit_var_binding_(self, binding: Any) -> None:
            value, inner = binding.value, isinstance(binding.var, relax().DataflowVar)
            if not inner or not (self._permutes(binding.var, value) or self._calls(binding.var, value)):
                super().visit_var_binding_(binding)

        def visit_var_(self, variable: Any) -> Any:
            return self._with_channels_first(variable, super().visit_var_)

        def visit_dataflow_var_(self, variable: Any) -> Any:
            return self._with_channels_first(variable, super().visit_dataflow_var_)

        def _with_channels_first(self, variable: Any, otherwise: Any) -> Any:
            if variable not in self.beneath:
                return otherwise(variable)
            if variable not in self.above:
                permuted = relax().op.permute_dims(self.beneath[variable], TO_CHANNELS_FIRST)
                self.above[variable] = self.builder_.emit(permuted)
            return self.above[variable]

        def _permutes(self, variable: Any, value: Any) -> bool:
            if op_name(value) != "relax.permute_dims" or value.attrs.axes is None:
                return False
            axes, image = [int(axis) for axis in value.attrs.axes], value.args[0]
            if axes == TO_CHANNELS_FIRST:
                self.beneath[variable] = self.visit_expr(image)
                return True
            if axes == TO_CHANNELS_LAST and image in self.beneath:
                self.set_var_remap(variable, self.beneath[image])
                return True
            return False

        def _calls(self, variable: Any, value: Any) -> bool:
            if op_name(value) != "relax.call_tir" or len(value.args) != 2 or len(value.ty_args) != 1:
                return False
            function, operands = value.args
            result = value.ty_args[0]
            images = [place for place, operand in enumerate(operands) if operand in self.beneath]
            if not images or not isinstance(result, relax().TensorType):
                return False
            turns = result.ndim == 4
            changed = _changed(self.functions[function], images, [len(operands)] if turns else [])
            if changed is None:
                return False
            given = [
                self.beneath[operand] if place in images else self.visit_expr(operand)
                for place, operand in enumerate(operands)
            ]
            shape = [result.shape.values[axis] for axis in (TO_CHANNELS_LAST if turns else range(result.ndim))]
            held = self.builder_.add_func(changed, function.name_hint)
            made = relax().call_tir(held, relax().Tuple(given), relax().TensorType(shape, result.dtype))
            if turns:
                self.beneath[variable] = self.builder_.emit(made)
            else:
                self.set_var_remap(variable, self.builder_.emit(made))
            return True

    return relax().transform.DeadCodeElimination()(rewritten(_ChannelsLast(module), module))


def _changed(function: Any, taken: list[int], given: list[int]) -> Any:
    """Give a function of TVM with some of its parameters laid out with channels last; None when it cannot be had."""
    if takes_addresses(function):
        return None
    schedule = tvm().s_tir.Schedule(function)
    for place in [*taken, *given]:
        if len(function.params[place].shape) != 4:
            return None
        try:
            _turn(schedule, place)
        except RuntimeError:
            return None
    return schedule.mod["main"]


def _turn(schedule: Any, place: int) -> None:
    """Lay one parameter out with channels last, by the first block that reads or writes it."""
    function = schedule.mod["main"]
    buffer = function.params[place]
    for block in schedule.get_child_blocks(schedule.get_sblock("root")):
        held = schedule.get(block)
        for kind, regions in (("read", held.reads), ("write", held.writes)):
            for index, region in enumerate(regions):
                if region.source.same_as(buffer):
                    schedule.transform_layout(block, (kind, index), lambda n, c, h, w: [n, h, w, c])
                    return
    raise RuntimeError("no block uses the parameter")
