"""A model as it is shipped: what was noted and recorded of it stands in the report and the bundle, not in its file."""

from __future__ import annotations

from .model import Model
from .quantize.record import PREFIX
from .train.record import KEY


def bare(model: Model) -> Model:
    """Give the model without notes and records; the one given stays as it was."""
    graph = model.ir.clone()
    for key in tuple(graph.metadata_props):
        if key == KEY or key.startswith(PREFIX):
            del graph.metadata_props[key]
    return model.with_graph(graph)
