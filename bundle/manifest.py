"""`content/manifest.json`: what a bundle is, and what an updater must know of it. No I/O here.

What a reader makes of a newer schema version is said in `vocabulary.versioned`.
"""

from __future__ import annotations

import math
import re
from enum import StrEnum

import msgspec
from packaging.version import InvalidVersion, Version

from ..targets.artifact import Artifact, File, Requirements
from ..vocabulary.codec import encode_json
from ..vocabulary.digest import digest_value
from ..vocabulary.errors import ConfigError, TrustError
from ..vocabulary.signature import Signature
from ..vocabulary.versioned import check_schema_version, decode_versioned
from .paths import check_paths

MANIFEST_PATH = "content/manifest.json"
SCHEMA_VERSION = "1.0"
GOLDEN_INPUTS = "content/golden/inputs"
GOLDEN_OUTPUTS = "content/golden/outputs"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-((0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(\+([0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*))?",
    re.ASCII,
)
"""Semantic Versioning 2.0.0, its own grammar."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ToleranceKind(StrEnum):
    """How an output is compared with the original's."""

    MAX_ABS = "max_abs"
    """max |x − r| ≤ bound."""
    MAX_ABS_SCALED = "max_abs_scaled"
    """max |x − r| ≤ bound × max(1, max |r|)."""
    PSNR_DB = "psnr_db"
    """20·log10(max |r| / rms(x − r)) is at least the bound."""
    EQUAL_FRACTION = "equal_fraction"
    """The share of elements that are equal is at least the bound."""
    SNR_DB = "snr_db"
    """10·log10(Σ r² / Σ (x − r)²) is at least the bound."""
    COSINE = "cosine"
    """The cosine of the angle between x and r is at least the bound."""


class Tolerance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bound that an output of an artifact was held to, and is held to again on the golden vectors."""

    kind: ToleranceKind
    bound: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.bound):
            raise ValueError("the bound is not finite")


class GoldenKind(StrEnum):
    """Where golden inputs come from: drawn from the signature, or rows of the evaluation data that the user named."""

    SYNTHETIC = "synthetic"
    ROWS = "rows"


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The golden vectors: inputs with the original's outputs, in two `TensorFolder`s.

    The first axis of every array counts the rows; `batched` says whether it is the inputs' own leading axis, or a row
    goes into a call without it. `tolerances` holds for every artifact the bounds of its outputs.
    """

    kind: GoldenKind
    rows: int
    batched: bool
    tolerances: dict[str, dict[str, tuple[Tolerance, ...]]]


class Update(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an updater decides by, without reading the rest: which release, which bytes, for whom, called how.

    `files` are all files under `content/` but the manifest; `requirements` are by artifact name; `interface` is the
    digest of the signature, so that an update that is called differently is seen as such.
    """

    name: str
    version: str
    files: tuple[File, ...]
    requirements: dict[str, Requirements]
    interface: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bundle is. Paths of files are relative to the bundle.

    `source_digest` is the SHA-256 of the trained model. `signature` is how the original is called; each artifact has
    its own where it differs. The artifact named `reference` is the original itself. `critical` names fields (dotted)
    that a reader must know, with everything in them, even if its own schema is older.
    """

    schema_version: str
    name: str
    version: str
    source_digest: str
    signature: Signature
    artifacts: tuple[Artifact, ...]
    golden: Golden
    update: Update
    critical: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_schema_version(self.schema_version)
        check_name(self.name)
        check_version(self.version)
        if _SHA256.fullmatch(self.source_digest) is None:
            raise ValueError("source_digest: no SHA-256 in lower-case hexadecimal")
        self._check_files()
        self._check_agreement()

    @property
    def reference(self) -> Artifact:
        """The original model, as an artifact."""
        return self.artifact("reference")

    def artifact(self, name: str) -> Artifact:
        """Give the artifact of this name.

        Raises:
            KeyError: when there is none.
        """
        for artifact in self.artifacts:
            if artifact.name == name:
                return artifact
        raise KeyError(name)

    def _check_files(self) -> None:
        paths = [file.path for file in self.update.files]
        try:
            check_paths([MANIFEST_PATH, *paths])
        except TrustError as error:
            raise ValueError(error.message) from error
        if paths != sorted(paths):
            raise ValueError("update.files is not in order")
        for file in self.update.files:
            if not file.path.startswith("content/"):
                raise ValueError(f"update.files: {file.path!r} is not under content/")
            if _SHA256.fullmatch(file.sha256) is None:
                raise ValueError(f"update.files: {file.path!r}: no SHA-256 in lower-case hexadecimal")
            if file.size_bytes < 0:
                raise ValueError(f"update.files: {file.path!r}: a negative size")
        known = set(self.update.files)
        for artifact in self.artifacts:
            if not artifact.files:
                raise ValueError(f"artifact {artifact.name} has no file")
            if not known.issuperset(artifact.files):
                raise ValueError(f"artifact {artifact.name}: a file that update.files does not list so")

    def _check_agreement(self) -> None:
        names = [artifact.name for artifact in self.artifacts]
        if len(set(names)) != len(names) or "reference" not in names:
            raise ValueError(f"expected artifacts of different names, one of them `reference`, got {names}")
        if (self.update.name, self.update.version) != (self.name, self.version):
            raise ValueError("update: another name or version than the bundle's")
        if self.update.interface != interface_digest(self.signature):
            raise ValueError("update.interface is not the digest of the signature")
        if self.update.requirements != {artifact.name: artifact.requires for artifact in self.artifacts}:
            raise ValueError("update.requirements: other requirements than the artifacts'")
        if self.golden.rows < 1:
            raise ValueError("golden: no rows")
        outputs = {spec.name for spec in self.signature.outputs}
        if set(self.golden.tolerances) != set(names):
            raise ValueError("golden.tolerances: not exactly one entry for each artifact")
        for name, tolerances in self.golden.tolerances.items():
            if set(tolerances) != outputs or not all(tolerances.values()):
                raise ValueError(f"golden.tolerances.{name}: not a bound for each output")


def parse(data: bytes, where: str = MANIFEST_PATH) -> Manifest:
    """Read a manifest.

    Raises:
        TrustError: when it is no manifest, is of another major version, or holds what this reader must know and does
            not. The message says where.
    """
    try:
        return decode_versioned(data, Manifest, SCHEMA_VERSION, where)
    except ConfigError as error:
        raise TrustError(error.message, hint=error.hint) from error


def encode(manifest: Manifest) -> bytes:
    """Write a manifest. Equal manifests give equal bytes."""
    return encode_json(manifest)


def interface_digest(signature: Signature) -> str:
    """Digest how a model is called: its inputs and outputs, with everything that the signature says of them."""
    return digest_value(msgspec.to_builtins(signature))


def check_name(name: str) -> None:
    """Check the name of a bundle.

    Raises:
        ValueError: when it is not 1–100 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit.
    """
    if _NAME.fullmatch(name) is None:
        raise ValueError(f"name: expected letters, digits, `.`, `_` or `-`, at most 100, got {name!r}")


def check_version(version: str) -> None:
    """Check the version of a bundle.

    Raises:
        ValueError: when it is a version neither by PEP 440 nor by Semantic Versioning 2.0.0.
    """
    if len(version) <= 100 and version.isascii() and (_SEMVER.fullmatch(version) or _is_pep440(version)):
        return
    raise ValueError(f"version: expected a version such as `1.0.0` (PEP 440 or semver), got {version!r}")


def _is_pep440(version: str) -> bool:
    try:
        Version(version)
    except InvalidVersion:
        return False
    return version == version.strip()
