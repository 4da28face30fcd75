"""`model.sig`: an OpenSSF Model Signing signature, a DSSE envelope in a Sigstore bundle, read strictly.

Formats: Sigstore bundle v0.3, DSSE v1.0 (its pre-authentication encoding), in-toto Statement v1 with the predicate
`https://model_signing/signature/v1.0`. Of each only what signing by a key makes is accepted, in one spelling: the file
is canonical JSON (sorted keys, no spaces) with canonical base64, so no byte of it can change without being seen.
Standard library, msgspec and cryptography only.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import msgspec

from ..vocabulary.codec import convert, parse_json
from ..vocabulary.digest import canonical_json
from ..vocabulary.errors import ConfigError, TrustError
from .keys import key_id
from .paths import check_paths

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

SIGNATURE_PATH = "model.sig"
MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    pass


class _PublicKey(_Strict, frozen=True):
    hint: str


class _Material(_Strict, frozen=True):
    public_key: _PublicKey
    tlog_entries: tuple[str, ...]


class _DsseSignature(_Strict, frozen=True):
    sig: str
    keyid: str


class _Envelope(_Strict, frozen=True):
    payload: str
    payload_type: str
    signatures: tuple[_DsseSignature, ...]


class _Bundle(_Strict, frozen=True):
    media_type: str
    verification_material: _Material
    dsse_envelope: _Envelope


class _Digest(_Strict, frozen=True):
    sha256: str


class _Subject(_Strict, frozen=True):
    name: str
    digest: _Digest


class _Serialization(_Strict, frozen=True, rename=None):
    method: str
    hash_type: str
    allow_symlinks: bool
    ignore_paths: tuple[str, ...]


class _Resource(_Strict, frozen=True):
    name: str
    algorithm: str
    digest: str


class _Predicate(_Strict, frozen=True):
    serialization: _Serialization
    resources: tuple[_Resource, ...]


class _Statement(_Strict, frozen=True):
    type_: str = msgspec.field(name="_type")
    subject: tuple[_Subject, ...]
    predicate_type: str
    predicate: _Predicate


def canonical(data: bytes) -> bytes:
    """Write a signature file in its one spelling.

    Raises:
        ConfigError: when it is no JSON.
    """
    return canonical_json(parse_json(data, SIGNATURE_PATH))


def signed_digests(data: bytes, key: EllipticCurvePublicKey) -> dict[str, str]:
    """Check the signature of a signature file, and give what it signs: name of file → SHA-256.

    Raises:
        TrustError: when it is not by this key, or anything in it is not as signing makes it.
    """
    try:
        return _signed_digests(data, key)
    except ConfigError as error:
        raise TrustError(error.message, hint=error.hint) from error


def _signed_digests(data: bytes, key: EllipticCurvePublicKey) -> dict[str, str]:
    parsed = parse_json(data, SIGNATURE_PATH)
    if canonical_json(parsed) != data:
        raise TrustError(f"{SIGNATURE_PATH}: not in canonical form; it was changed after signing")
    bundle = convert(parsed, _Bundle, SIGNATURE_PATH)
    envelope = bundle.dsse_envelope
    _expect("media type", bundle.media_type, MEDIA_TYPE)
    _expect("payload type", envelope.payload_type, PAYLOAD_TYPE)
    _expect("transparency log", bundle.verification_material.tlog_entries, ())
    _expect("number of signatures", len(envelope.signatures), 1)
    _expect("key id of the signature", envelope.signatures[0].keyid, "")
    hint = bundle.verification_material.public_key.hint
    if hint != key_id(key):
        raise TrustError(
            f"{SIGNATURE_PATH}: signed by another key: {hint[:16]}…, not {key_id(key)[:16]}…",
            hint="give the public key of whoever signed the bundle, or do not trust it",
        )
    payload = _decode(envelope.payload, "payload")
    _verify(payload, _decode(envelope.signatures[0].sig, "signature"), key)
    return _digests(convert(parse_json(payload, f"{SIGNATURE_PATH} payload"), _Statement, f"{SIGNATURE_PATH} payload"))


def _verify(payload: bytes, signature: bytes, key: EllipticCurvePublicKey) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    encoded = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    try:
        key.verify(signature, encoded, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise TrustError(
            f"{SIGNATURE_PATH}: the signature is not by this key, or was changed",
            hint="get the bundle again from where it was published",
        ) from None


def _digests(statement: _Statement) -> dict[str, str]:
    serialization = statement.predicate.serialization
    _expect("statement type", statement.type_, STATEMENT_TYPE)
    _expect("predicate type", statement.predicate_type, PREDICATE_TYPE)
    _expect("number of subjects", len(statement.subject), 1)
    _expect("method", serialization.method, "files")
    _expect("hash", serialization.hash_type, "sha256")
    _expect("symbolic links", serialization.allow_symlinks, False)
    _expect("ignored files", serialization.ignore_paths, (SIGNATURE_PATH,))
    digests: dict[str, str] = {}
    for resource in statement.predicate.resources:
        _expect(f"hash of {resource.name}", resource.algorithm, "sha256")
        if resource.name in digests:
            raise TrustError(f"{SIGNATURE_PATH}: {resource.name!r} is signed twice")
        digests[resource.name] = resource.digest
    check_paths([*digests, SIGNATURE_PATH])
    return digests


def _decode(text: str, what: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or base64.b64encode(data).decode() != text:
        raise TrustError(f"{SIGNATURE_PATH}: the {what} is not canonical base64")
    return data


def _expect(what: str, got: Any, wanted: Any) -> None:
    if got != wanted:
        raise TrustError(f"{SIGNATURE_PATH}: {what}: expected {wanted!r}, got {got!r}")
