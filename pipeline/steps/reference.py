"""The reference as an artifact: the hub model as it was imported, the last rung of every ladder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from ...compiler.model import Model
from ...fallback.rules import REFERENCE
from ...targets.artifact import Artifact, Coverage, File, Handling, NodeCoverage, Requirements
from ...vocabulary.digest import digest_file
from .base import versions


def reference_artifact(model: Model, folder: Path) -> Artifact:
    """Describe the saved model in `folder` as an artifact. Its parity is the parity of the import."""
    files = [
        File(path=path.name, sha256=digest_file(path), size_bytes=path.stat().st_size)
        for path in sorted(folder.glob("model.onnx*"))
    ]
    tools = versions("onnxruntime", "onnx-ir")
    nodes = tuple(NodeCoverage(node=node.name or "", op=node.op_type, handling=Handling.NATIVE) for node in model.graph)
    return Artifact(
        target=REFERENCE,
        variant="",
        precision=model.precision,
        format="",
        files=tuple(files),
        requires=Requirements(runtime="onnxruntime", min_runtime_version=tools["onnxruntime"]),
        signature=model.signature,
        narrowed={},
        coverage=Coverage(nodes=nodes),
        ops=dict(sorted(Counter(node.op_type for node in model.graph).items())),
        toolchain=dict(model.source.tools),
    )
