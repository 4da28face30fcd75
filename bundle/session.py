"""Opening a bundle and running it: verified first, then by the best rung for this machine, and down when one fails."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from ..devices.base import Facts
from ..fallback.guard import Action, Event, Policy, Record, State, after, start
from ..fallback.rules import Rung, last_resort
from ..fallback.select import PassedOver, choose, find_ladder
from ..targets.artifact import Artifact
from ..targets.runtime import Array, RunOptions, Runtime, Session
from ..vocabulary.digest import digest_bytes, digest_file
from ..vocabulary.errors import DeviceError, TrustError
from ..vocabulary.tensor_folder import TensorFolder
from .golden import mismatches, run_golden
from .interface import Interface, check_inputs
from .manifest import GOLDEN_INPUTS, GOLDEN_OUTPUTS, MANIFEST_PATH, Manifest
from .own_facts import own_facts
from .record_file import RecordFile
from .runtimes import runtime_of
from .tree import FolderTree
from .verify import Verified, verify
from .zip_form import ZipTree

PATIENCE = Policy()


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Something that went wrong with a rung."""

    rung: Rung
    event: Event
    message: str


def open_bundle(
    path: Path,
    key: Path | None,
    *,
    facts: Facts | None = None,
    policy: Policy = PATIENCE,
    max_latency_ms: float | None = None,
    record_path: Path | None = None,
    find_runtime: Callable[[Artifact], Runtime] = runtime_of,
) -> BundleSession:
    """Verify a bundle (a folder or a zip) and open it on this machine.

    A call that takes longer than `max_latency_ms` counts as a failure of its rung. `record_path` is a file outside the
    bundle that remembers rungs with which the process crashed; without it a crash is forgotten. `facts` are this
    machine's unless given.

    Raises:
        TrustError: when the bundle is refused.
        RequestError: when it, or the key, cannot be read.
        DeviceError: when no rung can be loaded here, or none gives the golden outputs; the message says why of each.
    """
    verified = verify(path, key)
    with ExitStack() as stack:
        folder = path if isinstance(verified.tree, FolderTree) else _extract(verified, stack)
        return BundleSession(
            verified,
            folder,
            facts=facts or own_facts(),
            policy=policy,
            max_latency_ms=max_latency_ms,
            record_file=RecordFile(record_path) if record_path is not None else None,
            find_runtime=find_runtime,
            resources=stack.pop_all(),
        )


