"""Artifacts whose packages became one: what each of them is then."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ...vocabulary.digest import digest_file
from ...vocabulary.errors import RequestError
from ...vocabulary.note import Note
from ..artifact import Artifact, File
from ..base import Part
from .function_file import SUFFIX, encode
from .join import join
from .package import PACKAGE


def joined(parts: Sequence[Part], out: Path) -> tuple[Artifact, ...]:
    """Join packages; see `targets.base.Joining`.

    Raises:
        RequestError: when two variants have names that give one name of a function.
    """
    names = [_function_of(part.artifact.variant) for part in parts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RequestError(
            f"two variants would be the function {twice!r} of one package", hint="give their recipes other names"
        )
    packages = {name: part.folder / PACKAGE for name, part in zip(names, parts, strict=True)}
    shared = [_file(path, out) for path in join(packages, out)]
    newest = str(max(int(part.artifact.requires.min_runtime_version) for part in parts))
    apart = sum(part.artifact.size_bytes for part in parts)
    note = Note(
        step="multifunction",
        where=PACKAGE,
        text=f"one package of {sum(file.size_bytes for file in shared)} bytes with the functions {', '.join(names)}; "
        f"packages of their own would have {apart}",
    )
    artifacts = []
    for part, name in zip(parts, names, strict=True):
        opener = out / f"{name}{SUFFIX}"
        opener.write_text(encode(PACKAGE, name), "utf-8")
        artifacts.append(
            msgspec.structs.replace(
                part.artifact,
                files=(_file(opener, out), *shared),
                requires=msgspec.structs.replace(part.artifact.requires, min_runtime_version=newest),
                notes=(*part.artifact.notes, note),
            )
        )
    return tuple(artifacts)


def _function_of(variant: str) -> str:
    """Give the name of a variant's function: an identifier, as MIL's names are."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", variant)
    return f"_{name}" if name[:1].isdigit() else name


def _file(path: Path, out: Path) -> File:
    return File(path=path.relative_to(out).as_posix(), sha256=digest_file(path), size_bytes=path.stat().st_size)
