"""`edgewright completion`: the completion script of a shell."""

from __future__ import annotations

import click

from .output import Output, pass_output
from .verb import CONTEXT, Verb


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Print the completion script of a shell: verbs, options, files, and the names of targets and recipes.",
    examples={
        'eval "$(edgewright completion bash)"': "for this shell",
        "edgewright completion bash >> ~/.bashrc": "for every new bash",
        "edgewright completion zsh > ~/.zfunc/_edgewright": "for zsh, in a folder on $fpath",
        "edgewright completion fish > ~/.config/fish/completions/edgewright.fish": "for fish",
    },
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_output
def completion(output: Output, shell: str) -> int:
    """Print the script that click makes for the shell."""
    from click.shell_completion import get_completion_class

    from .main import COMPLETION_VARIABLE, PROGRAM, group

    maker = get_completion_class(shell)
    assert maker is not None, "click knows the shells of the choice"
    script = maker(group, {}, PROGRAM, COMPLETION_VARIABLE).source()
    output.show(
        {"shell": shell, "script": script},
        lambda console: console.print(script, markup=False, soft_wrap=True, end=""),
    )
    return 0
