"""How a package is called: as a signature, and as the package itself tells it to whoever runs it."""

from __future__ import annotations

import msgspec

from ...vocabulary.signature import Signature, TensorSpec
from .border import DTYPES, Border
from .calling import METADATA_KEY, Calling, Kept, Scores
from .description import Extras
from .emit import Emitted
from .settings import Settings


def metadata_of(emitted: Emitted, extras: Extras, settings: Settings) -> dict[str, str]:
    """Give what a package says of how it is called."""
    inputs, outputs = (
        {border.name: border.source for border in borders if border.name != border.source}
        for borders in (emitted.inputs, emitted.outputs)
    )
    calling = Calling(
        inputs=inputs,
        outputs=outputs,
        pictures={border.source: str(border.picture.colour) for border in emitted.inputs if border.picture is not None},
        states=tuple(
            Kept(name=state.name, input=state.input, output=state.output, dtype=state.dtype) for state in emitted.states
        ),
        scores=_scores(emitted, extras),
        compute_units=settings.compute_units,
    )
    return {METADATA_KEY: calling.encode()}


def signature_of(source: Signature, emitted: Emitted, extras: Extras) -> Signature:
    """Give the source's signature with the names, dtypes and shapes that the package has."""
    inputs = {border.source: border for border in emitted.inputs}
    outputs = {border.source: border for border in emitted.outputs}
    known = {border.source: border.name for border in (*emitted.inputs, *emitted.outputs)}
    known |= {source: state.name for state in emitted.states for source in (state.input, state.output)}
    known |= {border.source: extras.probabilities for border in emitted.outputs if border.name == extras.scores}
    kept = {source: state.shape for state in emitted.states for source in (state.input, state.output)}

    def spec_of(spec: TensorSpec, border: Border | None) -> TensorSpec:
        name = known[spec.name] if known[spec.name] != spec.name else None
        named = msgspec.structs.replace(spec, known_as=name, shape=kept.get(spec.name, spec.shape))
        return named if border is None else _at_border(named, border)

    return Signature(
        inputs=tuple(spec_of(spec, inputs.get(spec.name)) for spec in source.inputs),
        outputs=tuple(spec_of(spec, outputs.get(spec.name)) for spec in source.outputs),
    )


def narrowed(source: Signature, artifact: Signature) -> dict[str, str]:
    """Say whose dtype differs: `{"ids": "int64 → int32"}`."""
    pairs = zip((*source.inputs, *source.outputs), (*artifact.inputs, *artifact.outputs), strict=True)
    return {before.name: f"{before.dtype} → {after.dtype}" for before, after in pairs if before.dtype != after.dtype}


def _at_border(spec: TensorSpec, border: Border) -> TensorSpec:
    said = spec.shape or border.shape
    shape = tuple(
        known if known is not None else size if size is not None else f"{border.name}_{axis}"
        for axis, (known, size) in enumerate(zip(border.shape, said, strict=True))
    )
    dtype = "uint8" if border.picture is not None else DTYPES[border.dtype]
    return msgspec.structs.replace(spec, dtype=dtype, shape=shape)


def _scores(emitted: Emitted, extras: Extras) -> Scores | None:
    border = next((border for border in emitted.outputs if border.name == extras.scores), None)
    if border is None:
        return None
    return Scores(
        source=border.source,
        probabilities=extras.probabilities,
        label=extras.label,
        labels=emitted.asked.classes[border.source],
        shape=tuple(size or 1 for size in border.shape),
    )
