"""Compares what an artifact gave with what the original gave, and scores both by the task metric."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from ...profiles.report import MetricResult, Parity
from ...targets.artifact import Artifact
from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from ...vocabulary.signature import Signature
from ...vocabulary.tensor_folder import TensorFolder
from ..config import MetricSection, Project
from .base import versions


class Evaluate(msgspec.Struct, frozen=True, kw_only=True, tag="evaluate"):
    """One artifact's outputs against the original's, on the data and on the golden vectors.

    Leaves `parity.json`, and `files.json` with what the user's metric read.
    `imported` is the folder that `ImportModel` left; `signature` how the original is called, `called` how the artifact
    is; `outputs` and `golden` are what it gave for the data and for the golden inputs.
    """

    imported: str
    folder: str
    metric: MetricSection | None
    signature: Signature
    called: Signature
    inputs: str
    where: str
    outputs: str = ""
    golden: str = ""

    @classmethod
    def of(cls, project: Project, signature: Signature, artifact: Artifact, imported: Path) -> Evaluate:
        """Give the comparison of an artifact; its `outputs` are known once it has run."""
        return cls(
            imported=str(imported),
            folder=str(project.folder),
            metric=project.metric,
            signature=signature,
            called=artifact.signature,
            where=project.where,
            inputs="drawn" if project.data.evaluation is None else "evaluation",
        )

    @property
    def title(self) -> str:
        """`compare outputs`."""
        return "compare outputs"

    def key_parts(self) -> Mapping[str, Plain]:
        """The metric; the data's digest is the caller's, the files of a metric of the user's own are `files_read`."""
        return {
            "metric": msgspec.to_builtins(self.metric),
            "folder": self.folder if self.calls_user_code else None,
            "tools": versions("numpy"),
        }

    @property
    def calls_user_code(self) -> bool:
        """Whether the metric is a function of the user's, which may read what it likes."""
        return self.metric is not None and ":" in self.metric.name

    def files_read(self, out: Path) -> tuple[Path, ...]:
        """The files of the user's metric, as found out while running."""
        return tuple(Path(path) for path in msgspec.json.decode((out / "files.json").read_bytes(), type=list[str]))

    def run(self, out: Path) -> None:
        """Compare and score.

        Raises:
            ToolError: when the outputs are not those of the original's shapes.
            ConfigError: when there is no such metric, or no such output for it.
            DataError: when the labels do not fit the outputs.
        """
        from ...profiles.parity import measure
        from ..files_read import FilesRead, packages_of
        from ..relayout import convert_rows

        def called_alike(outputs: str, place: str) -> TensorFolder:
            return convert_rows(
                TensorFolder(Path(outputs)), self.called.outputs, self.signature.outputs, out / f"{place}-converted"
            )

        imported = Path(self.imported)
        reference = TensorFolder(imported / "reference")
        candidate = called_alike(self.outputs, "data")
        golden = called_alike(self.golden, "golden")
        with FilesRead() as read:
            score = self._score(imported, reference, candidate)
        parity = (
            msgspec.structs.replace(measure(reference, candidate, inputs=self.inputs), metric=score),
            measure(TensorFolder(imported / "golden" / "outputs"), golden, inputs="golden"),
        )
        (out / "parity.json").write_bytes(encode_json(parity))
        own = (out, imported, Path(self.outputs), Path(self.golden))
        packages = packages_of(self.metric.name if self.metric is not None else None)
        found = read.paths(Path(self.folder), packages=packages, without=own)
        (out / "files.json").write_bytes(encode_json(sorted(map(str, found)) if self.calls_user_code else []))

    def _score(self, imported: Path, reference: TensorFolder, candidate: TensorFolder) -> MetricResult | None:
        from ...profiles.drop import measure_drop
        from ...profiles.metrics import load

        if self.metric is None:
            return None
        metric = load(
            self.metric.name,
            self.signature.outputs,
            output=self.metric.output,
            higher_is_better=self.metric.higher_is_better,
            folder=Path(self.folder),
            where=self.where,
        )
        labels = TensorFolder(imported / "labels")["labels"] if (imported / "labels").exists() else None
        return measure_drop(metric, reference, candidate, labels)


_PARITIES: Final = msgspec.json.Decoder(tuple[Parity, Parity])
"""Made on import: what msgspec finds out of a type when it first meets it is no work for two threads at once."""


def read_parity(entry: Path) -> tuple[Parity, Parity]:
    """Read the parity that an `Evaluate` left: on the data, and on the golden vectors."""
    return _PARITIES.decode((entry / "parity.json").read_bytes())
