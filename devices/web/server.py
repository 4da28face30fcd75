"""Serves one job on 127.0.0.1: the page, the engines, the artifact's files, the inputs; takes outputs and the result.

Every address begins with a token that only the page is told, and requests for another host are refused, so that neither
another user of this machine nor another page in a browser reads or writes anything. The pages are cross-origin isolated
(`SharedArrayBuffer`, a fine clock) and may load from here alone.
"""

from __future__ import annotations

import hmac
import json
import mimetypes
import secrets
import shutil
import threading
from collections.abc import Iterable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from . import message
from .exchange import Exchange

TYPES: Final = {".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
HEADERS: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    # engines make workers of blobs; nothing comes from anywhere else
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; "
    "worker-src 'self' blob:; "
    "connect-src 'self' blob: data:; img-src 'self' data:",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
PAGE: Final = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>edgewright</title>
<link rel="icon" href="data:,">
<script type="module" src="dist/job.js"></script>
"""
RESULT_BYTES: Final = 100_000_000
"""No result is longer: eight million latencies."""


class JobServer:
    """Serves an exchange from threads of its own until it is closed."""

    def __init__(self, exchange: Exchange, dist: Path) -> None:
        """Take a port; `dist` holds the built files. Nothing is answered before `start`."""
        self.exchange, self.dist = exchange, dist
        self._token = secrets.token_urlsafe(24)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.jobs = self
        self.host = f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The page's address, which ends with `/`."""
        return f"http://{self.host}/{self._token}/"

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="edgewright-job", daemon=True).start()

    def close(self) -> None:
        """Answer no longer."""
        self._server.shutdown()
        self._server.server_close()

    def knows(self, token: str) -> bool:
        """Whether an address begins as it must."""
        return hmac.compare_digest(token.encode(), self._token.encode())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    jobs: JobServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a page that is gone before its answer is no fault, and all else ends in the exchange."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class has it
        """Log nothing: what goes wrong is an answer."""

    def _answer(self, route: Any) -> None:
        jobs = self.server.jobs
        _, token, path = [*self.path.split("/", 2), "", ""][:3]
        if self.headers.get("Host") != jobs.host or not jobs.knows(token):
            self.close_connection = True  # what else it sends is not read
            self._send(HTTPStatus.FORBIDDEN, b"no\n")
            return
        try:
            route(unquote(path), jobs.exchange)
        except (ValueError, OSError, KeyError, TypeError) as error:
            if isinstance(error, ConnectionError):
                raise
            self.close_connection = True
            jobs.exchange.fail(str(error))
            self._send(HTTPStatus.BAD_REQUEST, str(error).encode())

    def _get(self, path: str, exchange: Exchange) -> None:
        where, _, rest = path.partition("/")
        if path == "":
            self._send(HTTPStatus.OK, PAGE, "text/html; charset=utf-8")
        elif path == "task":
            self._send(HTTPStatus.OK, json.dumps(exchange.task()).encode(), "application/json")
        elif where == "dist":
            if not self._send_file(self.server.jobs.dist, rest):
                exchange.fail(f"the page asks for {rest}, which is not built")
        elif where == "artifact" and exchange.folder is not None:
            self._send_file(exchange.folder, rest)
        elif where == "rows":
            parts = [part for inputs in exchange.calls_from(int(rest)) for part in message.write(inputs)]
            self._send_parts(HTTPStatus.OK, parts, sum(map(len, parts)), "application/octet-stream")
        else:
            self._send(HTTPStatus.NOT_FOUND, b"nothing\n")

    def _post(self, path: str, exchange: Exchange) -> None:
        length = int(self.headers["Content-Length"])
        where, _, rest = path.partition("/")
        if where == "rows":
            exchange.keep(int(rest), message.read(self.rfile, length))
        elif length > RESULT_BYTES:
            raise ValueError(f"the page says {length} bytes of {path}")
        elif path == "ready":
            exchange.ready(json.loads(self.rfile.read(length)))
        elif path == "result":
            exchange.finish(json.loads(self.rfile.read(length)))
        elif path == "error":
            exchange.fail(json.loads(self.rfile.read(length))["error"])
        else:
            self.close_connection = True
            self._send(HTTPStatus.NOT_FOUND, b"nothing\n")
            return
        self._send(HTTPStatus.NO_CONTENT, b"")

    def _send_file(self, folder: Path, name: str) -> bool:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()) or not path.is_file():
            self._send(HTTPStatus.NOT_FOUND, b"nothing\n")
            return False
        kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        with path.open("rb") as file:
            self._send_parts(HTTPStatus.OK, [], path.stat().st_size, kind)
            shutil.copyfileobj(file, self.wfile, 1 << 20)
        return True

    def _send(self, status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        self._send_parts(status, [body], len(body), kind)

    def _send_parts(self, status: HTTPStatus, parts: Iterable[bytes | memoryview], length: int, kind: str) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length))
        self.end_headers()
        for part in parts:
            self.wfile.write(part)
