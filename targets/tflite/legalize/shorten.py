"""Rewrites that make a dialect graph shorter, whatever is made of it afterwards, in their order."""

from __future__ import annotations

import onnx_ir as ir

from ....compiler.model import Precision
from .absorb_gathers import absorb_gathers
from .absorb_transposes import absorb_transposes
from .clean_reshapes import clean_reshapes
from .fold_ahead import fold_ahead
from .fold_linear import fold_scales, fold_shifts
from .fuse_activations import fuse_activations
from .fuse_pads import fuse_pads
from .merge_slices import merge_slices
from .move_transposes import move_transposes
from .pick_by_transpose import pick_by_transpose
from .rewriter import Rewriter
from .share import share_equal_nodes
from .shrink_constants import shrink_constants
from .sink_reshapes import sink_reshapes


def shorten(graph: ir.Graph, precision: Precision) -> Rewriter:
    """Rewrite a dialect graph in place; gives the rewriter, for those who go on."""
    rewriter = Rewriter(graph)
    rewriter.remove_dead()
    shrink_constants(rewriter)
    absorb_transposes(rewriter)  # before moving: what a BATCH_MATMUL takes in need not move
    share_equal_nodes(rewriter)
    move_transposes(rewriter)
    absorb_transposes(rewriter)
    share_equal_nodes(rewriter)
    clean_reshapes(rewriter)  # after moving: free TRANSPOSEs have become RESHAPEs only now
    sink_reshapes(rewriter)  # before folding and fusing: a RESHAPE in between would stop both
    clean_reshapes(rewriter)
    absorb_gathers(rewriter)
    if precision is not Precision.FP16:  # a scale would take the weights out of what float16 holds
        fold_scales(rewriter)
        fold_ahead(rewriter)
    fold_shifts(rewriter)  # before activations: what stands behind a fused activation cannot be folded
    fuse_activations(rewriter)
    fuse_pads(rewriter)
    merge_slices(rewriter)
    pick_by_transpose(rewriter)
    clean_reshapes(rewriter)
    share_equal_nodes(rewriter)
    return rewriter
