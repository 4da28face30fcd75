"""Keys: EC P-256 pairs in PEM, read with errors that say what is wrong with them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..vocabulary.digest import digest_bytes
from ..vocabulary.errors import RequestError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

_KEYGEN_HINT = "`edgewright keygen` makes a pair"


def generate(private_path: Path, public_path: Path) -> str:
    """Make a pair: the private key (PKCS #8, not encrypted, mode 0600) and the public one. Give the public key's id.

    Raises:
        RequestError: when a file of either name is already there, or cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        _create(private_path, private, 0o600)
    except OSError as error:
        raise _unwritable(private_path, error) from error
    try:
        _create(public_path, public_pem(key.public_key()), 0o644)
    except OSError as error:
        private_path.unlink()  # half a pair is of no use, and its name would be taken
        raise _unwritable(public_path, error) from error
    return key_id(key.public_key())


def read_private_key(source: str) -> EllipticCurvePrivateKey:
    """Read a private key from `env:NAME` (the variable holds the PEM text) or from a PEM file.

    Raises:
        RequestError: when it is not there, encrypted, no private key, or not on the curve P-256.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    where, pem = _read_source(source)
    if b"ENCRYPTED" in pem:
        raise RequestError(
            f"{where}: the private key is encrypted", hint=f"give one without a password; {_KEYGEN_HINT}"
        )
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        kind = "a public key, not a private one" if b"PUBLIC KEY" in pem else "no private key in PEM form"
        raise RequestError(f"{where}: {kind}", hint=_KEYGEN_HINT) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RequestError(f"{where}: expected an EC key on the curve P-256, got {_describe(key)}", hint=_KEYGEN_HINT)
    return key


def read_public_key(path: Path) -> EllipticCurvePublicKey:
    """Read a public key from a PEM file.

    Raises:
        RequestError: when it is not there, no public key, or not on the curve P-256.
    """
    return parse_public_key(_read_file(path), str(path))


def parse_public_key(pem: bytes, where: str) -> EllipticCurvePublicKey:
    """Read a public key from PEM text; `where` names it in errors.

    Raises:
        RequestError: when it is no public key, or not on the curve P-256.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        kind = "a private key, not a public one" if b"PRIVATE KEY" in pem else "no public key in PEM form"
        raise RequestError(f"{where}: {kind}", hint="give the public half of the pair") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise RequestError(f"{where}: expected an EC key on the curve P-256, got {_describe(key)}", hint=_KEYGEN_HINT)
    return key


def public_pem(key: EllipticCurvePublicKey) -> bytes:
    """Write a public key as PEM (SubjectPublicKeyInfo)."""
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def key_id(key: EllipticCurvePublicKey) -> str:
    """Give a key's id: the SHA-256 of its PEM, which is what OpenSSF Model Signing calls the key's hint."""
    return digest_bytes(public_pem(key))


def _read_source(source: str) -> tuple[str, bytes]:
    scheme, _, name = source.partition(":")
    if scheme != "env":
        return source, _read_file(Path(source))
    if name not in os.environ:
        raise RequestError(
            f"the signing key is to be in the environment variable {name}, which is not set",
            hint=f'export {name}="$(cat KEY.pem)"; {_KEYGEN_HINT}',
        )
    return f"environment variable {name}", os.environ[name].encode()


def _read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path}: the key cannot be read: {error.strerror}", hint=_KEYGEN_HINT) from error


def _create(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _unwritable(path: Path, error: OSError) -> RequestError:
    if isinstance(error, FileExistsError):
        return RequestError(f"{path} is already there", hint="a key is never overwritten; choose another name")
    return RequestError(f"{path}: the key cannot be written: {error.strerror}")


def _describe(key: object) -> str:
    curve = getattr(getattr(key, "curve", None), "name", None)
    return f"curve {curve}" if curve is not None else type(key).__name__.strip("_")
