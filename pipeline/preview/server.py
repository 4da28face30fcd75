"""Serves a site to one person's browser, and to nobody else.

Everything lies below a token that only the printed address holds, so that other users of the machine and other pages
in the browser see nothing. A `Host` that is a name is refused: a page from elsewhere whose name was rebound to this
address would be of this origin otherwise. The headers isolate the page, which wasm threads ask for, and forbid it to
load anything from anywhere else.
"""

from __future__ import annotations

import errno
import ipaddress
import secrets
import socket
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from ...vocabulary.errors import RequestError
from .site import Answer, Site

HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; "
        "img-src 'self' blob:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Sent with every answer. Workers of wasm threads are made of blobs by the engines themselves."""

IDLE_S = 60.0
"""How long a connection may stay open without a request."""


class PreviewServer(ThreadingHTTPServer):
    """A site on one address; `url` is where a person finds it. Used in a `with`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, site: Site, host: str, port: int) -> None:
        """Take an IP address and a port, 0 for one that is free.

        Raises:
            RequestError: when the address is none of this machine's, or the port is taken.
        """
        self.site = site
        self.token = secrets.token_urlsafe(16)
        self._invitation = ""
        self._inviting = threading.Lock()
        self.host = ipaddress.ip_address(host)
        self.address_family = socket.AF_INET6 if self.host.version == 6 else socket.AF_INET
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise _unopened(host, port, error) from error

    def server_bind(self) -> None:
        """Take the address as it is; the base class would ask a name server what it is called."""
        TCPServer.server_bind(self)
        self.server_port = int(self.server_address[1])

    @property
    def url(self) -> str:
        """The address with the token. An address that stands for all of the machine's is shown as one of them."""
        return f"{self._origin}{self.path}"

    @property
    def path(self) -> str:
        """Where on this server the site lies."""
        return f"/{self.token}/"

    @property
    def _origin(self) -> str:
        shown = _own_address(self.host.version) if self.host.is_unspecified else str(self.host)
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.server_port}"

    def invitation(self) -> str:
        """Give an address that leads to the site once; a new one each time.

        It is for a program that is told it by its command line, which other users of the machine may read.
        """
        with self._inviting:
            self._invitation = secrets.token_urlsafe(16)
            return f"{self._origin}/{self._invitation}"

    def takes_invitation(self, token: str) -> bool:
        """Whether this is the invitation; it is void from now on."""
        with self._inviting:
            if not self._invitation or not secrets.compare_digest(token.encode(), self._invitation.encode()):
                return False
            self._invitation = ""
            return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that went away in the middle of an answer."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: PreviewServer
    protocol_version = "HTTP/1.1"
    server_version = "edgewright"
    sys_version = ""
    timeout = IDLE_S

    def do_GET(self) -> None:
        answer = self._answer()
        self._send(answer, answer.body)

    def do_HEAD(self) -> None:
        self._send(self._answer(), b"")

    def _answer(self) -> Answer:
        if not _is_address(self.headers.get("Host", ""), self.server.server_port):
            return _refused("ask for this page by its address, as `edgewright preview` printed it, not by a name")
        token, _, path = unquote(self.path.partition("?")[0]).removeprefix("/").partition("/")
        if self.server.takes_invitation(token):
            return Answer(status=HTTPStatus.SEE_OTHER, content_type="text/plain", body=b"", location=self.server.path)
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            return _refused("the address lacks its token: use the one that `edgewright preview` printed")
        return self.server.site.answer(path)

    def _send(self, answer: Answer, body: bytes) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if answer.location is not None:
            self.send_header("Location", answer.location)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's own word
        """Keep still: the terminal is the person's."""


def _is_address(host: str, port: int) -> bool:
    """Whether a `Host` names this port of an IP address, or of localhost, which no name server can rebind."""
    try:
        parts = urlsplit(f"//{host}")
        name, given_port = parts.hostname or "", parts.port or 80
        return given_port == port and (name == "localhost" or bool(ipaddress.ip_address(name)))
    except ValueError:
        return False


def _refused(message: str) -> Answer:
    return Answer(status=HTTPStatus.FORBIDDEN, content_type="text/plain; charset=utf-8", body=f"{message}\n".encode())


def _unopened(host: str, port: int, error: OSError) -> RequestError:
    if error.errno == errno.EADDRINUSE:
        return RequestError(
            f"port {port} of {host} is taken", hint="end what listens there, or name another: --port 0 finds a free one"
        )
    if error.errno == errno.EACCES:
        return RequestError(f"port {port} may not be opened: {error.strerror}", hint="use one from 1024 up")
    return RequestError(
        f"{host} port {port} cannot be opened: {error.strerror}", hint="name an address of this machine"
    )


def _own_address(version: int) -> str:
    """Give the address that this machine has towards others; no packet is sent for it."""
    family, far = (socket.AF_INET6, "2001:db8::1") if version == 6 else (socket.AF_INET, "192.0.2.1")
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((far, 9))
        except OSError:
            return "::1" if version == 6 else "127.0.0.1"
        return str(probe.getsockname()[0])
