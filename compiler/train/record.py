"""The records of what was learned, kept in the model itself until a bundle takes them over."""

from __future__ import annotations

from typing import Final

import msgspec
import onnx_ir as ir

from ...vocabulary.training import TrainingRecord

KEY: Final = "edgewright.training"
"""Where a model's metadata holds them."""


def add_record(model: ir.Model, record: TrainingRecord) -> None:
    """Add a record behind those that are there."""
    model.metadata_props[KEY] = msgspec.json.encode((*training_records(model), record)).decode()


def training_records(model: ir.Model) -> tuple[TrainingRecord, ...]:
    """Give the records, in the order of the steps."""
    return msgspec.json.decode(model.metadata_props.get(KEY, "[]"), type=tuple[TrainingRecord, ...])
