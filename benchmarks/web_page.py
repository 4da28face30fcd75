"""A Chromium and the pages of `web/race.html` in it, served from this machine with cross-origin isolation."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from edgewright.devices.web.chromium import FLAGS, OF_BACKEND
from edgewright.devices.web.find import find_chromium, no_chromium

BACKENDS = tuple(dict.fromkeys(flag for flags in OF_BACKEND.values() for flag in flags))
"""All backends in one browser: WebGL and WebGPU are computed by the processor where there is no graphics card."""
PAGE_LIMIT_MS = 300_000


class Handler(SimpleHTTPRequestHandler):
    """Serves folders by the first part of a path, with the headers without which pages have no threads."""

    extensions_map = {  # noqa: RUF012 - an attribute of the base class, which does not call it a ClassVar
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def __init__(self, *arguments: Any, folders: Mapping[str, Path], **options: Any) -> None:
        self.folders = folders
        super().__init__(*arguments, **options)

    def translate_path(self, path: str) -> str:
        first, _, rest = path.partition("?")[0].lstrip("/").partition("/")
        return str(self.folders[first] / rest) if first in self.folders and ".." not in rest else "/nowhere"

    def end_headers(self) -> None:
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def served(folders: Mapping[str, Path]) -> Iterator[str]:
    """The address under which the folders are served, `http://127.0.0.1:4321`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, folders=folders))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Chromium:
    """One browser; every race is a page of its own in it."""

    def __init__(self, browser: Any, address: str) -> None:
        self._browser, self._address = browser, address
        self.version: str = browser.version

    def race(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Run `window.race` of `web/race.js`, which see."""
        page = self._browser.new_page()
        page.set_default_timeout(PAGE_LIMIT_MS)
        try:
            page.goto(f"{self._address}/page/race.html")
            page.wait_for_function("window.race && crossOriginIsolated")
            found: dict[str, Any] = page.evaluate("asked => window.race(asked)", asked)
        finally:
            page.close()
        return found


@contextmanager
def chromium(folders: Mapping[str, Path], executable: str | None) -> Iterator[Chromium]:
    """A browser in which `folders` are served."""
    from playwright.sync_api import sync_playwright

    found = find_chromium(executable)
    if found is None:
        raise no_chromium()
    with served(folders) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=[*FLAGS, *BACKENDS], chromium_sandbox=os.geteuid() != 0
        )
        try:
            yield Chromium(browser, address)
        finally:
            browser.close()
