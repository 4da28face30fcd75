"""A MIL program through coremltools' passes and its serializer.

This is what `coremltools.convert` does with a program, without what it does beside: it checks the whole program after
each of a hundred passes, which takes longer than the passes, writes the package to a temporary folder first, and
collects garbage.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...vocabulary.errors import ToolError
from .toolkit import coremltools, quiet


def serialized(program: Any, system: Any, pipeline: Any, weights: Path, input_types: Any, classifier: Any) -> Any:
    """Give the `Model` message of a program, and write its weights into a folder. The program is used up.

    `system` is the member of `coremltools.target`, `pipeline` a `PassPipeline`; `input_types` and `classifier` are
    coremltools' own, or None.

    Raises:
        ToolError: when coremltools fails.
    """
    mil = coremltools().converters.mil
    with quiet():
        try:
            if input_types:
                program.functions["main"].set_input_types(tuple(input_types))
            for each in (pipeline, _backend(pipeline)):
                _apply(each, program)
            program.validate(check_essential_scope=True)
            program._check_early_error_out_for_invalid_program()
            return mil.converter.MILProtoBackend()(
                program,
                weights_dir=str(weights),
                specification_version=system.value,
                classifier_config=classifier,
                convert_to="mlprogram",
                convert_from="milinternal",
            )
        except Exception as error:  # a pass of coremltools raises whatever it runs into
            raise ToolError(
                f"coremltools fails: {type(error).__name__}: {' '.join(str(error).split())}",
                hint="report it with the model; until then build for another target",
            ) from error


def _backend(pipeline: Any) -> Any:
    """Give the passes before serialization, by the options of the others and without what was taken out of these."""
    whole = coremltools().PassPipeline
    found = whole.get_pipeline("backend_mlprogram")
    found.set_options_by_another_pipeline(pipeline)
    found.remove_passes(set(whole.get_pipeline("default").passes).difference(pipeline.passes))
    return found


def _apply(pipeline: Any, program: Any) -> None:
    registry = coremltools().converters.mil.mil.passes.pass_registry.PASS_REGISTRY
    pipeline.validate()
    for name in pipeline.passes:
        found = registry[name]
        found.set_options(pipeline.get_options(name))
        found(program)
