"""What `edgewright inspect` says of a Core ML package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..vocabulary.errors import RequestError
from .output import Output, columns, escaped
from .units import in_bytes, in_count

if TYPE_CHECKING:
    from rich.console import Console

    from ..pipeline.look_at_package import FunctionFacts, PackageInspection
    from ..targets.coreml.interpreter.program import Feature

LARGEST = 12
"""How many weights `-v` names."""

LONG_TEXT = 200
"""Characters of a text of the metadata that are shown without `-v`: some packages carry all of their labels there."""

OWN_METADATA = "edgewright"
"""What edgewright leaves for its own runtime; shown as what it says."""


def inspect_package(output: Output, package: str, asked: Sequence[str]) -> int:
    """Show a package. `asked` are the options that were given and that only models have.

    Raises:
        RequestError: when there are such options.
        ModelError: when the package is not there, is damaged, or holds no ML Program.
    """
    from ..pipeline.look_at_package import look_at_package

    if asked:
        raise RequestError(
            f"{package} is a Core ML package; only of a model can one ask for {', '.join(asked)}",
            hint="leave it out, or inspect the model that the package was made from",
        )
    found = look_at_package(Path(package))
    output.show(found, lambda console: _text(console, found, output.settings.verbose))
    return 0


def _text(console: Console, found: PackageInspection, verbose: bool) -> None:
    console.print(f"[bold]{escaped(found.source)}[/]  ML Program", soft_wrap=True)
    facts = {
        "size": in_bytes(found.size_bytes),
        "specification": f"{found.specification}, for {found.system} and later",
    }
    if found.compute_units:
        facts["compute units"] = f"{found.compute_units} (a hint)"
    for title, value in facts.items():
        console.print(f"  {title:<15}{value}", markup=False, soft_wrap=True)
    for function in found.functions:
        console.print()
        _show_function(console, function, is_default=function.name == found.default_function)
    if found.weights:
        console.print()
        _show_storage(console, found)
        if verbose:
            console.print()
            _show_largest(console, found)
    told = {name: text for name, text in found.metadata.items() if name.partition(".")[0] != OWN_METADATA}
    if told:
        console.print()
        _show_metadata(console, told, verbose)


def _show_function(console: Console, function: FunctionFacts, *, is_default: bool) -> None:
    default = ", the default" if is_default else ""
    weights = f", weights of {in_bytes(function.weight_bytes)}" if function.weight_bytes else ""
    console.print(f"[bold]{escaped(function.name)}[/]  {function.opset}{default}{weights}", soft_wrap=True)
    places = [("in", each) for each in function.inputs] + [("state", each) for each in function.states]
    places += [("out", each) for each in function.outputs]
    width = max((len(each.name) for _, each in places), default=0)
    for way, each in places:
        predicted = "  the predicted class" if way == "out" and each.name == function.predicted else ""
        console.print(f"  {way:<6}{each.name:<{width}}  {_kind(each)}{predicted}", markup=False, soft_wrap=True)
    ops = sorted(function.operations.items(), key=lambda item: (-item[1], item[0]))
    console.print(columns([f"{count:>4} {op}" for op, count in ops], console.width, indent=2), markup=False)


def _kind(feature: Feature) -> str:
    """Say what a feature is: `float32[1..8, 3, 32, 32]`, `image rgb 224 × 224`, `dictionary`."""
    if feature.kind == "image":
        sizes = [feature.shape, *(each for each in feature.shapes if each != feature.shape)]
        shown = " or ".join(" × ".join(map(str, each)) for each in sizes)
        if feature.ranges:
            shown = " × ".join(_range(*each) for each in feature.ranges)
        words = f"image {feature.colour} {shown} (height × width)"
    elif feature.kind in ("tensor", "state"):
        sizes = [feature.shape, *(each for each in feature.shapes if each != feature.shape)]
        shown = " or ".join(f"[{', '.join(map(str, each))}]" for each in sizes)
        if feature.ranges:
            shown = f"[{', '.join(_range(*each) for each in feature.ranges)}]"
        words = f"{feature.dtype}{shown if feature.shape or feature.ranges else '[…]'}"
    else:
        words = feature.kind
    default = "" if feature.default is None else f", {feature.default:g} where it is not given"
    optional = f"  optional{default}" if feature.optional else ""
    said = f"  {' '.join(feature.description.split())}" if feature.description else ""
    return f"{words}{optional}{said}"


def _range(low: int, high: int | None) -> str:
    return str(low) if low == high else f"{low}..{'' if high is None else high}"


def _show_storage(console: Console, found: PackageInspection) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("weights")
    for title in ("number", "elements", "stored", "bits each"):
        table.add_column(title, justify="right")
    for each in found.storage:
        bits = f"{each.size_bytes * 8 / each.elements:.2f}" if each.elements else ""
        table.add_row(f"  {each.storage}", str(each.weights), in_count(each.elements), in_bytes(each.size_bytes), bits)
    if len(found.storage) > 1:
        number, elements = (sum(getattr(each, name) for each in found.storage) for name in ("weights", "elements"))
        bits = f"{found.weight_bytes * 8 / elements:.2f}" if elements else ""
        table.add_row("  all", str(number), in_count(elements), in_bytes(found.weight_bytes), bits)
    shared = [each for each in found.weights if len(each.functions) > 1]
    if len(found.functions) > 1:
        elements = sum(each.elements for each in shared)
        table.add_row(
            "  shared", str(len(shared)), in_count(elements), in_bytes(sum(each.size_bytes for each in shared))
        )
    console.print(table)


def _show_largest(console: Console, found: PackageInspection) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("largest weights", overflow="fold")
    table.add_column("")
    table.add_column("stored as")
    table.add_column("bytes", justify="right")
    several = len(found.functions) > 1
    for each in found.weights[:LARGEST]:
        where = f" ({', '.join(each.functions)})" if several else ""
        table.add_row(
            escaped(f"  {each.name}{where}"),
            escaped(f"{each.dtype}[{', '.join(map(str, each.shape))}]"),
            each.storage,
            in_bytes(each.size_bytes),
        )
    console.print(table)
    if len(found.weights) > LARGEST:
        rest = found.weights[LARGEST:]
        console.print(
            f"  and {len(rest)} more, {in_bytes(rest[0].size_bytes)} and smaller", markup=False, soft_wrap=True
        )


def _show_metadata(console: Console, told: Mapping[str, str], verbose: bool) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("metadata", no_wrap=True)
    table.add_column("", overflow="fold")
    for name, text in told.items():
        words = " ".join(text.split())
        shown = words if verbose or len(words) <= LONG_TEXT else f"{words[:LONG_TEXT]}…"
        table.add_row(escaped(f"  {name}"), escaped(shown))
    console.print(table)
