"""`edgewright preview`: a page on this machine where the artifacts of a bundle are run in one's own browser."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..vocabulary.errors import ConfigError, RequestError
from .output import Output, pass_output
from .verb import CONTEXT, Verb

if TYPE_CHECKING:
    from ..pipeline.config import Selection

PORT = 8740
"""The same each time, so that a browser remembers whether the page may use the camera."""


@click.command(
    cls=Verb,
    context_settings=CONTEXT,
    help="Verify a bundle (a folder or a zip) and serve a page on this machine where its artifacts are run in the "
    "browser that opens it: on golden rows, rows of data, a picture or a recording. It shows the output, how long it "
    "took, and which engine and backend ran. A bundle that is refused is not served: exit code 4. Ctrl-C ends it.",
    examples={
        "edgewright preview out/bundle --key key.pub --open": "and open the browser",
        "edgewright preview bundle.zip --key key.pub --data digits.npz --rows 100:600": "with rows to pick from",
        "edgewright preview out/bundle --key key.pub --listen 0.0.0.0": "for a phone in the same network",
    },
)
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(dir_okay=False, path_type=Path), help="The maker's public key, in PEM.")
@click.option("--data", metavar="FILE", help="An .npz with one array for each input, to pick rows from.")
@click.option("--rows", metavar="A:B", help="The rows of the data.  [default: all]")
@click.option("--labels", metavar="NAME", help="The array of the data that holds the labels.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes one that is free."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="An address of this machine alone.")
@click.option("--listen", metavar="ADDRESS", help="An address that others can reach, instead of --host.")
@click.option("--open/--no-open", "open_browser", default=False, help="Open the browser.  [default: no]")
@pass_output
def preview(
    output: Output,
    bundle: Path,
    key: Path | None,
    data: str | None,
    rows: str | None,
    labels: str | None,
    port: int,
    host: str,
    listen: str | None,
    open_browser: bool,
) -> int:
    """Serve until Ctrl-C."""
    from ..pipeline.preview.opening import open_site
    from ..pipeline.preview.server import PreviewServer

    address = _loopback(host) if listen is None else _address(listen, "--listen")
    with (
        open_site(bundle, key, _selection(data, rows, labels)) as (verified, site),
        PreviewServer(site, address, port) as server,
    ):
        manifest = verified.manifest
        document = {
            "bundle": str(bundle),
            "name": manifest.name,
            "version": manifest.version,
            "signed_by": verified.key_id,
            "url": server.url,
        }
        text = f"{manifest.name} {manifest.version}  {server.url}"
        output.show(document, lambda console: console.print(text, markup=False, soft_wrap=True))
        output.flush()
        output.note("Ctrl-C ends it")
        if open_browser:
            click.launch(server.invitation())
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            output.note("ended")
    return 0


def _selection(data: str | None, rows: str | None, labels: str | None) -> Selection | None:
    from ..pipeline.config import Selection

    if data is None:
        if rows is not None or labels is not None:
            raise RequestError("--rows and --labels say which rows of the data", hint="name the data: --data FILE.npz")
        return None
    try:
        return Selection(file=data, rows=rows, labels=labels)
    except ValueError as error:
        raise ConfigError(f"--rows: {error}", hint="100:600, 100: or :600") from error


def _loopback(host: str) -> str:
    address = _address("127.0.0.1" if host == "localhost" else host, "--host")
    if not ipaddress.ip_address(address).is_loopback:
        raise RequestError(
            f"--host {host}: others in the network could reach it",
            hint=f"if that is meant, say --listen {host}; whoever has the address with its token can then run the "
            "bundle and read it",
        )
    return address


def _address(text: str, option: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise RequestError(
            f"{option} {text}: not an IP address", hint="127.0.0.1, ::1, or an address of this machine's network"
        ) from None
