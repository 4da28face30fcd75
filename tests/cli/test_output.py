import io
import sys

import pytest

from edgewright.cli.output import Output, columns
from edgewright.cli.settings import Settings
from edgewright.pipeline.progress import Silent


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(settings, text, stream):
    Output(settings, stream).show({"b": 1, "a": (2, 3)}, text)
    return stream.getvalue()


def test_json_is_one_sorted_document():
    assert shown(Settings(json=True), None, io.StringIO()) == '{\n  "a": [\n    2,\n    3\n  ],\n  "b": 1\n}\n'


def test_text_is_what_the_verb_makes_of_it():
    assert shown(Settings(), lambda console: console.print("b is 1"), io.StringIO()) == "b is 1\n"


def test_no_line_ends_in_spaces():
    def table(console):
        from rich.table import Table

        grid = Table(box=None, show_header=False)
        grid.add_row("a", "long")
        grid.add_row("bb", "")
        console.print(grid)

    assert all(line == line.rstrip() for line in shown(Settings(), table, io.StringIO()).splitlines())


def test_a_long_line_stays_whole_where_no_terminal_shows_it(monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    text = " ".join(["word"] * 60)
    assert shown(Settings(), lambda console: console.print(text), io.StringIO()) == text + "\n"


@pytest.fixture
def terminal_of_80(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def test_a_terminal_gets_lines_of_its_width_and_colours(terminal_of_80):
    text = shown(Settings(), lambda console: console.print("[red]" + "word " * 30), Terminal())
    assert text.startswith("\x1b[31m")
    assert len(text.splitlines()) == 2


def test_no_color_is_obeyed(terminal_of_80, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown(Settings(), lambda console: console.print("[red]word"), Terminal()) == "word\n"


def test_a_pipe_gets_no_colours():
    assert shown(Settings(), lambda console: console.print("[red]word"), io.StringIO()) == "word\n"


@pytest.mark.parametrize("settings", [Settings(json=True), Settings(quiet=True)])
def test_notes_are_left_out(settings, capsys):
    Output(settings, sys.stdout).note("look here")
    assert capsys.readouterr() == ("", "")


def test_notes_go_to_stderr(capsys):
    Output(Settings(), sys.stdout).note("look [here]")
    assert capsys.readouterr() == ("", "look [here]\n")


@pytest.mark.parametrize("settings", [Settings(json=True), Settings(quiet=True), Settings(no_progress=True)])
def test_progress_is_silent_when_nobody_wants_it(settings):
    with Output(settings, sys.stdout).progress() as progress:
        assert isinstance(progress, Silent)


def test_progress_is_plain_lines_on_stderr_where_no_terminal_is(capsys):
    with Output(Settings(), sys.stdout).progress() as progress:
        progress.started("compile tflite-fp32")
        progress.advanced("compile tflite-fp32", 1, 2)
        progress.finished("compile tflite-fp32", 0.84, "done")
        progress.finished("compile tflite-fp16", 0.01, "cached")
        progress.finished("compile onnxruntime-fp32", 2.5, "refused")
    assert capsys.readouterr() == (
        "",
        "compile tflite-fp32 … 0.84 s\ncompile tflite-fp16 … cached\ncompile onnxruntime-fp32 … refused after 2.50 s\n",
    )


def test_columns_run_down_and_fit_the_width():
    assert columns(["a", "bb", "c", "d", "e"], 12, indent=2) == "  a   d\n  bb  e\n  c"
    assert columns([], 80, indent=2) == ""
