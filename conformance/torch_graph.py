"""The PyTorch form of the hub, as if it were a target: its artifact is the hub model, which PyTorch runs eagerly."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ..targets.artifact import Artifact, Coverage, File, Requirements
from ..targets.base import Options
from ..targets.runtime import Array, RunOptions
from ..vocabulary.digest import digest_file
from ..vocabulary.precision import Precision

if TYPE_CHECKING:
    from torch import fx

    from ..compiler.model import Model
    from ..compiler.quantize.scheme import Scheme
    from ..vocabulary.signature import Signature


class TorchGraph:
    """Judges `compiler/torch_graph`."""

    name = "torch-graph"
    extra: str | None = "torch"
    packages: tuple[str, ...] = ("torch",)
    precisions: tuple[Precision, ...] = (Precision.FP32,)
    formats: Mapping[str, str] = {"": "edgewright.conformance.torch_graph:Eager"}

    def ops(self) -> tuple[str, ...]:
        """Hub operators of the table."""
        from ..compiler.torch_graph.ops.table import LOWERINGS

        return tuple(sorted(f"{domain}.{op}" if domain else op for domain, op in LOWERINGS))

    def schemes(self) -> Mapping[Precision, Scheme]:
        """None: models come quantized, or are not."""
        return {}

    def coverage(self, model: Model, options: Options) -> Coverage:  # noqa: ARG002 - the contract's
        """Say what becomes of each node."""
        from ..compiler.torch_graph.graph import to_torch

        return to_torch(model).coverage

    def compile(self, model: Model, options: Options, out: Path) -> Artifact:
        """Write the hub model."""
        model.save(out)
        paths = [out / "model.onnx", out / "model.json"]
        return Artifact(
            target=self.name,
            variant=options.variant,
            precision=model.precision,
            format="",
            files=tuple(
                File(path=path.name, sha256=digest_file(path), size_bytes=path.stat().st_size) for path in paths
            ),
            requires=Requirements(runtime="torch", min_runtime_version=version("torch")),
            signature=model.signature,
            narrowed={},
            coverage=Coverage(nodes=()),
            ops={},
            toolchain={"torch": version("torch")},
        )


class Eager:
    """PyTorch, call by call, as the graph is written."""

    name = "torch"

    def version(self) -> str:
        """Give the installed version."""
        return version(self.name)

    def prepare(self) -> None:
        """Import PyTorch."""
        import torch  # noqa: F401 - all that is asked

    def load(self, artifact: Path, options: RunOptions) -> EagerSession:
        """Say a saved hub model in PyTorch.

        Raises:
            RefusedError: when a node is refused.
        """
        import torch

        from ..compiler.model import Model
        from ..compiler.torch_graph.graph import to_torch

        torch.set_num_threads(options.threads)
        model = Model.load(artifact.parent)
        return EagerSession(to_torch(model).whole(), model.signature)


class EagerSession:
    """A model in PyTorch."""

    def __init__(self, module: fx.GraphModule, signature: Signature) -> None:
        """`module` takes the signature's inputs in order and gives its outputs in order."""
        self._module, self._signature = module, signature

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run once."""
        import torch

        from ..compiler.torch_graph.dtypes import array_from, tensor_from

        with torch.no_grad():
            outputs = self._module(*(tensor_from(inputs[spec.name]) for spec in self._signature.inputs))
        names = [spec.name for spec in self._signature.outputs]
        return {name: array_from(output) for name, output in zip(names, outputs, strict=True)}
