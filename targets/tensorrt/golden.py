"""Golden vectors: inputs drawn from the signature, and what the shaped model gives for them node by node."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...compiler.draw import draw_inputs
from ...compiler.model import Model, Precision
from ...compiler.passes.fix_dimensions import FixDimensions
from ...vocabulary.errors import ModelError
from ..onnxruntime.runtime import Reference
from ..runtime import Array, RunOptions
from .device.verify_engine import CODES
from .settings import Bounds, Settings

_BOUNDS: Final[Mapping[Precision, float]] = {
    # float32 sums in another order, through some hundred layers
    Precision.FP32: 1e-3,
    # eleven bits a value, rounded at every layer
    Precision.FP16: 2e-2,
    # a value between two integers may fall on either side, and the layers behind carry it on
    Precision.STATIC_WI8_AI8: 5e-2,
    # weights are the same integers; the sums are those of float32
    Precision.WEIGHT_ONLY_WI4_AFP32: 1e-3,
}
"""How far an output may be off, as a share of its largest value: enough to tell a wrong engine from a rounded one. How
good an engine is, parity says."""
_COARSE: Final = 3e-2
"""With TF32 or bfloat16: eight to eleven bits a factor."""
_SAMPLES: Final = 3
"""Attempts at inputs that the model takes; some that are drawn may lie outside of what it indexes."""


def write_golden(model: Model, path: Path, settings: Settings, out: Path) -> str:
    """Write `golden.json` and `golden.bin` into `out`; give why there are no vectors, "" when there are.

    `model` is the shaped one and `path` its file. A case for each of the lowest, best and highest sizes of the profile.
    """
    data = bytearray()
    cases: list[dict[str, Any]] = []
    reason = ""
    for sizes in _size_sets(settings.bounds):
        try:
            inputs, outputs = _case(model, path, sizes)
        except _NoVectors as error:
            cases, reason = [], str(error)
            data.clear()
            break
        cases.append({"inputs": _entries(inputs, data), "outputs": _entries(outputs, data)})
    coarse = settings.tf32 or bool(settings.compute)
    bound = max(_BOUNDS[model.precision], _COARSE) if coarse else _BOUNDS[model.precision]
    record = {"bound": bound, "cases": cases, "reason": reason}
    (out / "golden.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", "utf-8")
    (out / "golden.bin").write_bytes(bytes(data))
    return reason


class _NoVectors(Exception):  # noqa: N818 - an answer: there is nothing to compare with
    """No vectors can be made; the message is the reason."""


def _size_sets(bounds: Mapping[str, Bounds]) -> Sequence[Mapping[str, int]]:
    sets = [
        {symbol: each.low for symbol, each in bounds.items()},
        {symbol: each.best for symbol, each in bounds.items()},
        {symbol: each.high for symbol, each in bounds.items()},
    ]
    return [each for index, each in enumerate(sets) if each not in sets[:index]]


def _case(model: Model, path: Path, sizes: Mapping[str, int]) -> tuple[dict[str, Array], dict[str, Array]]:
    signature = FixDimensions(sizes).signature(model.signature)
    drawing = replace(model, signature=signature)
    session = Reference().load(path, RunOptions())
    said = ""
    for seed in range(_SAMPLES):
        try:
            drawn = draw_inputs(drawing, 1, seed=seed)
        except ModelError as error:
            raise _NoVectors(error.message) from error
        # what does not lead with a single row has one in front
        inputs = {spec.name: drawn[spec.name].reshape(spec.shape) for spec in signature.inputs}  # type: ignore[arg-type]  # all sizes are numbers
        try:
            return inputs, session.run(inputs)
        except Exception as error:  # noqa: BLE001 - onnxruntime's exceptions share no base below Exception
            said = " ".join(str(error).split())
    raise _NoVectors(f"the model does not run on drawn inputs: {said}")


def _entries(arrays: Mapping[str, Array], data: bytearray) -> list[dict[str, Any]]:
    entries = []
    for name, array in arrays.items():
        if array.dtype.name not in CODES:
            raise _NoVectors(f"{name} is {array.dtype.name}, which is not written")
        entries.append({"name": name, "dtype": array.dtype.name, "shape": list(array.shape), "offset": len(data)})
        data += np.ascontiguousarray(array).tobytes()
    return entries
