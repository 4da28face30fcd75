"""The bounds that every output is held to when the project names none: for each precision, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .gates import Gates
from .report import TensorParity


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorBounds:
    """What one output must hold; None is no bound.

    `max_abs` is the largest difference allowed; in `DEFAULTS`, in units of `max(1, max|reference|)`.
    """

    max_abs: float | None = None
    min_cosine: float | None = None
    min_psnr_db: float | None = None
    min_equal: float | None = None


DEFAULTS: Mapping[str, TensorBounds] = {
    # Runtimes add in other orders and use other approximations of exp and erf; over some hundred layers of float32
    # (2⁻²⁴ = 6e-8 a rounding) that stays two to three orders below 1e-4, while a wrong operator rarely does.
    # An index (argmax, top-k) flips where two scores are nearer than that, on far fewer than 1 of 1,000 elements.
    "fp32": TensorBounds(max_abs=1e-4, min_equal=0.999),
    # A float16 weight is off by up to 2⁻¹¹ of itself, 2.8e-4 root mean square. Errors of layers add up like a random
    # walk: 100 layers give 3e-3 of the activations' size, 1.4e-2 where they also amplify it fivefold. That is the error
    # of the whole output, so 1 - cos ≤ (1.4e-2)² / 2 = 1e-4. Its largest element is off by far more where parts of an
    # output have different scales (on a detector 60 times the root mean square): that bound is for a part gone wrong.
    "fp16": TensorBounds(max_abs=5e-2, min_cosine=0.9999, min_equal=0.99),
    # An int8 weight on a scale of its channel is off by 1/254 of the channel's largest at most, 1/440 root mean square:
    # 1e-2 of weights whose largest is four times their root mean square. Layers add that up to 4e-2: 1 - cos ≤ 1e-3.
    # The same holds of activations in 16 bits, whose own rounding is 256 times smaller.
    "weight_only_wi8_afp32": TensorBounds(min_cosine=0.999, min_equal=0.97),
    "static_wi8_ai16": TensorBounds(min_cosine=0.999, min_equal=0.97),
    # Int8 activations are rounded at every layer, on one scale for all channels: 0.1 to 0.2 of the output in the end,
    # 1 - cos ≤ 2e-2. What is above that has lost a tensor to an outlier; the task metric is the finer judge.
    "dynamic_wi8_afp32": TensorBounds(min_cosine=0.98, min_equal=0.95),
    "static_wi8_ai8": TensorBounds(min_cosine=0.98, min_equal=0.95),
    # Four bits are 16 times coarser than eight, but a scale serves one block of weights only: 0.2 to 0.3 in the end.
    "weight_only_wi4_afp32": TensorBounds(min_cosine=0.95, min_equal=0.9),
    # 2ⁿ values placed best for normally distributed weights err by √(π√3/2) / 2ⁿ of their root mean square (Panter and
    # Dite, 1951): 6.4e-3 for 256 values, less than the 1e-2 of int8, and four times that for 64. For 16 it is 0.1, what
    # four bits in blocks of 32 come to: a step of 1/7 of a largest that is 2.2 times the root mean square.
    "weight_only_lut8_afp32": TensorBounds(min_cosine=0.999, min_equal=0.97),
    "weight_only_lut6_afp32": TensorBounds(min_cosine=0.98, min_equal=0.95),
    "weight_only_lut4_afp32": TensorBounds(min_cosine=0.95, min_equal=0.9),
    # What weights set to zero lose depends on how many they are, which the project says: it must name a bound as well.
}
"""Precision → its bounds. A precision that is not here has no defaults, and must be given bounds by the project."""


def bounds_for(precision: str, parity: TensorParity, gates: Gates) -> TensorBounds:
    """Give the bounds of one output in its own unit: the project's where it names them, else the defaults, if any.

    Floating-point outputs are held to `max_abs`, `min_cosine` and `min_psnr_db`, others to `min_equal`. All None when
    neither the project nor the defaults have a bound for such an output: then it cannot be judged.
    """
    default = defaults_for(precision, gates)
    own = {name: bound.base for name, bound in gates.bounds.items()}
    if not parity.dtype.startswith(("float", "bfloat")):
        share = own["min_equal"] / 100.0 if "min_equal" in own else default.min_equal
        return TensorBounds(min_equal=share)
    scaled = None if default.max_abs is None else default.max_abs * max(1.0, parity.reference_max_abs)
    return TensorBounds(
        max_abs=own.get("max_abs", scaled),
        min_cosine=own.get("min_cosine", default.min_cosine),
        min_psnr_db=own.get("min_psnr"),
    )


def defaults_for(precision: str, gates: Gates) -> TensorBounds:
    """Give the defaults that stand where the project names no bound; none where `gates` has no defaults."""
    return DEFAULTS.get(precision, TensorBounds()) if gates.has_defaults else TensorBounds()
