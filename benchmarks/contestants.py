"""Who takes part: each converter, in its own environment, for each layout of the input."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from environments import python_of

CONVERTERS = Path(__file__).parent / "converters"
SUBJECTS = {"mobilenet_v2": ("image", ("NCHW", "NHWC")), "encoder": ("ids", ("as is",))}
"""Model → the name of its input, and the layouts in which its input is asked for, the source's own first."""

PACKAGES = {
    "edgewright": ("edgewright", "onnx", "onnx-ir", "onnxscript", "ai-edge-litert"),
    "litert-torch": ("litert-torch", "litert-converter", "torch"),
    "onnx2tf": ("onnx2tf", "onnx", "ai-edge-litert"),
}
"""Converter → the packages whose versions matter."""


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One conversion: a model by a converter, its input in a layout.

    `models` holds what `models.py` wrote (and the hub models), `results` takes the file.
    """

    converter: str
    subject: str
    layout: str
    models: Path
    results: Path

    @property
    def key(self) -> str:
        """A name for files and records."""
        return f"{self.subject}.{self.converter}.{self.layout.replace(' ', '_')}"

    @property
    def file(self) -> Path:
        """The TFLite file."""
        return self.results / f"{self.key}.tflite"

    @property
    def data(self) -> Path:
        """Inputs and onnxruntime's outputs."""
        return self.models / f"{self.subject}.npz"

    def prepare(self) -> list[str]:
        """Clear the place, and give the command that converts, in a process of its own."""
        self.file.unlink(missing_ok=True)
        python, script = python_of(self.converter), CONVERTERS / f"with_{self.converter.replace('-', '_')}.py"
        if self.converter == "edgewright":
            step = self._compile_step()
            return [python, "-m", "edgewright.pipeline.child", str(step), str(self._step_folder)]
        command = [python, str(script), self.subject, str(self.models), self.layout, str(self.file)]
        return [*command, SUBJECTS[self.subject][0]] if self.converter == "onnx2tf" else command

    def collect(self) -> None:
        """Bring the file to its place, where the command has left it elsewhere."""
        if self.converter == "edgewright":
            (made,) = (self._step_folder / "files").iterdir()
            shutil.copy(made, self.file)

    @property
    def _step_folder(self) -> Path:
        return self.results / f"{self.key}.step"

    def _compile_step(self) -> Path:
        """Write what `edgewright build` asks of its compiling child."""
        shutil.rmtree(self._step_folder, ignore_errors=True)
        self._step_folder.mkdir(parents=True)
        name, (source_layout, *_) = SUBJECTS[self.subject]
        layout = {} if self.layout == source_layout else {name: self.layout}
        step = {
            "type": "compile",
            "model": {"hub": {"path": str(self.models / f"{self.subject}.hub"), "digest": ""}},
            "target": "tflite",
            "packages": [],
            "recipe": [],
            "options": {"variant": "fp32", "layout": layout},
        }
        path = self.results / f"{self.key}.step.json"
        path.write_text(json.dumps(step), "utf-8")
        return path


def contestants(subject: str, converters: list[str], models: Path, results: Path) -> list[Contestant]:
    """Everyone for one model; those of one layout together."""
    return [
        Contestant(converter=converter, subject=subject, layout=layout, models=models, results=results)
        for layout in SUBJECTS[subject][1]
        for converter in converters
    ]
