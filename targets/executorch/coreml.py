"""What Core ML computes of a program: partitioned by ExecuTorch, converted by coremltools, in the same bytes each time.

ExecuTorch puts a folder with a model package into the program, and coremltools and Apple's library draw names for its
parts at random. They are named by what they hold instead, before the folder is read.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

from ...vocabulary.digest import digest_file
from ...vocabulary.precision import Precision
from ..coreml.package import AUTHOR, NAMESPACE, finish

_METADATA: Final = "metadata.json"
"""What ExecuTorch's runtime reads of a model beside its package; it keeps compiled models by the identifier in it."""


def coreml(precision: Precision) -> Any:
    """Give Core ML's partitioner.

    A model computes in float16 when its recipe says so, and then alone: by default it would always. Integers are of
    iOS 17 and macOS 14.
    """
    import coremltools
    from executorch.backends.apple.coreml.compiler import CoreMLBackend
    from executorch.backends.apple.coreml.partition import CoreMLPartitioner

    computed = coremltools.precision.FLOAT16 if precision is Precision.FP16 else coremltools.precision.FLOAT32
    first = coremltools.target.iOS17 if precision.integer else coremltools.target.iOS16
    specs = CoreMLBackend.generate_compile_specs(compute_precision=computed, minimum_deployment_target=first)
    return CoreMLPartitioner(compile_specs=specs)


@contextmanager
def repeatable() -> Iterator[None]:
    """Have what is lowered for Core ML named by what it holds."""
    from executorch.backends.apple.coreml.compiler import coreml_preprocess

    flatten = coreml_preprocess.executorchcoreml.flatten_directory_contents

    def named(folder: str) -> bytes:
        _name(Path(folder))
        return bytes(flatten(folder))

    library = SimpleNamespace(flatten_directory_contents=named)
    with patch.object(coreml_preprocess, "executorchcoreml", library):
        yield


def _name(folder: Path) -> None:
    package, metadata = folder / "model.mlpackage", folder / _METADATA
    model = package / "Data" / AUTHOR / "model.mlmodel"
    model.write_bytes(_in_order(model.read_bytes()))
    known = json.loads(metadata.read_text("utf-8"))
    files = finish(package)
    content = "".join(f"{path.relative_to(package).as_posix()} {digest_file(path)}\n" for path in files)
    known["identifier"] = f"executorch_{uuid.uuid5(NAMESPACE, content + json.dumps(known['outputNames']))}"
    metadata.write_text(json.dumps(known), "utf-8")


def _in_order(data: bytes) -> bytes:
    """Give a `Model` message with its maps in the order of their keys, and without the date and the versions."""
    from coremltools.proto import Model_pb2

    model = Model_pb2.Model.FromString(data)
    model.description.metadata.Clear()
    return bytes(model.SerializeToString(deterministic=True))
