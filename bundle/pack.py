"""Writing a bundle: a folder and a zip of it, each whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from ..vocabulary.errors import ToolError
from .paths import check_paths
from .replace import replace_folder
from .scratch import scratch_beside
from .tree import FolderTree
from .zip_form import open_zip, write_zip

Content = bytes | Path
"""What becomes a file of a bundle: its bytes, or a file to copy."""


def write(out: Path, files: Mapping[str, Content], sign: Callable[[Path], object] | None = None) -> Path:
    """Write a bundle's folder `out` and `out` + `.zip` beside it, replacing older ones. Give the zip's path.

    `files` maps names in the bundle to contents (`compose` makes them); `sign` signs the finished folder
    (`lambda folder: sign.sign(folder, key)`), None leaves the bundle unsigned. Both are made under another name in
    the same folder and then moved into place, so a crash at any moment leaves the old ones, or the new ones.

    Raises:
        TrustError: when a name breaks the rules of `paths`.
        ToolError: when something cannot be written (a full disk, no permission, `out` is no bundle of an older build);
            what was there before is still there.
    """
    check_paths(files)
    archive = out.with_name(out.name + ".zip")
    _refuse_strangers(out, archive)
    try:
        with scratch_beside(out) as scratch:
            folder, packed = scratch / out.name, scratch / archive.name
            _write_folder(folder, files)
            if sign is not None:
                sign(folder)
            with packed.open("wb") as file:
                write_zip({path: folder / path for path in FolderTree(folder).paths}, file)
                file.flush()
                os.fsync(file.fileno())
            replace_folder(folder, out)
            packed.replace(archive)
    except OSError as error:
        raise _unwritable(out, error) from error
    return archive


def unpack(archive: Path, out: Path) -> None:
    """Write the files of a bundle's zip into the new folder `out`. It is not verified: `verify` says whom to trust.

    Raises:
        TrustError: when the zip is not what `write` makes.
        ToolError: when something cannot be written, or `out` is already there.
    """
    tree = open_zip(archive)
    try:
        with scratch_beside(out) as scratch:
            for path in tree.paths:
                place = scratch / out.name / path
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("xb") as file:
                    file.writelines(tree.blocks(path))
            if os.path.lexists(out):
                raise ToolError(f"{out} is already there", hint="name a folder that is not there yet")
            (scratch / out.name).rename(out)
    except OSError as error:
        raise _unwritable(out, error) from error


def _write_folder(folder: Path, files: Mapping[str, Content]) -> None:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            if isinstance(content, Path):
                with content.open("rb") as source:
                    shutil.copyfileobj(source, file, 2**20)
            else:
                file.write(content)
            file.flush()
            os.fsync(file.fileno())


def _refuse_strangers(out: Path, archive: Path) -> None:
    """Refuse to replace what is no bundle: somebody's files may be in it."""
    ours = not out.is_symlink() and out.is_dir() and ((out / "content").is_dir() or not any(out.iterdir()))
    if os.path.lexists(out) and not ours:
        raise _stranger(out)
    if os.path.lexists(archive) and (archive.is_symlink() or not archive.is_file()):
        raise _stranger(archive)


def _stranger(path: Path) -> ToolError:
    return ToolError(
        f"{path} is already there, and is no bundle", hint="name another folder; edgewright does not overwrite it"
    )


def _unwritable(out: Path, error: OSError) -> ToolError:
    return ToolError(
        f"{error.filename or out}: cannot be written: {error.strerror}", hint="what was there before is unchanged"
    )
