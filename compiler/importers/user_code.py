"""Importing the user's Python code, and knowing what was imported."""

from __future__ import annotations

import importlib
import importlib.util
import site
import sys
import sysconfig
from pathlib import Path
from types import ModuleType
from typing import Any

from ...vocabulary.errors import ConfigError, ModelError
from .request import Request

_OWN_PACKAGE = __name__.partition(".")[0]


def load_factory(request: Request) -> Any:
    """Import `file.py:factory` or `package.module:factory`; call within `user_imports`.

    Raises:
        ConfigError: when there is no such file, module or callable.
        ModelError: when the user's code fails while it is imported.
    """
    place, _, name = request.reference.rpartition(":")
    try:
        module = _load_file(request.path) if place.endswith(".py") else importlib.import_module(place)
    except ConfigError:
        raise
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{request.reference}: there is no module {error.name!r}",
            hint=f"modules are looked for in {request.folder} and in this Python environment",
        ) from error
    except Exception as error:
        raise ModelError(f"{request.reference}: importing it fails: {type(error).__name__}: {error}") from error
    factory = getattr(module, name, None)
    if not callable(factory):
        known = sorted(key for key, value in vars(module).items() if callable(value) and not key.startswith("_"))
        raise ConfigError(
            f"{request.reference}: the module has no function or class {name!r}", hint=f"it has: {', '.join(known)}"
        )
    return factory


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such file")
    # under its own name, so that pickles and dataclasses find it, unless something else has that name
    taken = sys.modules.get(path.stem)
    free = taken is None or getattr(taken, "__file__", None) == str(path)
    name = path.stem if free else f"_edgewright_source_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def user_files(before: frozenset[str], folder: Path) -> set[Path]:
    """Give the source files of modules outside the standard library and installed packages.

    Those imported since `before` (names in `sys.modules`), and those that lie in `folder` whenever they were.
    """
    # not all of sysconfig's paths: `data` is the whole of /usr where Python is the system's
    libraries = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    installed = [Path(path).resolve() for path in (*libraries, *site.getsitepackages())]
    files = set()
    for name, module in tuple(sys.modules.items()):
        origin = getattr(module, "__file__", None)
        if not isinstance(origin, str) or not Path(origin).is_file():
            continue
        path = Path(origin).resolve()
        if name.partition(".")[0] == _OWN_PACKAGE or (name in before and not path.is_relative_to(folder.resolve())):
            continue
        if not any(path.is_relative_to(root) for root in installed):
            files.add(path)
    return files
