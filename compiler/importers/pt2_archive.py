"""What lies in a `.pt2` archive, looked at before PyTorch reads any of it: its reader unpickles and evaluates."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ...vocabulary.errors import ModelError
from .weights import check_pickle

_CODE: Final = (".so", ".o", ".cubin", ".cpp", ".py", ".pyd", ".dll")
"""Compiled or source code, which loading the archive could run."""

_OLD_PICKLES: Final = ("serialized_state_dict.json", "serialized_constants.json")
"""Pickles by another name, in archives written before PyTorch 2.8."""

_PLAIN_PAYLOAD: Final = ("weight_", "tensor_")
"""Payloads that are tensors; others are objects, restored by unpickling."""

_QUOTED: Final = re.compile(r"'\w+'")
_ARITHMETIC: Final = re.compile(r"(?!.*__)[\w\s+\-*/%(),.<>=&|~^]*")
_CALLED: Final = re.compile(r"(\w+)\s*\(")
_FUNCTIONS: Final = frozenset(
    (  # of sympy, and of torch.utils._sympy
        *("Abs", "Add", "And", "Eq", "Ge", "Gt", "Integer", "Le", "Lt", "Max", "Min", "Mod", "Mul", "Ne", "Not", "Or"),
        *("Piecewise", "Pow", "Rational", "Symbol", "ceiling", "floor"),
        *("CeilDiv", "CeilToInt", "CleanDiv", "FloatPow", "FloatTrueDiv", "FloorDiv", "FloorToInt", "Identity"),
        *("IntTrueDiv", "LShift", "ModularIndexing", "PowByNatural", "PythonMod", "RShift", "RoundToInt", "ToFloat"),
        *("TruncToInt", "Where"),
    )
)
"""What PyTorch writes sizes with, `2*Symbol('s0', integer=True) + 1`; it hands them to Python's eval."""


def check_archive(path: Path) -> None:
    """Check that reading it runs no code: tensors alone are pickled, nothing is compiled, sizes are arithmetic.

    Raises:
        ModelError: when it is no such archive, is damaged, or holds more than that; the message names it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            damaged = archive.testzip()
            if damaged is not None or len(set(names)) != len(names):
                raise ModelError(f"{path}: damaged: {damaged or 'two entries have one name'}")
            for name in names:
                if name.endswith(_CODE):
                    raise ModelError(f"{path}: holds code ({name}), which loading it would run")
                if name.endswith((".pt", ".pth", *_OLD_PICKLES)) and archive.getinfo(name).file_size:
                    check_pickle(io.BytesIO(archive.read(name)), f"{path}: {name}")
                elif name.endswith("_config.json"):
                    _check_payloads(path, archive, name)
                elif name.endswith(".json"):
                    _check_expressions(path, json.loads(archive.read(name)))
    except (zipfile.BadZipFile, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelError(f"{path}: not an exported program, or a truncated one: {error}") from error


def _check_payloads(path: Path, archive: zipfile.ZipFile, name: str) -> None:
    folder = name.rpartition("/")[0]
    for entry in json.loads(archive.read(name))["config"].values():
        if not entry["path_name"].startswith(_PLAIN_PAYLOAD):
            raise ModelError(
                f"{path}: holds an object ({entry['path_name']}); reading it could run code",
                hint="export a module whose constants are tensors",
            )
        if entry.get("use_pickle"):
            place = f"{folder}/{entry['path_name']}"
            check_pickle(io.BytesIO(archive.read(place)), f"{path}: {place}")


def _check_expressions(path: Path, value: Any) -> None:
    for text in _expressions(value):
        plain = _QUOTED.sub("", text)
        if _ARITHMETIC.fullmatch(plain) is None or not _FUNCTIONS.issuperset(_CALLED.findall(plain)):
            raise ModelError(f"{path}: {text!r} is no size; evaluating it could run code")


def _expressions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "expr_str" and isinstance(item, str):
                yield item
            else:
                yield from _expressions(item)
    elif isinstance(value, list):
        for item in value:
            yield from _expressions(item)
