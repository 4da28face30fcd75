"""ONNX's own operator cases compute the same when everything in them that can be written out is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgewright.compiler.expand.expand import Expand
from edgewright.compiler.importers.request import Imported
from edgewright.conformance.cases import cases

CONTROL = {"If", "Loop", "Scan"}

ALSO = (
    "test_attention_4d_gqa_with_past_and_present",  # outputs that its definition gives only for some inputs
    "test_center_crop_pad_crop_axes_chw",
    "test_layer_normalization_4d_axis1_expanded_ver18",
    "test_reduce_log_sum_exp_keepdims_example_expanded",
    "test_sce_mean_weight_ii_log_prob_expanded",
)


UNREAD = {"test_bernoulli_seed": "random", "test_scan_sum": "a Scan over batches, of opset 8"}


def _defined_operators() -> dict[str, str]:
    """Give a case of every operator that ONNX defines by others, and those with control flow: name to operator."""
    chosen: dict[str, str] = {}
    for name, case in cases().items():
        schema = onnx.defs.get_schema(case.operator) if onnx.defs.has(case.operator) else None
        defined = schema is not None and (schema.has_function or schema.has_context_dependent_function)
        flows = any(node.op_type in CONTROL for node in case.model.graph.node)
        new = case.operator not in chosen.values() and "_expanded" not in name
        if name not in UNREAD and case.is_plain and ((defined and new) or flows or name in ALSO):
            chosen[name] = case.operator
    return chosen


@pytest.mark.parametrize("name", sorted(_defined_operators()))
def test_it_computes_the_same(
    name: str, tmp_path: Path, read: Callable[..., Imported], run: Callable[..., dict[str, np.ndarray]]
) -> None:
    case = cases()[name]
    path = tmp_path / "case.onnx"
    onnx.save(case.model, path)
    outputs = run(Expand([])(read(path).model), case.inputs)
    for output, array in case.outputs.items():
        assert outputs[output].dtype == array.dtype
        np.testing.assert_allclose(outputs[output], array, rtol=1e-5, atol=1e-6, err_msg=output)
