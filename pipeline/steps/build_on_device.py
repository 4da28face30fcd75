"""Has this machine make of an artifact what runs on it: an engine for its own accelerator."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from ...targets.artifact import Artifact
from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from .base import own_code

if TYPE_CHECKING:
    from ...targets.base import BuiltOnDevice


class BuildOnDevice(msgspec.Struct, frozen=True, kw_only=True, tag="build-on-device"):
    """One artifact. Leaves `artifact.json` and the files under `files/`, as `CompileModel` does."""

    artifact: Artifact
    folder: str
    machine: dict[str, Any]
    """What this machine is: what is built is bound to it."""

    @property
    def title(self) -> str:
        """`build tensorrt-fp32 here`."""
        return f"build {self.artifact.name} here"

    def key_parts(self) -> Mapping[str, Plain]:
        """The artifact, the machine and the code."""
        return {"artifact": msgspec.to_builtins(self.artifact), "machine": self.machine, "code": own_code()}

    def run(self, out: Path) -> None:
        """Build it.

        Raises:
            ToolError: when it cannot be built, or what was built does not compute what it should.
        """
        from ...targets.table import load_target

        files = out / "files"
        for file in self.artifact.files:
            (files / file.path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(self.folder, file.path), files / file.path)
        built = cast("BuiltOnDevice", load_target(self.artifact.target)).build_here(self.artifact, files)
        (out / "artifact.json").write_bytes(encode_json(built))
