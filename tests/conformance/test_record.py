"""The kept record: small, sorted, and able to say what is lost."""

import pytest

from edgewright.conformance.record import Entry, Record
from edgewright.conformance.summary import summarize
from edgewright.conformance.verdict import Outcome, Result, Verdict
from edgewright.conformance.versions import versions_of
from edgewright.targets.table import load_target
from edgewright.vocabulary.errors import ConfigError

PASSED = Outcome(verdict=Verdict.PASSED)
REFUSED = Outcome(verdict=Verdict.REFUSED, reason="Top: its k is not constant", by="tflite")
WRONG = Outcome(verdict=Verdict.WRONG, reason="y: shape [] for [1]")

RESULTS = [
    Result(case="test_b", operator="Top", given=PASSED, handling="native"),
    Result(case="test_a", operator="Top", given=PASSED, handling="native"),
    Result(case="test_c", operator="Top", given=REFUSED, fixed=PASSED, handling="decomposed"),
    Result(case="test_d", operator="Top", given=REFUSED, fixed=REFUSED),
    Result(case="test_e", operator="Abs", given=PASSED, seconds=3.5),
]


VERSIONS = {"onnx": "1.20", "flatbuffers": "25.2"}


def record() -> Record:
    return Record.of("tflite", VERSIONS, RESULTS, plain={"test_a", "test_d"})


def test_the_same_results_in_another_order_give_the_same_file() -> None:
    again = Record.of("tflite", VERSIONS, RESULTS[::-1], plain={"test_d", "test_a"})
    assert again.encode() == record().encode()


def test_a_record_is_read_back() -> None:
    assert Record.decode(record().encode(), "tflite.json") == record()
    assert list(record().versions.items()) == [("flatbuffers", "25.2"), ("onnx", "1.20")]


def test_a_damaged_record_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^tflite\.json: "):
        Record.decode(record().encode().replace(b'"passed"', b'"perfect"'), "tflite.json")


def test_cases_count_by_their_result() -> None:
    assert record().counts() == {"passed": 3, "refused": 1, "refused; passed with inputs fixed": 1}
    assert record().plain == {"passed": 1, "refused": 1}


@pytest.mark.parametrize(
    ("case", "outcomes", "lost"),
    [
        ("test_a", (PASSED,), False),
        ("test_a", (REFUSED, PASSED), True),
        ("test_a", (WRONG,), True),
        ("test_c", (PASSED,), False),
        ("test_c", (REFUSED, PASSED), False),
        ("test_c", (REFUSED, REFUSED), True),
        ("test_d", (REFUSED,), False),
        ("test_new", (REFUSED,), False),
    ],
)
def test_what_passed_and_does_no_more_is_lost(case, outcomes, lost) -> None:
    result = Result(case=case, operator="Top", given=outcomes[0], fixed=dict(enumerate(outcomes)).get(1))
    assert record().lost([result]) == ((result,) if lost else ())


def test_a_summary_never_mixes_what_passes_with_inputs_fixed_with_passes() -> None:
    summary = summarize(record().operators["Top"])
    assert (summary.cases, summary.passed, summary.passed_with_inputs_fixed, summary.refused) == (4, 2, 1, 1)
    assert summary.handling == ("native", "decomposed")
    assert summary.refusals == {"Top: its k is not constant": 1}
    assert summarize(record().operators["Top"], by="importer").refusals == {}


def reasons(*texts: str) -> dict[str, int]:
    """Give what a summary makes of refusals for these reasons, a case each."""
    outcomes = [Outcome(verdict=Verdict.REFUSED, reason=text, by="tflite") for text in texts]
    return summarize(Entry(given=given, cases=("test_x",)) for given in outcomes).refusals


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("node 'Adam_0' (Adam) trains", "Adam trains"),
        ("node 'Mod_0': operator Mod is newer", "operator Mod is newer"),
        ("A: no a; B: not judged: a node before it is refused; A: no a", "A: no a"),
        ("no X(22) node with name 'X_0'", "no X(22)"),
        ("model.onnx: input 'x' is wrong", "input 'x' is wrong"),
        ("word " * 40, "word " * 32 + "…"),
    ],
)
def test_reasons_are_told_without_names_of_nodes(reason, words) -> None:
    assert reasons(reason) == {words: 1}


def test_reasons_that_differ_in_an_element_type_are_one() -> None:
    assert reasons("no ADD for uint64", "no ADD for uint32", "no ADD for uint64", "no ADD") == {
        "no ADD for uint32, uint64": 3,
        "no ADD": 1,
    }


@pytest.mark.parametrize(("target", "names"), [("tflite", {"onnx", "ai-edge-litert"}), ("tfjs", {"onnx", "tfjs"})])
def test_a_record_names_its_runtime_also_where_that_is_no_python_package(target: str, names: set[str]) -> None:
    assert names <= versions_of(load_target(target)).keys()
