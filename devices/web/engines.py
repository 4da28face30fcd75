"""Which engine opens the artifacts of a runtime class on the web, and on what it computes there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ...targets.runtimes import RUNTIMES

Kind = Literal["browser", "node"]
Backend = Literal["wasm", "webgl", "webgpu", "cpu"]
"""What an engine computes with; `cpu` is plain JavaScript."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Engine:
    """How artifacts of one runtime class are opened on the web."""

    name: str
    """As `web/src/engine.ts` has it."""
    optimize: bool = True
    """Whether the engine may rewrite the graph. The reference is run node by node."""


ENGINES: Final[Mapping[str, Engine]] = {
    "edgewright.targets.tfjs.runtime:TFJS": Engine(name="tfjs"),
    "edgewright.targets.tflite.runtime:LiteRT": Engine(name="litertjs"),
    "edgewright.targets.onnxruntime.runtime:OnnxRuntime": Engine(name="onnxruntime-web"),
    "edgewright.targets.onnxruntime.runtime:Reference": Engine(name="onnxruntime-web", optimize=False),
}
"""Runtime class → engine."""


def engine_for(runtime: str) -> Engine | None:
    """Give the engine that stands on the web for a runtime, as artifacts require it; None where there is none."""
    path = RUNTIMES.path(runtime)
    return ENGINES.get(path) if path is not None else None


BACKENDS: Final[Mapping[Kind, Mapping[str, frozenset[Backend]]]] = {
    "browser": {
        "tfjs": frozenset({"wasm", "webgl", "webgpu", "cpu"}),
        "litertjs": frozenset({"wasm", "webgpu"}),
        "onnxruntime-web": frozenset({"wasm", "webgpu"}),
    },
    "node": {
        "tfjs": frozenset({"wasm", "cpu"}),
        "litertjs": frozenset(),
        "onnxruntime-web": frozenset({"wasm"}),
    },
}
"""Kind of device → engine → the backends that it can have there; a browser may lack one of them all the same."""


def cannot_open(kind: Kind, backend: Backend, runtime: str) -> str | None:
    """Say why a device of this kind and backend opens no artifacts of a runtime class; None when it does."""
    engine = ENGINES.get(runtime)
    where = "in a browser" if kind == "browser" else "in Node"
    if engine is None:
        return f"no engine opens artifacts of {runtime.rpartition(':')[2]} {where}"
    backends = BACKENDS[kind][engine.name]
    if backend in backends:
        return None
    if not backends:
        return f"{engine.name} does not run {where}"
    return f"{engine.name} does not compute on {backend} {where}, only on {' and '.join(sorted(backends))}"
