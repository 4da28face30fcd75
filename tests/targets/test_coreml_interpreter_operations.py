"""Which operations the interpreter knows, and what it is made of."""

import ast
import sys
from pathlib import Path

import edgewright.targets.coreml.interpreter.ops.table as table

COREML = Path(table.__file__).parents[2]
INTERPRETER = COREML / "interpreter"

NOT_IN_FILES = {"_const_symbolic", "const", "conv_quantized"}
"""A placeholder of coremltools' own, what is no operation that runs, and one without documentation."""


def test_every_operation_that_coremltools_knows_is_known(mb):
    assert mb is not None  # coremltools registers operations when its builder is imported
    from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

    assert set(SSAOpRegistry.core_ops) - set(table.OPERATIONS) == NOT_IN_FILES
    assert set(table.OPERATIONS) - set(SSAOpRegistry.core_ops) == {"write_state"}


def test_no_operation_has_two_implementations():
    themes = [module for module in vars(table).values() if hasattr(module, "OPERATIONS")]
    assert len(table.OPERATIONS) == sum(len(theme.OPERATIONS) for theme in themes)


def imports(path):
    """Give what a file imports: names of packages, and files that it imports relatively."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            folder = path.parents[max(node.level - 1, 0)]
            parts = (node.module or "").split(".")
            yield parts[0] if node.level == 0 else folder.joinpath(*parts)


def test_the_interpreter_shares_nothing_with_the_emitter():
    own = {*sys.stdlib_module_names, "__future__", "google", "numpy", "torch"}
    for path in INTERPRETER.rglob("*.py"):
        for name in imports(path):
            assert name in own if isinstance(name, str) else name.is_relative_to(INTERPRETER), (path, name)


def test_the_emitter_shares_nothing_with_the_interpreter():
    for path in COREML.rglob("*.py"):
        if not path.is_relative_to(INTERPRETER) and path != COREML / "runtime.py":
            for name in imports(path):
                assert isinstance(name, str) or not name.is_relative_to(INTERPRETER), (path, name)
