"""The delegates that programs are lowered for, by the names that projects give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final


def xnnpack() -> Any:
    """Give XNNPACK's partitioner, which takes what it computes as PyTorch does.

    Softmax of four axes is left to the portable kernels: behind a layer whose result lies with its channels last, the
    delegate of ExecuTorch 1.5.1 takes it over the channels instead of over the last axis.
    """
    from executorch.backends.xnnpack.partition.config import ALL_PARTITIONER_CONFIGS
    from executorch.backends.xnnpack.partition.config.generic_node_configs import SoftmaxConfig
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

    class Softmax(SoftmaxConfig):  # type: ignore[misc]  # ExecuTorch has no types
        def check_constraints(self, node: Any, ep: Any) -> bool:
            return node.meta["val"].dim() != 4 and bool(super().check_constraints(node, ep))

    return XnnpackPartitioner(
        configs=[Softmax if config is SoftmaxConfig else config for config in ALL_PARTITIONER_CONFIGS]
    )


def coreml() -> Any:
    """Give Core ML's partitioner."""
    from executorch.backends.apple.coreml.partition import CoreMLPartitioner

    return CoreMLPartitioner()


def vulkan() -> Any:
    """Give Vulkan's partitioner."""
    from executorch.backends.vulkan.partitioner.vulkan_partitioner import VulkanPartitioner

    return VulkanPartitioner()


PARTITIONERS: Final[Mapping[str, Callable[[], Any]]] = {"xnnpack": xnnpack, "coreml": coreml, "vulkan": vulkan}
"""Delegate → what makes its partitioner; `portable` has none."""

HERE: Final = ("xnnpack", "portable")
"""Delegates that this machine has: their programs are tried before they are given."""
