import re
from pathlib import Path

from edgewright.cli.main import VERBS
from edgewright.cli.settings import global_options

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "command-line.md").read_text("utf-8")


def test_the_page_has_every_verb_in_the_words_of_the_help():
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE)
    assert {verb: line for verb, line in rows if verb in VERBS} == VERBS


def test_the_page_has_every_global_option():
    for option in global_options():
        assert all(f"`{name}`" in PAGE for name in option.opts)
