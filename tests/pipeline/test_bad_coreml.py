"""What Core ML cannot say is refused from the command line, with the reason, and leaves nothing behind."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import onnx
import onnx.parser
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

HEAD = '<ir_version: 10, opset_import: ["" : 20]> g '


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "(float[2,3] x) => (int64[2,n] y) { y = NonZero (x) }",
            ("NonZero", "depends on the data"),
            id="an operator without a lowering",
        ),
        pytest.param(
            "(int64[2] x) => (int64[2] y) <int64[1] big = {3000000000}> { y = Add (x, big) }",
            ("Add", "the integer 3000000000 does not fit into int32"),
            id="an integer beyond int32",
        ),
        pytest.param(
            """(float[6] x) => (float y) <int64[2] pair = {2, 3}, float zero = {0.0}> {
                sum = ReduceSum <keepdims = 0> (x)
                positive = Greater (sum, zero)
                either = If (positive) <
                    then_branch = one () => (float[6] a) { a = Identity (x) },
                    else_branch = other () => (float[2,3] b) { b = Reshape (x, pair) }>
                y = ReduceSum <keepdims = 0> (either)
            }""",
            ("If",),
            id="a rank known only at run time",
        ),
        pytest.param(
            "(double[2] x) => (double[2] y) { y = Abs (x) }",
            ("float64",),
            id="floats of 64 bits",
        ),
    ],
)
def test_a_model_that_core_ml_cannot_say_is_refused_by_its_node(
    tmp_path: Path, edgewright: Run, text: str, said: tuple[str, ...]
) -> None:
    onnx.save(onnx.parser.parse_model(HEAD + text), tmp_path / "model.onnx")

    done = edgewright("build", tmp_path / "model.onnx", "-t", "coreml", "-o", tmp_path / "out")

    assert done.returncode == 2, done.stderr
    told = " ".join((done.stdout + done.stderr).split())
    assert all(words in told for words in said), told
    assert "hint" in told
    assert not (tmp_path / "out" / "bundle").exists()
    assert not list(tmp_path.rglob("*.mlpackage"))
