"""Imports a model and says what it is and what targets would do with it; nothing is compiled or run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...profiles.forecast import Forecast
from ...targets.artifact import Coverage
from ...targets.base import Options
from ...targets.table import load_target, require_installed
from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from ...vocabulary.errors import RequestError
from ...vocabulary.signature import Signature
from ..config import ModelSection
from .base import own_code
from .list_kernels import Kernels, kernels_in

if TYPE_CHECKING:
    from ...compiler.model import Model


class TargetOutlook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target would do with a model: the coverage, or why none can be told."""

    coverage: Coverage | None
    problem: str | None = None
    hint: str | None = None


class Inspection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model, looked at: what `compiler.inspect.Summary` counts, and what each target would do with it.

    `size_bytes` is the size of the files that were read for it, weights and a factory's code included. `opset` is that
    of the ONNX file, or the one that another framework's model was brought to. `kernels` are those with the most
    multiply-accumulates, `forecasts` whether integers would make them faster, where that was asked for.
    """

    source: str
    framework: str
    digest: str
    size_bytes: int
    signature: Signature
    opset: int
    parameters: int
    parameter_bytes: int
    macs: int
    macs_complete: bool
    ops: dict[str, int]
    targets: dict[str, TargetOutlook]
    kernels: Kernels
    forecasts: tuple[Forecast, ...] = ()


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
        """Give what is asked for, and the code. The files are named, not digested: an inspection is never kept."""
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
        from ...compiler.passes.fix_dimensions import FixDimensions

        imported = import_model(
            Request(
                reference=self.model.source,
                folder=Path(self.folder),
                args=self.model.args,
                inputs=self.model.inputs,
                outputs=self.model.outputs,
                dims=self.model.dims,
            )
        )
        model = imported.model
        hub = CLEANUP(model)
        one_call = CLEANUP(FixDimensions(dict.fromkeys(model.signature.symbols, 1))(hub))
        summary, call = summarize(model), summarize(one_call)  # with its dimensions fixed, shapes are known
        inspection = Inspection(
            source=model.source.reference,
            framework=model.source.framework,
            digest=model.source.digest,
            size_bytes=sum(path.stat().st_size for path in imported.files),
            signature=model.signature,
            opset=_opset_of(imported.files, self.model.source) or summary.opset,
            parameters=summary.parameters,
            parameter_bytes=summary.parameter_bytes,
            macs=call.macs,
            macs_complete=call.macs_complete,
            ops=summary.ops,
            kernels=kernels_in(one_call),
            targets={name: _outlook(name, hub, options) for name, options in self.targets.items()},
        )
        (out / "inspection.json").write_bytes(encode_json(inspection))


def read_inspection(out: Path) -> Inspection:
    """Read what an `InspectModel` left."""
    return msgspec.json.decode((out / "inspection.json").read_bytes(), type=Inspection)


def _opset_of(files: tuple[Path, ...], source: str) -> int | None:
    """Give the opset that an ONNX file itself names: importing brings the model to a newer one."""
    import onnx

    path = next((file for file in files if file.name == Path(source).name and file.suffix == ".onnx"), None)
    if path is None:
        return None
    named = onnx.load_model(path, load_external_data=False).opset_import
    return next((entry.version for entry in named if entry.domain in ("", "ai.onnx")), None)


def _outlook(name: str, hub: Model, options: Options) -> TargetOutlook:
    target = load_target(name)
    try:
        require_installed(target)
        return TargetOutlook(coverage=target.coverage(hub, options))
    except RequestError as error:  # a missing extra, a dimension that is not fixed: this target's matter alone
        return TargetOutlook(coverage=None, problem=error.message, hint=error.hint)
