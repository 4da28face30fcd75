"""A function of the user's that changes the rows that a model learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from ..compiler.importers.request import Request
from ..compiler.importers.user_code import load_factory
from ..vocabulary.errors import DataError

Array = NDArray[Any]
Augment = Callable[[dict[str, Array], np.random.Generator], dict[str, Array]]


def load_augment(reference: str, folder: Path) -> Augment:
    """Load `file.py:function`, called with `{input: rows}` and a generator; what it gives is checked at each call.

    Call within `user_imports`.

    Raises:
        ConfigError: when there is no such file or function.
        ModelError: when the user's code fails while it is imported.
    """
    function = cast("Augment", load_factory(Request(reference=reference, folder=folder)))

    def checked(rows: dict[str, Array], generator: np.random.Generator) -> dict[str, Array]:
        forms = {name: (array.dtype, array.shape) for name, array in rows.items()}
        try:
            changed = function(rows, generator)
        except Exception as error:  # whatever a function of the user's raises is told by its name
            raise DataError(f"{reference}: {type(error).__name__}: {error}") from error
        if not isinstance(changed, Mapping) or set(changed) != set(forms):
            raise DataError(f"{reference}: expected a mapping with the inputs {', '.join(forms)}, each with its rows")
        arrays = {name: np.asarray(changed[name]) for name in forms}
        for name, (dtype, shape) in forms.items():
            if (arrays[name].dtype, arrays[name].shape) != (dtype, shape):
                raise DataError(
                    f"{reference}: input {name!r} was {dtype}{list(shape)}, and is {arrays[name].dtype}"
                    f"{list(arrays[name].shape)} now",
                    hint="a row stays one row of the same form; its numbers may change",
                )
        return arrays

    return checked
