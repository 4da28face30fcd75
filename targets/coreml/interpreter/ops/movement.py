"""Operations that move elements."""

from __future__ import annotations

import numpy as np

from ..arguments import Arguments, Array
from .operation import Implementation


def transpose(a: Arguments) -> Array:
    """Permute axes."""
    return np.transpose(a["x"], a.ints("perm"))


OPERATIONS: dict[str, Implementation] = {
    "transpose": transpose,
}
