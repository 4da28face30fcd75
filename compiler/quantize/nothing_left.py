"""The refusal of a variant that would be called integer and be float."""

from __future__ import annotations

from collections import Counter

import onnx_ir as ir

from ...vocabulary.errors import RefusedError
from .kernels import Choice
from .scheme import Scheme


def has_integers(graph: ir.Graph) -> bool:
    """Whether a model arrived with Q/DQ, which it keeps."""
    return any(node.op_type in ("QuantizeLinear", "DequantizeLinear") for node in graph.all_nodes())


def nothing_left(scheme: Scheme, choice: Choice) -> RefusedError:
    """Give the refusal, with the most frequent of the reasons why nodes stay float."""
    message = f"nothing in the model can be integers on {scheme.name} in {scheme.precision}"
    hint = "take fp32 or fp16 instead, or another integer precision"
    if not choice.reasons:
        names = ", ".join(sorted({*scheme.ops, *scheme.tables}))
        needed = "float32 weights" if scheme.activations is None else "float32 inputs"
        return RefusedError(f"{message}: it has no node with {needed} among {names}", hint=hint)
    ((reason, count),) = Counter(choice.reasons.values()).most_common(1)
    first = next(node for node, why in choice.reasons.items() if why == reason)
    rest = len(choice.reasons) - count
    others = f" and {count - 1} more" if count > 1 else ""
    told = f"; {rest} stay float for other reasons" if rest else ""
    return RefusedError(f"{message}: {first.name}{others}: {reason}{told}", hint=hint)
