"""Compresses the weights of a Core ML package with `coremltools.optimize.coreml`. Runs in its environment."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import coremltools
import coremltools.optimize.coreml as cto


def palettized(model: Any, bits: int, *, joint: bool = False) -> Any:
    """Tables by k-means, one a tensor."""
    chosen = cto.OpPalettizerConfig(mode="kmeans", nbits=bits, weight_threshold=2048)
    return cto.palettize_weights(model, cto.OptimizationConfig(global_config=chosen), joint_compression=joint)


def integers(model: Any, *, joint: bool = False) -> Any:
    """Int8, symmetric, a scale for each channel."""
    chosen = cto.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8", weight_threshold=2048)
    return cto.linear_quantize_weights(model, cto.OptimizationConfig(global_config=chosen), joint_compression=joint)


def blocks(model: Any) -> Any:
    """Int4, symmetric, 32 weights to a scale."""
    chosen = cto.OpLinearQuantizerConfig(
        mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=32, weight_threshold=2048
    )
    return cto.linear_quantize_weights(model, cto.OptimizationConfig(global_config=chosen))


def pruned(model: Any, share: float) -> Any:
    """Zeros where magnitudes are least."""
    chosen = cto.OpMagnitudePrunerConfig(target_sparsity=share, weight_threshold=2048)
    return cto.prune_weights(model, cto.OptimizationConfig(global_config=chosen))


SETTINGS: dict[str, Callable[[Any], Any]] = {
    "lut4": lambda model: palettized(model, 4),
    "lut6": lambda model: palettized(model, 6),
    "lut8": lambda model: palettized(model, 8),
    "wi8": integers,
    "wi4": blocks,
    "sparse 50%": lambda model: pruned(model, 0.5),
    "sparse 75%": lambda model: pruned(model, 0.75),
    "sparse 50% wi8": lambda model: integers(pruned(model, 0.5), joint=True),
    "sparse 50% lut4": lambda model: palettized(pruned(model, 0.5), 4, joint=True),
}


def main() -> None:
    """`compress_with_coremltools.py SETTING PACKAGE OUT`."""
    setting, package, out = sys.argv[1:]
    SETTINGS[setting](coremltools.models.MLModel(package, skip_model_load=True)).save(out)


if __name__ == "__main__":
    main()
