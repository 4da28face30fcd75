"""All rewrites of a dialect graph for TFLite's kernels, in their order."""

from __future__ import annotations

import onnx_ir as ir

from ....compiler.model import Precision
from ..integer.make_integer import make_integer
from ..integer.store_weights import store_weights
from .clean_reshapes import clean_reshapes
from .merge_slices import merge_slices
from .pad_rows import pad_rows
from .part_operands import part_operands
from .share import share_equal_constants
from .shorten import shorten
from .split_transposes import split_transposes
from .store_halves import store_halves
from .sum_windows import sum_windows


def simplify(graph: ir.Graph, precision: Precision) -> dict[str, str]:
    """Rewrite a dialect graph in place until it is as short as we know how.

    Gives the reasons why nodes of the hub stay float that Q/DQ wants as integers, by their names.
    """
    rewriter = shorten(graph, precision)
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
