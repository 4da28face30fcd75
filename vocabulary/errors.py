"""The errors that a person sees: whose fault it is, what happened, and what to do next."""

from __future__ import annotations

from typing import ClassVar


class EdgewrightError(Exception):
    """Root of every error that edgewright raises on purpose.

    The command line prints the message and the hint, and leaves with `exit_code`.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        """`message` says what and where, `hint` what to do next."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class RequestError(EdgewrightError):
    """What was asked for is wrong: usage, project file, data or model."""

    exit_code = 2


class ConfigError(RequestError):
    """A project file (or another file that people write) says something that cannot be meant."""


class DataError(RequestError):
    """Calibration or evaluation data does not fit the model, or is not finite."""


class ModelError(RequestError):
    """The model cannot be read, or holds something that edgewright does not accept."""


class RefusedError(RequestError):
    """A target cannot say some node of the model. Raised before anything is emitted."""


class ToolError(EdgewrightError):
    """A converter, a runtime or the machine failed while doing what was rightly asked."""

    exit_code = 3


class MissingExtraError(RequestError):
    """A target or importer needs packages that are not installed; the message names the extra."""


class DeviceError(ToolError):
    """A device could not be reached, or a job crashed, hung or ran out of memory on it."""


class TrustError(EdgewrightError):
    """A signature, a digest or an update was refused."""

    exit_code = 4
