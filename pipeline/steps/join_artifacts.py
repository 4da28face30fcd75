"""Joins artifacts of one target, so that they share their files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ...targets.artifact import Artifact
from ...targets.base import Joining, Part
from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from .base import own_code, versions


class JoinArtifacts(msgspec.Struct, frozen=True, kw_only=True, tag="join"):
    """Artifacts of one target. Leaves `artifacts.json` and the files of all of them under `files/`."""

    target: str
    packages: tuple[str, ...]
    """What the target runs, so that another version of it is another result."""
    artifacts: tuple[Artifact, ...]
    folders: tuple[str, ...]
    """Of each artifact, the one with its files."""

    @property
    def title(self) -> str:
        """`join coreml-fp32, coreml-fp16`."""
        return f"join {', '.join(artifact.name for artifact in self.artifacts)}"

    def key_parts(self) -> Mapping[str, Plain]:
        """The artifacts, with the digests of their files, and the tools."""
        return {
            "artifacts": msgspec.to_builtins(self.artifacts),
            "target": self.target,
            "tools": versions(*self.packages),
            "code": own_code(),
        }

    def run(self, out: Path) -> None:
        """Join them.

        Raises:
            RequestError: when they cannot be joined.
        """
        from ...targets.table import load_target

        target = load_target(self.target)
        assert isinstance(target, Joining), "only such a target's artifacts are joined"
        (out / "files").mkdir()
        pairs = zip(self.artifacts, self.folders, strict=True)
        parts = tuple(Part(artifact=artifact, folder=Path(folder)) for artifact, folder in pairs)
        (out / "artifacts.json").write_bytes(encode_json(target.join(parts, out / "files")))


def read_artifacts(entry: Path) -> tuple[Artifact, ...]:
    """Read the artifacts that a `JoinArtifacts` left."""
    return msgspec.json.decode((entry / "artifacts.json").read_bytes(), type=tuple[Artifact, ...])
