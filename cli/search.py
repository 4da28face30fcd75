"""`edgewright search`: which recipe is best for each target, by accuracy, latency and size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .names import TARGET_NAME
from .output import Output, pass_output, path_from_here
from .project_option import project_option
from .verb import CONTEXT, Verb
from .write_whole import write_whole

if TYPE_CHECKING:
    from rich.console import Console

    from ..profiles.recipe_search import RecipeSearch


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Try recipes for the targets of a project: each is compiled, run over the tuning rows and timed on the first "
    "device that opens what all of them make. Shows those that no other one beats in drop, latency and size, and "
    "leaves search.json and search.html. The evaluation rows are not looked at. Everything is kept in the cache: a "
    "search begun again goes on.",
    examples={
        "edgewright search": "by the edgewright.toml of this folder",
        "edgewright search -C examples/digits -t tflite --trials 40": "another project, one target of it",
        "edgewright search --json": "every trial, for programs",
    },
)
@project_option
@click.option("-t", "--target", "targets", multiple=True, type=TARGET_NAME, help="A target; repeat it.")
@click.option("--trials", type=click.IntRange(min=1), default=24, show_default=True, help="At most so many, for all.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another one, another search.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), help="Folder of the record.  [default: out beside the project file]"
)
@pass_output
def search(
    output: Output, folder: Path | None, targets: tuple[str, ...], trials: int, seed: int, out: Path | None
) -> int:
    """Search, write the record, and show what is best."""
    from ..pipeline.config import load_project, with_targets
    from ..pipeline.search import search_recipes
    from ..profiles.search_view import render_search_html
    from ..vocabulary.codec import encode_json

    project = with_targets(load_project(folder or Path()), targets)
    with output.progress() as progress:
        found = search_recipes(project, trials=trials, seed=seed, progress=progress)
    out = out or project.folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    write_whole(out / "search.json", encode_json(found).decode(), overwrite=True)
    write_whole(out / "search.html", render_search_html(found), overwrite=True)
    output.show(found, lambda console: _text(console, found, out))
    return 0


def _text(console: Console, found: RecipeSearch, out: Path) -> None:
    from ..profiles.search_view import render_search

    console.print(render_search(found))
    console.print(f"record  {path_from_here(out / 'search.json')}, and search.html beside it", soft_wrap=True)
