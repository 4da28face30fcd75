from __future__ import annotations

import pytest

from edgewright.compiler import recipe
from edgewright.compiler.passes.float16 import Float16
from edgewright.vocabulary.errors import ConfigError


def test_a_step_is_a_name() -> None:
    parsed = recipe.parse(["float16"], where="edgewright.toml: recipes.fp16")
    assert [type(step) for step in parsed.passes] == [Float16]


def test_a_step_is_a_table_with_one_key() -> None:
    parsed = recipe.parse([{"float16": {}}], where="edgewright.toml: recipes.fp16")
    assert [type(step) for step in parsed.passes] == [Float16]


def test_no_steps_are_a_recipe() -> None:
    assert recipe.parse([], where="edgewright.toml: recipes.fp32").passes == ()


def test_an_unknown_step_names_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"edgewright\.toml: recipes\.half\[0\]: there is no step 'flaot16'"
    ) as caught:
        recipe.parse(["flaot16"], where="edgewright.toml: recipes.half")
    assert caught.value.hint == "did you mean 'float16'?"


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ConfigError, match="step 'float16' has no option 'bits'"):
        recipe.parse([{"float16": {"bits": 8}}], where="x")


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"smooth_quant": {"alpha": "0.5"}}, "step 'smooth_quant': alpha = '0.5': expected a number"),
        ({"smooth_quant": {"insert": 1}}, "step 'smooth_quant': insert = 1: expected true or false"),
        ({"equalize": {"by": 3}}, "step 'equalize': by = 3: expected a text"),
        (
            {"quantize": {"precision": "static_wi8_ai8", "keep_float": "fc"}},
            "keep_float = 'fc': expected a list of texts",
        ),
        (
            {"quantize": {"precision": "static_wi8_ai8", "keep_float": [3]}},
            r"keep_float = \[3\]: expected a list of texts",
        ),
        ({"quantize": {"precision": "static_wi8_ai8", "bias_correction": "no"}}, "expected true or false"),
        ({"quantize": {"precision": "static_wi8_ai8", "percentile": True}}, "percentile = True: expected a number"),
    ],
)
def test_an_option_of_another_type_is_refused(step: object, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^x\\[0\\]: .*{message}$"):
        recipe.parse([step], where="x")


def test_an_option_that_must_be_said_is_named() -> None:
    with pytest.raises(ConfigError, match="step 'quantize' has no precision, which must be said") as caught:
        recipe.parse(["quantize"], where="x")
    assert caught.value.hint == "write { quantize = { precision = … } }"


@pytest.mark.parametrize("step", [16, ["float16"], {}, {"float16": {}, "prune": {}}, {"float16": 3}])
def test_what_is_neither_a_name_nor_a_table_is_refused(step: object) -> None:
    with pytest.raises(ConfigError, match="expected the name of a step or a table with one key"):
        recipe.parse([step], where="x")


def test_nothing_stands_behind_a_precision_step() -> None:
    with pytest.raises(ConfigError, match="'float16' sets the precision"):
        recipe.parse(["float16", "float16"], where="x")
