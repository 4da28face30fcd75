"""The files of a bundle, wherever they are: in memory, in a folder or in a zip. Read-only.

The verifier works on a `Tree`, so that one set of rules holds for a folder and for a zip.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from ..vocabulary.digest import digest_bytes, digest_file
from ..vocabulary.errors import RequestError, TrustError
from .paths import MAX_PATH_BYTES, check_path, check_paths

MAX_FILES = 100_000


class Tree(Protocol):
    """Files by name. The names have passed `check_paths`."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All names, sorted."""
        ...

    def size_bytes(self, path: str) -> int:
        """Give the size of a file."""
        ...

    def read(self, path: str) -> bytes:
        """Give the content of a file."""
        ...

    def digest(self, path: str) -> str:
        """Give the SHA-256 of a file, in hexadecimal; does not hold the file in memory."""
        ...


class MemoryTree:
    """Files that are in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """Take files by name.

        Raises:
            TrustError: when the names break the rules of `paths`.
        """
        check_paths(files)
        self._files = dict(files)
        self.paths: tuple[str, ...] = tuple(sorted(files))

    def size_bytes(self, path: str) -> int:
        """Give the size of a file."""
        return len(self._files[path])

    def read(self, path: str) -> bytes:
        """Give the content of a file."""
        return self._files[path]

    def digest(self, path: str) -> str:
        """Give the SHA-256 of a file, in hexadecimal."""
        return digest_bytes(self._files[path])


class FolderTree:
    """Files in a folder that holds nothing else: no links, no special files, no empty folders."""

    def __init__(self, folder: Path) -> None:
        """List a folder.

        Raises:
            TrustError: when it holds something that no bundle does.
            RequestError: when it cannot be read.
        """
        self.folder = folder
        try:
            found = tuple(sorted(_list(folder)))
        except OSError as error:
            raise RequestError(f"{error.filename or folder}: cannot be read: {error.strerror}") from error
        check_paths(found)
        self.paths: tuple[str, ...] = found

    def size_bytes(self, path: str) -> int:
        """Give the size of a file."""
        return (self.folder / path).stat().st_size

    def read(self, path: str) -> bytes:
        """Give the content of a file."""
        return (self.folder / path).read_bytes()

    def digest(self, path: str) -> str:
        """Give the SHA-256 of a file, in hexadecimal; read in blocks."""
        return digest_file(self.folder / path)


def _list(root: Path) -> Iterator[str]:
    unseen, count = [""], 0
    while unseen:
        prefix = unseen.pop()
        entries = sorted(os.scandir(root / prefix), key=lambda entry: entry.name)
        if not entries:
            raise TrustError(f"{prefix.rstrip('/') or 'the bundle'} is an empty folder; no bundle has one")
        count += len(entries)
        if count > MAX_FILES:
            raise TrustError(f"more than {MAX_FILES} files")
        for entry in entries:
            name = prefix + entry.name
            if len(os.fsencode(name)) > MAX_PATH_BYTES:
                check_path(name)  # refuses it: folders can be nested without end
            mode = entry.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                unseen.append(name + "/")
            elif stat.S_ISREG(mode):
                yield name
            else:
                kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a plain file"
                raise TrustError(f"{name} is {kind}; no bundle has one")
