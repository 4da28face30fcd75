"""What a step is: plain values that say what to do, done in a child process, its result known by a key."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

from ...vocabulary.digest import Plain, digest_bytes, digest_value

_PACKAGE = Path(__file__).parents[2]
_ROOMS = ("vocabulary", "compiler", "targets", "devices", "profiles", "fallback", "bundle", "pipeline")


class Step(Protocol):
    """A `msgspec.Struct` with a tag, listed in `pipeline.child`. Values only, so that it can be sent to a child."""

    @property
    def title(self) -> str:
        """What a person sees while it runs."""
        ...

    def key_parts(self) -> Mapping[str, Plain]:
        """Everything that the result depends on: digests instead of paths, versions of the tools that are run."""
        ...

    def run(self, out: Path) -> None:
        """Do it, in the child, into an empty folder. Heavy imports belong here.

        Raises:
            EdgewrightError: when it cannot be done.
        """
        ...


@cache
def own_code() -> str:
    """Digest of the code that steps run, so that a changed edgewright never believes what an older one computed."""
    files = [path for room in _ROOMS for path in sorted((_PACKAGE / room).rglob("*.py"))]
    return digest_value({path.relative_to(_PACKAGE).as_posix(): digest_bytes(path.read_bytes()) for path in files})


def versions(*packages: str) -> dict[str, str]:
    """The installed versions of distributions; one that is not installed is left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def content_digest(entry: Path) -> str:
    """Digest of a cache entry's list of files, which holds the digest of each."""
    return digest_bytes((entry / "entry.json").read_bytes())
