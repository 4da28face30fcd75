"""`edgewright keygen`: a key pair to sign bundles with."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from .output import Output, pass_output
from .verb import CONTEXT, Verb


class KeyPair(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a pair; `key_id` is what a signature calls the key."""

    private: str
    public: str
    key_id: str


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Make an EC P-256 key pair: PRIVATE (key.pem when nothing is said), which signs and stays secret, and beside "
    "it the public key (key.pub), which verifies. An existing file is never overwritten.",
    examples={
        "edgewright keygen": "key.pem and key.pub in this folder",
        "edgewright keygen ~/keys/release.pem": "release.pem and release.pub",
    },
)
@click.argument("private", default="key.pem", type=click.Path(dir_okay=False, path_type=Path))
@pass_output
def keygen(output: Output, private: Path) -> int:
    """Make the pair."""
    from ..bundle.keys import generate

    public = private.with_suffix(".pub")
    pair = KeyPair(private=str(private), public=str(public), key_id=generate(private, public))
    text = f"private key  {private}\npublic key   {public}\nkey id       {pair.key_id}"
    output.show(pair, lambda console: console.print(text, markup=False, soft_wrap=True))
    output.note(f'to sign with it:  export EDGEWRIGHT_SIGNING_KEY="$(cat {private})"')
    return 0
