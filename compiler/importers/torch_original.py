"""The original of a PyTorch model: the user's own module."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import ml_dtypes
import numpy as np

from ...vocabulary.errors import ToolError
from .request import Array

if TYPE_CHECKING:
    import torch


class TorchOriginal:
    """Runs a module without gradients, with arrays in and out."""

    def __init__(self, module: Callable[..., Any], inputs: tuple[str, ...], outputs: tuple[str | None, ...]) -> None:
        """Names in the order of the arguments and of the tensors given back; None for one that is not asked for."""
        self._module, self._inputs, self._outputs = module, inputs, outputs

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Compute the outputs.

        Raises:
            ToolError: when the module fails on these inputs.
        """
        import torch

        tensors = [to_tensor(inputs[name]) for name in self._inputs]
        try:
            with torch.no_grad():
                result = self._module(*tensors)
        except Exception as error:  # it is the user's code
            raise ToolError(f"the original module fails on these inputs: {error}") from error
        arrays = [to_array(tensor) for _, tensor in named_tensors(result)]
        return {name: array for name, array in zip(self._outputs, arrays, strict=True) if name is not None}


def named_tensors(result: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Go through the tensors in what a module gave back; names are keys and positions, joined by dots.

    Raises:
        TypeError: when something in it is neither a tensor nor a tuple, list or mapping.
    """
    import torch

    if isinstance(result, torch.Tensor):
        yield name, result
    elif isinstance(result, Mapping):
        for key, value in result.items():
            yield from named_tensors(value, f"{name}.{key}" if name else str(key))
    elif isinstance(result, tuple | list):
        keys = getattr(result, "_fields", range(len(result)))
        for key, value in zip(keys, result, strict=True):
            yield from named_tensors(value, f"{name}.{key}" if name else str(key))
    elif result is not None:
        raise TypeError(f"it gives back {type(result).__name__} where a tensor is expected")


def to_tensor(array: Array) -> torch.Tensor:
    """Copy an array into a tensor."""
    import torch

    if array.dtype == ml_dtypes.bfloat16:
        return torch.from_numpy(np.array(array).view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(np.array(array))


def to_array(tensor: torch.Tensor) -> Array:
    """Give a tensor as an array."""
    import torch

    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        return np.asarray(tensor.view(torch.int16).numpy()).view(ml_dtypes.bfloat16)
    return np.asarray(tensor.numpy())
