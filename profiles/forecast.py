"""What micro-benchmarks let expect of integers on a device, before a model is built for it."""

from __future__ import annotations

import msgspec

from ..vocabulary.evidence import Evidence


class KernelTime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kernel with the shapes of a model's own nodes, measured in float32 and in integers by the target's runtime.

    `macs` counts the multiply-accumulates of all nodes of these shapes in the model; `float_ms` and `integer_ms` are
    the p50 of one such node.
    """

    kernel: str
    nodes: int
    macs: int
    float_ms: float
    integer_ms: float

    @property
    def ratio(self) -> float:
        """Integer time by float time: below 1 the integers are faster."""
        return self.integer_ms / self.float_ms


class Forecast(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether a precision will be faster than float32 for a target on a device.

    `ratio` is the time that all nodes of the measured kernels take in integers, by what they take in float32. `covered`
    is the share of the model's multiply-accumulates that these nodes have. The ratio is `estimated`, of kernels that
    were measured in the tier `measured`. `instructions` names what the CPU has for products of eight-bit integers.
    """

    target: str
    device: str
    precision: str
    runtime: str
    runtime_version: str
    ratio: float
    covered: float
    kernels: tuple[KernelTime, ...]
    measured: Evidence
    instructions: tuple[str, ...]
    evidence: Evidence = Evidence.ESTIMATED


def ratio_of(kernels: tuple[KernelTime, ...]) -> float:
    """Give the time of all nodes of these kernels in integers, by their time in float32."""
    integer = sum(kernel.nodes * kernel.integer_ms for kernel in kernels)
    return integer / sum(kernel.nodes * kernel.float_ms for kernel in kernels)


def times_of(ratio: float) -> str:
    """Say a ratio of times in words: `1.8× faster` below 1, else `1.2× slower`."""
    return f"{1 / ratio:.2f}× faster" if ratio < 1 else f"{ratio:.2f}× slower"


def line_of(forecast: Forecast) -> str:
    """Say it in a sentence: `tflite on here: static_wi8_ai8 should be 1.80× faster than fp32 (estimated …)`."""
    has = ", ".join(forecast.instructions) or "no instructions for int8 products"
    count = len(forecast.kernels)
    return (
        f"{forecast.target} on {forecast.device}: {forecast.precision} should be {times_of(forecast.ratio)} than fp32 "
        f"(estimated from {count} kernel{'s' if count != 1 else ''} with {100 * forecast.covered:.0f} % of the MACs; "
        f"the CPU has {has})"
    )
