"""The folder `NAME.mlpackage`: its manifest, and where the files lie that it names.

Source: `modelpackage/src/ModelPackage.cpp` in https://github.com/apple/coremltools (format version 1.0.0).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "Manifest.json"
DATA = "Data"
MODEL_PATH = "@model_path/"
"""How a program begins the name of a file that lies beside the model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """A package: its folder, and the file of its root model."""

    root: Path
    model: Path

    def beside_model(self, name: str) -> Path:
        """Find a file that the model names, `@model_path/weights/weight.bin`.

        Raises:
            ValueError: when the name leads out of the package.
        """
        relative = name.removeprefix(MODEL_PATH)
        return _inside(
            self.root / DATA, self.model.parent / relative, f"{self.model}: it names the weight file {name!r}"
        )


def open_package(path: Path) -> Package:
    """Find the root model of a package, given the folder or the manifest in it.

    Raises:
        ValueError: when there is no manifest that says which file is the model, or it names one outside of the package.
    """
    root = path.parent if path.name == MANIFEST else path
    manifest_path = root / MANIFEST
    if not root.is_dir():
        raise ValueError(f"{path}: no such package" if not path.exists() else f"{path}: a package is a folder")
    try:
        manifest = json.loads(manifest_path.read_bytes())
    except OSError as error:
        raise ValueError(f"{manifest_path}: the manifest cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{manifest_path}: the manifest is no JSON: {error}") from error
    version = _text(manifest, "fileFormatVersion", manifest_path)
    if version.split(".")[0] != "1":
        raise ValueError(f"{manifest_path}: fileFormatVersion is {version!r}, expected '1.0.0'")
    identifier = _text(manifest, "rootModelIdentifier", manifest_path)
    entries = manifest.get("itemInfoEntries")
    entry = entries.get(identifier) if isinstance(entries, dict) else None
    if not isinstance(entry, dict):
        raise ValueError(f"{manifest_path}: itemInfoEntries has no entry for the root model {identifier!r}")
    name = _text(entry, "path", manifest_path)
    model = _inside(root / DATA, root / DATA / name, f"{manifest_path}: the root model's path is {name!r}")
    if not model.is_file():
        raise ValueError(f"{manifest_path}: the root model's path is {name!r}, but there is no file {model}")
    return Package(root=root, model=model)


def _text(table: Any, key: str, where: Path) -> str:
    value = table.get(key) if isinstance(table, dict) else None
    if not isinstance(value, str):
        raise ValueError(f"{where}: {key} is missing, or no text")
    return value


def _inside(folder: Path, path: Path, said: str) -> Path:
    """Refuse what leads out of a folder, by `..`, as an absolute path or over a link."""
    try:
        real = path.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise ValueError(f"{said}, which is no path: {error}") from error
    if not real.is_relative_to(folder.resolve()):
        raise ValueError(f"{said}, which lies outside of the package")
    return path
