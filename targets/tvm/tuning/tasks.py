"""What there is to tune in a module: its different functions around a kernel, and how often each is called."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ..mutating import op_name
from ..schedule.keys import key_of
from ..schedule.tile import Tile
from ..schedule.tiled import kernel_of
from ..schedule.vectors import vectors_of
from ..toolkit import tvm


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A function of TVM, not scheduled, that `main` calls `calls` times; `constants` are the places of its weights."""

    key: str
    name: str
    function: Any
    tiles: tuple[Tile, ...]
    calls: int
    constants: tuple[int, ...]


def tasks_of(module: Any, target: Any) -> list[Task]:
    """Give the tasks of what `schedule.pipeline.fused` gave, in the order in which they are called first."""
    calls: Counter[Any] = Counter()
    constants: dict[Any, tuple[int, ...]] = {}
    for block in module["main"].body.blocks:
        for binding in block.bindings:
            value = binding.value
            if op_name(value) == "relax.call_tir":
                function, operands = value.args
                calls[function] += 1
                constants[function] = tuple(
                    place for place, operand in enumerate(operands) if isinstance(operand, tvm().ir.GenericConst)
                )
    tasks: dict[str, Task] = {}
    for variable, count in calls.items():
        function = module[variable]
        kernel = kernel_of(function)
        if kernel is None:
            continue
        key = key_of(function, target)
        known = tasks.get(key)
        tasks[key] = Task(
            key=key,
            name=_name(function, kernel.kind),
            function=function,
            tiles=tuple(kernel.tiles(vectors_of(target))),
            calls=count + (known.calls if known else 0),
            constants=constants[variable],
        )
    return [*tasks.values()]


def _name(function: Any, kind: str) -> str:
    """Name a function for people, by what it is and the shapes of its largest input and its output."""
    shapes = [[int(size) for size in parameter.shape] for parameter in function.params]
    text = ["×".join(str(size) for size in shape) for shape in (shapes[0], shapes[1], shapes[-1])]
    return f"{kind} {text[0]} by {text[1]} to {text[2]}"
