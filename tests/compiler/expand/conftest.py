from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgewright.compiler.importers.request import Imported
from edgewright.compiler.model import Model


@pytest.fixture
def hub(tmp_path: Path, read: Callable[..., Imported]) -> Callable[..., Model]:
    """Import a model in ONNX's text syntax: `hub("(float[1,4] x) => (float[1,4] y) { y = Relu(x) }", {"w": array})`."""

    def make(text: str, weights: Mapping[str, np.ndarray] | None = None, opset: int = 20) -> Model:
        proto = onnx.parser.parse_model(f'<ir_version: 9, opset_import: ["" : {opset}]> tiny {text}')
        for place, node in enumerate(proto.graph.node):
            node.name = f"{node.op_type}_{place}"
        tensors = [onnx.numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
        proto.graph.initializer.extend(tensors)
        path = tmp_path / "text.onnx"
        onnx.save(proto, path)
        return read(path).model

    return make
