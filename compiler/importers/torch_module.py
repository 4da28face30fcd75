"""TorchModule: a module that the user's own function builds."""

from __future__ import annotations

import inspect
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...vocabulary.errors import ConfigError, EdgewrightError, MissingExtraError, ModelError
from ...vocabulary.user_imports import user_imports
from .request import Imported, Request
from .user_code import load_factory, user_files
from .weights import SUFFIXES, check_weights

if TYPE_CHECKING:
    import torch


class TorchModule:
    """Reads `file.py:factory` and `package.module:factory`: calls the factory, exports the module that it gives."""

    name = "torch"
    framework = "pytorch"
    extra = "torch"

    def accepts(self, request: Request) -> bool:
        """`something:name`, where neither side is empty."""
        place, colon, name = request.reference.rpartition(":")
        return bool(colon and place) and name.isidentifier()

    def read(self, request: Request) -> Imported:
        """Import the module; see `Importer.read`."""
        require_torch(request.reference)
        from .torch_export import captured_output, example_inputs
        from .torch_import import import_torch

        request = request.with_dims_declared()
        examples = example_inputs(request.inputs, request.reference)
        before = frozenset(sys.modules)
        with (
            captured_output() as log,
            user_imports(request.path.parent if ".py:" in request.reference else request.folder),
        ):
            module = _build(request)
            names = _argument_order(module, request)
            read = [Path(arg) for arg in request.resolved_args if Path(arg).is_absolute() and Path(arg).is_file()]
            files = user_files(before, request.folder) | {path.resolve() for path in read}
            return import_torch(
                module, {name: examples[name] for name in names}, request, files=tuple(sorted(files)), log=log
            )


def require_torch(reference: str) -> None:
    """Check that PyTorch is installed.

    Raises:
        MissingExtraError: when it is not.
    """
    try:
        version("torch")
    except ImportError:
        raise MissingExtraError(
            f"{reference}: PyTorch is not installed here", hint="pip install 'edgewright[torch]'"
        ) from None


def _build(request: Request) -> torch.nn.Module:
    import torch

    factory = load_factory(request)
    for arg in request.resolved_args:
        if arg.lower().endswith(SUFFIXES) and Path(arg).is_file():
            check_weights(Path(arg))
    try:
        module = factory(*request.resolved_args)
    except EdgewrightError:
        raise
    except Exception as error:
        raise ModelError(
            f"{request.reference}: calling it with {list(request.args)} fails: {type(error).__name__}: {error}"
        ) from error
    if not isinstance(module, torch.nn.Module):
        raise ConfigError(
            f"{request.reference}: it gives back {type(module).__name__}, not a torch.nn.Module",
            hint="return the module itself, with its weights loaded",
        )
    return module.eval()


def _argument_order(module: torch.nn.Module, request: Request) -> tuple[str, ...]:
    """Declared inputs go to arguments of the same names; when the names differ, in the order of the declaration."""
    declared = tuple(request.inputs)
    parameters: Any = inspect.signature(module.forward).parameters
    positional = [
        name for name, item in parameters.items() if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)
    ]
    takes_any = any(item.kind is item.VAR_POSITIONAL for item in parameters.values())
    if set(declared) == set(positional[: len(declared)]):
        return tuple(positional[: len(declared)])
    required = [name for name in positional if parameters[name].default is inspect.Parameter.empty]
    if len(declared) < len(required) or (len(declared) > len(positional) and not takes_any):
        raise ConfigError(
            f"{request.reference}: the module takes {len(required)} inputs ({', '.join(required)}), "
            f"{len(declared)} are declared ({', '.join(declared)})",
            hint="declare them in the order of forward's arguments",
        )
    return declared
