"""The lite interpreter's format: what PyTorch Mobile had before ExecuTorch, and PyTorch still writes."""

from __future__ import annotations

import json
import pickletools
import re
import zipfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import torch

from ...vocabulary.signature import Signature
from .toolkit import quiet

if TYPE_CHECKING:
    from torch.fx import GraphModule

NAMES: Final = "edgewright.json"

_COUNTED: Final = re.compile(r"___torch_mangle_\d+")
"""What PyTorch puts into the names of classes: how many it has named in this process."""

_WRITTEN_BY_ITSELF: Final = ("version", "byteorder", ".data/serialization_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class Lite:
    """A `.ptl` file, and how often it has each operator, by name."""

    data: bytes
    ops: dict[str, int]

    def runs(self, inputs: Iterable[tuple[torch.Tensor, ...]]) -> bool:
        """Try the file: whether it runs on one of these inputs."""
        from torch.jit.mobile import _load_for_lite_interpreter

        try:
            module: Any = _load_for_lite_interpreter(BytesIO(self.data))  # type: ignore[no-untyped-call]  # PyTorch's
        except RuntimeError:
            return False
        return any(_runs_on(module, tensors) for tensors in inputs)


def write_lite(module: GraphModule, signature: Signature, inputs: tuple[torch.Tensor, ...]) -> Lite:
    """Give the `.ptl` file of a module of fixed shapes.

    Whatever PyTorch raises of what it cannot trace comes as it is.
    """
    with quiet(), torch.no_grad():
        # PyTorch's own optimizer for phones needs XNNPACK in it, which its wheels have no more
        traced: Any = torch.jit.trace(module, inputs, check_trace=False)  # type: ignore[no-untyped-call]  # PyTorch's
        traced = torch.jit.freeze(traced)
        saved = traced._save_to_buffer_for_lite_interpreter(_extra_files={NAMES: _calling(signature)})
    kinds = (str(node.kind()) for node in traced.inlined_graph.nodes())
    ops = Counter(kind for kind in kinds if not kind.startswith("prim::"))
    return Lite(data=_repeatable(bytes(saved)), ops=dict(sorted(ops.items())))


def _runs_on(module: Any, inputs: tuple[torch.Tensor, ...]) -> bool:
    try:
        module(*inputs)
    except (RuntimeError, IndexError):
        return False
    return True


def _calling(signature: Signature) -> str:
    """Give what the file says of how it is called."""
    calling = {
        "inputs": [[spec.name, spec.dtype, list(spec.shape)] for spec in signature.inputs],
        "outputs": [spec.name for spec in signature.outputs],
    }
    return json.dumps(calling, sort_keys=True)


def _repeatable(data: bytes) -> bytes:
    """Give a file again, the same wherever and whenever it was written.

    Names of classes are counted from 0, and the source code stays away: the interpreter reads its bytecode only, and
    beside the source stands where on this machine it came from.
    """
    written = BytesIO()
    writer = torch._C.PyTorchFileWriter(written)
    numbers: dict[str, str] = {}
    with zipfile.ZipFile(BytesIO(data)) as archive:
        for name in archive.namelist():
            inner = name.partition("/")[2]
            if inner in _WRITTEN_BY_ITSELF or inner.startswith("code/"):
                continue
            record = archive.read(name)
            if inner.endswith(".pkl"):
                record = _renamed(record, numbers)
            writer.write_record(inner, record, len(record))
    writer.write_end_of_file()
    return written.getvalue()


def _renamed(data: bytes, numbers: dict[str, str]) -> bytes:
    """Give a pickle with the classes' numbers as `numbers` has them; those it does not have yet go on from its last."""

    def number(match: re.Match[str]) -> str:
        return numbers.setdefault(match[0], f"___torch_mangle_{len(numbers)}")

    steps = list(pickletools.genops(data))
    ends = [position or 0 for _, _, position in steps[1:]] + [len(data)]
    written = bytearray()
    for (operation, argument, position), end in zip(steps, ends, strict=True):
        raw = data[position:end]
        text: Any = argument
        if isinstance(text, str) and _COUNTED.search(text):
            text = _COUNTED.sub(number, text)
            raw = _operation(operation.name, text)
        written += raw
    return bytes(written)


def _operation(name: str, text: str) -> bytes:
    """Write an operation of a pickle that has a name as its argument."""
    if name == "GLOBAL":
        module, _, attribute = text.rpartition(" ")
        return f"c{module}\n{attribute}\n".encode()
    assert name == "BINUNICODE", name
    encoded = text.encode()
    return b"X" + len(encoded).to_bytes(4, "little") + encoded
