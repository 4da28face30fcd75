"""The delegates that programs are lowered for, by the names that projects give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ...vocabulary.precision import Precision
from .coreml import coreml


def xnnpack(precision: Precision) -> Any:
    """Give XNNPACK's partitioner, which takes what it computes as PyTorch does.

    It does not get Softmax of four axes: behind a layer whose result lies with its channels last, the delegate of
    ExecuTorch 1.5.1 takes it over the channels instead of over the last axis. Nor GELU by the hyperbolic tangent, in
    whose place XNNPACK computes the one by the error function. Both are said in other forms (`forms.py`). Nor what is
    float16 in a model that is not made so by its recipe: XNNPACK adds in float16 where PyTorch adds in float32 and
    rounds once.
    """
    import torch
    from executorch.backends.xnnpack.partition.config import ALL_PARTITIONER_CONFIGS
    from executorch.backends.xnnpack.partition.config.generic_node_configs import GeluConfig, SoftmaxConfig
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

    def left(node: Any) -> bool:
        operands = (*node.all_input_nodes, node)
        return precision is not Precision.FP16 and any(
            getattr(operand.meta.get("val"), "dtype", None) is torch.float16 for operand in operands
        )

    def careful(config: Any) -> Any:
        def check(self: Any, node: Any, ep: Any) -> bool:
            if left(node) or (config is SoftmaxConfig and node.meta["val"].dim() == 4):
                return False
            if config is GeluConfig and node.kwargs.get("approximate", "none") != "none":
                return False
            return bool(config.check_constraints(self, node, ep))

        return type(config.__name__, (config,), {"check_constraints": check})

    return XnnpackPartitioner(configs=[careful(config) for config in ALL_PARTITIONER_CONFIGS])


def vulkan(precision: Precision) -> Any:  # noqa: ARG001 - it takes every type
    """Give Vulkan's partitioner."""
    from executorch.backends.vulkan.partitioner.vulkan_partitioner import VulkanPartitioner

    return VulkanPartitioner()


PARTITIONERS: Final[Mapping[str, Callable[[Precision], Any]]] = {"xnnpack": xnnpack, "coreml": coreml, "vulkan": vulkan}
"""Delegate → what makes its partitioner for a precision; `portable` has none."""

HERE: Final = ("xnnpack", "portable")
"""Delegates that this machine has: their programs are tried before they are given."""
