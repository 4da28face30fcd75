"""Every operator of onnxruntime that we take apart, against onnxruntime itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from edgewright.compiler.importers.request import Imported
from edgewright.vocabulary.errors import ModelError

FLOAT, INT32, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT32, onnx.TensorProto.INT64


def noise(*shape: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


IDS = np.array([[1, 2, 3, 0], [4, 0, 1, 2]], dtype=np.int32)
MASK = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], dtype=np.int32)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One node; the first of its inputs is the model's, the others are constants (None: left out)."""

    op: str
    inputs: Sequence[Any]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[str] = ("y",)
    domain: str = "com.microsoft"
    opset: int = 17
    label: str = ""

    def __str__(self) -> str:
        return f"{self.op}{self.label and '-'}{self.label}"


CONV = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}

CASES = (
    *(
        Case(
            op="FusedConv",
            inputs=[noise(1, 3, 5, 5), noise(4, 3, 3, 3), noise(4)],
            attributes={**CONV, "activation": name, **({"activation_params": list(parameters)} if parameters else {})},
            label=name,
        )
        for name, parameters in (
            ("Relu", ()),
            ("Sigmoid", ()),
            ("Tanh", ()),
            ("LeakyRelu", (0.2,)),
            ("Clip", (-0.5, 1.5)),
            ("HardSigmoid", (0.3, 0.4)),
        )
    ),
    Case(
        op="FusedConv",
        inputs=[noise(1, 3, 5, 5), noise(4, 3, 3, 3), noise(4), noise(1, 4, 5, 5)],
        attributes={**CONV, "activation": "Relu"},
        label="sum",
    ),
    Case(op="FusedConv", inputs=[noise(1, 3, 5, 5), noise(4, 3, 3, 3)], attributes=CONV, opset=11, label="plain"),
    Case(op="FusedGemm", inputs=[noise(2, 3), noise(4, 3), noise(4)], attributes={"transB": 1, "activation": "Relu"}),
    Case(
        op="FusedGemm",
        inputs=[noise(2, 3), noise(3, 4)],
        attributes={"alpha": 0.5, "activation": "LeakyRelu", "activation_alpha": 0.3},
        label="leaky",
    ),
    Case(op="FusedMatMul", inputs=[noise(2, 3, 4), noise(2, 5, 4)], attributes={"transB": 1, "alpha": 0.125}),
    Case(op="FusedMatMul", inputs=[noise(2, 4, 3), noise(4, 5)], attributes={"transA": 1}, label="left"),
    Case(op="TransposeMatMul", inputs=[noise(4, 3), noise(5, 4)], attributes={"transA": 1, "transB": 1}),
    Case(op="Gelu", inputs=[noise(2, 3)]),
    Case(op="BiasGelu", inputs=[noise(2, 3), noise(3)]),
    Case(op="FastGelu", inputs=[noise(2, 3)]),
    Case(op="FastGelu", inputs=[noise(2, 3), noise(3)], label="bias"),
    Case(op="QuickGelu", inputs=[noise(2, 3)], attributes={"alpha": 1.5}),
    Case(
        op="LayerNormalization",
        inputs=[noise(2, 3, 4), noise(4), noise(4)],
        attributes={"axis": -1, "epsilon": 1e-3},
        domain="",
        opset=11,
    ),
    Case(
        op="SimplifiedLayerNormalization",
        inputs=[noise(2, 3, 4), noise(4)],
        attributes={"axis": -1, "epsilon": 1e-3},
        domain="",
    ),
    Case(op="SkipLayerNormalization", inputs=[noise(2, 3, 4), noise(2, 3, 4, seed=2), noise(4), noise(4)]),
    Case(
        op="SkipLayerNormalization",
        inputs=[noise(2, 3, 4), noise(2, 3, 4, seed=2), noise(4), noise(4), noise(4, seed=3)],
        attributes={"epsilon": 1e-3},
        outputs=("y", "", "", "sum"),
        label="sum",
    ),
    Case(op="SkipLayerNormalization", inputs=[noise(2, 3, 4), noise(1, 3, 4), noise(4)], label="no-beta"),
    Case(
        op="SkipSimplifiedLayerNormalization",
        inputs=[noise(2, 3, 4), noise(2, 3, 4, seed=2), noise(4)],
        attributes={"epsilon": 1e-3},
        outputs=("y", "", "", "sum"),
    ),
    Case(
        op="EmbedLayerNormalization",
        inputs=[IDS, np.ones_like(IDS), noise(6, 4), noise(5, 4), noise(2, 4), noise(4), noise(4), MASK],
        outputs=("y", "index"),
    ),
    Case(
        op="EmbedLayerNormalization",
        inputs=[IDS, None, noise(6, 4), noise(5, 4), None, noise(4), noise(4)],
        outputs=("y", ""),
        label="no-segments",
    ),
    Case(
        op="NhwcMaxPool",
        inputs=[(noise(1, 6, 6, 3) * 50).astype(np.int8)],
        attributes={"kernel_shape": [2, 2], "strides": [2, 2]},
    ),
    Case(op="Attention", inputs=[noise(2, 4, 8), noise(8, 24), noise(24)], attributes={"num_heads": 2}),
    Case(
        op="Attention",
        inputs=[noise(2, 4, 8), noise(8, 24), noise(24), MASK],
        attributes={"num_heads": 2},
        label="mask",
    ),
    Case(
        op="Attention",
        inputs=[noise(2, 4, 8), noise(8, 24), noise(24), np.stack([np.tril(np.ones((4, 4)))] * 2).astype(np.int32)],
        attributes={"num_heads": 4, "scale": 0.25, "mask_filter_value": -50.0},
        label="mask-3d",
    ),
    Case(
        op="Attention",
        inputs=[noise(2, 4, 8), noise(8, 20), noise(20), None, None, noise(2, 2, 4, 4)],
        attributes={"num_heads": 2, "qkv_hidden_sizes": [8, 8, 4]},
        label="bias",
    ),
    Case(
        op="MultiHeadAttention",
        inputs=[noise(2, 4, 8), noise(2, 6, 8, seed=2), noise(2, 6, 8, seed=3)],
        attributes={"num_heads": 2},
    ),
    Case(
        op="MultiHeadAttention",
        inputs=[noise(2, 4, 8), noise(2, 4, 8, seed=2), noise(2, 4, 8, seed=3), noise(24), MASK, noise(1, 2, 4, 4)],
        attributes={"num_heads": 2, "scale": 0.3},
        label="all",
    ),
    Case(
        op="MultiHeadAttention",
        inputs=[noise(2, 4, 8), noise(2, 2, 6, 4, seed=2), noise(2, 2, 6, 4, seed=3)],
        attributes={"num_heads": 2},
        label="by-head",
    ),
    Case(
        op="GridSample",
        inputs=[noise(1, 1, 4, 4), np.linspace(-1, 1, 18, dtype=np.float32).reshape(1, 3, 3, 2)],
        attributes={"mode": "bilinear"},
        opset=15,
    ),
    Case(op="Trilu", inputs=[noise(3, 3)], attributes={"upper": 0}, opset=13),
    Case(
        op="Pad",
        inputs=[noise(2, 2), np.array([0, 1, 1, 0], np.int64), np.array(3.0, np.float32)],
        attributes={"mode": "constant"},
    ),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_computes_what_the_fused_operator_does(
    case: Case, write_onnx: Callable[..., Path], read: Callable[..., Imported], same: Callable[..., None]
) -> None:
    first, *others = case.inputs
    constants = {f"c{index}": array for index, array in enumerate(others) if array is not None}
    names = ["x", *("" if array is None else f"c{index}" for index, array in enumerate(others))]
    node = onnx.helper.make_node(case.op, names, case.outputs, domain=case.domain, **case.attributes)
    dtype = onnx.helper.np_dtype_to_tensor_dtype(first.dtype)
    outputs = {
        name: (INT32 if name == "index" else dtype if first.dtype != np.int32 else FLOAT, None)
        for name in case.outputs
        if name
    }
    path = write_onnx(
        [node], {"x": (dtype, first.shape)}, outputs, constants, opset=case.opset, domains=["com.microsoft"]
    )
    imported = read(path)
    assert {node.domain for node in imported.model.graph} == {""}
    assert list(imported.model.ir.opset_imports) == [""]
    same(imported, {"x": first}, atol=2e-6)  # the fused kernels sum in another order


def test_a_graph_as_onnxruntime_saves_it(
    write_onnx: Callable[..., Path], read: Callable[..., Imported], same: Callable[..., None]
) -> None:
    nodes = [
        onnx.helper.make_node("Conv", ["x", "w"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        onnx.helper.make_node("Relu", ["a"], ["b"]),
        onnx.helper.make_node("Conv", ["b", "v"], ["c"], kernel_shape=[1, 1]),
        onnx.helper.make_node("Clip", ["c", "low", "high"], ["y"]),
    ]
    constants = {"w": noise(4, 3, 3, 3), "v": noise(2, 4, 1, 1), "low": np.float32(0), "high": np.float32(6)}
    constants = {name: np.asarray(array) for name, array in constants.items()}
    path = write_onnx(nodes, {"x": (FLOAT, ("n", 3, 6, 6))}, {"y": (FLOAT, ("n", 2, 6, 6))}, constants, opset=13)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    saved = path.with_name("saved.onnx")
    options.optimized_model_filepath = str(saved)
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    assert "FusedConv" in {node.op_type for node in onnx.load(saved).graph.node}
    imported = read(saved)
    assert imported.model.signature.inputs[0].shape == ("n", 3, 6, 6)
    same(imported, {"x": noise(2, 3, 6, 6)}, atol=1e-6)


@pytest.mark.parametrize(
    ("op", "domain", "attributes", "reason"),
    [
        (
            "MatMulNBits",
            "com.microsoft",
            {"K": 2, "N": 2, "bits": 4, "block_size": 16},
            r"com\.microsoft\.MatMulNBits is not part of ONNX",
        ),
        ("Attention", "com.microsoft", {"num_heads": 1, "unidirectional": 1}, "one direction only"),
        ("Conv", "com.microsoft.nchwc", {}, "optimised for one CPU"),
        ("MyOp", "my.company", {}, r"my\.company\.MyOp is not part of ONNX"),
    ],
)
def test_what_has_no_equal_is_refused_by_name(
    op: str,
    domain: str,
    attributes: dict[str, Any],
    reason: str,
    write_onnx: Callable[..., Path],
    read: Callable[..., Imported],
) -> None:
    node = onnx.helper.make_node(op, ["x", "w", "s"], ["y"], name="odd", domain=domain, **attributes)
    constants = {"w": noise(2, 6), "s": noise(6)}
    path = write_onnx([node], {"x": (FLOAT, (1, 2, 2))}, {"y": (FLOAT, (1, 2, 2))}, constants, domains=[domain])
    with pytest.raises(ModelError, match=reason) as caught:
        read(path)
    assert "'odd'" in caught.value.message
