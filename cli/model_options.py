"""How a model is named on the command line; shared by the verbs that take one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

C = TypeVar("C", bound=Callable[..., object])

MODEL_HELP = "MODEL is model.onnx, model.pt2, file.py:factory or package.module:factory."

_OPTIONS = (
    click.option("--arg", "args", multiple=True, metavar="TEXT", help="An argument of the factory; repeat it."),
    click.option(
        "--input",
        "inputs",
        multiple=True,
        metavar="NAME=DTYPE[SIZES]",
        help="What a factory's model takes: 'image=float32[batch,3,32,32]'; repeat it.",
    ),
    click.option("--output", "outputs", multiple=True, metavar="NAME", help="Name of an output, in order; repeat it."),
    click.option("--dim", "dims", multiple=True, metavar="NAME=SIZE", help="Fix a symbolic dimension; repeat it."),
)


def model_options(verb: C) -> C:
    """Add `--arg`, `--input`, `--output` and `--dim`, the keyword arguments of `pipeline.adhoc.model_section`."""
    for option in reversed(_OPTIONS):
        verb = option(verb)
    return verb
