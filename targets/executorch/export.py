"""From a hub model to PyTorch's exported program, in which every operator knows the hub node that it was made for."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import torch
from torch import fx, nn
from torch.fx import traceback
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree

from ...compiler.lowering.refused import Refused
from ...compiler.torch_graph.dtypes import TORCH_DTYPES
from ...compiler.torch_graph.graph import HUB_NODE
from ...vocabulary.precision import Precision

if TYPE_CHECKING:
    from torch.export import ExportedProgram
    from torch.fx import Node

    from ...compiler.model import Model

MADE_FOR = "edgewright"
"""The key in `meta["custom"]` of an operator: the hub node that it was made for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FailedNode:
    """A node that PyTorch cannot trace."""

    node: str
    reason: str


class _Run(fx.Interpreter):
    """Runs a graph. The tracer copies what its nodes know (`meta["custom"]`) to the operators that it sees."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.failed: FailedNode | None = None
        for node in module.graph.nodes:
            node.meta["custom"] = {MADE_FOR: node.meta.get(HUB_NODE, "")}

    def run_node(self, n: Node) -> Any:
        try:
            return super().run_node(n)
        except Exception as error:
            if self.failed is None:
                self.failed = FailedNode(node=n.meta.get(HUB_NODE, ""), reason=str(error).strip().split("\n")[0])
            raise


class _Annotated(nn.Module):
    """The graph as a module that can be exported."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__()
        self.hub = module  # not `graph`: a GraphModule has that of its own
        self._run = [_Run(module)]  # in a list: it is no module of this one

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self._run[0].run(*inputs)

    @property
    def failed(self) -> FailedNode | None:
        return self._run[0].failed


class _Wide(TorchFunctionMode):
    """Has convolutions of float16 add in float32 and round once, as PyTorch does; ExecuTorch's kernel does not."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func not in _CONVOLUTIONS or args[0].dtype is not torch.float16:
            return func(*args, **(kwargs or {}))
        args, kwargs = _pytree.tree_map_only(torch.Tensor, torch.Tensor.float, (args, kwargs or {}))
        return func(*args, **kwargs).half()


_CONVOLUTIONS: Final = frozenset(
    {
        *(torch.conv1d, torch.conv2d, torch.conv3d),
        *(torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d),
    }
)


def export(module: fx.GraphModule, model: Model) -> ExportedProgram | FailedNode:
    """Trace the module of a model of fixed shapes.

    Gives the node at which PyTorch failed instead, when it did.

    Raises:
        Refused: when PyTorch has no tensors of an input's dtype.
    """
    annotated = _Annotated(module)
    annotated.eval()
    try:
        with traceback.preserve_node_meta(), nullcontext() if model.precision is Precision.FP16 else _Wide():
            return torch.export.export(annotated, example_inputs(model), strict=False)
    except Exception as error:  # noqa: BLE001 - whatever PyTorch raises, the model cannot be said
        return annotated.failed or FailedNode(node="", reason=f"{type(error).__name__}: {error}".strip().split("\n")[0])


def example_inputs(model: Model, fill: int = 0) -> tuple[torch.Tensor, ...]:
    """Give tensors of the model's inputs, full of one number.

    Raises:
        Refused: when PyTorch has no tensors of an input's dtype.
    """
    return tuple(
        torch.full(cast("tuple[int, ...]", spec.shape), fill, dtype=_dtype(value.dtype))
        for spec, value in zip(model.signature.inputs, model.graph.inputs, strict=True)
    )


def _dtype(dtype: Any) -> torch.dtype:
    if dtype not in TORCH_DTYPES:
        raise Refused(f"PyTorch has no tensors of {dtype}")
    return TORCH_DTYPES[dtype]
