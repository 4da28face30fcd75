"""How a project is named on the command line; shared by the verbs that work on one."""

from __future__ import annotations

from pathlib import Path

import click

project_option = click.option(
    "-C",
    "--project",
    "folder",
    type=click.Path(path_type=Path),
    help="The folder of a project file, or the file.  [default: this folder]",
)
"""`-C`, `--project`; None when it was not given."""
