"""TFLite Metadata: the table that a file carries to say how its tensors are to be filled and read.

Source of the format: `metadata_schema.fbs` of TensorFlow Lite Support, schema version 1.1.0, identifier M001,
https://github.com/tensorflow/tflite-support/blob/master/tensorflow_lite_support/metadata/metadata_schema.fbs. Only
fields of its version 1.0.0 are written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import flatbuffers

ENTRY: Final = "TFLITE_METADATA"
"""The name of the metadata entry of a `.tflite` file that holds the table."""
MIN_PARSER_VERSION: Final = "1.0.0"

_IDENTIFIER: Final = b"M001"
_AXIS_LABELS: Final = 2
"""`AssociatedFileType.TENSOR_AXIS_LABELS`."""
_RGB: Final = 1
"""`ColorSpaceType.RGB`."""
_FEATURE, _IMAGE = 1, 2
"""Members of the union `ContentProperties`."""
_NORMALIZATION, _THRESHOLDING = 1, 3
"""Members of the union `ProcessUnitOptions`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageInput:
    """The one input: an RGB image, of which each channel becomes (pixel − mean) / std."""

    name: str
    mean: Sequence[float]
    std: Sequence[float]


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoresOutput:
    """The one output: a score for each label, which stand in a file beside the table, a line each."""

    name: str
    labels_file: str
    threshold: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What is told to people; what is empty is left out."""

    name: str = ""
    description: str = ""
    version: str = ""
    author: str = ""
    licence: str = ""


def metadata_table(image: ImageInput, scores: ScoresOutput, about: About) -> bytes:
    """Write the table. Equal values give equal bytes."""
    b = flatbuffers.Builder(1024)
    subgraph = _table(b, 7, {2: _vector(b, [_input(b, image)]), 3: _vector(b, [_output(b, scores)])})
    told = {0: about.name, 1: about.description, 2: about.version, 4: about.author, 5: about.licence}
    strings = {slot: b.CreateString(text) for slot, text in told.items() if text}
    strings[7] = b.CreateString(MIN_PARSER_VERSION)
    b.Finish(_table(b, 8, {3: _vector(b, [subgraph]), **strings}), _IDENTIFIER)
    return bytes(b.Output())


def _input(b: Any, image: ImageInput) -> int:
    properties = _table(b, 2, {}, bytes_={0: _RGB})
    normalization = _table(b, 2, {0: _floats(b, image.mean), 1: _floats(b, image.std)})
    return _tensor(b, image.name, (_IMAGE, properties), [(_NORMALIZATION, normalization)], [])


def _output(b: Any, scores: ScoresOutput) -> int:
    labels = _table(b, 4, {0: b.CreateString(scores.labels_file)}, bytes_={2: _AXIS_LABELS})
    units = []
    if scores.threshold is not None:
        b.StartObject(1)
        b.PrependFloat32Slot(0, scores.threshold, 0.0)
        units.append((_THRESHOLDING, b.EndObject()))
    return _tensor(b, scores.name, (_FEATURE, _table(b, 0, {})), units, [labels])


def _tensor(b: Any, name: str, content: tuple[int, int], units: Sequence[tuple[int, int]], files: Sequence[int]) -> int:
    """Write a `TensorMetadata`; `content` and `units` are members of unions with their tables."""
    kind, properties = content
    whole = _table(b, 3, {1: properties}, bytes_={0: kind})
    written = [_table(b, 2, {1: options}, bytes_={0: member}) for member, options in units]
    vectors = {slot: _vector(b, tables) for slot, tables in ((4, written), (6, files)) if tables}
    return _table(b, 7, {0: b.CreateString(name), 3: whole, **vectors})


def _table(b: Any, size: int, offsets: Mapping[int, int], bytes_: Mapping[int, int] | None = None) -> int:
    """Write a table of `size` fields: offsets of what was written before it, and numbers of a byte, by their slots."""
    b.StartObject(size)
    for slot, offset in offsets.items():
        b.PrependUOffsetTRelativeSlot(slot, offset, 0)
    for slot, number in (bytes_ or {}).items():
        b.PrependInt8Slot(slot, number, 0)
    return int(b.EndObject())


def _vector(b: Any, tables: Sequence[int]) -> int:
    b.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        b.PrependUOffsetTRelative(table)
    return int(b.EndVector())


def _floats(b: Any, numbers: Sequence[float]) -> int:
    b.StartVector(4, len(numbers), 4)
    for number in reversed(numbers):
        b.PrependFloat32(number)
    return int(b.EndVector())
