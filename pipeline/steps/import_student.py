"""Imports a model of the user's that is to learn in place of the one that a recipe changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from ...vocabulary.errors import ConfigError
from ...vocabulary.signature import Signature, TensorDeclaration
from .base import own_code, versions


class ImportStudent(msgspec.Struct, frozen=True, kw_only=True, tag="import student"):
    """A student, called as the original is. Leaves `hub/` (cleaned up) and `files.json`."""

    folder: str
    source: str
    signature: Signature
    """How the original is called."""

    @property
    def title(self) -> str:
        """`import student.py:small`."""
        return f"import {self.source}"

    def key_parts(self) -> Mapping[str, Plain]:
        """What is asked for and the tools; the content of the files comes from `files_read`."""
        return {
            "folder": self.folder if ":" in self.source else None,
            "source": self.source,
            "signature": msgspec.to_builtins(self.signature),
            "tools": versions("onnx", "onnx-ir", "onnxscript", "numpy", "ml_dtypes", "torch"),
            "code": own_code(),
        }

    def files_read(self, out: Path) -> tuple[Path, ...]:
        """The files of the model, as found out while running."""
        return tuple(Path(path) for path in msgspec.json.decode((out / "files.json").read_bytes(), type=list[str]))

    def run(self, out: Path) -> None:
        """Import it, and compare how it is called with how the original is.

        Raises:
            ModelError: when it cannot be read.
            ConfigError: when it is called in another way.
        """
        from ...compiler.cleanup import CLEANUP
        from ...compiler.importers.request import Request
        from ...compiler.importers.table import import_model
        from ..files_read import FilesRead, packages_of

        ours = self.signature
        request = Request(reference=self.source, folder=Path(self.folder))
        with FilesRead() as read:
            if self._says_nothing:
                inputs = {spec.name: TensorDeclaration(dtype=spec.dtype, shape=spec.shape) for spec in ours.inputs}
                outputs = {spec.name: TensorDeclaration() for spec in ours.outputs}
                imported = import_model(replace(request, inputs=inputs, outputs=outputs))
            else:
                imported = import_model(request)
                check_student(ours, imported.model.signature, self.source)
                imported = import_model(replace(request, inputs=_fixed_as(ours, imported.model.signature)))
        check_student(ours, imported.model.signature, self.source)
        model = CLEANUP(imported.model)
        (out / "hub").mkdir()
        replace(model, signature=_told_as(ours, model.signature)).save(out / "hub")
        found = read.paths(Path(self.folder), packages=packages_of(self.source), without=(out,))
        (out / "files.json").write_bytes(
            encode_json(sorted({str(path.resolve()) for path in (*imported.files, *found)}))
        )

    @property
    def _says_nothing(self) -> bool:
        """Whether it has no names of its own: a module of PyTorch has none."""
        return not self.source.lower().endswith(".onnx")


def check_student(original: Signature, student: Signature, source: str) -> None:
    """Check that a student takes and gives what the original does; a size that one of them leaves open fits any.

    Raises:
        ConfigError: when it does not; the message says what differs.
    """
    for kind, ours, theirs in (
        ("input", original.inputs, student.inputs),
        ("output", original.outputs, student.outputs),
    ):
        known = {spec.name: spec for spec in theirs}
        for spec in ours:
            other = known.pop(spec.name, None)
            if other is None:
                raise _differs(source, f"it has no {kind} {spec.name!r}; it has {', '.join(e.name for e in theirs)}")
            if other.dtype != spec.dtype:
                raise _differs(source, f"{kind} {spec.name!r} is {other.dtype}, the original's {spec.dtype}")
            if not _fit(spec.shape, other.shape):
                raise _differs(
                    source, f"{kind} {spec.name!r} is {list(other.shape)}, the original's {list(spec.shape)}"
                )
        if known:
            raise _differs(source, f"it has one more {kind}, {next(iter(known))!r}")


def _fit(ours: tuple[int | str, ...], theirs: tuple[int | str, ...]) -> bool:
    return len(ours) == len(theirs) and all(
        here == there or isinstance(here, str) or isinstance(there, str)
        for here, there in zip(ours, theirs, strict=True)
    )


def _fixed_as(original: Signature, student: Signature) -> dict[str, TensorDeclaration]:
    """Let the sizes that a student leaves open be those of the original, by number or by name."""
    return {
        spec.name: TensorDeclaration(
            shape=tuple(
                here if isinstance(here, int) else there
                for here, there in zip(spec.shape, original.input(spec.name).shape, strict=True)
            )
        )
        for spec in student.inputs
    }


def _told_as(original: Signature, student: Signature) -> Signature:
    """Let a student's inputs and outputs be told as the original's are, with all that is known of those."""
    return Signature(
        inputs=tuple(msgspec.structs.replace(original.input(spec.name), shape=spec.shape) for spec in student.inputs),
        outputs=tuple(
            msgspec.structs.replace(original.output(spec.name), shape=spec.shape) for spec in student.outputs
        ),
    )


_HINT: Final = "a student stands in for the original, so it must be called as that is: same names, dtypes and shapes"


def _differs(source: str, what: str) -> ConfigError:
    return ConfigError(f"student {source} cannot stand in for the original: {what}", hint=_HINT)
