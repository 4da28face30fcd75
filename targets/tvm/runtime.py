"""Runs shared libraries of TVM by its runtime library alone; the compiler is never loaded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime import Array, RunOptions
from .interface import Interface, Tensor, read_interface
from .library import DISTRIBUTION, ffi, library_version, load_library
from .machine import machine_of, own_machine
from .threads import take_threads

_CPU, _POOLED = 1, 2
"""The device type of DLPack, and the allocator that keeps memory for the next call."""

WEIGHTS = "weights"
"""The function of a library that gives what `main` takes behind its inputs."""

_ALIGNMENT = 64
"""`kAllocAlignment` of `device_api.h`: kernels load whole vectors and do not ask where a tensor begins."""


class TVM:
    """The virtual machine of Relax, in `libtvm_runtime.so`."""

    name = DISTRIBUTION

    def version(self) -> str:
        """Give the installed version.

        Raises:
            ImportError: when the library is not installed.
        """
        return library_version()

    def prepare(self) -> None:
        """Load the runtime library.

        Raises:
            ImportError: when it is not installed.
        """
        load_library()

    def load(self, artifact: Path, options: RunOptions) -> TVMSession:
        """Open a shared library.

        Raises:
            ValueError: when it is none that the target wrote, was damaged, or is for other machines.
            ImportError: when the runtime is not installed.
        """
        data = artifact.read_bytes()
        try:
            machine, own = machine_of(data), own_machine()
            if own is not None and machine != own:
                raise ValueError(f"it is for {machine}, and this process runs on {own}")
            interface = read_interface(data)
        except ValueError as error:
            raise ValueError(f"{artifact}: {error}") from error
        del data
        load_library()
        try:
            vm = ffi().load_module(str(artifact.resolve()))["vm_load_executable"]()
            vm["vm_initialization"](_CPU, 0, _POOLED)
        except (AttributeError, RuntimeError) as error:
            raise ValueError(f"{artifact}: TVM cannot load it: {error}") from error
        return TVMSession(vm, interface, options.threads)


class TVMSession:
    """A loaded library. Inputs go by the names of its interface."""

    def __init__(self, vm: Any, interface: Interface, threads: int) -> None:
        """Take a virtual machine that is initialised."""
        self._vm, self._main, self._threads = vm, vm["main"], threads
        self._slots = {tensor.name: _Slot(tensor) for tensor in interface.inputs}
        self._outputs = interface.outputs
        self._weights = [*vm[WEIGHTS]()] if interface.weights else []

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the model takes.
        """
        if inputs.keys() != self._slots.keys():
            raise ValueError(f"the model takes {sorted(self._slots)}, got {sorted(inputs)}")
        given = [slot.take(inputs[name]) for name, slot in self._slots.items()]
        take_threads(self._threads)
        results = self._main(*given, *self._weights)
        # copied: a result may be an input or a constant, or memory that the next call takes
        return {
            tensor.name: np.array(np.from_dlpack(result)) for tensor, result in zip(self._outputs, results, strict=True)
        }


class _Slot:
    """Where an input goes: as it is, when TVM can read it there, else into memory that begins where it must."""

    def __init__(self, tensor: Tensor) -> None:
        self.name, self.dtype, self.shape = tensor.name, np.dtype(tensor.dtype), tensor.shape
        size = math.prod(self.shape) * self.dtype.itemsize
        memory = np.empty(size + _ALIGNMENT, np.uint8)
        begin = -memory.ctypes.data % _ALIGNMENT
        self._memory = memory[begin : begin + size].view(self.dtype).reshape(self.shape)
        self._tensor = ffi().from_dlpack(self._memory)

    def take(self, array: Array) -> Any:
        """Give an array as a tensor of TVM.

        Raises:
            ValueError: when it is of another dtype or shape.
        """
        if array.dtype != self.dtype or array.shape != self.shape:
            raise ValueError(
                f"input {self.name!r} is {self.dtype}{list(self.shape)}, got {array.dtype}{list(array.shape)}"
            )
        flags = array.flags
        # strides of what has no elements may be any, and TVM looks at them
        if array.size and flags.c_contiguous and flags.writeable and array.ctypes.data % _ALIGNMENT == 0:
            return ffi().from_dlpack(array)
        self._memory[...] = array
        return self._tensor
