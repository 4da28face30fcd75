"""Which nodes stay float because integers would drown what they compute.

The error of an integer is harmless in most places, and ruins a model where a result is small beside what it is computed
of: a variance as E[x²] − E[x]², whose terms are hundreds of times larger, or 1/√x of values that span magnitudes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import onnx_ir as ir

from .kernels import Choice, Kernel
from .noise import UniformGrid
from .parameters import Parameters
from .propagation import Values, propagate, snr_db
from .scheme import Role

LEAST_SNR_DB: Final = 6.0
"""Below this the noise is half as large as what a tensor tells, and the tensor is said to drown."""

_WORTH: Final = 0.1
"""A tensor stays integer when it brings less than this part of the noise."""


def find_drowning(
    graph: ir.Graph,
    choose: Callable[[Mapping[str, str]], tuple[Choice, Mapping[ir.Value, Parameters]]],
    values: Values,
    say: Callable[[str, str], None],
) -> dict[str, str]:
    """Give the names of nodes that must stay float, with the reason.

    `choose` gives kernels and the parameters of activations when nodes of these names stay float. Tensors are looked at
    in order; of the first that drowns the noise is traced back to the quantized tensor that brings most of it, and the
    nodes that make and read that one are kept float. Layers with weights are not: what it would cost to compute them in
    float is for a search to weigh, and `say` is told.
    """
    kept: dict[str, str] = {}
    accepted: set[ir.Value] = set()
    while True:
        choice, stored = choose(kept)
        owners = _owners(choice)
        sources = {value: _noise(parameters, value, values) for value, parameters in stored.items()}
        noise = propagate(graph, values, sources)
        found = _first_drowned(graph, noise, values, accepted)
        if found is None:
            return kept
        drowned, ratio = found
        total = sum(noise[drowned].values())
        by_size = sorted(noise[drowned].items(), key=lambda item: -item[1])
        for source, power in by_size:
            kernels = owners.get(source, ())
            names = [str(node.name) for kernel in kernels for node in kernel.nodes if not kernel.edge(Role.WEIGHT)]
            if power >= _WORTH * total and names:
                reason = f"integers for {source.name} would leave {drowned.name} at {ratio:.0f} dB of signal to noise"
                kept.update(dict.fromkeys(names, reason))
                break
        else:
            accepted.add(drowned)
            maker = drowned.producer()
            say(
                str(maker.name if maker else drowned.name), f"integer, at an expected {ratio:.0f} dB of signal to noise"
            )


def _owners(choice: Choice) -> dict[ir.Value, list[Kernel]]:
    """Kernels by the tensors that they make or read as integers."""
    owners: dict[ir.Value, list[Kernel]] = {}
    for kernel in choice.kernels:
        for value in {*kernel.values(Role.ACTIVATION), *kernel.outputs}:
            owners.setdefault(value, []).append(kernel)
    return owners


def _noise(parameters: Parameters, value: ir.Value, values: Values) -> float:
    bins = values.bins(value)
    if bins is None:
        return 0.0
    grid, step = parameters.grid, float(parameters.scale)
    levels = grid.highest - grid.lowest + 1
    own = UniformGrid(low=(grid.lowest - int(parameters.zero_point)) * step, step=step, levels=levels)
    return own.squared_error(bins)


def _first_drowned(
    graph: ir.Graph, noise: Mapping[ir.Value, Mapping[ir.Value, float]], values: Values, accepted: set[ir.Value]
) -> tuple[ir.Value, float] | None:
    for node in graph:
        for value in node.outputs:
            signal = values.variance(value)
            if value in accepted or not signal or not noise.get(value):
                continue
            ratio = snr_db(signal, sum(noise[value].values()))
            if ratio < LEAST_SNR_DB:
                return value, ratio
    return None
