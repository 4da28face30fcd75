"""What targets answer alike to a request that they cannot meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..vocabulary.errors import RefusedError, RequestError
from .artifact import Coverage
from .base import Options, Target

if TYPE_CHECKING:
    from ..vocabulary.signature import Signature


def check_format(target: Target, options: Options) -> None:
    """Check that a target writes the format that is asked for.

    Raises:
        RequestError: when it does not.
    """
    if options.format not in target.formats:
        known = [repr(name) for name in target.formats if name]
        raise RequestError(
            f"{target.name} has no format {options.format!r}",
            hint=f"known: {', '.join(known)}, or leave the format out" if known else "leave the format out",
        )


def check_floats(target: Target, options: Options) -> None:
    """Check, for a target that has no inputs and outputs of integers to give, that none are asked for.

    Raises:
        RequestError: when they are.
    """
    if options.io != "float":
        raise RequestError(f"{target.name} has no io {options.io!r}", hint="leave io out, or ask another target for it")


def check_layouts(target: Target, signature: Signature, options: Options) -> None:
    """Check, for a target that keeps the layouts of the source, that no other is asked for.

    Raises:
        RequestError: when one is, or `layout` names what is no input or output.
    """
    layouts = {spec.name: spec.layout for spec in (*signature.inputs, *signature.outputs)}
    for name, layout in options.layout.items():
        if layouts.get(name) != layout:
            raise RequestError(
                f"{target.name} keeps the source's layout: {name} cannot be {layout}",
                hint="leave layout out, or ask another target for it",
            )


def check_coverage(target: str, coverage: Coverage) -> None:
    """Check that a target can say every node.

    Raises:
        RefusedError: when it cannot; the message names every such node with its reason.
    """
    refused = coverage.refused
    if refused:
        lines = "".join(f"\n  {entry.node} ({entry.op}): {entry.detail}" for entry in refused)
        raise RefusedError(
            f"{target} cannot say all of the model, {len(refused)} refused:{lines}",
            hint="change these nodes in the source model, or build it for the target onnxruntime",
        )
