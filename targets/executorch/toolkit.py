"""ExecuTorch's ahead-of-time part, imported and used without what it says on the way."""

from __future__ import annotations

import logging
import typing
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import cache
from io import StringIO
from typing import Any
from unittest.mock import patch


@cache
def exir() -> Any:
    """Give the module `executorch.exir`.

    Raises:
        ImportError: when it is not installed.
    """
    with quiet():
        import executorch.exir

        _register_primitives()
    return executorch.exir


@contextmanager
def quiet() -> Iterator[None]:
    """Keep ExecuTorch and torch from warning: what they make of a model is looked at and run instead.

    Loggers speak of libraries for other machines, of what will be deprecated and of each step; coremltools draws bars
    of its progress on stderr.
    """
    before, handlers = logging.root.manager.disable, list(logging.root.handlers)
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        logging.root.handlers[:] = handlers  # XNNPACK's partitioner calls `logging.basicConfig`


@contextmanager
def without_repetition() -> Iterator[None]:
    """Spare a lowering what PyTorch does again and again in it, which is half of the time that a small model takes.

    Two hundred times it takes all operators that its dispatcher knows into its tables, though a lowering adds none; and
    tens of thousands of times it evaluates an annotation, which `typing` remembers and `collections.abc` does not.
    """
    from torch import _ops
    from torch._export import utils

    listed = cache(utils._materialize_cpp_cia_ops)
    with patch.object(utils, "_materialize_cpp_cia_ops", listed), patch.object(_ops, "Callable", typing.Callable):
        yield


def _register_primitives() -> None:
    """Let PyTorch know the operators that quantized models are made of."""
    import torch.ao.quantization.fx._decomposed  # noqa: F401 - importing it registers them
