from edgewright.cli.failure import Failure

FAILURE = Failure(
    kind="ConfigError",
    message="edgewright.toml: expected a number with a unit of time in gates.max_latency_p90, got '8'",
    hint="say '8 ms'",
    exit_code=2,
)


def test_lines_are_wrapped_under_the_word_to_the_width_of_a_terminal():
    assert FAILURE.text(width=60, colour=False) == (
        "error: edgewright.toml: expected a number with a unit of\n"
        "       time in gates.max_latency_p90, got '8'\n"
        "hint: say '8 ms'"
    )


def test_no_line_is_wrapped_where_no_terminal_is():
    assert FAILURE.text(width=None, colour=False).splitlines() == [f"error: {FAILURE.message}", "hint: say '8 ms'"]


def test_only_the_words_are_coloured():
    assert FAILURE.text(width=None, colour=True).startswith("\x1b[31m\x1b[1merror:\x1b[0m edgewright.toml")


def test_a_failure_without_hint_has_none():
    failure = Failure(kind="ToolError", message="no", hint=None, exit_code=3)
    assert failure.text(width=80, colour=False) == "error: no"
    assert failure.document()["error"] == {"kind": "ToolError", "message": "no", "hint": None}


def test_an_unexpected_exception_without_words_is_still_named():
    assert Failure.of(AssertionError()).message == "edgewright did not expect this: AssertionError"
