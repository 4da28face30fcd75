"""Several packages as one, with a function for each and their equal weights once (iOS 18).

The functions stay as they are, operation by operation; only the places of their weights change. Source of the formats:
`Model.proto`, `MIL.proto`, and `StorageFormat.hpp` of MILBlob (https://github.com/apple/coremltools/tree/main/mlmodel).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ...vocabulary.digest import digest_bytes
from .calling import METADATA_KEY, key_of
from .package import AUTHOR, PACKAGE, finish
from .toolkit import coremltools

MAIN = "main"
"""The only function of each package that is taken in."""

WEIGHT_FILE = "@model_path/weights/weight.bin"
ALIGNMENT = 64
RECORD = struct.Struct("<IIQQQ32s")
"""Of a blob: sentinel, type, bytes of its data, their place in the file, unused bits, reserved."""
HEADER = struct.Struct("<II56s")
"""Of the file: how many blobs, version, reserved."""


def join(packages: Mapping[str, Path], out: Path) -> tuple[Path, ...]:
    """Write `model.mlpackage` into a folder, with one function for each package; give its files, the manifest first.

    `packages`: name of the function → folder of the package. The first one is the default. Equal packages give equal
    bytes.
    """
    items = out / PACKAGE / "Data" / AUTHOR
    (items / "weights").mkdir(parents=True)
    models = {name: _read(package) for name, package in packages.items()}
    whole = type(next(iter(models.values())))()
    whole.CopyFrom(next(iter(models.values())))
    whole.specificationVersion = max(model.specificationVersion for model in models.values())
    for field in ("input", "output", "state", "predictedFeatureName", "predictedProbabilitiesName"):
        whole.description.ClearField(field)
    whole.description.defaultFunctionName = next(iter(models))
    whole.description.metadata.userDefined.clear()
    whole.mlProgram.functions.clear()
    with _Weights(items / "weights" / "weight.bin") as weights:
        for name, model in models.items():
            function = model.mlProgram.functions[MAIN]
            own = packages[name] / "Data" / AUTHOR / "weights" / "weight.bin"
            if own.exists():  # a program of few constants has none
                weights.take(function, own)
            whole.mlProgram.functions[name].CopyFrom(function)
            described = model.description
            whole.description.functions.add(
                name=name,
                input=described.input,
                output=described.output,
                state=described.state,
                predictedFeatureName=described.predictedFeatureName,
                predictedProbabilitiesName=described.predictedProbabilitiesName,
            )
            told = described.metadata.userDefined[METADATA_KEY]
            whole.description.metadata.userDefined[key_of(name)] = told
    (items / "model.mlmodel").write_bytes(whole.SerializeToString(deterministic=True))
    return finish(out / PACKAGE)


def _read(package: Path) -> Any:
    data = (package / "Data" / AUTHOR / "model.mlmodel").read_bytes()
    return coremltools().proto.Model_pb2.Model.FromString(data)


class _Weights:
    """A weight file that is being written: what is in it already is not written again."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._file.write(bytes(HEADER.size))
        self._places: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.seek(0)
        self._file.write(HEADER.pack(len(self._places), 2, bytes(56)))
        self._file.close()

    def take(self, function: Any, path: Path) -> None:
        """Take over what a function has in a weight file, and let it name the new places."""
        with path.open("rb") as file:
            for value in _stored(function):
                file.seek(value.offset)
                sentinel, kind, size, place, unused, reserved = RECORD.unpack(file.read(RECORD.size))
                file.seek(place)
                value.fileName, value.offset = (
                    WEIGHT_FILE,
                    self._place(file.read(size), sentinel, kind, unused, reserved),
                )

    def _place(self, data: bytes, sentinel: int, kind: int, unused: int, reserved: bytes) -> int:
        """Give the place of a blob's record; equal ones have one."""
        key = f"{kind} {unused} {digest_bytes(data)}"
        if key not in self._places:
            self._places[key] = self._file.tell()
            begin = self._file.tell() + RECORD.size
            self._file.write(RECORD.pack(sentinel, kind, len(data), begin, unused, reserved))
            self._file.write(data + bytes(-len(data) % ALIGNMENT))
        return self._places[key]


def _stored(message: Any) -> Iterator[Any]:
    """Find all places of weights in a function, in an order that its content decides."""
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.name == "BlobFileValue":
            yield value
        elif field.message_type.GetOptions().map_entry:
            for key in sorted(value):
                yield from _stored(value[key])
        else:
            for each in (value,) if hasattr(value, "ListFields") else value:
                yield from _stored(each)
