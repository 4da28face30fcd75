"""All rewrites of a dialect graph, in their order."""

from __future__ import annotations

import onnx_ir as ir

from ....compiler.model import Precision
from ..integer.make_integer import make_integer
from ..integer.store_weights import store_weights
from .absorb_gathers import absorb_gathers
from .absorb_transposes import absorb_transposes
from .clean_reshapes import clean_reshapes
from .fold_ahead import fold_ahead
from .fold_linear import fold_scales, fold_shifts
from .fuse_activations import fuse_activations
from .fuse_pads import fuse_pads
from .merge_slices import merge_slices
from .move_transposes import move_transposes
from .pad_rows import pad_rows
from .part_operands import part_operands
from .pick_by_transpose import pick_by_transpose
from .rewriter import Rewriter
from .share import share_equal_constants, share_equal_nodes
from .shrink_constants import shrink_constants
from .sink_reshapes import sink_reshapes
from .split_transposes import split_transposes
from .store_halves import store_halves
from .sum_windows import sum_windows


def simplify(graph: ir.Graph, precision: Precision) -> dict[str, str]:
    """Rewrite a dialect graph in place until it is as short as we know how.

    Gives the reasons why nodes of the hub stay float that Q/DQ wants as integers, by their names.
    """
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
    part_operands(rewriter)  # after the last sharing, which would join them again
    stays = make_integer(rewriter)  # behind the passes that know no grids
    clean_reshapes(rewriter)  # a QUANTIZE stood between them
    merge_slices(rewriter)  # here too
    sum_windows(rewriter)
    pad_rows(rewriter)  # after it: a convolution takes the PAD before it in
    clean_reshapes(rewriter)
    split_transposes(rewriter)  # behind all that would join them again
    store_weights(graph, precision)  # what has become no integer operator
    if precision is Precision.FP16:
        share_equal_constants(graph)  # each would be dequantized by itself
        store_halves(graph)  # last: no pass looks for weights behind a DEQUANTIZE
    return stays
