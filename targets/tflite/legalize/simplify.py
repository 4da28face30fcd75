"""All rewrites of a dialect graph, in their order."""

from __future__ import annotations

import onnx_ir as ir

from .absorb_transposes import absorb_transposes
from .clean_reshapes import clean_reshapes
from .fold_linear import fold_linear
from .fuse_activations import fuse_activations
from .fuse_pads import fuse_pads
from .move_transposes import move_transposes
from .rewriter import Rewriter
from .share import share_equal_nodes


def simplify(graph: ir.Graph) -> None:
    """Rewrite a dialect graph in place until it is as short as we know how."""
    rewriter = Rewriter(graph)
    absorb_transposes(rewriter)  # before moving: what a BATCH_MATMUL takes in need not move
    share_equal_nodes(rewriter)
    move_transposes(rewriter)
    absorb_transposes(rewriter)
    share_equal_nodes(rewriter)
    clean_reshapes(rewriter)  # after moving: free TRANSPOSEs have become RESHAPEs only now
    fold_linear(rewriter)  # before activations: a scale behind a fused activation cannot be folded
    fuse_activations(rewriter)
    fuse_pads(rewriter)
    clean_reshapes(rewriter)
    share_equal_nodes(rewriter)
