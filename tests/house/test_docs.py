"""What the documentation points to is there; what it shows can be typed."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from edgewright.cli.main import PROGRAM, group
from edgewright.compiler.recipe import parse as parse_recipe
from edgewright.pipeline.config import parse_project
from edgewright.pipeline.mixed_request import take_request
from edgewright.pipeline.verdicts import Verdicts

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "docs/**/*.md",
        "examples/**/*.md",
        "benchmarks/**/*.md",
    )
    for path in ROOT.glob(pattern)
    if not any(part.startswith(".") or part == "out" for part in path.relative_to(ROOT).parts)
)
LINK = re.compile(
    r"""\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s+(\S+)|(?:href|src|srcset)="([^"]+)\"""", re.MULTILINE
)
SEVERAL_COMMANDS = ("&&", "||", "|", ";")

BASE = {
    "model": '[model]\nsource = "model.onnx"',
    "data": '[data]\nevaluation = { file = "test.npz", labels = "label" }',
    "recipes": '[recipes]\nfp32 = []\nfp16 = ["float16"]',
    "targets": "[targets.onnxruntime]",
    "bundle": '[bundle]\nname = "model"\nversion = "1.0.0"',
}
"""The sections that a fragment leaves out, so that it can be read as a whole project file."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block: where it stands, what its fence says, and its text."""

    page: Path
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    lines = page.read_text("utf-8").splitlines()
    fence, start = "", 0
    for number, line in enumerate(lines, 1):
        mark = re.match(r"\s*(`{3,}|~{3,})(.*)", line)
        if mark is None:
            continue
        if not fence:
            fence, start, info = mark[1], number, mark[2].strip()
        elif mark[1].startswith(fence) and not mark[2].strip():
            yield Block(page=page, line=start, info=info, text="\n".join(lines[start : number - 1]))
            fence = ""
    assert not fence, f"{page}:{start}: the block does not end"


BLOCKS = [block for page in PAGES for block in blocks(page)]


def prose(page: Path, *, spans: bool = False) -> str:
    """Give a page without its blocks of code, line by line as it was; with `spans`, code within a line stays."""
    text = page.read_text("utf-8")
    text = re.sub(
        r"^(\s*)(`{3,}|~{3,}).*?^\1\2[`~]*\s*$", lambda block: "\n" * block[0].count("\n"), text, flags=re.M | re.S
    )
    return text if spans else re.sub(r"(`+)[^`\n].*?\1", "``", text)


def slugs(page: Path) -> set[str]:
    """Give the anchors of a page, as GitHub makes them of its headings."""
    text = re.sub(r"^(```|~~~).*?^\1\s*$", "", page.read_text("utf-8"), flags=re.M | re.S)
    found: set[str] = set(re.findall(r'<a (?:name|id)="([^"]+)"', text))
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", text, re.MULTILINE):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number, unique = 0, slug
        while unique in found:
            number += 1
            unique = f"{slug}-{number}"
        found.add(unique)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_points_to_something(page: Path) -> None:
    missing = []
    for link in ("".join(groups) for groups in LINK.findall(prose(page))):
        if re.match(r"[a-z][a-z+.-]*:", link):
            continue
        path, _, anchor = link.partition("#")
        place = (page.parent / path).resolve() if path else page
        if not (place.is_relative_to(ROOT) and place.exists()) or (
            anchor and (place.suffix != ".md" or anchor not in slugs(place))
        ):
            missing.append(link)
    assert missing == []


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.info.split()[:1] == ["toml"]], ids=str)
def test_every_project_file_can_be_read(block: Block) -> None:
    text = block.text
    if block.info == "toml fragment":
        there = tomllib.loads(text)
        text += "\n" + "\n".join(section for name, section in BASE.items() if name not in there)
    project = parse_project(text, folder=ROOT, where=str(block))
    Verdicts(project)
    for name, written in project.recipes.items():
        steps, _ = take_request(written, f"recipes.{name}")
        parse_recipe(steps, where=f"recipes.{name}")


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.info == "python"], ids=str)
def test_python_is_python(block: Block) -> None:
    ast.parse(block.text)


def commands(block: Block) -> Iterator[list[str]]:
    """Give the words behind `edgewright` of each of its lines in a block: those behind a prompt in a console."""
    for line in block.text.replace("\\\n", " ").splitlines():
        typed = line
        if block.info == "console":
            if not line.startswith("$ "):
                continue
            typed = line.removeprefix("$ ")
        words = shlex.split(typed.replace("$(", " ; ").replace(")", " ; "), comments=True)
        while words:
            end = min((words.index(mark) for mark in SEVERAL_COMMANDS if mark in words), default=len(words))
            command, words = words[:end], words[end + 1 :]
            while command and re.fullmatch(r"\w+=.*", command[0]):
                del command[0]
            if command and Path(command[0]).name == PROGRAM:
                yield _without_redirections(command[1:])


def _without_redirections(words: list[str]) -> list[str]:
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif re.fullmatch(r"\d?>>?|<", word):
            skip = True
        elif not re.match(r"\d?>", word):
            kept.append(word)
    return kept


INLINE = re.compile(rf"`({PROGRAM} [^`]+)`")
PLACEHOLDERS = ("VERB", "…")
"""What stands in prose for a verb."""


def inline(page: Path) -> Iterator[Block]:
    """Give the command lines that stand in the prose of a page."""
    for number, line in enumerate(prose(page, spans=True).splitlines(), 1):
        for text in INLINE.findall(line):
            if text.split()[1] not in PLACEHOLDERS:
                yield Block(page=page, line=number, info="sh", text=text)


LINES = [
    pytest.param(command, id=f"{block} {shlex.join(command)}")
    for block in (*BLOCKS, *(block for page in PAGES for block in inline(page)))
    if block.info in ("console", "sh", "bash")
    for command in commands(block)
]


@pytest.mark.parametrize("words", LINES)
def test_every_command_line_can_be_typed(words: list[str]) -> None:
    """Parsed as click would, and not run."""
    with click.Context(group, info_name=PROGRAM, resilient_parsing=True) as context:
        rest = group.make_parser(context).parse_args(args=list(words))[1]
        if not rest:
            assert words, "a line without a verb"
            return
        verb = group.get_command(context, rest[0])
        assert verb is not None, f"there is no verb {rest[0]!r}"
        with click.Context(verb, parent=context, info_name=rest[0]) as inner:
            _, left, _ = verb.make_parser(inner).parse_args(args=list(rest[1:]))
            assert left == [], f"{rest[0]} takes no {left}"


def test_the_pages_show_commands() -> None:
    verbs = {words.values[0][0] for words in LINES}
    assert {"init", "inspect", "build", "verify", "profile", "targets", "doctor", "cache", "keygen"} <= verbs


def test_the_index_names_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / "".join(groups).partition("#")[0]).resolve() for groups in LINK.findall(prose(index))}
    pages = {page for page in PAGES if page.parent.name in ("tutorial", "how-to", "reference", "explanation")}
    assert pages <= linked
