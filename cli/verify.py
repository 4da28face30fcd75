"""`edgewright verify`: whether a bundle is what its maker signed, and still equal to the original."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from ..vocabulary.errors import EdgewrightError
from .failure import Failure
from .output import UNBOUNDED, Output, escaped, pass_output
from .verb import CONTEXT, Verb

if TYPE_CHECKING:
    from rich.console import Console

    from ..pipeline.check import VerifyResult


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Check bundles (folders or zips): the exact list of files, every digest, the signature, and parity again on "
    "the golden vectors, for each artifact whose runtime is here. Leaves with 4 when the signature or a file is "
    "refused, an unsigned bundle included.",
    examples={
        "edgewright verify out/bundle --key key.pub": "a bundle as a folder",
        "edgewright verify kws.zip kws-old.zip --key key.pub": "several, as zips",
    },
)
@click.argument("bundles", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(dir_okay=False, path_type=Path), help="The maker's public key, in PEM.")
@pass_output
def verify(output: Output, bundles: tuple[Path, ...], key: Path | None) -> int:
    """Verify every bundle, whatever is found out about the others."""
    from ..pipeline.check import verify as verify_bundle
    from ..pipeline.result import first_exit_code

    results, refused = [], []
    with output.progress() as progress:
        for bundle in bundles:
            try:
                results.append(verify_bundle(bundle, key, progress))
            except EdgewrightError as error:
                if len(bundles) == 1:
                    raise
                refused.append(Refused(bundle, Failure.of(error)))
    document = {
        "bundles": results,
        "refused": [{"bundle": str(each.bundle), **each.failure.document()} for each in refused],
    }
    output.show(document, lambda console: _text(console, results, refused))
    return first_exit_code({result.exit_code for result in results} | {each.failure.exit_code for each in refused})


class Refused(NamedTuple):
    """A bundle of several that could not be believed."""

    bundle: Path
    failure: Failure


def _text(console: Console, results: list[VerifyResult], refused: list[Refused]) -> None:
    from rich.table import Table

    from ..profiles.wording import TIERS

    for result in results:
        console.print(f"[bold]{result.name} {result.version}[/]", highlight=False)
        facts = {
            "bundle": str(result.bundle),
            "signed by": result.signed_by,
            "files": f"{result.files} besides the signature, each with the digest that was signed",
        }
        for title, value in facts.items():
            console.print(f"  {title:<11}{value}", markup=False, soft_wrap=True)
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("  artifact")
        table.add_column("parity")
        table.add_column("evidence")
        table.add_column("", overflow="fold")
        for row in result.rows:
            verdict = f"[{_COLOURS[row.verdict]}]{row.verdict}[/]"
            table.add_row(f"  {escaped(row.artifact)}", verdict, TIERS[row.evidence], escaped("; ".join(row.reasons)))
        console.print(table)
    for each in refused:
        console.print(f"[bold red]refused: {escaped(str(each.bundle))}[/]", soft_wrap=True)
        width = None if console.width == UNBOUNDED else console.width
        console.print(each.failure.text(width=width, colour=False), markup=False, soft_wrap=True)


_COLOURS = {"pass": "green", "fail": "bold red", "not-run": "yellow"}
