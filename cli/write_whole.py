"""A file that appears whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from ..vocabulary.errors import ConfigError


def write_whole(path: Path, text: str, *, overwrite: bool) -> None:
    """Write a text file under another name and give it its own at the end.

    Raises:
        ConfigError: when the file is already there and must not be overwritten.
        OSError: when it cannot be written; nothing is left behind then.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            Path(name).replace(path)
        else:
            os.link(name, path)  # unlike a rename, this fails when somebody wrote the file meanwhile
    except FileExistsError:
        raise ConfigError(f"{path} is already there", hint="--force overwrites it") from None
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
