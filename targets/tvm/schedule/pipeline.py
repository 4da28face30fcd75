"""From a Relax module as it is emitted to one whose functions are fused, laid out and scheduled for a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..builder import OPAQUE
from ..toolkit import relax, tvm
from .channels_last import channels_last
from .kernels import CUT, KERNEL
from .keys import key_of
from .pack_layers import pack_layers
from .plain import plain
from .tile import Tile
from .tiled import kernel_of, tiled
from .vectors import vectors_of

_TAKES_ELEMENTWISE = 4
"""TVM's `kOutEWiseFusable`: what is computed element by element from its output may be fused to it."""


def scheduled(module: Any, target: Any, tiles: Mapping[str, Tile]) -> Any:
    """Give what `fused` gave with every function scheduled for the CPU of `target`, a `tvm.target.Target`.

    `tiles` are those that tuning found, by the key of their function (`keys.key_of`); a function without one takes the
    default of its kernel. Nothing is measured here: equal modules, targets and tiles give equal results.
    """
    made = module.clone()
    for variable, function in module.functions_items():
        if isinstance(function, tvm().tirx.PrimFunc):
            made.update_func(variable, _scheduled(function, target, tiles))
    return made


def fused(module: Any, target: Any) -> Any:
    """Give an emitted module with packed weights, channels last and fused functions, none of them scheduled.

    What is left is to lower `main` to the virtual machine's code, without any more fusing.
    """
    passes = relax().transform
    with target:
        module = pack_layers(module, vectors_of(target))
        module = tvm().transform.Sequential(
            [
                relax().backend.DispatchSampling(),
                relax().backend.DispatchSortScan(),  # sorting has functions of its own
                passes.LegalizeOps(skip_ops=["relax.permute_dims"]),
            ]
        )(module)
        module = tvm().transform.Sequential(
            [passes.LegalizeOps(), passes.AnnotateTIROpPattern(), passes.FoldConstant()]
        )(channels_last(module))
        return tvm().transform.Sequential([passes.FuseOps(), passes.FuseTIR(), passes.DeadCodeElimination()])(
            _with_patterns(module)
        )


def _with_patterns(module: Any) -> Any:
    """Say of our kernels that what follows may be fused to them, and of cuts that nothing is."""
    for variable, function in module.functions_items():
        if isinstance(function, tvm().tirx.PrimFunc):
            marks = _annotations(function)
            if KERNEL in marks:
                module.update_func(variable, function.with_attr("op_pattern", _TAKES_ELEMENTWISE))
            elif CUT in marks:
                # a kernel whose output is narrower than its tiles could not be tiled
                module.update_func(variable, function.with_attr("op_pattern", OPAQUE))
    return module


def _annotations(function: Any) -> set[str]:
    """Give the annotations of a function's blocks."""
    schedule = tvm().s_tir.Schedule(function)
    try:
        blocks = schedule.get_child_blocks(schedule.get_sblock("root"))
    except tvm().s_tir.ScheduleError:
        return set()  # statements of TVM's own, as of a scatter, stand in no block
    return {str(name) for block in blocks for name in schedule.get(block).annotations}


def _scheduled(function: Any, target: Any, tiles: Mapping[str, Tile]) -> Any:
    """Schedule one function; one for which TVM refuses a step stays as it is, slow and right."""
    vectors = vectors_of(target)
    try:
        kernel = kernel_of(function)
        if kernel is None:
            return function if relax().analysis.has_reshape_pattern(function) else plain(function)
        choices = kernel.tiles(vectors)
        tuned = tiles.get(key_of(function, target))
        return tiled(function, kernel, tuned if tuned in choices else choices[0])
    except tvm().s_tir.ScheduleError:
        return function
