"""The page that the documentation shows, as it shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "fallback-on-the-web.md"


@pytest.fixture
def shown(site: Path, key: Path) -> Callable[[Path], None]:
    """Lay out the site as the page says, with a real key in the place of the shortened one."""

    def lay_out(bundle: Path) -> None:
        found = re.search(r"```html\n(.*?)```", HOW_TO.read_text("utf-8"), re.DOTALL)
        assert found is not None
        text, keys = re.subn(r"-----BEGIN.*?END PUBLIC KEY-----", key.read_text("utf-8").strip(), found[1], flags=re.S)
        assert keys == 1
        (site / "edgewright").mkdir()
        for name in ("fallback", "chunks", "assets"):
            (site / name).rename(site / "edgewright" / name)
        bundle.rename(site / "digits")
        (site / "index.html").write_text(text, "utf-8")

    return lay_out


def test_the_page_of_the_how_to_reads_a_digit(
    page: Page, served: str, site: Path, make_bundle: Callable[..., Path], shown: Callable[[Path], None]
) -> None:
    shown(make_bundle("tflite-fp32", "tfjs-fp32"))

    page.goto(f"{served}/")
    page.wait_for_function("document.querySelector('#how').textContent !== ''")

    assert page.text_content("#digit") == "3"
    assert page.text_content("#how") == "tflite-fp32 on litertjs/wasm"


def test_the_page_says_what_is_wrong(
    page: Page, served: str, site: Path, make_bundle: Callable[..., Path], shown: Callable[[Path], None]
) -> None:
    shown(make_bundle("tflite-fp32"))
    with (site / "digits" / "content" / "manifest.json").open("ab") as file:
        file.write(b" ")

    page.goto(f"{served}/")
    page.wait_for_function("document.querySelector('#how').textContent !== ''")

    assert page.text_content("#digit") == "?"
    assert page.text_content("#how") == (
        "content/manifest.json was changed after signing; get the bundle again from its publisher"
    )
