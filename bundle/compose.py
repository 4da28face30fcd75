"""Laying out a bundle: which file goes where, and the manifest that says so. Reads files, writes none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ..fallback.rules import REFERENCE, Ladder, Ladders
from ..profiles.report import Report
from ..targets.artifact import Artifact, File
from ..vocabulary.digest import digest_bytes, digest_file
from ..vocabulary.errors import ConfigError
from ..vocabulary.signature import Signature
from ..vocabulary.tensor_folder import TensorFolder
from .manifest import (
    GOLDEN_INPUTS,
    GOLDEN_OUTPUTS,
    MANIFEST_PATH,
    SCHEMA_VERSION,
    Golden,
    GoldenKind,
    Manifest,
    Tolerance,
    Update,
    check_name,
    check_version,
    encode,
    interface_digest,
)
from .pack import Content
from .verify import HTML_PATH, LADDER_PATH, REPORT_PATH


@dataclass(frozen=True, kw_only=True, slots=True)
class Built:
    """An artifact with the folder that holds its files (`artifact.files` are relative to it).

    Artifacts of one target may name the same files; those stand in the bundle once.
    """

    artifact: Artifact
    folder: Path
    tolerances: Mapping[str, tuple[Tolerance, ...]]
    """Output name → the bounds that it was held to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GoldenVectors:
    """Inputs and the original's outputs: two `TensorFolder`s, the first axis of every array counting the rows."""

    kind: GoldenKind
    inputs: Path
    outputs: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What was measured: the part of a bundle that differs from build to build."""

    report: Report
    ladders: tuple[Ladder, ...]
    html: bytes | None = None


def compose(
    *,
    name: str,
    version: str,
    source_digest: str,
    signature: Signature,
    built: Iterable[Built],
    golden: GoldenVectors,
    evidence: Evidence,
) -> dict[str, Content]:
    """Give every file of a bundle: what `pack.write` takes.

    One of `built` is the original itself, an artifact named `reference`. Equal content gives equal bytes under
    `content/`.

    Raises:
        ConfigError: when the name or version is not one, or the parts do not belong together.
    """
    try:
        check_name(name)
        check_version(version)
    except ValueError as error:
        raise ConfigError(f"bundle.{error}") from error
    files: dict[str, Content] = {}
    artifacts, tolerances = [], {}
    parts = sorted(built, key=lambda part: part.artifact.name)
    owners = Counter(part.folder / file.path for part in parts for file in part.artifact.files)
    for part in parts:
        shares = any(owners[part.folder / file.path] > 1 for file in part.artifact.files)
        home = _home(part.artifact, shares=shares)
        moved = tuple(msgspec.structs.replace(file, path=f"{home}/{file.path}") for file in part.artifact.files)
        files |= {to.path: part.folder / file.path for file, to in zip(part.artifact.files, moved, strict=True)}
        artifacts.append(msgspec.structs.replace(part.artifact, files=moved))
        tolerances[part.artifact.name] = dict(part.tolerances)
    files |= _folder_files(golden.inputs, GOLDEN_INPUTS) | _folder_files(golden.outputs, GOLDEN_OUTPUTS)
    try:
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            name=name,
            version=version,
            source_digest=source_digest,
            signature=signature,
            artifacts=tuple(artifacts),
            golden=Golden(
                kind=golden.kind,
                rows=_row_count(golden),
                batched=_is_batched(golden, signature),
                tolerances=tolerances,
            ),
            update=Update(
                name=name,
                version=version,
                files=tuple(_describe(path, content) for path, content in sorted(files.items())),
                requirements={artifact.name: artifact.requires for artifact in artifacts},
                interface=interface_digest(signature),
            ),
        )
    except ValueError as error:
        raise ConfigError(f"the bundle's parts do not belong together: {error}") from error
    files[MANIFEST_PATH] = encode(manifest)
    files[REPORT_PATH] = evidence.report.encode()
    files[LADDER_PATH] = Ladders(ladders=evidence.ladders).encode()
    if evidence.html is not None:
        files[HTML_PATH] = evidence.html
    return files


def _home(artifact: Artifact, *, shares: bool) -> str:
    """Say where an artifact lies; those that share files lie together, in the folder of their target."""
    if artifact.name == REFERENCE:
        return "content/reference"
    name = "-".join(filter(None, (artifact.target, artifact.format))) if shares else artifact.name
    return f"content/artifacts/{name}"


def _folder_files(folder: Path, home: str) -> dict[str, Content]:
    return {f"{home}/{path.name}": path for path in sorted(folder.iterdir())}


def _row_count(golden: GoldenVectors) -> int:
    inputs, outputs = TensorFolder(golden.inputs).row_count, TensorFolder(golden.outputs).row_count
    if inputs != outputs:
        raise ValueError(f"{inputs} rows of golden inputs, {outputs} of outputs")
    return inputs


def _is_batched(golden: GoldenVectors, signature: Signature) -> bool:
    """Whether rows are slices along the inputs' own leading axis, and not whole inputs one after another."""
    arrays = TensorFolder(golden.inputs)
    ways = {arrays[spec.name].ndim - len(spec.shape) for spec in signature.inputs}
    if len(ways) != 1 or not ways <= {0, 1}:
        raise ValueError("golden inputs do not have the shapes of the signature")
    return ways == {0}


def _describe(path: str, content: Content) -> File:
    if isinstance(content, bytes):
        return File(path=path, sha256=digest_bytes(content), size_bytes=len(content))
    return File(path=path, sha256=digest_file(content), size_bytes=content.stat().st_size)
