"""How TF.js wants models quantized: the weights alone; its kernels compute with floats."""

from __future__ import annotations

from collections.abc import Mapping

from ...compiler.quantize.scheme import Scheme
from ...vocabulary.precision import Precision

SCHEMES: Mapping[Precision, Scheme] = {}
