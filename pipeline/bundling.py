"""From artifacts and a report to a signed bundle; an unchanged one is left as it is."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..bundle.compose import Built, Evidence, GoldenVectors, compose
from ..bundle.keys import public_pem, read_private_key
from ..bundle.manifest import GoldenKind, Tolerance
from ..bundle.pack import Content, write
from ..bundle.signature_file import SIGNATURE_PATH
from ..bundle.verify import verify
from ..devices.base import Facts
from ..fallback.rules import make_ladders
from ..profiles.report import Report
from ..vocabulary.digest import digest_bytes, digest_file
from ..vocabulary.errors import EdgewrightError
from .config import BundleSection
from .imported import Imported
from .subject import Subject


@dataclass(frozen=True, kw_only=True, slots=True)
class Signer:
    """A signing key that was found good before any work began."""

    key: str
    public_key: bytes
    """PEM."""

    @classmethod
    def of(cls, section: BundleSection, folder: Path) -> Signer | None:
        """Give the signer that a project names, or None when it names none.

        Raises:
            RequestError: when the key is not there, or no key that can sign.
        """
        if section.signing_key is None:
            return None
        named = section.signing_key
        key = named if named.startswith("env:") else str(folder / named)
        return cls(key=key, public_key=public_pem(read_private_key(key).public_key()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """A bundle on disk."""

    folder: Path
    archive: Path
    unchanged: bool


def write_bundle(
    *,
    section: BundleSection,
    report: Report,
    html: bytes,
    subjects: tuple[Subject, ...],
    tolerances: Mapping[str, Mapping[str, tuple[Tolerance, ...]]],
    imported: Imported,
    facts: Mapping[str, Facts],
    signer: Signer | None,
    out: Path,
) -> Written:
    """Write `out/bundle` and `out/bundle.zip`. A bundle of the same content, evidence and key is left as it is.

    `tolerances` are by artifact name.

    Raises:
        ToolError: when something cannot be written; what was there before is still there.
    """
    reference = imported.reference.artifact
    files = compose(
        name=section.name,
        version=section.version,
        source_digest=imported.source.digest,
        signature=reference.signature,
        built=[
            Built(artifact=subject.artifact, folder=subject.folder, tolerances=dict(tolerances[subject.artifact.name]))
            for subject in subjects
        ],
        golden=GoldenVectors(
            kind=GoldenKind.SYNTHETIC if section.golden_rows is None else GoldenKind.ROWS,
            inputs=imported.golden_inputs.path,
            outputs=imported.golden_outputs.path,
        ),
        evidence=Evidence(report=report, ladders=make_ladders(report.entries, facts, reference.size_bytes), html=html),
    )
    bundle = out / "bundle"
    archive = bundle.with_name("bundle.zip")
    if signer is not None and _is_same(bundle, archive, files, signer):
        return Written(folder=bundle, archive=archive, unchanged=True)
    if signer is None:
        write(bundle, files)
    else:
        from ..bundle.sign import sign

        key = signer.key
        write(bundle, files, lambda folder: sign(folder, key))
    return Written(folder=bundle, archive=archive, unchanged=False)


def _is_same(bundle: Path, archive: Path, files: Mapping[str, Content], signer: Signer) -> bool:
    """Whether folder and zip are there, signed by this key, and hold exactly these files."""
    if not (bundle.is_dir() and archive.is_file()):
        return False
    with tempfile.NamedTemporaryFile(suffix=".pub") as key:
        key.write(signer.public_key)
        key.flush()
        try:
            trees = [verify(path, Path(key.name)).tree for path in (bundle, archive)]
        except EdgewrightError:  # another key, another build, or harmed: it is written anew
            return False
    wanted = {path: digest_file(item) if isinstance(item, Path) else digest_bytes(item) for path, item in files.items()}
    return all(
        set(tree.paths) - {SIGNATURE_PATH} == wanted.keys() and {path: tree.digest(path) for path in wanted} == wanted
        for tree in trees
    )
