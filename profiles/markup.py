"""HTML built of elements, so that no text gets into a page without being escaped."""

from __future__ import annotations

import html
from collections.abc import Iterable

VOID = frozenset(("meta", "br", "col"))
"""Elements that have no content and no end tag."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Content = str | Iterable["Content"]
"""`Markup` stays as it is, any other text is escaped, and what holds several stands one after the other."""


def element(name: str, /, *content: Content, **attributes: str) -> Markup:
    """Give `<name attribute="…">content</name>`; `class_` stands for `class`, `data_label` for `data-label`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{html.escape(value)}"' for key, value in attributes.items()
    )
    if name in VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(content)}</{name}>")


def join(content: Content) -> Markup:
    """Give the HTML of content."""
    if isinstance(content, Markup):
        return content
    if isinstance(content, str):
        return Markup(html.escape(content))
    return Markup("".join(map(join, content)))
