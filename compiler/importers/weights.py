"""Weight files: opened the safe way before any code of the user sees them, and refused where they could run code."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import IO, Final

from ...vocabulary.errors import ConfigError, ModelError
from .request import Imported, Request

SUFFIXES: Final = (".pt", ".pth", ".th", ".bin", ".safetensors")
"""How files of weights are called."""

_GLOBAL: Final = re.compile(r"GLOBAL ([\w.]+)|function ([\w.]+)")


def check_weights(path: Path) -> None:
    """Check that a weight file holds tensors and plain containers, nothing that runs code when it is read.

    Tensors are not loaded. Needs torch.

    Raises:
        ModelError: when it is damaged, or a pickle that asks for anything else; the message names what it asks for.
    """
    if path.suffix == ".safetensors":
        _check_safetensors(path)
    else:
        check_pickle(path, str(path))


def _check_safetensors(path: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        raise ModelError(f"{path}: not a safetensors file, or a truncated one: {error}") from error


def check_pickle(file: Path | IO[bytes], name: str) -> None:
    """Check that what PyTorch pickled is tensors and plain containers; `name` stands for the file in errors.

    Raises:
        ModelError: when it is damaged, or asks for anything else; the message names what it asks for.
    """
    import torch

    try:
        torch.load(file, map_location="meta", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _GLOBAL.search(str(error))
        wanted = next(filter(None, found.groups()), None) if found else None
        if wanted is None:
            raise ModelError(f"{name}: cannot be read as weights: {_first_line(error)}") from error
        raise ModelError(
            f"{name}: a pickle that asks for {wanted}; reading it could run code",
            hint="save the state dict alone: torch.save(module.state_dict(), path)",
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise ModelError(f"{name}: not weights of PyTorch, or truncated: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


class WeightsAlone:
    """Says why a file of weights is no model."""

    name = "weights"
    framework = "pytorch"
    extra = None

    def accepts(self, request: Request) -> bool:
        """A reference that is a file of weights."""
        return request.reference.lower().endswith(SUFFIXES)

    def read(self, request: Request) -> Imported:
        """Refuse.

        Raises:
            ConfigError: always; the hint says what to give instead.
        """
        raise ConfigError(
            f"{request.reference}: weights alone are no model, the architecture is missing",
            hint=f'write a function that builds the module and loads them: source = "model.py:load", '
            f'args = ["{Path(request.reference).name}"]',
        )
