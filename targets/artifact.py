"""What a target makes of a model: files, what they need to run, and how every node of the model was said."""

from __future__ import annotations

import msgspec

from ..vocabulary.coverage import Coverage, Handling, NodeCoverage
from ..vocabulary.label import Label
from ..vocabulary.note import Note
from ..vocabulary.signature import Signature
from ..vocabulary.training import TrainingRecord

__all__ = ["Artifact", "Coverage", "File", "Handling", "NodeCoverage", "Requirements"]


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file: its path (relative, `/` between parts) inside the folder that holds the artifact or the bundle."""

    path: str
    sha256: str
    size_bytes: int


class Requirements(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a device must have to run an artifact. Empty means any."""

    runtime: str
    """Name of the runtime, as `Runtime.name` gives it."""
    min_runtime_version: str
    os: tuple[str, ...] = ()
    arch: tuple[str, ...] = ()
    accelerator: str | None = None
    min_ram_bytes: int = 0
    features: tuple[str, ...] = ()
    """What the CPU must be able to do, in the words of `devices.cpu`."""


class Artifact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A compiled model for one target.

    `files[0]` is the one that a runtime opens. `signature` says how the artifact itself is called: the source's names,
    with the shapes, layout and dtypes that the files have; `narrowed` says what differs in dtype from the source
    (`{"ids": "int64 → int32"}`). `ops` counts the operators in the file by their name in the target's own language.
    `toolchain` maps each package that took part to its version. `notes` say what the steps of the recipe did to the
    model, and what they left alone. `labels` are what must be known of it wherever it is shown. `training` says what
    its weights have learned since the model was imported, in the order of the steps.
    """

    target: str
    variant: str
    precision: str
    format: str
    files: tuple[File, ...]
    requires: Requirements
    signature: Signature
    narrowed: dict[str, str]
    coverage: Coverage
    ops: dict[str, int]
    toolchain: dict[str, str]
    notes: tuple[Note, ...] = ()
    labels: tuple[Label, ...] = ()
    training: tuple[TrainingRecord, ...] = ()

    @property
    def name(self) -> str:
        """`tflite-fp16`; the format stands behind it when it is not the target's first: `onnxruntime-fp32-ort`."""
        return "-".join(part for part in (self.target, self.variant, self.format) if part)

    @property
    def size_bytes(self) -> int:
        """The size of all files together."""
        return sum(file.size_bytes for file in self.files)
