"""Raising a model to the operator set of the hub."""

from __future__ import annotations

from typing import Final

import onnx
import onnx_ir as ir

from ...vocabulary.errors import ModelError
from ..model import HUB_OPSET
from ..passes.editing import Editor, all_nodes
from ..passes.infer_shapes import InferShapes
from .newer_operators import lower_version
from .opset_adapters import ADAPTERS

OLDEST: Final = 7
"""Earlier operator sets broadcast by other rules and were never settled."""

NEWEST: Final = 26
"""The last operator set that the reference runtime promises to run (onnxruntime 1.31)."""

_HUB_IR_VERSION: Final = 9
"""The format version that goes with the hub's operator set."""

_IR_VERSIONS: Final = {21: 10}
"""Operator set that a pass may ask for → the format version that goes with it."""

_NEWEST_IR_VERSION: Final = 13
"""The last format version that the reference runtime reads."""


def raise_opset(model: ir.Model) -> None:
    """Rewrite every node of the default domain so that it means at the hub's opset what it means at the model's.

    Goes version by version; at each, only operators whose meaning changed there are touched. (The converter of onnx
    leaves subgraphs and weights behind, the one of onnxscript knows nothing below 18.)

    Raises:
        ModelError: when the model's opset is too old or unknown, or a node has no equal at the hub's opset.
    """
    version, newest = model.opset_imports.get("", HUB_OPSET), onnx.defs.onnx_opset_version()
    if not OLDEST <= version <= newest:
        raise ModelError(
            f"the model is written in opset {version}, edgewright reads {OLDEST} to {newest}",
            hint="export it again with a current opset"
            if version < OLDEST
            else "upgrade onnx, or export with an older opset",
        )
    if version < HUB_OPSET:
        InferShapes().rewrite(model)  # some adapters ask for ranks and dtypes
        raise_nodes(model, version, HUB_OPSET)
    model.graph.opset_imports.setdefault("", HUB_OPSET)
    model.ir_version = max(model.ir_version, _HUB_IR_VERSION)
    _check_operators(model)
    stamp_as_known(model)


def raise_hub_opset(model: ir.Model, version: int) -> None:
    """Rewrite a hub model for a later operator set, of which it needs something; nothing is done when it is there.

    GroupNormalization, which changed with 21, is not in any hub model of 20: it was deprecated there.

    Raises:
        ModelError: when a node has no equal at that opset.
    """
    if model.opset_imports[""] < version:
        raise_nodes(model, model.opset_imports[""], version)
        model.ir_version = max(model.ir_version, _IR_VERSIONS[version])


def raise_nodes(model: ir.Model, version: int, wanted: int) -> None:
    """Rewrite the nodes of one opset for a later one.

    Raises:
        ModelError: when a node has no equal at that opset.
    """
    editor = Editor(model)
    for step in range(version + 1, wanted + 1):
        for node in all_nodes(model):
            adapter = ADAPTERS.get((node.op_type, step)) if node.domain == "" else None
            if adapter is not None:
                adapter(node, editor)
    model.graph.opset_imports[""] = wanted


def stamp_as_known(model: ir.Model) -> None:
    """Stamp a model of a later opset or format version with the newest that the reference runtime knows.

    Nothing is rewritten: it is done only where every node means at both opsets the same.

    Raises:
        ModelError: when an operator of the model came, or changed its meaning, after the newest opset that is known.
    """
    version = model.opset_imports.get("", HUB_OPSET)
    if version > NEWEST:
        InferShapes().rewrite(model)  # whether an operator means the same depends on its dtypes
        for node in all_nodes(model):
            if node.domain != "" or onnx.defs.get_schema(node.op_type, version, "").since_version <= NEWEST:
                continue
            if not lower_version(node, version, NEWEST):
                raise ModelError(
                    f"node {node.name!r}: operator {node.op_type} of opset {version} is newer than what can be run and "
                    f"compared here, opset {NEWEST}",
                    hint=f"export the model with opset {NEWEST} or older",
                )
        model.graph.opset_imports[""] = NEWEST
    model.ir_version = min(model.ir_version, _NEWEST_IR_VERSION)


def _check_operators(model: ir.Model) -> None:
    version = model.opset_imports[""]
    for node in all_nodes(model):
        if node.domain != "":
            continue
        try:
            deprecated = onnx.defs.get_schema(node.op_type, version, "").deprecated
        except onnx.defs.SchemaError:
            deprecated = True
        if deprecated:
            raise ModelError(
                f"node {node.name!r}: ONNX has no operator {node.op_type} in opset {version}",
                hint="export the model again with a current exporter",
            )
