"""Bias correction: what the rounding of weights moves on average goes back into the bias."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..passes.editing import Array
from .linear import weight_order
from .weights import Layer


class BiasCorrection:
    """Adds E[(W − Wq) x] to the bias of each output channel, by the mean of the inputs over the calibration rows.

    Rounding errors of weights do not average out where inputs are positive (behind a Relu): they move the whole
    output, and the layers behind see another distribution. Source: Nagel et al., Data-Free Quantization Through Weight
    Equalization and Bias Correction, 2019, section 4.2, with means that were measured (its appendix D) of the float
    model.

    For a convolution one mean a channel stands for every place of the kernel. That is an approximation where the
    input is padded: there the kernel sees zeros at the border, and the correction is too large for those outputs by
    the part of the kernel that hangs over.
    """

    def __init__(self, say: Callable[[str, str], None]) -> None:
        """`say` is told the name of each node and what was done there."""
        self._say = say

    def __call__(self, layer: Layer, integers: Array) -> Array | None:
        """Give float32[channels of output]; None where nothing is known of the inputs."""
        where = str(layer.node.name)
        order = weight_order(layer.node, layer.weight.shape)
        means = np.array(() if layer.statistics is None else layer.statistics.channel_mean)
        if order is None:
            self._say(
                where, f"bias not corrected: {layer.node.op_type} is no Conv, Gemm or MatMul with constant weights"
            )
            return None
        if means.size != order.inputs:
            self._say(where, "bias not corrected: calibration has no means of its input channels")
            return None
        moved = order.arranged(layer.weight.astype(np.float64) - layer.parameters.dequantize(integers))
        by_input = means.reshape(order.groups, 1, -1, 1)
        correction: Array = (moved * by_input).sum(axis=(2, 3)).reshape(-1).astype(np.float32)
        self._say(where, f"bias corrected by up to {np.abs(correction).max():.3g}")
        return correction
