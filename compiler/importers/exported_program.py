"""ExportedProgram: `model.pt2`, written by `torch.export.save`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...vocabulary.errors import ConfigError, ModelError
from .file_kind import seems_to_be
from .pt2_archive import check_archive
from .request import Imported, Request
from .torch_module import require_torch

if TYPE_CHECKING:
    import torch


class ExportedProgram:
    """Reads exported programs. Names come from the request, in order, or from the program's own signature."""

    name = "pt2"
    framework = "pytorch"
    extra = "torch"

    def accepts(self, request: Request) -> bool:
        """`*.pt2`."""
        return request.reference.lower().endswith(".pt2")

    def read(self, request: Request) -> Imported:
        """Import the program; see `Importer.read`."""
        require_torch(request.reference)
        from .torch_export import captured_output, export
        from .torch_import import finish, output_names

        with captured_output() as log:
            program = _load(request)
            inputs = _input_names(program, request)
            names = output_names(_outputs(program), request)
            graph = export(program, (), inputs, names, None, request.reference)
            return finish(graph, program.module(), inputs, names, request, files=(request.path.resolve(),), log=log)


def _load(request: Request) -> torch.export.ExportedProgram:
    import torch

    path = request.path
    try:
        kind = seems_to_be(path)
        if kind is None or "zip" not in kind:
            raise ModelError(f"{path}: not an exported program" + (f"; it seems to be {kind}" if kind else ""))
        check_archive(path)
        return torch.export.load(path)
    except ModelError:
        raise
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:
        detail = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"{path}: not an exported program that this PyTorch can read: {detail}",
            hint="write it by torch.export.save with the PyTorch installed here, or name the module: file.py:factory",
        ) from error


def _input_names(program: torch.export.ExportedProgram, request: Request) -> tuple[str, ...]:
    own = tuple(str(name) for name in program.graph_signature.user_inputs)
    if len(own) != len(program.graph_signature.user_inputs) or program.call_spec.in_spec is None:
        raise ModelError(f"{request.reference}: an input of the program is no tensor")
    arguments, keywords = program.call_spec.in_spec.children()
    if keywords.num_children or any(not child.is_leaf() for child in arguments.children()):
        raise ModelError(
            f"{request.reference}: the program takes keyword arguments or containers of tensors",
            hint="export a module whose forward takes tensors by position",
        )
    asked = tuple(request.inputs)
    if not asked or set(asked) <= set(own):
        return own
    if len(asked) != len(own):
        raise ConfigError(
            f"{request.reference}: {len(asked)} inputs are named, the program takes {len(own)} ({', '.join(own)})",
            hint="name all of them, in their order, or some by the names that they have",
        )
    return asked


def _outputs(program: torch.export.ExportedProgram) -> object:
    """Empty tensors in the structure in which the program gives its outputs back."""
    import torch
    from torch.utils import _pytree as pytree  # torch has no public module for its trees yet

    spec = program.call_spec.out_spec
    assert spec is not None
    return pytree.tree_unflatten([torch.empty(0)] * spec.num_leaves, spec)
