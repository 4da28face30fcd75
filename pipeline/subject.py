"""An artifact on its way through the build."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..targets.artifact import Artifact
from ..vocabulary.digest import digest_value


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """An artifact where it lies, and the runtime class that opens it."""

    artifact: Artifact
    folder: Path
    runtime: str

    @property
    def opened(self) -> Path:
        """The file that a runtime opens."""
        return self.folder / self.artifact.files[0].path

    @property
    def digest(self) -> str:
        """Digest of the artifact's files and of how it is called."""
        return digest_value(msgspec.to_builtins((self.artifact.files, self.artifact.signature)))
