"""Runs packages by Core ML itself, on macOS, through coremltools' `MLModel`."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..runtime import Array
from .called import Called
from .calling import Calling
from .function_file import opened
from .toolkit import coremltools

__all__ = ["coremltools", "is_here", "load", "version"]

PACKAGE_SUFFIX = ".mlpackage"

VERSIONS = {12: "5", 13: "6", 14: "7", 15: "8", 26: "9"}
"""macOS → the version of Core ML's operations that came with it. Source: `coremltools.target`."""

UNITS = {"all": "ALL", "cpu_only": "CPU_ONLY", "cpu_and_gpu": "CPU_AND_GPU", "cpu_and_ne": "CPU_AND_NE"}
"""The setting `compute_units` → the member of coremltools' `ComputeUnit`."""


@cache
def is_here() -> bool:
    """Whether this is macOS, with the part of coremltools that reaches Core ML."""
    found = find_spec("coremltools") if platform.system() == "Darwin" else None
    folders = found.submodule_search_locations if found is not None else None
    # looked for as a file: to ask for the module would import all of coremltools
    return any(path for folder in folders or () for path in Path(folder).glob("libcoremlpython*"))


def version() -> str:
    """Give the version of Core ML's operations that this system has."""
    system = int(platform.mac_ver()[0].partition(".")[0])
    return max((number for release, number in VERSIONS.items() if release <= system), default="4")


def load(artifact: Path, toolkit: Callable[[], Any] = coremltools) -> Called:
    """Open a package by its folder or its manifest, or one of its functions by its file; `toolkit` gives coremltools.

    Raises:
        ValueError: when Core ML does not take it.
        ImportError: when coremltools is not installed.
    """
    tools = toolkit()
    package, function = opened(artifact)
    folder = package if package.is_dir() else package.parent
    if folder.suffix != PACKAGE_SUFFIX:
        raise ValueError(f"{artifact}: no package: it is called NAME{PACKAGE_SUFFIX}")
    try:
        spec = tools.utils.load_spec(str(folder))
        # a package of one function has no name for it
        name = function or spec.description.defaultFunctionName or None
        calling = Calling.read(spec.description.metadata.userDefined, name)
        model = tools.models.MLModel(
            str(folder),
            compute_units=getattr(tools.ComputeUnit, UNITS.get(calling.compute_units, "ALL")),
            function_name=name,
        )
    except Exception as error:  # coremltools raises Exception itself for what the system refuses
        raise ValueError(f"{artifact}: Core ML does not take it: {error}") from error
    return Called(Apple(model, name), calling)


class Apple:
    """A package in Core ML. `model` is coremltools' `MLModel`, or what has its `predict`, `get_spec`, `make_state`."""

    def __init__(self, model: Any, function: str | None = None) -> None:
        """Take a model that Core ML has loaded, and the name of its function where it has several."""
        description = model.get_spec().description
        description = next((each for each in description.functions if each.name == function), description)
        self._model = model
        self._inputs = {feature.name: feature.type for feature in description.input}
        self._outputs = {feature.name: feature.type for feature in description.output}
        names = [feature.name for feature in description.state]
        self._state = model.make_state() if names else None
        self.states = _States(self._state)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the package takes.
        """
        if inputs.keys() != self._inputs.keys():
            raise ValueError(f"the model takes {sorted(self._inputs)}, got {sorted(inputs)}")
        given = {name: _given(name, array, self._inputs[name]) for name, array in inputs.items()}
        outputs = self._model.predict(given, self._state) if self._state is not None else self._model.predict(given)
        return {name: _taken(outputs[name], type_) for name, type_ in self._outputs.items()}


class _States:
    """The states of a model, as float16."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def __getitem__(self, name: str) -> Array:
        return np.asarray(self._state.read_state(name)).astype(np.float16)

    def __setitem__(self, name: str, value: Array) -> None:
        self._state.write_state(name, value)


def _given(name: str, array: Array, type_: Any) -> Any:
    """Give an input as `predict` takes it, which would convert what does not fit without a word.

    Raises:
        ValueError: when it is of another dtype or shape than the package takes.
    """
    if type_.WhichOneof("Type") == "imageType":
        from PIL import Image

        return Image.fromarray(np.asarray(array, np.uint8))
    declared = type_.multiArrayType
    dtype, shapes = _dtype(declared), {tuple(each.shape) for each in declared.enumeratedShapes.shapes}
    ranges = declared.shapeRange.sizeRanges
    if ranges:
        fits = len(ranges) == array.ndim and all(
            each.lowerBound <= size and (each.upperBound < 0 or size <= each.upperBound)
            for each, size in zip(ranges, array.shape, strict=True)
        )
    else:
        fits = array.shape in shapes | {tuple(declared.shape)}
    if not fits or array.dtype != dtype:
        raise ValueError(f"input {name!r} is {dtype}{list(declared.shape)}, got {array.dtype}{list(array.shape)}")
    return np.ascontiguousarray(array)


def _taken(value: Any, type_: Any) -> Any:
    """Give an output in the dtype that the package says; labels and what goes by label as they are."""
    if type_.WhichOneof("Type") != "multiArrayType":
        return value
    return np.array(value, dtype=_dtype(type_.multiArrayType))


def _dtype(declared: Any) -> np.dtype[Any]:
    """Source of the numbers: `ArrayFeatureType.ArrayDataType` in `FeatureTypes.proto`, kind and bits."""
    return np.dtype({0x10010: "float16", 0x10020: "float32", 0x20020: "int32"}[declared.dataType])
