"""A content-addressed store of step results.

An entry is a folder, named by its key, that appears whole or not at all: it is filled under another name, listed in
`entry.json` with the digest of every file, synced, and renamed. A reader checks the list, so that an entry that was
harmed is made anew instead of believed. Locks are `flock`s: the kernel lets go of them when a process
dies, however it dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ..vocabulary.digest import Plain, digest_file, digest_value
from .homes import Homes

FORMAT = "v1"
CACHE_VARIABLE = "EDGEWRIGHT_CACHE_DIR"


def default_cache_folder() -> Path:
    """`$EDGEWRIGHT_CACHE_DIR`, or the user's cache folder of this platform."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("edgewright")


class Cache:
    """Results by key, safe under several builds at once and under the death of any of them."""

    def __init__(self, path: Path) -> None:
        """Open a cache; its folder is made when something is first put in."""
        self.path = path
        self._entries = path / FORMAT
        self._work = path / "work"
        self._locks = path / "locks"
        self.homes = Homes(path / "training")

    def get(self, key: str) -> Path | None:
        """Give the folder of an entry, or None when there is none that is whole."""
        entry = self._place(key)
        return entry if _is_whole(entry) else None

    def get_or_make(self, key: str, make: Callable[[Path], None]) -> tuple[Path, bool]:
        """Give the folder of an entry and whether it was there; `make` fills a new, empty folder when it was not.

        Two builds that want one key at the same time make it once: the second waits for the first.

        Raises:
            OSError: when the cache cannot be written (no space, no permission).
        """
        found = self.get(key)
        if found is not None:
            return found, True
        with self._locked(key):
            found = self.get(key)
            if found is not None:
                return found, True
            with self.workspace() as folder:
                make(folder)
                return self._put(key, folder), False

    def put(self, key: str, folder: Path) -> Path:
        """Move what lies in a `workspace` under a key and give its place. An entry that is there and whole stays.

        Raises:
            OSError: when the cache cannot be written.
        """
        with self._locked(key):  # whoever reads an entry must not have it taken away by a second one like it
            return self._put(key, folder)

    def _put(self, key: str, folder: Path) -> Path:
        entry = self._place(key)
        if _is_whole(entry):
            return entry
        content = folder.with_name(folder.name + ".sealed")
        folder.rename(content)
        folder.mkdir()
        _seal(content)
        entry.parent.mkdir(parents=True, exist_ok=True)
        if entry.exists():  # a broken one
            entry.rename(folder / "broken")
        content.rename(entry)
        _sync(entry.parent)
        return entry

    def dependencies(self, key: str) -> tuple[Path, ...] | None:
        """The files that the step of this key was seen to read when it last ran, or None when it never ran."""
        try:
            return tuple(Path(path) for path in json.loads((self._place(key) / "files.json").read_text("utf-8")))
        except (OSError, ValueError):
            return None

    def record_dependencies(self, key: str, files: tuple[Path, ...]) -> None:
        """Keep what `dependencies` gives; the last writer wins."""
        entry = self._place(key)
        entry.mkdir(parents=True, exist_ok=True)
        fresh = entry / f"{uuid.uuid4().hex}.tmp"
        fresh.write_text(json.dumps([str(path) for path in files]), "utf-8")
        fresh.replace(entry / "files.json")

    def usage(self) -> tuple[int, int]:
        """How many entries there are, and how many bytes they take; what lies in `homes` is counted there."""
        entries = list(self._entries.glob("*/*"))
        sizes = [file.stat().st_size for entry in entries for file in entry.rglob("*") if file.is_file()]
        return len(entries), sum(sizes)

    def clear(self) -> None:
        """Remove every entry, and what steps that were killed left in `homes`. Builds that run meanwhile go on."""
        self.homes.clear()
        with self.workspace() as folder:
            if self._entries.exists():
                self._entries.rename(folder / "cleared")

    def _place(self, key: str) -> Path:
        return self._entries / key[:2] / key

    @contextlib.contextmanager
    def _locked(self, key: str) -> Iterator[None]:
        self._locks.mkdir(parents=True, exist_ok=True)
        with (self._locks / key[:4]).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Path]:
        """Give a new folder in the cache's own file system, removed at the end; dead processes' are swept up."""
        self._work.mkdir(parents=True, exist_ok=True)
        self._sweep()
        name = uuid.uuid4().hex
        guard = self._work / f"{name}.lock"
        with guard.with_suffix(".new").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            guard.with_suffix(".new").rename(guard)  # a sweep sees it only once it is locked
            folder = self._work / name
            folder.mkdir()
            try:
                yield folder
            finally:
                for leftover in self._work.glob(f"{name}*"):
                    if leftover != guard:
                        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
                guard.unlink()

    def _sweep(self) -> None:
        for guard in self._work.glob("*.lock"):
            with contextlib.suppress(FileNotFoundError), guard.open("r+") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:  # its process lives
                    continue
                for leftover in self._work.glob(f"{guard.stem}*"):
                    shutil.rmtree(leftover, ignore_errors=True)
                guard.unlink(missing_ok=True)


def key_of(step: str, parts: Mapping[str, Plain]) -> str:
    """The key of a step's result: what it is called, and everything that its result depends on."""
    return digest_value({"step": step, "format": FORMAT, **parts})


def digest_folder(folder: Path) -> str:
    """Digest a folder's files by path and content."""
    return digest_value({path: digest for path, (digest, _) in _list(folder).items()})


def _list(folder: Path) -> dict[str, tuple[str, int]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / "entry.json")
    return {path.relative_to(folder).as_posix(): (digest_file(path), path.stat().st_size) for path in files}


def _seal(content: Path) -> None:
    (content / "entry.json").write_text(json.dumps(_list(content), sort_keys=True), "utf-8")
    for path in [*content.rglob("*"), content]:
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_whole(entry: Path) -> bool:
    try:
        listed = json.loads((entry / "entry.json").read_text("utf-8"))
        return {path: tuple(item) for path, item in listed.items()} == _list(entry)
    except (OSError, ValueError, AttributeError):
        return False
