"""A hub model with what was found out about its tensors, as steps hand it on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ...vocabulary.digest import Plain

if TYPE_CHECKING:
    from ...compiler.model import Model
    from ...compiler.quantize.scheme import Scheme
    from ...vocabulary.precision import Precision


class FileRef(msgspec.Struct, frozen=True, kw_only=True):
    """A file, or a folder, of another step's result."""

    path: str
    digest: str


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """The folder of a hub model; its ranges and the second moments of its layers, where a recipe needs them."""

    hub: FileRef
    ranges: FileRef | None = None
    moments: FileRef | None = None

    def key_parts(self) -> Mapping[str, Plain]:
        """The digests of all of it."""
        known = {"hub": self.hub, "ranges": self.ranges, "moments": self.moments}
        return {name: ref.digest for name, ref in known.items() if ref is not None}

    def load(self) -> Model:
        """Read the model.

        Raises:
            ModelError: when the folder does not hold one.
        """
        from ...compiler.model import Model

        return Model.load(Path(self.hub.path))

    def apply(self, steps: Sequence[Any], *, where: str, schemes: Mapping[Precision, Scheme] | None = None) -> Model:
        """Give what the steps of a recipe make of the model.

        Raises:
            ConfigError: when the steps are no recipe.
            RequestError: when there is no scheme for the precision that they ask for.
        """
        import numpy as np

        from ...compiler.quantize.ranges import Ranges
        from ...compiler.recipe import apply, parse

        return apply(
            self.load(),
            parse(steps, where=where),
            ranges=Ranges.load(Path(self.ranges.path)) if self.ranges is not None else None,
            schemes=schemes,
            moments=np.load(self.moments.path, allow_pickle=False) if self.moments is not None else None,
        )
