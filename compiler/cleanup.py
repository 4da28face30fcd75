"""CLEANUP: what is done to every model before a recipe or a target sees it."""

from __future__ import annotations

from typing import Final

from .passes.base import Pipeline
from .passes.cancel_transposes import CancelTransposes
from .passes.deduplicate_constants import DeduplicateConstants
from .passes.deduplicate_nodes import DeduplicateNodes
from .passes.eliminate_identity import EliminateIdentity
from .passes.fold_batch_norm import FoldBatchNorm
from .passes.fold_constants import FoldConstants
from .passes.fuse_activations import FuseActivations
from .passes.fuse_layer_norm import FuseLayerNorm
from .passes.infer_shapes import InferShapes
from .passes.merge_reshapes import MergeReshapes
from .passes.remove_dead_code import RemoveDeadCode

CLEANUP: Final = Pipeline(
    RemoveDeadCode(),  # first: nothing below should look at what no output needs
    InferShapes(),  # folding and every pass below ask for shapes
    FoldConstants(),  # makes weights out of what exporters compute from weights, so that the passes below see them
    EliminateIdentity(),  # before patterns are matched: an Identity in between hides them
    DeduplicateConstants(),  # before nodes: equal nodes are those whose inputs are one and the same
    DeduplicateNodes(),  # before patterns are matched: exporters compute x - mean twice
    FoldBatchNorm(),
    FuseActivations(),
    FuseLayerNorm(),
    CancelTransposes(),
    MergeReshapes(),  # after transposes: one that moves nothing may have stood between two reshapes
    RemoveDeadCode(),  # merged reshapes leave the nodes that computed their shapes
    DeduplicateConstants(),  # last: folding makes equal constants
    rounds=3,  # a fold makes new folds possible; real models settle in the second round
)
"""The clean-up. It keeps names, symbolic dimensions and what the model computes, to the rounding of folded weights."""
