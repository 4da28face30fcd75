"""A model that really learns: the demo's, on rows of digits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewright.compiler.cleanup import CLEANUP
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.compiler.model import Model
from edgewright.compiler.train.material import Material

DIGITS = Path(__file__).parents[3] / "examples" / "digits"
Give = Callable[..., Material]


@pytest.fixture(scope="session")
def digits() -> Model:
    return CLEANUP(import_model(Request(reference="digits.onnx", folder=DIGITS)).model)


@pytest.fixture(scope="session")
def data() -> dict[str, np.ndarray]:
    with np.load(DIGITS / "digits.npz") as arrays:
        return {name: arrays[name] for name in arrays}


@pytest.fixture
def give(digits: Model, data: dict[str, np.ndarray]) -> Give:
    """Give material of the first rows; `labels=None` leaves the labels out."""

    def make(count: int = 200, **said: Any) -> Material:
        given = {"labels": data["label"][:count], "teacher": digits, "digest": "of some rows", **said}
        return Material(rows={"image": data["image"][:count]}, **given)

    return make
