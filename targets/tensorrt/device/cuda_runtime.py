"""The CUDA runtime by ctypes: memory on the GPU, a stream, and what GPU there is. Standard library only.

Part of edgewright; a copy lies beside the scripts that use it. Source: the CUDA Runtime API reference.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import site
import sys
from pathlib import Path
from typing import Any

HOST_TO_DEVICE, DEVICE_TO_HOST = 1, 2
_MAJOR, _MINOR = 75, 76  # cudaDevAttrComputeCapabilityMajor, …Minor
_PROPERTIES_BYTES = 16384  # cudaDeviceProp takes about 1 KB and grows; its first 256 bytes are the name in all versions
_NAMES = ("libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0")


class CudaError(Exception):
    """A call of the CUDA runtime failed, or there is no CUDA runtime."""


def _library() -> Any:
    found = ctypes.util.find_library("cudart")
    for name in [*([found] if found else []), *_NAMES, *_from_packages()]:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise CudaError(
        f"no CUDA runtime was found ({', '.join(_NAMES)}): install CUDA, or the package nvidia-cuda-runtime"
    )


def _from_packages() -> list[str]:
    """Where the packages of NVIDIA put the library (`nvidia-cuda-runtime-cu12`, `nvidia-cuda-runtime`)."""
    folders = [*site.getsitepackages(), site.getusersitepackages(), *sys.path]
    return sorted({str(path) for folder in folders for path in Path(folder).glob("nvidia/*/lib/libcudart.so.*")})


class Gpu:
    """The GPU that is current in this process."""

    def __init__(self) -> None:
        """Open it.

        Raises:
            CudaError: when there is no CUDA runtime or no GPU.
        """
        self._cuda = _library()
        self._cuda.cudaGetErrorString.restype = ctypes.c_char_p
        self._index = ctypes.c_int()
        self._call("cudaGetDevice", ctypes.byref(self._index))

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._cuda, name)(*arguments)
        if code:
            text = self._cuda.cudaGetErrorString(code)
            raise CudaError(f"{name}: {text.decode() if text else 'error'} ({code})")

    @property
    def name(self) -> str:
        """What NVIDIA calls it."""
        properties = ctypes.create_string_buffer(_PROPERTIES_BYTES)
        self._call("cudaGetDeviceProperties", properties, self._index)
        return properties.raw[:256].split(b"\0", 1)[0].decode()

    @property
    def compute_capability(self) -> str:
        """Its generation, `8.6`."""
        numbers = []
        for attribute in (_MAJOR, _MINOR):
            number = ctypes.c_int()
            self._call("cudaDeviceGetAttribute", ctypes.byref(number), attribute, self._index)
            numbers.append(number.value)
        return f"{numbers[0]}.{numbers[1]}"

    @property
    def driver(self) -> str:
        """The newest CUDA that the driver has, `12.6`."""
        return self._version("cudaDriverGetVersion")

    @property
    def cuda(self) -> str:
        """The version of the CUDA runtime."""
        return self._version("cudaRuntimeGetVersion")

    def _version(self, name: str) -> str:
        number = ctypes.c_int()
        self._call(name, ctypes.byref(number))
        return f"{number.value // 1000}.{number.value % 1000 // 10}"

    def allocate(self, size_bytes: int) -> int:
        """Give the address of new memory on the GPU."""
        pointer = ctypes.c_void_p()
        self._call("cudaMalloc", ctypes.byref(pointer), ctypes.c_size_t(max(size_bytes, 1)))
        return int(pointer.value or 0)

    def free(self, address: int) -> None:
        """Give memory back."""
        self._call("cudaFree", ctypes.c_void_p(address))

    def write(self, address: int, data: bytes) -> None:
        """Copy bytes to the GPU."""
        self._call("cudaMemcpy", ctypes.c_void_p(address), data, ctypes.c_size_t(len(data)), HOST_TO_DEVICE)

    def read(self, address: int, size_bytes: int) -> bytes:
        """Copy bytes from the GPU."""
        buffer = ctypes.create_string_buffer(max(size_bytes, 1))
        self._call("cudaMemcpy", buffer, ctypes.c_void_p(address), ctypes.c_size_t(size_bytes), DEVICE_TO_HOST)
        return buffer.raw[:size_bytes]

    def stream(self) -> int:
        """Give a new stream."""
        pointer = ctypes.c_void_p()
        self._call("cudaStreamCreate", ctypes.byref(pointer))
        return int(pointer.value or 0)

    def wait(self, stream: int) -> None:
        """Wait until a stream has done its work."""
        self._call("cudaStreamSynchronize", ctypes.c_void_p(stream))

    def end(self, stream: int) -> None:
        """Give a stream back."""
        self._call("cudaStreamDestroy", ctypes.c_void_p(stream))
