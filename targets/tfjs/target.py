"""The target `tfjs`: graph models for TensorFlow.js, in browsers and in Node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ...vocabulary.digest import digest_file
from ...vocabulary.precision import Precision
from ..artifact import Artifact, Coverage, File, Requirements
from ..base import Options
from ..checks import check_coverage, check_floats, check_format

if TYPE_CHECKING:
    from ...compiler.model import Model
    from ...compiler.quantize.scheme import Scheme
    from .translate import Translated

FIRST_TFJS = "4.22.0"
"""The first version whose kernels were tried with what we emit."""


class TFJS:
    """Says models in TensorFlow's operators and writes the files itself; no TensorFlow takes part."""

    name = "tfjs"
    extra: str | None = None
    packages: tuple[str, ...] = ()
    precisions: tuple[Precision, ...] = (Precision.FP32, Precision.FP16, Precision.WEIGHT_ONLY_WI8_AFP32)
    formats: Mapping[str, str] = {"": "edgewright.targets.tfjs.runtime:TFJS"}

    def ops(self) -> tuple[str, ...]:
        """Hub operators that this target knows, sorted."""
        from ..tflite.ops.table import LOWERINGS

        return tuple(sorted(f"{domain}.{op}" if domain else op for domain, op in LOWERINGS))

    def schemes(self) -> Mapping[Precision, Scheme]:
        """How integers are wanted, by precision."""
        from .schemes import SCHEMES

        return SCHEMES

    def coverage(self, model: Model, options: Options) -> Coverage:
        """Say the model, and what became of each node.

        Raises:
            ModelError: when a dimension must be fixed and is not.
            RequestError: when the options ask for a layout that cannot be.
        """
        return self._translated(model, options).coverage

    def compile(self, model: Model, options: Options, out: Path) -> Artifact:
        """Write `model.json` and its shards into the existing, empty folder `out`.

        Raises:
            RefusedError: when some node cannot be said; nothing is written then.
            ModelError: when a dimension must be fixed and is not.
            RequestError: when the options ask for a format, a layout, or integers in and out that there are not.
        """
        from .interface import metadata_of, narrowed, signature_of
        from .weights import in_fewer_bytes
        from .write import write

        check_format(self, options)
        check_floats(self, options)
        translated = self._translated(model, options)
        check_coverage(self.name, translated.coverage)
        graph = translated.graph
        assert graph is not None, translated.coverage
        halves = model.precision is Precision.FP16
        graph = replace(graph, constants=in_fewer_bytes(graph.constants, halves=halves))
        signature = signature_of(model.signature, graph, options)
        files = write(graph, out, metadata_of(signature, options))
        return Artifact(
            target=self.name,
            variant=options.variant,
            precision=model.precision,
            format=options.format,
            files=tuple(
                File(path=path.name, sha256=digest_file(path), size_bytes=path.stat().st_size) for path in files
            ),
            requires=Requirements(runtime="tfjs", min_runtime_version=FIRST_TFJS),
            signature=signature,
            narrowed=narrowed(model.signature, signature),
            coverage=translated.coverage,
            ops=dict(sorted(Counter(node.op for node in graph.nodes if node.op != "Placeholder").items())),
            toolchain={package: version(package) for package in ("onnx", "onnx-ir")},
        )

    def _translated(self, model: Model, options: Options) -> Translated:
        from ..tflite.legalize.legalize import lower_model
        from ..tflite.legalize.shorten import shorten
        from .scale_results import scale_results
        from .take_in import take_in
        from .translate import translate
        from .without_bits import without_bits

        lowered = lower_model(model, options)
        if not lowered.coverage.refused:
            rewriter = shorten(lowered.graph, model.precision)
            without_bits(rewriter)
            scale_results(rewriter)
            take_in(rewriter)  # last: it leaves a graph that no other pass knows
        return translate(lowered.graph, lowered.coverage)
