"""Every hub operator that this target knows, and its lowering."""

from __future__ import annotations

from . import convolution, elementwise, linear, reduction, shape
from .lowering import Lowering

LOWERINGS: dict[tuple[str, str], Lowering] = {
    ("", op): lowering
    for theme in (elementwise, convolution, linear, reduction, shape)
    for op, lowering in theme.LOWERINGS.items()
}
"""(domain, operator) → its lowering."""
