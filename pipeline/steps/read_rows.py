"""Reads rows of data that a model is run on before it is compiled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from ...vocabulary.signature import Signature
from ..config import Selection
from .base import own_code, versions


class ReadRows(msgspec.Struct, frozen=True, kw_only=True, tag="read rows"):
    """Rows that fit a signature. Leaves `inputs/`, `labels/` when there are labels, and `files.json`."""

    folder: str
    selection: Selection
    signature: Signature
    purpose: str
    """What a person sees: `calibration`."""

    @property
    def title(self) -> str:
        """`read calibration rows of data.npz`."""
        return f"read {self.purpose} rows of {self.selection.file or self.selection.function}"

    def key_parts(self) -> Mapping[str, Plain]:
        """What is asked for and the tools; the content of the files comes from `files_read`.

        What the user's code does may depend on where it lies in ways that nobody sees: then the folder counts.
        """
        return {
            "folder": self.folder if self.selection.function is not None else None,
            "selection": msgspec.to_builtins(self.selection),
            "signature": msgspec.to_builtins(self.signature),
            "tools": versions("numpy"),
            "code": own_code(),
        }

    def files_read(self, out: Path) -> tuple[Path, ...]:
        """The files of the data, as found out while running."""
        return tuple(Path(path) for path in msgspec.json.decode((out / "files.json").read_bytes(), type=list[str]))

    def run(self, out: Path) -> None:
        """Copy the rows.

        Raises:
            DataError: when they do not fit the model, or are not finite.
            ConfigError: when the selection reaches beyond the data.
        """
        from ..data import load_rows
        from ..files_read import FilesRead, packages_of

        with FilesRead() as read:
            load_rows(self.selection, Path(self.folder), self.signature, out)
        found = read.paths(Path(self.folder), packages=packages_of(self.selection.function), without=(out,))
        if self.selection.file is not None:
            found.add((Path(self.folder) / self.selection.file).resolve())
        (out / "files.json").write_bytes(encode_json(sorted(map(str, found))))
