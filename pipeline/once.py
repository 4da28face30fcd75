"""Work of one build that several ask for, done once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import msgspec

from ..vocabulary.digest import Plain, digest_bytes


class Once:
    """Makes each thing for the first who asks; whoever asks meanwhile or later gets the same, or the same error."""

    def __init__(self) -> None:
        """Nothing is made yet."""
        self._lock = threading.Lock()
        self._made: dict[str, Future[Path]] = {}

    def __call__(self, what: Plain, make: Callable[[], Path]) -> Path:
        """Give the folder of `what`.

        Raises:
            EdgewrightError: what `make` raised.
        """
        key = digest_bytes(msgspec.json.encode(what, order="deterministic"))
        with self._lock:
            future = self._made.get(key)
            mine = future is None
            if future is None:
                future = self._made[key] = Future()
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:
                future.set_exception(error)
                raise
        return future.result()
