"""Runs graph models by TF.js on its backend wasm, in a Node process. Standard library and NumPy only."""

from __future__ import annotations

import atexit
import json
import os
import threading
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...vocabulary.errors import ToolError
from ...web.assets import NODE_VARIABLE, built, find_node
from ...web.node_process import NodeProcess, RefusedRequestError
from ..runtime import Array, RunOptions

BACKEND = "wasm"
ANSWER_SECONDS = 600.0
"""How long a load or a run may take: a process that takes longer hangs."""

_DTYPES = {"DT_FLOAT": "float32", "DT_INT32": "int32", "DT_BOOL": "bool"}


class TFJS:
    """TF.js as browsers have it, in Node: the same JavaScript, the same wasm. One process serves all sessions."""

    name = "tfjs"
    measured_by = "Devices of the kinds browser and node measure it"

    def version(self) -> str:
        """Give the version of TF.js that is built in.

        Raises:
            ImportError: when Node is not there, or the files of the room `web` are not built.
        """
        _node()
        version: str = json.loads(_built("manifest.json").read_text("utf-8"))["engines"][self.name]
        return version

    def prepare(self) -> None:
        """Start Node, and TF.js in it.

        Raises:
            ImportError: when Node is not there, or the files of the room `web` are not built.
            RuntimeError: when Node cannot run them.
        """
        try:
            _ask(_process(), {"do": "prepare"})
        except RefusedRequestError as refusal:
            raise RuntimeError(f"TF.js cannot start in Node: {refusal}") from refusal

    def load(self, artifact: Path, options: RunOptions) -> TFJSSession:  # noqa: ARG002 - one thread is all there is
        """Open a graph model by its `model.json`. TF.js has one thread in Node, whatever the options say.

        Raises:
            ValueError: when TF.js cannot run the model, a shard of it is missing, or it has open shapes.
            ImportError: when Node is not there, or the files of the room `web` are not built.
            RuntimeError: when the Node process crashed or hung.
        """
        process = _process()
        try:
            answer = _ask(process, {"do": "load", "path": str(artifact.resolve())})
        except RefusedRequestError as refusal:
            raise ValueError(f"{artifact}: TF.js cannot run it: {refusal}") from refusal
        inputs = json.loads(artifact.read_text("utf-8"))["signature"].get("inputs", {})
        return TFJSSession(process, answer["session"], inputs)


class TFJSSession:
    """A loaded graph model. Inputs go by the names of its signature."""

    def __init__(self, process: NodeProcess, session: int, inputs: Mapping[str, Any]) -> None:
        """Take a session of a process; `inputs` as `model.json` has them."""
        self._process, self._session = process, session
        self._inputs = {
            name: (
                _DTYPES[info["dtype"]],
                tuple(int(dim["size"]) for dim in info.get("tensorShape", {}).get("dim", ())),
            )
            for name, info in inputs.items()
        }
        weakref.finalize(self, process.forget, session)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once.

        Raises:
            ValueError: when an input is missing, unknown, or of another dtype or shape than the model takes.
            RuntimeError: when a kernel fails, or the Node process crashed or hung.
        """
        if inputs.keys() != self._inputs.keys():
            raise ValueError(f"the model takes {sorted(self._inputs)}, got {sorted(inputs)}")
        for name, array in inputs.items():
            dtype, shape = self._inputs[name]
            if array.dtype != dtype or array.shape != shape:
                raise ValueError(f"input {name!r} is {dtype}{list(shape)}, got {array.dtype}{list(array.shape)}")
        try:
            return self._process.ask({"do": "run", "session": self._session}, inputs, ANSWER_SECONDS)[1]
        except RefusedRequestError as refusal:
            if refusal.wrong_inputs:
                raise ValueError(str(refusal)) from refusal
            raise RuntimeError(f"TF.js failed: {refusal}") from refusal


_current: NodeProcess | None = None
_owner = 0
_starting = threading.Lock()


def _process() -> NodeProcess:
    """Give the process, a new one when there is none or it has ended. A fork of this process has its own."""
    global _current, _owner
    with _starting:
        if _current is None or not _current.alive or _owner != os.getpid():
            node, script = _node(), _built("worker.mjs")
            _current, _owner = NodeProcess(node, script), os.getpid()
            atexit.register(_current.close)
        return _current


def _ask(process: NodeProcess, request: Mapping[str, Any]) -> dict[str, Any]:
    options = {"backend": BACKEND, "threads": 1, "optimize": True, "assets": f"{_built('assets')}/"}
    return process.ask({**request, "engine": "tfjs", "options": options}, {}, ANSWER_SECONDS)[0]


def _node() -> Path:
    node = find_node()
    if node is None:
        named = os.environ.get(NODE_VARIABLE)
        what = f"{NODE_VARIABLE} names {named}, which is none" if named else "none is on the path"
        raise ImportError(f"TF.js needs Node 20 or later, and {what}")
    return node


def _built(name: str) -> Path:
    try:
        return built(name)
    except ToolError as error:
        raise ImportError(f"{error.message}: {error.hint}") from error
