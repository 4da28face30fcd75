"""`[targets.executorch.settings]` of a project file."""

from __future__ import annotations

from typing import Literal

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a project may ask of programs alone.

    `delegate` is who computes what it can of the model; the portable kernels compute the rest. `coreml` and `vulkan`
    are of Apple's devices and of GPUs: such programs are made here, and run there.
    """

    delegate: Literal["xnnpack", "portable", "coreml", "vulkan"] = "xnnpack"
