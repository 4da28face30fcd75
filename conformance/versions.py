"""The versions of what took part in making a record."""

from __future__ import annotations

from importlib.metadata import version
from typing import cast

from ..targets.base import Target
from ..targets.runtime import Runtime, is_emulated
from ..vocabulary.tables import load_object


def versions_of(target: Target) -> dict[str, str]:
    """Give the versions of onnx, of the packages of a target, and of its runtime where that is no Python package.

    Raises:
        ImportError: when the runtime is not installed.
    """
    found = {package: version(package) for package in ("onnx", *target.packages)}
    runtime = cast("type[Runtime]", load_object(target.formats[""]))()
    if runtime.name not in found and not is_emulated(runtime):
        found[runtime.name] = runtime.version()
    return dict(sorted(found.items()))
