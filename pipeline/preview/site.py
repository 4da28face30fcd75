"""What the preview answers to each path. No sockets here: a path goes in, bytes come out."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import numpy as np

from ...bundle.content import SignedContent
from ...bundle.verify import Verified
from ...targets.runtime import Array
from ...vocabulary.codec import encode_json
from ...vocabulary.errors import TrustError
from .catalog import catalog_of
from .examples import Examples, wire_bytes

_PARTS = ("preview", "chunks", "assets")
"""What of the built files belongs to the page: itself, what it shares with others, and the engines' wasm."""

_BYTES = "application/octet-stream"
_TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html"}
"""By the standard, whatever the machine's own table says: a browser takes no module of another type."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What goes back to the browser."""

    status: HTTPStatus
    content_type: str
    body: bytes
    location: str | None = None
    """Where to ask instead, for a status that says so."""


class Site:
    """A page, the files of one verified bundle, and rows of data.

    - `` and the names of the page's own files
    - `bundle.json`: a `Catalog`
    - `bundle/content/…`: files that the manifest lists, checked again as they are read
    - `examples/SET/CALL/inputs/NAME` (and `outputs`, `labels`): the elements of a tensor; NAME counts from 0 in the
      order of the signature
    """

    def __init__(self, verified: Verified, sets: Mapping[str, Examples], built: Path) -> None:
        """`sets` are the rows that may be picked, by name; `built` is the folder that `make web` makes."""
        self._content = SignedContent(verified)
        self._sets = dict(sets)
        self._catalog = encode_json(catalog_of(verified, sets))
        files = (path for part in _PARTS for path in (built / part).rglob("*") if path.is_file())
        self._page = {path.relative_to(built).as_posix(): path for path in files}

    def answer(self, path: str) -> Answer:
        """Answer a path, relative to the site and without escapes."""
        if path == "bundle.json":
            return Answer(status=HTTPStatus.OK, content_type="application/json", body=self._catalog)
        head, _, rest = path.partition("/")
        if head == "bundle" and rest in self._content:
            try:
                return Answer(status=HTTPStatus.OK, content_type=_BYTES, body=self._content.read(rest))
            except TrustError as error:
                return _told(HTTPStatus.CONFLICT, error.message)
        if head == "examples":
            array = self._tensor(rest)
            if array is not None:
                return Answer(status=HTTPStatus.OK, content_type=_BYTES, body=wire_bytes(array))
        file = self._page.get(path or "preview/index.html")
        if file is not None:
            try:
                return Answer(status=HTTPStatus.OK, content_type=_type_of(file), body=file.read_bytes())
            except OSError as error:
                return _told(HTTPStatus.CONFLICT, f"{path} went away: {error.strerror}; start the preview again")
        return _told(HTTPStatus.NOT_FOUND, f"there is nothing at {path!r}")

    def _tensor(self, path: str) -> Array | None:
        """Give the tensor that a path of the examples names; None when there is none."""
        signature = self._content.manifest.signature
        match path.split("/"):
            case [name, call, kind, place] if name in self._sets and _counts(call, self._sets[name].calls):
                examples = self._sets[name]
                if kind == "inputs" and _counts(place, len(signature.inputs)):
                    return examples.input(int(call), signature.inputs[int(place)].name)
                if kind == "outputs" and examples.outputs is not None and _counts(place, len(signature.outputs)):
                    return examples.output(int(call), signature.outputs[int(place)].name)
                if kind == "labels" and examples.labels is not None and place == "0":
                    return np.atleast_1d(examples.label(int(call)))
        return None


def _counts(text: str, end: int) -> bool:
    """Whether it is a number from 0 to below an end, written as we write it."""
    return text.isascii() and text.isdecimal() and len(text) < 12 and str(int(text)) == text and int(text) < end


def _type_of(file: Path) -> str:
    kind = _TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or _BYTES
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _told(status: HTTPStatus, message: str) -> Answer:
    return Answer(status=status, content_type="text/plain; charset=utf-8", body=f"{message}\n".encode())
