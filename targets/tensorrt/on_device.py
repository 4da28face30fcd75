"""What a device with TensorRT makes of an artifact: its engine, verified there, bound to that GPU and that version."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from ...vocabulary.digest import digest_file
from ...vocabulary.errors import ToolError
from ...vocabulary.label import Label
from ..artifact import Artifact, File, Requirements
from .device.build_engine import ENGINE, RECORD

FORMAT: Final = "engine"

SCRIPTS: Final = ("build_engine.py", "verify_engine.py")
"""What must run on the device, in this order, by its Python and in the artifact's folder; each must leave with 0."""

_LOG_TAIL: Final = 2000


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of `engine.json`, which a device writes."""

    engine_sha256: str
    model_sha256: str
    tensorrt: str
    cuda: str
    os: str
    arch: str
    compute_capability: str
    hardware: str


def finish(artifact: Artifact, folder: Path, *, seconds: float, python: str = sys.executable) -> Artifact:
    """Build and verify on this machine, in children of this time limit each; give what `folder` holds then.

    Raises:
        ToolError: when a script failed or took longer; its words stand in the message.
    """
    for name in SCRIPTS:
        with tempfile.TemporaryFile() as log:
            try:
                done = subprocess.run(
                    [python, "-B", name],  # no __pycache__ beside the files of an artifact
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=seconds,
                    check=False,
                )
                how = f"exit code {done.returncode}" if done.returncode else ""
            except subprocess.TimeoutExpired:
                how = f"no end within {seconds:g} s"
            log.seek(0)
            said = log.read().decode(errors="replace")[-_LOG_TAIL:].strip()
        if how:
            raise ToolError(f"{name}: {how}: {said}", hint=f"run `{python} {name}` in the artifact's folder by hand")
    return finished(artifact, folder)


def finished(artifact: Artifact, folder: Path) -> Artifact:
    """Give the artifact that a folder holds in which the scripts were run, here or on the device.

    Raises:
        ToolError: when there is no engine, or one of another model.
    """
    try:
        record = msgspec.json.decode((folder / RECORD).read_bytes(), type=_Record)
        sha256 = digest_file(folder / ENGINE)
    except (OSError, ValueError) as error:  # msgspec's errors are of these
        raise ToolError(f"there is no engine in {folder}: {error}") from error
    if record.engine_sha256 != sha256 or record.model_sha256 != artifact.files[0].sha256:
        raise ToolError(f"the engine in {folder} is not that of this artifact")
    names = (ENGINE, RECORD, *(file.path for file in artifact.files))
    return msgspec.structs.replace(
        artifact,
        format=FORMAT,
        files=tuple(_file(folder, name) for name in names),
        requires=Requirements(
            runtime="tensorrt",
            min_runtime_version=record.tensorrt,
            os=(record.os,),
            arch=(record.arch,),
            accelerator=_accelerator(record.compute_capability, record.hardware),
        ),
        toolchain={**artifact.toolchain, "tensorrt": record.tensorrt, "cuda": record.cuda},
        labels=tuple(label for label in artifact.labels if label is not Label.TO_BE_BUILT),
    )


def _accelerator(capability: str, hardware: str) -> str:
    """`cuda sm_86`; with a plus where later generations do too."""
    return f"cuda sm_{capability.replace('.', '')}" if hardware != "ampere_plus" else "cuda sm_80+"


def _file(folder: Path, name: str) -> File:
    path = folder / name
    return File(path=name, sha256=digest_file(path), size_bytes=path.stat().st_size)


def scripts_of(artifact: Artifact) -> Sequence[str]:
    """Give what must run on the device that an artifact is for; nothing when it is an engine already."""
    return SCRIPTS if Label.TO_BE_BUILT in artifact.labels else ()
