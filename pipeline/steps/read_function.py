"""Loads a function of the user's, to know of which files it is made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain, digest_file
from .base import own_code


class ReadFunction(msgspec.Struct, frozen=True, kw_only=True, tag="read function"):
    """A function that another step will call. Leaves `files.json`, and `digests.json` with what is in these files."""

    folder: str
    reference: str
    """`file.py:function`, or `package.module:function`."""

    @property
    def title(self) -> str:
        """`read augment.py:shifted`."""
        return f"read {self.reference}"

    def key_parts(self) -> Mapping[str, Plain]:
        """What is asked for, and where; the content of the files comes from `files_read`."""
        return {"folder": self.folder, "reference": self.reference, "code": own_code()}

    def files_read(self, out: Path) -> tuple[Path, ...]:
        """The files of the function, as found out while running."""
        return tuple(Path(path) for path in msgspec.json.decode((out / "files.json").read_bytes(), type=list[str]))

    def run(self, out: Path) -> None:
        """Import it.

        Raises:
            ConfigError: when there is no such file or function.
            ModelError: when the user's code fails while it is imported.
        """
        from ...compiler.importers.request import Request
        from ...compiler.importers.user_code import load_factory
        from ...vocabulary.user_imports import user_imports
        from ..files_read import FilesRead, packages_of

        request = Request(reference=self.reference, folder=Path(self.folder))
        with FilesRead() as read, user_imports(request.path.parent):
            load_factory(request)
        found = sorted(read.paths(Path(self.folder), packages=packages_of(self.reference), without=(out,)))
        (out / "files.json").write_bytes(encode_json([str(path) for path in found]))
        (out / "digests.json").write_bytes(encode_json([digest_file(path) for path in found]))
