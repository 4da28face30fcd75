"""Whether a bundle is what its publisher signed, to the byte. Nothing of it is used before.

Stricter than the OpenSSF verifier, which must accept whatever this one does: the exact list of files (dot-files and
empty folders too), one spelling of the signature file, and a zip equal to what `zip_form` makes of its contents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..fallback.rules import Ladder, Ladders
from ..profiles.report import Report
from ..vocabulary.digest import digest_bytes
from ..vocabulary.errors import ConfigError, RequestError, TrustError
from .keys import key_id, read_public_key
from .manifest import MANIFEST_PATH, Manifest, parse
from .signature_file import SIGNATURE_PATH, signed_digests
from .tree import FolderTree, Tree
from .zip_form import open_zip

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

REPORT_PATH = "evidence/report.json"
LADDER_PATH = "evidence/ladder.json"
HTML_PATH = "evidence/report.html"
_REQUIRED = frozenset({MANIFEST_PATH, REPORT_PATH, LADDER_PATH})
_OPTIONAL = frozenset({HTML_PATH})

MAX_METADATA_BYTES = 64 * 2**20
"""Files that are parsed (signature, manifest, report, ladder) are refused beyond this size, unread."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """A bundle that was signed by the key of this id, and nothing was changed since."""

    tree: Tree
    manifest: Manifest
    report: Report
    ladders: tuple[Ladder, ...]
    key_id: str


def verify(path: Path, key: Path | None) -> Verified:
    """Verify a bundle, a folder or a zip, against a public key (a PEM file).

    Raises:
        TrustError: when no key is given, the bundle is not signed, is signed by another key, or any byte or name in it
            is not what was signed. The message says which file.
        RequestError: when the bundle or the key cannot be read.
    """
    tree = open_tree(path)
    if key is None:
        raise TrustError(
            f"{path}: no key to verify it with; a bundle is trusted for its key, or not at all",
            hint="give the publisher's public key: --key KEY.pub",
        )
    public_key = read_public_key(key)
    try:
        return verify_tree(tree, public_key)
    except OSError as error:
        raise RequestError(f"{error.filename or path}: cannot be read: {error.strerror}") from error
    except TrustError as error:
        raise TrustError(f"{path}: {error.message}", hint=error.hint) from error


def open_tree(path: Path) -> Tree:
    """List the files of a bundle, a folder or a zip, without trusting it.

    Raises:
        TrustError: when it has names or things in it that no bundle has, or the zip is not as we make it.
        RequestError: when it cannot be read.
    """
    if not path.is_dir():
        if path.exists() and not path.is_file():
            raise RequestError(f"{path}: neither a folder nor a zip")
        return open_zip(path)
    try:
        return FolderTree(path)
    except TrustError as error:
        raise TrustError(f"{path}: {error.message}", hint=error.hint) from error


def verify_tree(tree: Tree, key: EllipticCurvePublicKey) -> Verified:
    """Verify the files of a bundle.

    Raises:
        TrustError: as `verify`.
    """
    if SIGNATURE_PATH not in tree.paths:
        raise TrustError(
            "the bundle is unsigned", hint="build it with a signing key: signing_key in [bundle], `edgewright keygen`"
        )
    digests = signed_digests(_read(tree, SIGNATURE_PATH), key)
    _check_list(set(tree.paths) - {SIGNATURE_PATH}, set(digests), "signed")
    for path, digest in digests.items():
        if tree.digest(path) != digest:
            raise TrustError(f"{path} was changed after signing", hint="get the bundle again from its publisher")
    if MANIFEST_PATH not in digests:
        raise TrustError(f"{MANIFEST_PATH} is missing: it is no bundle of edgewright")
    manifest = parse(_read_signed(tree, MANIFEST_PATH, digests))
    expected = {file.path for file in manifest.update.files} | _REQUIRED
    _check_list(set(digests) - _OPTIONAL, expected, f"listed in {MANIFEST_PATH}")
    for file in manifest.update.files:
        if (digests[file.path], tree.size_bytes(file.path)) != (file.sha256, file.size_bytes):
            raise TrustError(f"{file.path}: not the file that {MANIFEST_PATH} lists")
    try:
        report = Report.decode(_read_signed(tree, REPORT_PATH, digests), REPORT_PATH)
        ladders = Ladders.decode(_read_signed(tree, LADDER_PATH, digests), LADDER_PATH).ladders
    except ConfigError as error:
        raise TrustError(error.message, hint=error.hint) from error
    _check_ladders(ladders, manifest)
    return Verified(tree=tree, manifest=manifest, report=report, ladders=ladders, key_id=key_id(key))


def _check_list(there: set[str], wanted: set[str], how: str) -> None:
    if added := sorted(there - wanted):
        raise TrustError(f"{added[0]} is in the bundle, and not {how}{_more(added)}")
    if removed := sorted(wanted - there):
        raise TrustError(f"{removed[0]} is {how}, and not in the bundle{_more(removed)}")


def _more(paths: list[str]) -> str:
    return f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""


def _check_ladders(ladders: tuple[Ladder, ...], manifest: Manifest) -> None:
    for ladder in ladders:
        for rung in ladder.rungs:
            if rung.artifact not in manifest.update.requirements:
                raise TrustError(f"{LADDER_PATH}: {ladder.family}: the bundle has no artifact {rung.artifact!r}")


def _read_signed(tree: Tree, path: str, digests: Mapping[str, str]) -> bytes:
    """Read a file and check the very bytes that will be parsed, should they have changed since its digest was taken."""
    data = _read(tree, path)
    if digest_bytes(data) != digests[path]:
        raise TrustError(f"{path} was changed while it was verified")
    return data


def _read(tree: Tree, path: str) -> bytes:
    if tree.size_bytes(path) > MAX_METADATA_BYTES:
        raise TrustError(f"{path}: larger than {MAX_METADATA_BYTES} bytes")
    return tree.read(path)
