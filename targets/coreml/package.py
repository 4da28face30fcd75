"""A MIL program as an `.mlpackage` on disk, through coremltools' own passes and serializer, in reproducible bytes.

What coremltools adds of its own accord (random identifiers, the date, its version) is left out; what it changes of its
own accord in inputs and outputs is found out here. Source of the layout of a package: what coremltools writes.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...vocabulary.digest import digest_file
from .description import Extras, check
from .emit import Emitted
from .serialize import serialized

PACKAGE = "model.mlpackage"
MANIFEST = "Manifest.json"
AUTHOR = "com.apple.CoreML"
"""Who the items of a package belong to, and the folder that they lie in."""
ITEMS = {"model.mlmodel": "CoreML Model Specification", "weights": "CoreML Model Weights"}
"""Item → its description, as coremltools words them."""

NAMESPACE = uuid.UUID("6d1ed7a5-9ef3-5b35-8b0c-6c0b6f9a3c1e")
"""Identifiers of items are made of this and of their digests. A random one, drawn once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Package:
    """The files of a package, its manifest first, and how often each MIL operation is in it, constants apart."""

    files: tuple[Path, ...]
    operations: Mapping[str, int]


def write(emitted: Emitted, out: Path, pipeline: Any, extras: Extras) -> Package:
    """Write `model.mlpackage` into a folder. `emitted.program` is used up.

    `pipeline` are the passes between emission and serialization.

    Raises:
        ToolError: when coremltools fails, or the package has other inputs or outputs than were asked for.
    """
    package = out / PACKAGE
    items = package / "Data" / AUTHOR
    weights = items / "weights"
    weights.mkdir(parents=True)
    model = serialized(
        emitted.program, emitted.deployment.opset, pipeline, weights, extras.input_types, extras.classifier
    )
    check(model.description, emitted, extras)
    for name, text in extras.metadata.items():
        setattr(model.description.metadata, name, text)
    model.description.metadata.userDefined.update(extras.user_defined)
    (items / "model.mlmodel").write_bytes(model.SerializeToString(deterministic=True))
    if not any(weights.iterdir()):
        weights.rmdir()
    return Package(files=finish(package), operations=_operations(model))


def finish(package: Path) -> tuple[Path, ...]:
    """Write the manifest of a package whose items are there; give all of its files, the manifest first."""
    items, manifest = package / "Data" / AUTHOR, package / MANIFEST
    manifest.write_text(_manifest(items), "utf-8")
    return (manifest, *sorted(path for path in items.rglob("*") if path.is_file()))


def _operations(model: Any) -> dict[str, int]:
    counts: Counter[str] = Counter()

    def count(block: Any) -> None:
        for operation in block.operations:
            if operation.type != "const":
                counts[operation.type] += 1
            for inner in operation.blocks:
                count(inner)

    for function in model.mlProgram.functions.values():
        for block in function.block_specializations.values():
            count(block)
    return dict(sorted(counts.items()))


def _manifest(items: Path) -> str:
    """Give the text of `Manifest.json`: each item under an identifier that its content decides."""
    entries, root = {}, ""
    for name, description in ITEMS.items():
        item = items / name
        files = [item] if item.is_file() else sorted(item.glob("*"))
        if not files:
            continue
        content = "".join(f"{path.name} {digest_file(path)}\n" for path in files)
        identifier = str(uuid.uuid5(NAMESPACE, f"{name}\n{content}")).upper()
        root = root or identifier
        entries[identifier] = {
            "author": AUTHOR,
            "description": description,
            "name": name,
            "path": f"{AUTHOR}/{name}",
        }
    whole = {"fileFormatVersion": "1.0.0", "itemInfoEntries": entries, "rootModelIdentifier": root}
    return json.dumps(whole, indent=4, sort_keys=True) + "\n"
