"""What an importer is asked for, and what it gives. Light: imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ...vocabulary.errors import ConfigError
from ...vocabulary.signature import TensorDeclaration

if TYPE_CHECKING:
    from ..model import Model

Array = NDArray[np.generic]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A model to import, as a project names it.

    `reference` is `model.onnx`, `model.pt2`, `file.py:factory` or `package.module:factory`, relative to `folder`.
    `inputs` and `outputs` say what the model does not say of itself, by name, in the order of the model; `dims` gives
    sizes to symbolic dimensions.
    """

    reference: str
    folder: Path
    args: tuple[str, ...] = ()
    inputs: Mapping[str, TensorDeclaration] = field(default_factory=dict)
    outputs: Mapping[str, TensorDeclaration] = field(default_factory=dict)
    dims: Mapping[str, int] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The file that the reference names, absolute; for `file.py:factory` the Python file."""
        name = self.reference.partition(":")[0] if ".py:" in self.reference else self.reference
        return (self.folder / name).absolute()

    @property
    def resolved_args(self) -> tuple[str, ...]:
        """The factory's arguments; one that names an existing file relative to `folder` becomes its absolute path."""
        return tuple(str((self.folder / arg).absolute()) if self._is_file(arg) else arg for arg in self.args)

    def with_dims_declared(self) -> Request:
        """Give the request with the fixed dimensions written into the declared inputs, where a model has no own names.

        Raises:
            ConfigError: when no declared input has a dimension of such a name.
        """
        symbols = {size for said in self.inputs.values() for size in said.shape or () if isinstance(size, str)}
        unknown = sorted(set(self.dims) - symbols)
        if unknown:
            raise ConfigError(
                f"{self.reference}: no declared input has a dimension named {unknown[0]!r}",
                hint=f"symbolic dimensions: {', '.join(sorted(symbols)) or 'none'}",
            )
        inputs = {
            name: said
            if said.shape is None
            else msgspec.structs.replace(
                said, shape=tuple(self.dims.get(size, size) if isinstance(size, str) else size for size in said.shape)
            )
            for name, said in self.inputs.items()
        }
        return replace(self, inputs=inputs, dims={})

    def _is_file(self, arg: str) -> bool:
        try:
            return (self.folder / arg).is_file()
        except (OSError, ValueError):  # too long or holding a NUL: no path, an argument like any other
            return False


class Original(Protocol):
    """The user's own model, run by its own framework: what every artifact is compared with."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Compute all outputs of the signature; names are those of the signature.

        Raises:
            ToolError: when the framework fails.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """A model on the hub, beside the original, with every file that was read for it (absolute, sorted).

    `log` is what the tools that took part had to say: warnings, progress.
    """

    model: Model
    original: Original
    files: tuple[Path, ...]
    log: str = ""
