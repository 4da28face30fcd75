"""The cases as the suite sees them."""

import subprocess
import sys

from edgewright.conformance.cases import cases


def test_every_case_of_onnx_is_there() -> None:
    from onnx.backend.test.case.node import collect_testcases

    assert list(cases()) == sorted(case.name for case in collect_testcases(None))


def test_the_body_of_an_operator_is_a_case_of_that_operator() -> None:
    assert cases()["test_softmax_large_number_expanded"].operator == "Softmax"
    assert cases()["test_ai_onnx_ml_binarizer"].operator == "ai.onnx.ml.Binarizer"


def test_plain_cases_have_tensors_of_plain_types_alone() -> None:
    found = cases()
    assert found["test_add_uint8"].is_plain
    assert not found["test_max_float16"].is_plain
    assert found["test_max_float16"].has_values_of_tensors
    for name in ("test_equal_string", "test_sequence_insert_at_back", "test_optional_has_element_optional_input"):
        assert not found[name].has_values_of_tensors
    assert not found["test_adam"].has_values_of_tensors


def test_with_inputs_fixed_the_first_is_left_open() -> None:
    case = cases()["test_clip_example"]
    assert list(case.inputs) == ["x", "min", "max"]
    fixed = case.with_inputs_fixed()
    assert fixed is not None
    assert list(fixed.inputs) == [value.name for value in fixed.model.graph.input] == ["x"]
    assert [tensor.name for tensor in fixed.model.graph.initializer] == ["min", "max"]
    assert len(case.model.graph.input) == 3


def test_with_one_input_there_is_nothing_to_fix() -> None:
    assert cases()["test_abs"].with_inputs_fixed() is None


def test_every_process_draws_the_same_inputs() -> None:
    code = "from edgewright.conformance.cases import cases; print(cases()['test_abs'].inputs['x'].tolist())"
    sums = {subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)}
    assert sums == {f"{cases()['test_abs'].inputs['x'].tolist()}\n".encode()}
