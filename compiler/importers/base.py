"""The contract of an importer."""

from __future__ import annotations

from typing import Protocol

from .request import Imported, Request


class Importer(Protocol):
    """Reads one kind of model. Stateless; construction is cheap and imports nothing heavy."""

    name: str
    framework: str
    """What wrote the models that it reads, for `Source.framework`."""
    extra: str | None
    """The extra that brings what this importer needs; None when the base install has it."""

    def accepts(self, request: Request) -> bool:
        """Whether the reference has the form of this importer's models; the file may still turn out to be none."""
        ...

    def read(self, request: Request) -> Imported:
        """Import the model. The user's files are only read.

        Inputs, outputs and dimensions of the result are those of the model, completed by what the request declares.

        Raises:
            ModelError: when the file is no such model, is damaged, or holds something that edgewright does not accept.
            ConfigError: when the request contradicts the model, or lacks something that the model does not say.
            MissingExtraError: when the framework is not installed; the message names the extra.
            ToolError: when the framework fails on a model that is right.
        """
        ...
