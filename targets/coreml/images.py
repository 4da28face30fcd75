"""Inputs that take pictures: pixels of 0 to 255, brought to what the model takes inside of the package."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx_ir as ir

from ...compiler.lowering.refused import Refused
from ...vocabulary.signature import Preprocess
from .border import Border
from .builder import Builder, Var
from .toolkit import coremltools

COLOURS = {"RGB": "RGB", "BGR": "BGR", "L": "GRAYSCALE"}
"""Colour order of a preprocessing contract → coremltools' word."""


def scaled(pixels: Var, contract: Preprocess, b: Builder) -> Var:
    """Make the operations of a contract with a scale for each channel: that, coremltools' own image type cannot say."""
    if len(set(contract.scale)) == 1:
        return pixels
    scale, bias = (np.asarray(numbers, np.float32).reshape(1, -1, 1, 1) for numbers in (contract.scale, contract.bias))
    return b.op("add", x=b.op("mul", x=pixels, y=scale), y=bias)


def image_type(border: Border, shape: Any) -> Any:
    """Give coremltools' type of an input that takes a picture; it makes the operations of one scale and of biases."""
    tools, contract = coremltools(), border.picture
    assert contract is not None, border
    one_scale = len(set(contract.scale)) == 1
    channels = border.shape[1]
    biases = [float(number) for number in contract.bias] * (1 if len(contract.bias) == channels else int(channels or 1))
    bias: Any = biases[0] if contract.colour == "L" else biases
    return tools.ImageType(
        name=border.name,
        shape=shape,
        scale=float(contract.scale[0]) if one_scale else 1.0,
        bias=bias if one_scale else None,
        color_layout=getattr(tools.colorlayout, COLOURS[str(contract.colour)]),
        channel_first=True,
    )


def may_be_picture(value: ir.Value) -> None:
    """Check an input that is to take pictures.

    Raises:
        Refused: when a call takes several.
    """
    if value.shape is None or value.shape[0] != 1:
        raise Refused("Core ML takes one picture a call, and its batch is not 1")
