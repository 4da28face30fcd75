"""Every hub operator that this target knows, and its lowering."""

from __future__ import annotations

from . import activation
from .lowering import Lowering

LOWERINGS: dict[tuple[str, str], Lowering] = {
    ("", op): lowering for theme in (activation,) for op, lowering in theme.LOWERINGS.items()
}
"""(domain, operator) → its lowering."""
