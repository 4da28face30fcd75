"""What ML Kit's custom image models need of a file, made from the signature.

Source of the rules: https://developers.google.com/ml-kit/custom-models, "Model compatibility"; of the place of files
beside the model: https://ai.google.dev/edge/litert/models/metadata, "Pack the associated files".
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Final

from ...vocabulary.errors import RequestError
from ...vocabulary.signature import Signature, TensorSpec
from .metadata_table import About, ImageInput, ScoresOutput, metadata_table
from .settings import Settings

LABELS: Final = "labels.txt"
_NEVER: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip can say; the file shall not tell when it was written."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MLKit:
    """The metadata table of a file, and the text of the labels that stand behind it."""

    table: bytes
    labels: str

    def appended(self, model: bytes) -> bytes:
        """Give the file with a zip behind it that holds the labels; interpreters read the model alone."""
        whole = io.BytesIO(model)
        with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
            entry = zipfile.ZipInfo(LABELS, _NEVER)
            entry.create_system, entry.external_attr = 3, 0o644 << 16  # the same bytes on every system
            archive.writestr(entry, self.labels)
        return whole.getvalue()


def ml_kit(signature: Signature, settings: Settings) -> MLKit:
    """Say how a file of this signature is called by ML Kit.

    Raises:
        RequestError: when ML Kit cannot call it; the hint says what to change.
    """
    if len(signature.inputs) != 1 or len(signature.outputs) != 1:
        raise RequestError(
            f"ML Kit takes models of one input and one output, this one has {len(signature.inputs)} and "
            f"{len(signature.outputs)}",
            hint="leave settings.metadata out, or build an image classifier of one head",
        )
    image, scores = signature.inputs[0], signature.outputs[0]
    mean, std = _normalization(image)
    labels = _labels(scores)
    table = metadata_table(
        ImageInput(name=image.name, mean=mean, std=std),
        ScoresOutput(name=scores.name, labels_file=LABELS, threshold=settings.score_threshold),
        About(
            name=settings.model_name,
            description=settings.description,
            version=settings.version,
            author=settings.author,
            licence=settings.licence,
        ),
    )
    return MLKit(table=table, labels="".join(f"{label}\n" for label in labels))


def _normalization(image: TensorSpec) -> tuple[list[float], list[float]]:
    """Give mean and standard deviation of each channel, of pixels from 0 to 255.

    The preprocessing contract is pixel · scale + bias; ML Kit computes (pixel − mean) / std.
    """
    name = image.name
    if image.dtype != "float32":
        raise RequestError(
            f"ML Kit fills images of float32, and the input {name!r} is {image.dtype}",
            hint='leave io out: the inputs of integer variants stay float32 with io = "float"',
        )
    if image.layout != "NHWC":
        raise RequestError(
            f"ML Kit fills images with the channels last, and the layout of the input {name!r} is "
            f"{image.layout or 'not known'}",
            hint=f'say targets.tflite.layout = {{ {name} = "NHWC" }}, and model.inputs.{name}.layout = "NCHW" where '
            "the source has the channels first",
        )
    if len(image.shape) != 4 or image.shape[0] != 1 or image.shape[3] != 3:
        raise RequestError(
            f"ML Kit fills an image of shape [1, height, width, 3], and the input {name!r} is {list(image.shape)}"
        )
    contract = image.preprocess
    if contract is None or contract.colour != "RGB":
        raise RequestError(
            f"how pixels become the input {name!r} is not said, or their channels are not in the order RGB",
            hint=f'say model.inputs.{name}.preprocess = {{ scale = […], bias = […], colour = "RGB" }}',
        )
    if any(scale <= 0 for scale in contract.scale) or not {len(contract.scale), len(contract.bias)} <= {1, 3}:
        raise RequestError(
            f"model.inputs.{name}.preprocess: ML Kit needs scales above 0, one for all channels or one for each"
        )
    count = max(len(contract.scale), len(contract.bias))
    scales = [*contract.scale] * (count // len(contract.scale))
    biases = [*contract.bias] * (count // len(contract.bias))
    # 0 − …: without a bias the mean is 0, not −0
    means = [0.0 - bias / scale for scale, bias in zip(scales, biases, strict=True)]
    return means, [1 / scale for scale in scales]


def _labels(scores: TensorSpec) -> tuple[str, ...]:
    name, shape = scores.name, scores.shape
    if scores.dtype != "float32" or len(shape) not in (2, 4) or any(size != 1 for size in shape[:-1]):
        raise RequestError(
            f"ML Kit reads scores of shape [1, classes] or [1, 1, 1, classes] in float32, and the output {name!r} is "
            f"{scores.dtype}{list(shape)}"
        )
    labels = scores.labels or ()
    if len(labels) != shape[-1]:
        raise RequestError(
            f"the output {name!r} has {shape[-1]} scores and {len(labels)} labels",
            hint=f'say model.outputs.{name}.labels = "labels.txt", a file with a line for each class',
        )
    if any(not label.strip() or len(label.splitlines()) != 1 for label in labels):
        raise RequestError(f"model.outputs.{name}.labels: a label is a line of text that is not empty")
    return labels
