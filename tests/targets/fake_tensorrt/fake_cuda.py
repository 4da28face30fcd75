"""A CUDA runtime without a GPU: the calls that the scripts use, on memory of its own.

`FAKE_TENSORRT_GPU` says name and compute capability, `none` that there is no GPU. What is not given back is told at the
end of the process.
"""

import atexit
import ctypes
import os
import sys

INVALID_VALUE, NO_DEVICE = 1, 100
MAJOR, MINOR = 75, 76

NAME, _, CAPABILITY = os.environ.get("FAKE_TENSORRT_GPU", "Fake A10,8.6").partition(",")

memory: dict[int, bytearray] = {}
streams: set[int] = set()
_next = [0x7F0000000000]


def _address(size):
    _next[0] += max(256, size + 255 & ~255)
    return _next[0]


class _Function:
    """A symbol of the library: callable, and taking a `restype`."""

    restype = ctypes.c_int

    def __init__(self, function):
        self.function = function

    def __call__(self, *arguments):
        return self.function(*arguments)


class FakeCuda:
    def __init__(self):
        for name, function in vars(type(self)).items():
            if not name.startswith("_"):
                symbol = "cuda" + "".join(word.capitalize() for word in name.split("_"))
                setattr(self, symbol, _Function(getattr(self, function.__name__)))

    def get_error_string(self, code):
        return {INVALID_VALUE: b"invalid argument", NO_DEVICE: b"no CUDA-capable device is detected"}[code]

    def get_device(self, pointer):
        pointer._obj.value = 0
        return NO_DEVICE if NAME == "none" else 0

    def get_device_properties(self, properties, index):
        assert index.value == 0
        properties[: len(NAME)] = NAME.encode()
        return 0

    def device_get_attribute(self, pointer, attribute, index):
        assert index.value == 0
        pointer._obj.value = int(CAPABILITY.split(".")[{MAJOR: 0, MINOR: 1}[attribute]])
        return 0

    def driver_get_version(self, pointer):
        pointer._obj.value = 12060
        return 0

    def runtime_get_version(self, pointer):
        pointer._obj.value = 12040
        return 0

    def malloc(self, pointer, size):
        address = _address(size.value)
        memory[address] = bytearray(b"\xa5" * size.value)  # what was there before is not zero
        pointer._obj.value = address
        return 0

    def free(self, pointer):
        return 0 if memory.pop(pointer.value, None) is not None else INVALID_VALUE

    def memcpy(self, to, what, count, kind):
        device = to if kind == 1 else what
        block = memory.get(device.value) if isinstance(device, ctypes.c_void_p) else None
        if block is None or count.value > len(block):
            return INVALID_VALUE
        if kind == 1:
            block[: count.value] = what[: count.value]
        else:
            ctypes.memmove(to, bytes(block), count.value)
        return 0

    def stream_create(self, pointer):
        pointer._obj.value = _address(8)
        streams.add(pointer._obj.value)
        return 0

    def stream_synchronize(self, pointer):
        return 0 if pointer.value in streams else INVALID_VALUE

    def stream_destroy(self, pointer):
        streams.discard(pointer.value)
        return 0


_original = ctypes.CDLL


def _load(name, *arguments, **options):
    return FakeCuda() if name and "cudart" in str(name) else _original(name, *arguments, **options)


ctypes.CDLL = _load


@atexit.register
def _tell():
    if memory or streams:
        sys.stderr.write(f"fake cuda: {len(memory)} blocks and {len(streams)} streams were not given back\n")
