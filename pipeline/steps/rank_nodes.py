"""Ranks the nodes of a model by what quantizing each alone costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from ...vocabulary.errors import ConfigError
from ...vocabulary.note import Note
from ...vocabulary.sensitivity import NodeSensitivity
from .base import own_code, versions
from .prepared import FileRef, Prepared
from .schemes_for import schemes_for

ROWS = 16
"""Calls that each node is judged by. The order of nodes that differ by 3 dB or more settles within a few rows."""


class Ranked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The nodes that become integers, the most sensitive first, and what quantizing says of those that do not."""

    ranking: tuple[NodeSensitivity, ...]
    notes: tuple[Note, ...]


class RankNodes(msgspec.Struct, frozen=True, kw_only=True, tag="rank"):
    """A model with its ranges, the scheme of a target, and rows to run it over. Leaves `sensitivity.json`."""

    model: Prepared
    target: str
    steps: tuple[Any, ...]
    """The quantize step, and float steps in front of it that need no ranges."""
    rows: FileRef
    """The folder of the inputs."""
    where: str

    @property
    def title(self) -> str:
        """`rank the nodes for tflite`."""
        return f"rank the nodes for {self.target}"

    def key_parts(self) -> Mapping[str, Plain]:
        """The model, the steps, the target's name (its scheme is code), the rows and the tools."""
        return {
            "model": self.model.key_parts(),
            "target": self.target,
            "steps": msgspec.to_builtins(self.steps),
            "rows": self.rows.digest,
            "tools": versions("onnx", "onnx-ir", "onnxruntime", "numpy", "ml_dtypes"),
            "code": own_code(),
        }

    def run(self, out: Path) -> None:
        """Quantize each node alone, and run the model.

        Raises:
            ConfigError: when the steps are no recipe, or quantize nothing.
            RequestError: when the target has no scheme for the precision.
            ToolError: when onnxruntime fails.
        """
        from itertools import islice

        from ...compiler.quantize.feed import Feed
        from ...compiler.quantize.ranges import Ranges
        from ...compiler.quantize.record import notes
        from ...compiler.quantize.sensitivity import rank
        from ...vocabulary.tensor_folder import TensorFolder

        schemes = schemes_for(self.target, self.steps)
        model = self.model.apply(self.steps[:-1], where=self.where)
        quantized = self.model.apply(self.steps, where=self.where, schemes=schemes)
        if quantized.precision not in schemes:
            raise ConfigError(f"{self.where}: its last step quantizes nothing, so no node is sensitive to it")
        ranges = Ranges.load(Path(self.model.ranges.path)) if self.model.ranges is not None else None
        calls = [call for _, call in islice(Feed(model.signature, TensorFolder(Path(self.rows.path))).calls(), ROWS)]
        ranking = rank(model, quantized, schemes[quantized.precision], ranges, calls)
        told = tuple(note for note in notes(quantized.ir) if note.step == "quantize")
        (out / "sensitivity.json").write_bytes(encode_json(Ranked(ranking=ranking, notes=told)))


def read_ranking(entry: Path) -> Ranked:
    """Read what a `RankNodes` left."""
    return msgspec.json.decode((entry / "sensitivity.json").read_bytes(), type=Ranked)
