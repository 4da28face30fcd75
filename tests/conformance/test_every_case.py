"""Every operator case of ONNX, through every target: passed, or refused by name before anything is emitted."""

import pytest

from edgewright.conformance.cases import cases
from edgewright.conformance.record import kept
from edgewright.conformance.run import run
from edgewright.conformance.subjects import cases_of_the_suite, subjects


@pytest.mark.parametrize("target", subjects())
def test_every_case_is_right_or_refused(target: str) -> None:
    names = cases_of_the_suite(target, cases())
    results = list(run(target, names))
    assert [result.case for result in results] == names
    findings = {result.case: [(each.verdict, each.reason) for each in result.outcomes] for result in results}
    assert {result.case: findings[result.case] for result in results if result.is_finding} == {}
    record = kept(target)
    assert record is not None, "`make conformance` makes it"
    assert {result.case: findings[result.case] for result in record.lost(results)} == {}


@pytest.mark.parametrize("target", subjects())
def test_the_kept_record_is_of_all_cases_and_without_a_finding(target: str) -> None:
    record = kept(target)
    assert record is not None
    assert sorted(record.words) == list(cases())
    assert {*record.words.values()} <= {"passed", "refused", "refused; passed with inputs fixed"}


def test_the_suite_runs_the_same_share_of_cases_wherever_it_runs() -> None:
    names = list(cases())
    assert cases_of_the_suite("onnxruntime", names) == names
    few = cases_of_the_suite("tvm", names)
    assert few == cases_of_the_suite("tvm", names)
    assert len(names) / 20 < len(few) < len(names) / 12
