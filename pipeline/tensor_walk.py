"""Runs an artifact and the model behind it on a few rows, and compares what is inside."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from ..bundle.runtimes import REFERENCE_RUNTIME
from ..devices.base import Device, Infer, Inspect, Job
from ..devices.local import Local
from ..devices.web.engines import BACKENDS
from ..profiles.bisection import Bisection, TensorWalk, Way, broken_bounds
from ..profiles.parity import compare
from ..profiles.report import TensorParity
from ..targets.artifact import Artifact
from ..targets.runtime import InspectableRuntime, Runtime
from ..vocabulary.batching import Batching, batching_for
from ..vocabulary.errors import DeviceError, RequestError
from ..vocabulary.evidence import Evidence
from ..vocabulary.signature import Signature
from ..vocabulary.tables import load_object
from ..vocabulary.tensor_folder import Array, TensorFolder
from .cut_search import first_that_parts, looks_needed
from .findings import findings_of
from .imported import Imported
from .relayout import convert_rows
from .runner import Runner
from .steps.compare_tensors import CompareTensors, as_hub, read_walk, walk_of
from .steps.compile_model import CompileModel, read_artifact
from .steps.cut_model import CutModel
from .steps.trace_tensors import TracedTensor, read_trace
from .subject import Subject
from .told import told


class TensorWalker:
    """One artifact on one device, the rows that it is looked at with, and a folder for what is computed."""

    def __init__(
        self,
        subject: Subject,
        file: Path,
        step: CompileModel,
        trace: Path,
        imported: Imported,
        device: Device,
        runner: Runner,
        scratch: Path,
        rows: tuple[int, ...],
    ) -> None:
        """`step` made the subject; `file` is its file, or one in its place, `trace` what `TraceTensors` left of it.

        `rows` are those of whole calls.
        """
        self.subject, self.file, self.step, self.trace = subject, file, step, trace
        self.imported, self.device, self.runner, self.scratch = imported, device, runner, scratch
        self.batching = _batching(imported.signature, imported.inputs)
        self.places = rows
        self.rows = TensorFolder.write(
            scratch / "rows", {name: imported.inputs[name][list(rows)] for name in imported.inputs}
        )
        self.notes: list[str] = []

    def walk(self, way: Way | None, *, can_cut: bool, inputs: str) -> Bisection:
        """Compare the outputs, then every tensor: as the runtime shows them, else by cutting the model.

        Raises:
            RequestError: when it can be done in neither way.
            EdgewrightError: when something could not be made or run.
        """
        trace = self.trace
        traced = read_trace(trace)
        outputs, evidence, calls = self._outputs()
        self._run_reference("reference", trace / "float", [tensor.name for tensor in traced])
        if way is None:
            way = Way.SHOWN if self._shows(traced) else Way.CUT
        if way is Way.SHOWN and not self._show(traced) and can_cut:
            way = Way.CUT
        if way is Way.SHOWN:
            walked = self._compare(trace, traced)
            first = next((tensor.name for tensor in walked if tensor.broken), None)
        elif can_cut:
            walked, first = self._cut(traced)
        else:
            raise RequestError(
                f"{self.file.name}: {self.subject.artifact.requires.runtime} shows no inner tensors of it",
                hint="leave the file out: then the model is cut, compiled again and run",
            )
        artifact = self.subject.artifact
        return Bisection(
            artifact=artifact.name,
            precision=artifact.precision,
            device=self.device.name,
            evidence=evidence,
            calls=calls,
            rows=self.places,
            inputs=inputs,
            way=way,
            outputs=outputs,
            tensors=walked,
            first=first,
            findings=findings_of(walked, first) if first is not None else (),
            notes=tuple(self.notes),
        )

    def _shows(self, traced: tuple[TracedTensor, ...]) -> bool:
        if self.device.kind in BACKENDS:  # engines of the web show none
            return False
        runtime = cast("type[Runtime]", load_object(self.subject.runtime))()
        return isinstance(runtime, InspectableRuntime) and any(tensor.place is not None for tensor in traced)

    def _outputs(self) -> tuple[dict[str, TensorParity], Evidence, int]:
        """Run the artifact as it is; give how far its outputs are from the original's."""
        found, evidence = self._infer(self.subject.artifact, self.file, "outputs")
        original = TensorFolder(self.imported.folder / "reference")
        parities = {
            spec.name: compare(spec.name, original[spec.name][list(self.places)], found[spec.name])
            for spec in self.imported.signature.outputs
        }
        return parities, evidence, len(self.places) // self.batching.rows_per_call

    def _show(self, traced: tuple[TracedTensor, ...]) -> bool:
        """Let the runtime show what the artifact holds; False where it computes something else when it does."""
        held = {tensor.name: tensor for tensor in traced if tensor.place is not None}
        keys = tuple(dict.fromkeys(tensor.place.key for tensor in held.values() if tensor.place is not None))
        artifact = self.subject.artifact
        inputs = self._converted(artifact, "shown")
        batching = _batching(artifact.signature, inputs)
        task = Inspect(inputs=inputs.path, rows_per_call=batching.rows_per_call, batched=batching.batched, tensors=keys)
        with told(f"look into {artifact.name} on {self.device.name}", self.runner.progress):
            self.device.run(self._job(task, self.file, "shown"))
        shown, plain = TensorFolder(self.scratch / "shown"), TensorFolder(self.scratch / "outputs")
        for spec in self.imported.signature.outputs:
            tensor = held.get(spec.name)
            if tensor is None or tensor.place is None:
                continue
            like = plain[spec.name].reshape(TensorFolder(self.scratch / "reference")[spec.name].shape)
            parity = compare(spec.name, like, as_hub(shown[tensor.place.key], tensor.place, like.shape))
            broken = broken_bounds(artifact.precision, parity)
            if broken:
                self.notes.append(
                    f"When the runtime shows its tensors it computes another {spec.name} than without: {broken[0]}."
                )
                return False
        return True

    def _compare(self, trace: Path, traced: tuple[TracedTensor, ...]) -> tuple[TensorWalk, ...]:
        stand_ins = [tensor.stand_in for tensor in traced if tensor.stand_in is not None]
        self._run_reference("variant", trace / "variant", list(dict.fromkeys(stand_ins)))
        step = CompareTensors(
            trace=str(trace),
            reference=str(self.scratch / "reference"),
            shown=str(self.scratch / "shown"),
            variant=str(self.scratch / "variant"),
            inputs=str(self.rows.path),
            rows_per_call=self.batching.rows_per_call,
            batched=self.batching.batched,
            precision=self.subject.artifact.precision,
        )
        (out := self.scratch / "walk").mkdir()
        with told(step.title, self.runner.progress):
            self.runner.child(step, out)
        return read_walk(out)

    def _cut(self, traced: tuple[TracedTensor, ...]) -> tuple[tuple[TensorWalk, ...], str | None]:
        """Halve between the inputs and the outputs, with the model cut behind one tensor at a time."""
        known = {tensor.name: tensor for tensor in traced if tensor.shaped and tensor.stand_in is not None}
        precision = self.subject.artifact.precision
        walked = {tensor.name: walk_of(tensor, None, precision) for tensor in traced}
        self.notes.append(f"Cut and compiled about {looks_needed(len(known))} times, each kept in the cache.")

        def parts(name: str) -> bool | None:
            pair = self._at(known[name])
            if pair is None:
                return None
            walked[name] = walk_of(known[name], pair, precision)
            return bool(walked[name].broken)

        inputs = {name: [each for each in tensor.inputs if each in known] for name, tensor in known.items()}
        first = first_that_parts(list(known), inputs, parts)
        return tuple(walked.values()), first

    def _at(self, tensor: TracedTensor) -> tuple[Array, Array] | None:
        """Give a tensor as the reference has it, and as the artifact does that ends with it; None where it cannot."""
        assert tensor.stand_in is not None
        reference = TensorFolder(self.scratch / "reference")[tensor.name]
        try:
            entry = self.runner.step(CutModel(compile=self.step, tensor=tensor.stand_in))
            artifact = read_artifact(entry)
            place = f"cut-{len(list(self.scratch.iterdir()))}"
            found, _ = self._infer(artifact, entry / "files" / artifact.files[0].path, place)
        except (RequestError, DeviceError) as error:
            self.notes.append(f"{tensor.name} could not be had: {error.message.splitlines()[0]}")
            return None
        return reference, found[tensor.stand_in].reshape(reference.shape)

    def _infer(self, artifact: Artifact, file: Path, place: str) -> tuple[TensorFolder, Evidence]:
        """Run an artifact over the rows; give its outputs as the source has them."""
        inputs = self._converted(artifact, place)
        batching = _batching(artifact.signature, inputs)
        task = Infer(inputs=inputs.path, rows_per_call=batching.rows_per_call, batched=batching.batched)
        with told(f"run {artifact.name} on {self.device.name}", self.runner.progress):
            result = self.device.run(self._job(task, file, place))
        outputs = TensorFolder(self.scratch / place)
        if len(artifact.signature.outputs) != len(self.imported.signature.outputs):
            return outputs, result.evidence
        taken = artifact.signature.outputs
        given = self.imported.signature.outputs
        if {spec.name for spec in taken} != {spec.name for spec in given}:
            return outputs, result.evidence
        return convert_rows(outputs, taken, given, self.scratch / f"{place}-source"), result.evidence

    def _run_reference(self, place: str, model: Path, tensors: list[str]) -> None:
        """Run a hub model on this machine and keep these tensors of every call."""
        task = Inspect(
            inputs=self.rows.path,
            rows_per_call=self.batching.rows_per_call,
            batched=self.batching.batched,
            tensors=tuple(tensors),
        )
        with told(f"run the {place} in onnxruntime", self.runner.progress):
            Local("here").run(
                Job(
                    task=task,
                    runtime=REFERENCE_RUNTIME,
                    artifact=model / "model.onnx",
                    threads=1,
                    output=self.scratch / place,
                )
            )

    def _converted(self, artifact: Artifact, place: str) -> TensorFolder:
        return convert_rows(
            self.rows, self.imported.signature.inputs, artifact.signature.inputs, self.scratch / f"{place}-in"
        )

    def _job(self, task: Infer | Inspect, file: Path, place: str) -> Job:
        return Job(
            task=task,
            runtime=self.subject.runtime,
            artifact=file,
            threads=self.device.threads,
            output=self.scratch / place,
        )


def _batching(signature: Signature, rows: TensorFolder) -> Batching:
    return batching_for(signature, {name: rows[name].shape for name in rows})
