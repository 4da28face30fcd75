"""Who takes part in `compare_quantizers.py`: each quantizer with the settings that it is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from environments import python_of

MODELS = ("ds_cnn", "magika", "resnet20", "fastestdet", "digits_encoder")
QUANTIZERS = Path(__file__).parent / "quantizers"
PACKAGES = {
    "edgewright": ("edgewright", "onnx-ir", "onnxruntime", "ai-edge-litert"),
    "onnxruntime": ("onnxruntime", "onnx"),
    "nncf": ("nncf", "onnxruntime", "onnx"),
    "ai-edge-quantizer": ("ai-edge-quantizer", "ai-edge-litert"),
    "onnx2tf-tensorflow": ("onnx2tf", "tensorflow"),
    "onnx2tf": ("onnx2tf", "ai-edge-litert"),
}
"""Environment → the packages whose versions matter."""


@dataclass(frozen=True, kw_only=True)
class Entrant:
    """One way to quantize a model: `setting` is what the script `quantizers/with_….py` is asked for.

    `kind` is fp32 (the runtime's own float file), static or dynamic; `suffix` that of the file, so the runtime.
    `from_tflite`: it starts from edgewright's float32 TFLite file, all others from the ONNX file.
    """

    environment: str
    setting: str
    kind: str
    suffix: str
    from_tflite: bool = False

    @property
    def key(self) -> str:
        """A name for files, records and the command line: `nncf:static`."""
        return f"{self.environment}:{self.setting}"

    @property
    def ours(self) -> bool:
        """Whether edgewright made it."""
        return self.environment == "edgewright"

    def stem(self, subject: str) -> str:
        """A name for what belongs to it and a model."""
        return f"{subject}.{self.key.replace(':', '.').replace(' ', '_')}"

    def file(self, subject: str, draw: int, results: Path) -> Path:
        """Where its file lies."""
        return results / f"{self.stem(subject)}.{draw}{self.suffix}"

    def command(self, subject: str, draw: int, models: Path, results: Path) -> list[str]:
        """What makes the file, in a process of its own."""
        script = QUANTIZERS / f"with_{self.environment.removesuffix('-tensorflow').replace('-', '_')}.py"
        source = FP32[".tflite"].file(subject, 0, results) if self.from_tflite else models / f"{subject}.onnx"
        data, out = models / f"{subject}.{draw}.npz", self.file(subject, draw, results)
        return [python_of(self.environment), str(script), self.setting, str(source), str(data), str(out)]


def _entrants(environment: str, suffix: str, settings: tuple[str, ...], *, from_tflite: bool = False) -> list[Entrant]:
    return [
        Entrant(
            environment=environment,
            setting=setting,
            kind="dynamic" if "dynamic" in setting else "static",
            suffix=suffix,
            from_tflite=from_tflite,
        )
        for setting in settings
    ]


FP32 = {
    ".onnx": Entrant(environment="edgewright", setting="onnxruntime fp32", kind="fp32", suffix=".onnx"),
    ".tflite": Entrant(environment="edgewright", setting="tflite fp32", kind="fp32", suffix=".tflite"),
}
"""The float files that latencies are compared with, by suffix."""

RECIPES = ("static", "static smooth", "dynamic", "dynamic smooth")
"""What edgewright takes part with, in both runtimes; the recipes themselves are in `quantizers/with_edgewright.py`."""

ENTRANTS = {
    entrant.key: entrant
    for entrant in (
        FP32[".onnx"],
        *_entrants("edgewright", ".onnx", tuple(f"onnxruntime {recipe}" for recipe in RECIPES)),
        *_entrants(
            "onnxruntime",
            ".onnx",
            ("static", "static per channel", "static u8 per channel", "static Conv MatMul Gemm", "dynamic"),
        ),
        *_entrants("nncf", ".onnx", ("static", "static transformer")),
        FP32[".tflite"],
        *_entrants("edgewright", ".tflite", tuple(f"tflite {recipe}" for recipe in RECIPES)),
        *_entrants("ai-edge-quantizer", ".tflite", ("static", "dynamic"), from_tflite=True),
        *_entrants("onnx2tf-tensorflow", ".tflite", ("static", "dynamic")),
        *_entrants("onnx2tf", ".tflite", ("static", "dynamic")),
    )
}
"""Everyone, by key, in the order of the table."""
