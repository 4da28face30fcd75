"""What the reference makes of an artifact's own tensors: what a node adds is told from what it was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx_ir as ir

    from ..compiler.model import Model

Array = NDArray[np.generic]


def own_result(model: Model, name: str, given: Mapping[str, Array], inputs: Iterator[Mapping[str, Array]]) -> Array:
    """Compute a tensor from the nearest of the `given` ones, in onnxruntime without optimisations.

    `given` holds tensors by name, the first axis counting calls; `inputs` gives what the model itself takes, a call at
    a time. Gives the tensor likewise, the first axis counting calls.
    """
    import onnx_ir as ir
    import onnxruntime

    graph, sources = _between(model, name, set(given) - {name})
    settings = onnxruntime.SessionOptions()
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        ir.to_proto(graph).SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    results = []
    for call, taken in enumerate(inputs):
        feeds = {place.name: taken[place.name] for place in session.get_inputs() if place.name not in sources}
        feeds |= {f"{source}/given": np.ascontiguousarray(given[source][call]) for source in sources.values()}
        results.append(session.run([name], feeds)[0])
    return np.stack(results)


def _between(model: Model, name: str, given: Set[str]) -> tuple[ir.Model, dict[str, str]]:
    """Give the part of a graph between given tensors and one that is made of them; and the given ones by input name."""
    import onnx_ir as ir

    from ..compiler.passes.remove_dead_code import RemoveDeadCode

    found = model.ir.clone()
    graph = found.graph
    values = {value.name: value for node in graph for value in node.outputs}
    sources: dict[str, str] = {}
    waiting, seen = [values[name].producer()], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        for value in tuple(node.inputs):
            if value is None or value.producer() is None:
                continue
            if value.name in given:
                sources[f"{value.name}/given"] = str(value.name)
            else:
                waiting.append(value.producer())
    for key, source in sources.items():
        old = values[source]
        new = ir.Value(name=key, type=old.type, shape=old.shape)
        old.replace_all_uses_with(new, replace_graph_outputs=True)
        graph.inputs.append(new)
    graph.outputs[:] = [values[name]]
    RemoveDeadCode().rewrite(found)
    graph.inputs[:] = [value for value in graph.inputs if value.uses()]
    return found, sources
