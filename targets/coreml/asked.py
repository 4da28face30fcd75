"""What a project asks of a package, as it stands for one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...vocabulary.errors import RequestError
from ...vocabulary.picture import is_picture
from ...vocabulary.signature import Preprocess, Signature, TensorSpec
from .settings import Settings

WHERE = "targets.coreml.settings"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """Names are the source's.

    `bounds` are the lowest and the highest size of each open dimension; `shapes` are all shapes of an input that has
    several, `open` the symbols in which these differ and `fixed` the sizes of those in which they do not. `pictures`
    are inputs that take pixels, `states` maps an input to the output that feeds it, `classes` an output to its labels.
    """

    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    shapes: Mapping[str, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    open: frozenset[str] = frozenset()
    fixed: Mapping[str, int] = field(default_factory=dict)
    pictures: Mapping[str, Preprocess] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def asked(settings: Settings, signature: Signature) -> Asked:
    """Hold the settings against a model.

    Raises:
        RequestError: when they name what the model does not have, or what it cannot be asked for.
    """
    sizes: dict[str, set[int]] = {}
    for name, shapes in settings.shapes.items():
        spec = _input(signature, name, "shapes")
        for shape in shapes:
            for symbol, size in _symbols(spec, shape):
                sizes.setdefault(symbol, set()).add(size)
    states = _states(signature) if settings.states == "state" else {}
    return Asked(
        bounds=settings.bounds,
        shapes=settings.shapes,
        open=frozenset(symbol for symbol, found in sizes.items() if len(found) > 1),
        fixed={symbol: min(found) for symbol, found in sizes.items() if len(found) == 1},
        pictures={name: _contract(_input(signature, name, "images")) for name in settings.images},
        states=states,
        classes=_classes(signature, settings.classifier) if settings.classifier else {},
    )


def _input(signature: Signature, name: str, key: str) -> TensorSpec:
    try:
        return signature.input(name)
    except KeyError:
        known = ", ".join(spec.name for spec in signature.inputs)
        raise RequestError(f"{WHERE}.{key} names {name!r}, which is no input", hint=f"inputs: {known}") from None


def _symbols(spec: TensorSpec, shape: tuple[int, ...]) -> list[tuple[str, int]]:
    fits = len(shape) == len(spec.shape) and all(
        isinstance(known, str) or known == size for known, size in zip(spec.shape, shape, strict=True)
    )
    if not fits:
        raise RequestError(
            f"{WHERE}.shapes.{spec.name}: {list(shape)} is none of its shapes {list(spec.shape)}",
            hint="sizes that the model fixes stay as they are",
        )
    return [(known, size) for known, size in zip(spec.shape, shape, strict=True) if isinstance(known, str)]


def _contract(spec: TensorSpec) -> Preprocess:
    if not is_picture(spec) or spec.layout not in (None, "NCHW") or spec.preprocess is None:
        raise RequestError(
            f"{WHERE}.images: what {spec.name!r} takes is not known to be made of pixels",
            hint=f'say [model.inputs.{spec.name}] preprocess = {{ scale = […], bias = […], colour = "RGB" }}; '
            "the input is float32[N, C, H, W]",
        )
    return spec.preprocess


def _states(signature: Signature) -> dict[str, str]:
    pairs = {spec.state: spec.name for spec in signature.outputs if spec.state is not None}
    if not pairs:
        raise RequestError(
            f'{WHERE}.states = "state": no output of the model feeds an input',
            hint='say [model.outputs.NAME] state = "INPUT" for each that does, and name the other outputs too: '
            "those that are not named are cut off",
        )
    return pairs


def _classes(signature: Signature, name: str) -> dict[str, tuple[str, ...]]:
    spec = next((spec for spec in signature.outputs if spec.name == name), None)
    if spec is None:
        known = ", ".join(spec.name for spec in signature.outputs)
        raise RequestError(f"{WHERE}.classifier names {name!r}, which is no output", hint=f"outputs: {known}")
    labels = spec.labels
    if not labels:
        raise RequestError(
            f"{WHERE}.classifier: {name!r} has no labels", hint=f"say [model.outputs.{name}] labels = […]"
        )
    if len(set(labels)) != len(labels):
        raise RequestError(f"{WHERE}.classifier: two labels of {name!r} are the same, and a score goes by its label")
    return {name: labels}
