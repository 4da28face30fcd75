"""`edgewright init`: a commented project file, written by looking at a model and its data."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from .model_options import MODEL_HELP, model_options
from .output import Output, pass_output
from .verb import CONTEXT, Verb


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and from what."""

    path: str
    model: str
    data: str | None
    labels: str | None
    metric: str | None
    targets: tuple[str, ...]


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Write a commented edgewright.toml into this folder (or -C) by looking at a model and its data. "
    + MODEL_HELP
    + " Without MODEL or --data, the only .onnx or .pt2 and the only .npz of the folder are taken.",
    examples={
        "edgewright init": "look at what is in this folder",
        "edgewright init model.onnx --data test.npz --labels label": "say which",
        "edgewright init net.py:load --arg weights.pt --input 'image=float32[batch,3,32,32]'": "a PyTorch model",
    },
)
@click.argument("model", required=False)
@click.option("--data", metavar="NPZ", help="Rows of data, one array for each input.")
@click.option("--labels", metavar="NAME", help="The array that holds the labels.")
@click.option(
    "-C",
    "--project",
    "folder",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=Path(),
    help="Where to write.  [default: this folder]",
)
@click.option("--force", is_flag=True, help="Overwrite the project file that is there.")
@model_options
@pass_output
def init(
    output: Output,
    /,
    model: str | None,
    data: str | None,
    labels: str | None,
    folder: Path,
    force: bool,
    **said: tuple[str, ...],
) -> int:
    """Look, draft, check the draft by reading it back, and write it whole."""
    from ..pipeline.config import PROJECT_FILE, parse_project
    from ..vocabulary.errors import ConfigError
    from .draft import draft_of, find_data, find_model
    from .template import project_text
    from .write_whole import write_whole

    path = folder / PROJECT_FILE
    if path.exists() and not force:
        raise ConfigError(f"{path} is already there", hint="--force overwrites it")
    source = model or find_model(folder)
    chosen = data or (None if model else find_data(folder))
    with output.progress() as progress:
        draft = draft_of(
            source,
            said=said,
            data=chosen,
            labels=labels,
            folder=folder,
            progress=progress,
        )
    text = project_text(draft)
    parse_project(text, folder=folder, where=str(path))
    write_whole(path, text, overwrite=force)
    written = Written(
        path=str(path),
        model=draft.source,
        data=draft.data.file if draft.data else None,
        labels=draft.data.labels if draft.data else None,
        metric=draft.metric,
        targets=tuple(target.name for target in draft.targets if target.is_taken),
    )
    output.show(written, lambda console: console.print(f"wrote {path}", markup=False, soft_wrap=True))
    output.note("read it through, then: edgewright build" + ("" if folder == Path() else f" -C {folder}"))
    return 0
