"""Whether a bundle is what its maker signed, and its artifacts still give the golden outputs on this machine."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

import msgspec

from ..bundle.golden import mismatches
from ..bundle.manifest import GOLDEN_INPUTS, GOLDEN_OUTPUTS, Manifest
from ..bundle.pack import unpack
from ..bundle.runtimes import runtime_of
from ..bundle.signature_file import SIGNATURE_PATH
from ..bundle.verify import Verified
from ..bundle.verify import verify as verify_bytes
from ..devices.base import Facts, Infer, Job
from ..devices.local import Local
from ..fallback.select import unfit
from ..profiles.report import Verdict
from ..targets.artifact import Artifact
from ..targets.runtime import is_emulated
from ..vocabulary.batching import batching_for
from ..vocabulary.errors import DeviceError, RequestError
from ..vocabulary.evidence import Evidence
from ..vocabulary.tensor_folder import TensorFolder
from .progress import Progress
from .relayout import convert_rows
from .result import first_exit_code
from .told import told


class VerifiedArtifact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the golden vectors say of one artifact here; `reasons` why it failed or was not run."""

    artifact: str
    verdict: Verdict
    evidence: Evidence
    reasons: tuple[str, ...]


class VerifyResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bundle whose signature and files are good. `signed_by` is the id of the key: the SHA-256 of its PEM."""

    bundle: Path
    name: str
    version: str
    signed_by: str
    files: int
    rows: tuple[VerifiedArtifact, ...]
    exit_code: int


def verify(path: Path, public_key: Path | None, progress: Progress) -> VerifyResult:
    """Verify a bundle, a folder or a zip, then run every artifact whose runtime is installed on the golden vectors.

    Raises:
        TrustError: when the bundle is unsigned, signed by another key, or was changed.
        RequestError: when the bundle or the key cannot be read.
        ToolError: when a zip cannot be unpacked to be run.
    """
    with told(f"verify {path}", progress):
        verified = verify_bytes(path, public_key)
    with ExitStack() as stack:
        folder = path
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgewright-")))
        if not path.is_dir():
            folder = scratch / "bundle"
            unpack(path, folder)
        device = Local("here")
        here = device.facts()
        rows = tuple(
            _check(artifact, verified.manifest, folder, scratch / artifact.name, progress, device, here)
            for artifact in verified.manifest.artifacts
        )
    return VerifyResult(
        bundle=path,
        name=verified.manifest.name,
        version=verified.manifest.version,
        signed_by=verified.key_id,
        files=_file_count(verified),
        rows=rows,
        exit_code=first_exit_code({_EXIT_CODES[row.verdict] for row in rows}),
    )


_EXIT_CODES = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.NOT_RUN: 0}


def _file_count(verified: Verified) -> int:
    return len(set(verified.tree.paths) - {SIGNATURE_PATH})


def _check(
    artifact: Artifact, manifest: Manifest, folder: Path, scratch: Path, progress: Progress, device: Local, here: Facts
) -> VerifiedArtifact:
    try:
        runtime = runtime_of(artifact)
        runtime.version()
    except (ImportError, RequestError) as error:
        reason = f"{artifact.requires.runtime} is not installed here: {error}"
        return _row(artifact, Verdict.NOT_RUN, Evidence.NOT_RUN, (reason,))
    evidence = Evidence.EMULATED if is_emulated(runtime) else Evidence.MEASURED_HOST
    elsewhere = None if is_emulated(runtime) else unfit(artifact.requires, here)
    if elsewhere is not None:
        return _row(artifact, Verdict.NOT_RUN, Evidence.NOT_RUN, (f"made for another machine: {elsewhere}",))
    scratch.mkdir()
    golden = TensorFolder(folder / GOLDEN_INPUTS)
    inputs = convert_rows(golden, manifest.signature.inputs, artifact.signature.inputs, scratch / "inputs")
    shapes = {name: inputs[name].shape for name in inputs}
    batching = batching_for(artifact.signature, shapes)
    kind = type(runtime)
    try:
        with told(f"run {artifact.name} on the golden vectors", progress):
            device.run(
                Job(
                    task=Infer(inputs=inputs.path, rows_per_call=batching.rows_per_call, batched=batching.batched),
                    runtime=f"{kind.__module__}:{kind.__qualname__}",
                    artifact=folder / artifact.files[0].path,
                    threads=device.threads,
                    output=scratch / "outputs",
                )
            )
    except DeviceError as error:
        return _row(artifact, Verdict.FAIL, evidence, (error.message.partition("\n")[0],))
    outputs = convert_rows(
        TensorFolder(scratch / "outputs"), artifact.signature.outputs, manifest.signature.outputs, scratch / "converted"
    )
    found = mismatches(outputs, TensorFolder(folder / GOLDEN_OUTPUTS), manifest.golden.tolerances[artifact.name])
    return _row(artifact, Verdict.FAIL if found else Verdict.PASS, evidence, found)


def _row(artifact: Artifact, verdict: Verdict, evidence: Evidence, reasons: tuple[str, ...]) -> VerifiedArtifact:
    return VerifiedArtifact(artifact=artifact.name, verdict=verdict, evidence=evidence, reasons=reasons)
