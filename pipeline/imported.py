"""What an import left in the cache: the model on the hub, the rows that judge it, and what the original gave."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from ..bundle.runtimes import REFERENCE_RUNTIME
from ..vocabulary.signature import Signature
from ..vocabulary.source import Source
from ..vocabulary.tensor_folder import TensorFolder
from .steps.base import content_digest, part_digest
from .steps.compile_model import read_artifact
from .subject import Subject


@dataclass(frozen=True)
class Imported:
    """The result of an `ImportModel` step."""

    folder: Path

    @cached_property
    def reference(self) -> Subject:
        """The hub model as it was imported, the last rung of every ladder."""
        return Subject(artifact=read_artifact(self.folder), folder=self.folder / "source", runtime=REFERENCE_RUNTIME)

    @property
    def signature(self) -> Signature:
        """How the original is called."""
        return self.reference.artifact.signature

    @property
    def source(self) -> Source:
        """Where the model came from."""
        return msgspec.json.decode((self.folder / "source.json").read_bytes(), type=Source)

    @property
    def hub(self) -> Path:
        """The folder of the cleaned-up hub model."""
        return self.folder / "hub"

    @cached_property
    def hub_digest(self) -> str:
        """Digest of the hub model alone: other evaluation rows are no reason to compile again."""
        return part_digest(self.folder, "hub")

    @cached_property
    def digest(self) -> str:
        """Digest of everything: the model, the rows, and the original's outputs."""
        return content_digest(self.folder)

    @cached_property
    def inputs(self) -> TensorFolder:
        """The rows on which artifacts are compared with the original."""
        return TensorFolder(self.folder / "inputs")

    @property
    def golden_inputs(self) -> TensorFolder:
        """The rows that are shipped with the bundle."""
        return TensorFolder(self.folder / "golden" / "inputs")

    @property
    def golden_outputs(self) -> TensorFolder:
        """What the original makes of the golden inputs."""
        return TensorFolder(self.folder / "golden" / "outputs")
