"""Lists the kernels that a hub model spends its multiplications in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...compiler.kernel import KernelShare
from ...vocabulary.codec import encode_json
from ...vocabulary.digest import Plain
from .base import own_code
from .prepared import FileRef

if TYPE_CHECKING:
    from ...compiler.model import Model

MOST = 4
"""Kernels that are looked at: in most models these few hold nine tenths of the multiplications."""


class Kernels(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The kernels with the most multiply-accumulates, and how many the whole model has."""

    shares: tuple[KernelShare, ...]
    macs: int


class ListKernels(msgspec.Struct, frozen=True, kw_only=True, tag="kernels"):
    """One hub model. Leaves `kernels.json`."""

    hub: FileRef
    dims: dict[str, int]
    """Sizes of symbolic dimensions; others count as 1."""

    @property
    def title(self) -> str:
        """`list kernels`."""
        return "list kernels"

    def key_parts(self) -> Mapping[str, Plain]:
        """The model, the sizes and the code."""
        return {"hub": self.hub.digest, "dims": dict(self.dims), "code": own_code()}

    def run(self, out: Path) -> None:
        """Fix the dimensions and list."""
        from ...compiler.cleanup import CLEANUP
        from ...compiler.model import Model
        from ...compiler.passes.fix_dimensions import FixDimensions

        model = Model.load(Path(self.hub.path))
        fixed = FixDimensions({**dict.fromkeys(model.signature.symbols, 1), **self.dims})(model)
        (out / "kernels.json").write_bytes(encode_json(kernels_in(CLEANUP(fixed))))


def kernels_in(model: Model) -> Kernels:
    """List the kernels of a model whose dimensions are all known."""
    from ...compiler.kernels_of import kernels_of

    shares, macs = kernels_of(model, MOST)
    return Kernels(shares=shares, macs=macs)


def read_kernels(entry: Path) -> Kernels:
    """Read what a `ListKernels` left."""
    return msgspec.json.decode((entry / "kernels.json").read_bytes(), type=Kernels)
