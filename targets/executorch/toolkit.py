"""ExecuTorch's ahead-of-time part, imported and used without what it says on the way."""

from __future__ import annotations

import logging
import typing
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

_SPEAKERS = ("", "torch", "torchao", "executorch")
"""Loggers, the root among them, that speak of libraries for other machines and of what will be deprecated."""


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
    """Keep ExecuTorch and torch from warning: what they make of a model is looked at and run instead."""
    loggers = [logging.getLogger(name) for name in _SPEAKERS]
    before = [logger.level for logger in loggers]
    handlers = list(logging.getLogger().handlers)
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
        logging.getLogger().handlers[:] = handlers  # XNNPACK's partitioner calls `logging.basicConfig`


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
