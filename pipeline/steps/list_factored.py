"""Lists the layers that a low_rank step factors, with what each saves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from .base import own_code, versions
from .prepared import Prepared

if TYPE_CHECKING:
    import onnx_ir as ir


class Factored(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A node that is factored, and the multiply-accumulates that this saves, a symbolic dimension counted as 1."""

    node: str
    saved: int


class FactoredLayers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All such nodes in the order of the graph, and the multiply-accumulates of the model before."""

    layers: tuple[Factored, ...]
    macs: int


class ListFactored(msgspec.Struct, frozen=True, kw_only=True, tag="factored"):
    """The last of `steps` is low_rank. Leaves `factored.json`."""

    model: Prepared
    steps: tuple[Any, ...]
    where: str

    @property
    def title(self) -> str:
        """`list factored layers`."""
        return "list factored layers"

    def key_parts(self) -> Mapping[str, Plain]:
        """The model, the steps and the tools."""
        return {
            "model": self.model.key_parts(),
            "steps": msgspec.to_builtins(self.steps),
            "tools": versions("onnx", "onnx-ir", "onnxscript", "numpy"),
            "code": own_code(),
        }

    def run(self, out: Path) -> None:
        """Apply the steps with and without the last, and compare.

        Raises:
            RefusedError: when it factors nothing.
        """
        before = self.model.apply(self.steps[:-1], where=self.where).ir
        after = self.model.apply(self.steps, where=self.where).ir
        (out / "factored.json").write_bytes(encode_json(factored_layers(before, after)))


def factored_layers(before: ir.Model, after: ir.Model) -> FactoredLayers:
    """Compare a model with what low_rank made of it: a node that is factored is gone, its factors have its name."""
    from ...compiler.inspect import macs_of
    from ...compiler.passes.fix_dimensions import with_every_symbol_at_one

    counts = [
        {str(node.name): macs_of(node) or 0 for node in with_every_symbol_at_one(model).graph}
        for model in (before, after)
    ]
    layers = [
        Factored(node=name, saved=macs - sum(count for part, count in counts[1].items() if part.startswith(f"{name}/")))
        for name, macs in counts[0].items()
        if macs and name not in counts[1]
    ]
    return FactoredLayers(layers=tuple(layers), macs=sum(counts[0].values()))


def read_factored(entry: Path) -> FactoredLayers:
    """Read what a `ListFactored` left."""
    return msgspec.json.decode((entry / "factored.json").read_bytes(), type=FactoredLayers)
