"""What a step is: plain values that say what to do, done in a child process, its result known by a key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from ...vocabulary.digest import Plain, digest_bytes, digest_value
from ...web.assets import DIST

_PACKAGE = Path(__file__).parents[2]
GROUPS = tuple(f"edgewright.{kind}" for kind in ("devices", "importers", "passes", "runtimes", "targets"))
"""The groups of entry points by which other packages add code that steps run."""
BUILT = DIST / "manifest.json"
"""What `make web` says of the files that run in browsers and in Node."""
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
    """Digest of the code that steps run, so that a changed edgewright never believes what an older one computed.

    The packages that add targets, devices, importers or passes by entry point belong to it.
    """
    files = {path.relative_to(_PACKAGE).as_posix(): path for room in _ROOMS for path in (_PACKAGE / room).rglob("*.py")}
    files |= {f"web/{path.name}": path for path in (_PACKAGE / "web").glob("*.py")}
    if BUILT.is_file():  # it names every built file with its digest
        files["web/dist"] = BUILT
    for package in _packages_that_add():
        files |= _sources(package)
    return digest_value({name: digest_bytes(path.read_bytes()) for name, path in files.items()})


def _packages_that_add() -> set[str]:
    return {point.module.partition(".")[0] for group in GROUPS for point in entry_points(group=group)}


def _sources(package: str) -> dict[str, Path]:
    """Give the source files of a top-level module, found without importing it."""
    spec = find_spec(package)
    if spec is None:
        return {}
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    found = {f"{package}:{path.relative_to(folder)}": path for folder in folders for path in folder.rglob("*.py")}
    if not folders and spec.origin is not None and Path(spec.origin).is_file():
        found[f"{package}:"] = Path(spec.origin)
    return found


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


def part_digest(entry: Path, part: str) -> str:
    """Digest what a cache entry holds of one name: a file, or the files of a folder."""
    listed = json.loads((entry / "entry.json").read_bytes())
    return digest_value({path: item[0] for path, item in listed.items() if path == part or path.startswith(f"{part}/")})
