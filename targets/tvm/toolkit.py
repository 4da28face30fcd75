"""Apache TVM, imported when it is needed: that takes two seconds."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def tvm() -> Any:
    """Give the package `tvm`."""
    return import_module("tvm")


def relax() -> Any:
    """Give `tvm.relax`: operators stand in `relax().op`."""
    return import_module("tvm.relax")


def topi() -> Any:
    """Give `tvm.topi`, the library of tensor expressions."""
    return import_module("tvm.topi")


def te() -> Any:
    """Give `tvm.te`, which writes tensors element by element."""
    return import_module("tvm.te")


def tirx() -> Any:
    """Give `tvm.tirx`, the expressions of one element."""
    return import_module("tvm.tirx")


def script() -> Any:
    """Give `tvm.script.ir_builder`, which writes functions statement by statement; those of tensors are in `.tirx`."""
    return import_module("tvm.script.ir_builder")


def tvm_ffi() -> Any:
    """Give `tvm_ffi`, what TVM's objects are made of."""
    return import_module("tvm_ffi")
