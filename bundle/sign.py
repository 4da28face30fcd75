"""Signing a bundle's folder in the OpenSSF Model Signing format, with that project's own package."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..vocabulary.errors import ToolError
from .keys import key_id, read_private_key
from .signature_file import SIGNATURE_PATH, canonical


def sign(folder: Path, key: str) -> str:
    """Sign every file of a folder: writes `model.sig` into it. Gives the id of the key.

    `key` is `env:NAME` (the variable holds PEM text) or the path of a PEM file. The folder must not be signed yet.

    Raises:
        RequestError: when the key cannot be used.
        ToolError: when signing fails, or the folder is signed already.
    """
    from cryptography.hazmat.primitives import serialization
    from model_signing import hashing, signing

    private = read_private_key(key)
    out = folder / SIGNATURE_PATH
    if out.exists():
        raise ToolError(f"{out} is already there")
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Git's files are not ignored: an ignored file is one that could be added unseen.
    hashes, signer = hashing.Config(), signing.Config()  # type: ignore[no-untyped-call]  # their constructors are untyped
    hashes.set_ignored_paths(paths=[SIGNATURE_PATH], ignore_git_paths=False)
    with tempfile.TemporaryDirectory(prefix="edgewright-") as scratch, _as_path(pem) as pem_path:
        unsorted = Path(scratch, SIGNATURE_PATH)
        try:
            signer.use_elliptic_key_signer(private_key=pem_path).set_hashing_config(hashes).sign(folder, unsorted)
            signature = canonical(unsorted.read_bytes())
        except (ValueError, OSError) as error:
            raise ToolError(f"{folder}: cannot be signed: {error}") from error
    try:
        out.write_bytes(signature)
    except OSError as error:
        raise ToolError(f"{out}: cannot be written: {error.strerror}") from error
    return key_id(private.public_key())


@contextmanager
def _as_path(data: bytes) -> Iterator[Path]:
    """Give a path from which the data can be read once: a pipe, because a key must not be left on a disk."""
    reader, writer = os.pipe()
    try:
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(data)  # a few hundred bytes: less than the 4 KiB that every pipe holds without a reader
        yield Path(f"/dev/fd/{reader}")
    finally:
        os.close(reader)