class BundleSession:
    """A verified bundle, ready to answer, in a `with`. Called as the original model is, whichever rung answers."""

    def __init__(
        self,
        verified: Verified,
        folder: Path,
        *,
        facts: Facts,
        policy: Policy,
        max_latency_ms: float | None,
        record_file: RecordFile | None,
        find_runtime: Callable[[Artifact], Runtime],
        resources: ExitStack,
    ) -> None:
        """Take a verified bundle whose files lie in `folder`, and load the first rung that works. See `open_bundle`.

        Raises:
            DeviceError: when no rung works.
        """
        self.manifest: Manifest = verified.manifest
        self.failures: tuple[Failure, ...] = ()
        self._folder, self._resources = folder, resources
        self._max_latency_ms, self._record_file, self._find_runtime = max_latency_ms, record_file, find_runtime
        ladder = find_ladder(verified.ladders, facts)
        ladder = ladder or last_resort(facts.os, self.manifest.reference.size_bytes)
        choice = choose(ladder, self.manifest.update.requirements, facts)
        self.passed_over: tuple[PassedOver, ...] = choice.passed_over
        self._rungs = {rung.key: rung for rung in choice.rungs}
        self._session: Session | None = None
        release = digest_bytes(verified.tree.read(MANIFEST_PATH))
        record = record_file.read(release) if record_file is not None else Record(release=release)
        self._state: State = start(tuple(self._rungs), record, policy)
        self._keep_record()
        self._make_ready()

    @property
    def rung(self) -> Rung:
        """The rung in use."""
        assert self._state.rung is not None, "a session without a rung raises before it is asked"
        return self._rungs[self._state.rung]

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the model once. `inputs` and outputs are as `manifest.signature` says.

        A rung that fails is tried again and then left for the next one; the caller gets the first answer.

        Raises:
            ValueError: when the inputs do not fit the signature.
            DeviceError: when every rung has failed.
        """
        check_inputs(self.manifest.signature, inputs)
        while True:
            self._make_ready()
            artifact, session = self._artifact(), self._session
            assert session is not None
            began = time.perf_counter()
            try:
                outputs = self._interface(artifact).run(session, inputs)
            except Exception as error:  # noqa: BLE001 - a runtime may raise anything; all of it is the rung's failure
                self._happened(Event.RUN_ERROR, f"{type(error).__name__}: {error}")
                continue
            elapsed_ms = 1e3 * (time.perf_counter() - began)
            if self._max_latency_ms is not None and elapsed_ms > self._max_latency_ms:
                self._happened(Event.TOO_SLOW, f"{elapsed_ms:.3g} ms, more than {self._max_latency_ms:g} ms")
            else:
                self._happened(Event.ANSWERED)
            return outputs

    def close(self) -> None:
        """Let go of the runtime and of the files that were unpacked. A rung that was asked nothing has not crashed."""
        self._session = None
        record = self._state.record
        if self._record_file is not None and record.trying is not None:
            self._record_file.write(msgspec.structs.replace(record, trying=None))
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _make_ready(self) -> None:
        """Load and check rungs until one may run.

        Raises:
            DeviceError: when there is none left.
        """
        while self._state.action is not Action.RUN:
            if self._state.action is Action.LOAD:
                self._load()
            elif self._state.action is Action.CHECK_GOLDEN:
                self._check_golden()
            else:
                self._session = None
                raise DeviceError(
                    f"{self.manifest.name} {self.manifest.version}: no rung works here: {self._reasons()}"
                )

    def _load(self) -> None:
        artifact = self._artifact()
        self._session = None  # the memory of the rung before is needed
        try:
            runtime = self._find_runtime(artifact)
            self._session = runtime.load(self._folder / artifact.files[0].path, RunOptions(threads=self.rung.threads))
        except Exception as error:  # noqa: BLE001 - as in `run`
            self._happened(Event.LOAD_ERROR, f"{type(error).__name__}: {error}")
        else:
            self._happened(Event.LOADED)

    def _check_golden(self) -> None:
        artifact, session = self._artifact(), self._session
        assert session is not None
        golden = self.manifest.golden
        inputs = TensorFolder(self._folder / GOLDEN_INPUTS)
        try:
            outputs = run_golden(session, self._interface(artifact), golden, inputs)
        except Exception as error:  # noqa: BLE001 - as in `run`
            self._happened(Event.RUN_ERROR, f"golden vectors: {type(error).__name__}: {error}")
            return
        expected = TensorFolder(self._folder / GOLDEN_OUTPUTS)
        wrong = mismatches(outputs, expected, golden.tolerances[artifact.name])
        if wrong:
            self._happened(Event.GOLDEN_MISMATCH, "; ".join(wrong))
        else:
            self._happened(Event.GOLDEN_MATCHED)

    def _happened(self, event: Event, failure: str | None = None) -> None:
        if failure is not None:
            self.failures = (*self.failures, Failure(rung=self.rung, event=event, message=failure))
        before = self._state.record
        self._state = after(self._state, event)
        if self._state.record != before:
            self._keep_record()

    def _keep_record(self) -> None:
        if self._record_file is not None:
            self._record_file.write(self._state.record)

    def _artifact(self) -> Artifact:
        return self.manifest.artifact(self.rung.artifact)

    def _interface(self, artifact: Artifact) -> Interface:
        return Interface(original=self.manifest.signature, artifact=artifact.signature)

    def _reasons(self) -> str:
        passed_over = [f"{item.rung.artifact}: {item.reason}" for item in self.passed_over]
        failed = [f"{item.rung.artifact}: {item.event}: {item.message}" for item in self.failures]
        return "; ".join([*passed_over, *failed]) or "the ladder is empty"


def _extract(verified: Verified, stack: ExitStack) -> Path:
    """Unpack the content of a verified zip into a folder of our own, which goes with the session."""
    tree = verified.tree
    assert isinstance(tree, ZipTree)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgewright-bundle-")))
    for file in verified.manifest.update.files:
        place = folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as out:
            out.writelines(tree.blocks(file.path))
        if digest_file(place) != file.sha256:
            raise TrustError(f"{file.path} was changed while it was unpacked")
    return folder
