"""Imports a model and says what it is and what targets would do with it; nothing is compiled or run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ...targets.artifact import Coverage
from ...targets.base import Options
from ...targets.table import load_target, require_installed
from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from ...vocabulary.errors import RequestError
from ...vocabulary.signature import Signature
from ..config import ModelSection
from .base import own_code

if TYPE_CHECKING:
    from ...compiler.model import Model


class TargetOutlook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target would do with a model: the coverage, or why none can be told."""

    coverage: Coverage | None
    problem: str | None = None
    hint: str | None = None


class Inspection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model, looked at. `summary` is what `compiler.inspect.summarize` gives, in plain values."""

    source: str
    framework: str
    digest: str
    signature: Signature
    summary: dict[str, Any]
    targets: dict[str, TargetOutlook]


class InspectModel(msgspec.Struct, frozen=True, kw_only=True, tag="inspect"):
    """One model and the targets to ask. Leaves `inspection.json`."""

    folder: str
    model: ModelSection
    targets: dict[str, Options]

    @property
    def title(self) -> str:
        """`inspect model.onnx`."""
        return f"inspect {self.model.source}"

    def key_parts(self) -> Mapping[str, Plain]:
        """Give what is asked for, and the code; the model's files are named, not digested: an inspection is never kept."""
        return {"model": msgspec.to_builtins(self.model), "folder": self.folder, "code": own_code()}

    def run(self, out: Path) -> None:
        """Import the model and ask every target.

        Raises:
            ModelError: when the model cannot be read.
            ConfigError: when what is declared of it contradicts it, or something is missing.
            MissingExtraError: when its framework is not installed.
        """
        from ...compiler.cleanup import CLEANUP
        from ...compiler.importers.request import Request
        from ...compiler.importers.table import import_model
        from ...compiler.inspect import summarize

        model = import_model(
            Request(
                reference=self.model.source,
                folder=Path(self.folder),
                args=self.model.args,
                inputs=self.model.inputs,
                outputs=self.model.outputs,
                dims=self.model.dims,
            )
        ).model
        hub = CLEANUP(model) if self.targets else model
        inspection = Inspection(
            source=model.source.reference,
            framework=model.source.framework,
            digest=model.source.digest,
            signature=model.signature,
            summary=msgspec.to_builtins(summarize(model)),
            targets={name: _outlook(name, hub, options) for name, options in self.targets.items()},
        )
        (out / "inspection.json").write_bytes(encode_json(inspection))


def read_inspection(out: Path) -> Inspection:
    """Read what an `InspectModel` left."""
    return msgspec.json.decode((out / "inspection.json").read_bytes(), type=Inspection)


def _outlook(name: str, hub: Model, options: Options) -> TargetOutlook:
    target = load_target(name)
    try:
        require_installed(target)
        return TargetOutlook(coverage=target.coverage(hub, options))
    except RequestError as error:  # a missing extra, a dimension that is not fixed: this target's matter alone
        return TargetOutlook(coverage=None, problem=error.message, hint=error.hint)
