"""A page of the house: no script, no network, one look."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .markup import Content, Markup, element
from .style import STYLE


def page(title: str, kind: str, subtitle: Content, content: Content) -> str:
    """Give the HTML of a page; `kind` stands behind the title in the browser's tab."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} – {kind}"),
        element("style", Markup(STYLE)),
    )
    header = element("header", element("h1", title), element("p", subtitle, class_="quiet"))
    body = element("body", header, element("main", content))
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def table(titles: Sequence[str], rows: Content, caption: str = "", *, numbers: Collection[str] = ()) -> Markup:
    """Give a table that scrolls sideways where it must.

    `rows` are `tr` elements; the columns of `numbers`, by title, have their titles on the right as their cells are.
    """
    header = [element("th", title, scope="col", class_="number" if title in numbers else "text") for title in titles]
    return element(
        "div",
        element(
            "table",
            element("caption", caption) if caption else [],
            element("thead", element("tr", header)),
            element("tbody", rows),
        ),
        class_="scroll",
    )
