"""Which steps of a recipe look at data, and at what."""

from __future__ import annotations

import pytest

from edgewright.compiler.recipe import parse
from edgewright.compiler.recipe_needs import needs_of_data

STATIC = {"quantize": {"precision": "static_wi8_ai8", "rounding": "second_order"}}
CHANNELS = {"structured": True, "macs": "50%"}


@pytest.mark.parametrize(
    ("steps", "needs"),
    [
        (["equalize", "float16"], []),
        ([{"quantize": {"precision": "weight_only_wi8_afp32"}}], []),
        ([{"quantize": {"precision": "static_wi8_ai8"}}], [(0, "ranges")]),
        (
            ["equalize", "smooth_quant", {"equalize": {"by": "activations"}}, STATIC],
            [(1, "ranges"), (2, "ranges"), (3, "ranges and moments")],
        ),
        ([{"prune": CHANNELS}, {"distill": {"epochs": 1}}], [(1, "rows")]),
        ([{"prune": {**CHANNELS, "importance": "taylor"}}, {"prune": {"sparsity": "50%"}}], [(0, "rows")]),
    ],
)
def test_which_steps_look_at_data_is_known(steps: list[object], needs: list[tuple[int, str]]) -> None:
    found = []
    for need in needs_of_data(parse(steps, where="x")):
        asked = {"ranges": need.calibrated, "moments": need.moments, "rows": need.taught}
        found.append((need.at, " and ".join(name for name, is_asked in asked.items() if is_asked)))
    assert found == needs
