"""A page of the house: no script, no network, one look."""

from __future__ import annotations

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


def table(titles: tuple[str, ...], rows: Content, caption: str = "") -> Markup:
    """Give a table that scrolls sideways where it must; `rows` are `tr` elements."""
    return element(
        "div",
        element(
            "table",
            element("caption", caption) if caption else [],
            element("thead", element("tr", [element("th", title, scope="col") for title in titles])),
            element("tbody", rows),
        ),
        class_="scroll",
    )
