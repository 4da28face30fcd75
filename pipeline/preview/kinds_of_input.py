"""What a person can give for an input besides rows of data: a picture, a recording; and if not, why not."""

from __future__ import annotations

import msgspec

from ...vocabulary.picture import CHANNELS, is_picture
from ...vocabulary.signature import TensorSpec

SHORTEST_RECORDING = 2000
"""Samples. An eighth of a second at 16 kHz: what is shorter is rather a row of features than sound."""


class InputKinds(msgspec.Struct, frozen=True, kw_only=True):
    """What an input takes. Of each kind either it can be given, and the reason is None, or the reason says why not.

    `samples` is the length of the waveform that the input takes, None where it takes none.
    """

    no_picture: str | None
    no_recording: str | None
    samples: int | None


def kinds_of(spec: TensorSpec) -> InputKinds:
    """Say what can be given for an input, by what its signature says of it."""
    no_recording = _no_recording(spec)
    samples = spec.shape[-1] if no_recording is None else None
    return InputKinds(
        no_picture=_no_picture(spec),
        no_recording=no_recording,
        samples=samples if isinstance(samples, int) else None,
    )


def _no_picture(spec: TensorSpec) -> str | None:
    if is_picture(spec):
        return None
    colours = ", ".join(CHANNELS)
    if len(spec.shape) == 4 and spec.dtype == "float32" and spec.preprocess is None:
        return (
            "the signature does not say how pixels become its numbers; give it a `preprocess` with scale, bias and "
            "colour in the project file, and pictures can be tried here"
        )
    return f"it is not float32[N, C, H, W] made of pixels in a known order of colours ({colours})"


def _no_recording(spec: TensorSpec) -> str | None:
    if spec.dtype != "float32":
        return f"a waveform is float32, and it takes {spec.dtype}"
    if len(spec.shape) not in (1, 2):
        axes = len(spec.shape)
        return f"a waveform has one axis, or a batch and one; it has {axes}, as features have that were computed before"
    if len(spec.shape) == 2 and isinstance(spec.shape[0], int) and spec.shape[0] != 1:
        return f"a recording is one row, and it takes {spec.shape[0]}"
    length = spec.shape[-1]
    if not isinstance(length, int):
        return "the signature does not say how many samples it takes"
    if length < SHORTEST_RECORDING:
        return f"{length} numbers are no waveform: sound of that length would be over in an eighth of a second"
    if (spec.range is not None and spec.range[0] < -1) or (spec.range is not None and spec.range[1] > 1):
        return f"samples lie in −1…1, and it takes {spec.range[0]:g}…{spec.range[1]:g}"
    return None
