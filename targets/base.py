"""The contract of a target: what it can say, and how it turns a hub model into an artifact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec

from ..vocabulary.precision import Precision
from .artifact import Artifact, Coverage

if TYPE_CHECKING:
    from ..compiler.model import Model
    from ..compiler.quantize.scheme import Scheme


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a project may ask of one artifact.

    `variant` is the recipe's name. `format` is one of the target's formats, `""` for its first. `dims` fixes symbolic
    dimensions by name (`{"batch": 1}`); a target that needs fixed shapes takes 1 for the leading dimension of inputs
    when nothing is said, and refuses any other symbol. `layout` asks for another layout of an input or output
    (`{"image": "NHWC"}`). `io = "int8"` asks for an artifact of integers whose inputs and outputs are integers too.
    `settings` are the target's own, as its settings struct has them (`Configurable`).
    """

    variant: str
    format: str = ""
    dims: dict[str, int] = msgspec.field(default_factory=dict)
    layout: dict[str, str] = msgspec.field(default_factory=dict)
    io: str = "float"
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


class Target(Protocol):
    """Turns hub models into artifacts of one format family. Stateless; construction imports nothing heavy."""

    name: str
    """The name in project files and reports."""
    extra: str | None
    """The extra of the package that brings what this target needs; None when the base install has it."""
    packages: tuple[str, ...]
    """Distributions that must be installed, for `doctor` and `targets`."""
    precisions: tuple[Precision, ...]
    formats: Mapping[str, str]
    """Format name (`""` first, the default) → the runtime that opens it, as `module:attribute` of a `Runtime` class."""

    def ops(self) -> tuple[str, ...]:
        """Hub operators that this target knows, sorted; a node of one may still be refused for its attributes."""
        ...

    def schemes(self) -> Mapping[Precision, Scheme]:
        """How the target wants models quantized, for each integer precision that it can do."""
        ...

    def coverage(self, model: Model, options: Options) -> Coverage:
        """Say what would become of each node, emitting nothing."""
        ...

    def compile(self, model: Model, options: Options, out: Path) -> Artifact:
        """Write the artifact's files into the existing, empty folder `out`.

        Equal models and options give equal bytes.

        Raises:
            RefusedError: when some node cannot be said; nothing is written then.
            ModelError: when a dimension must be fixed and is not.
        """
        ...


@runtime_checkable
class Configurable(Protocol):
    """What a target has beside `Target` when it has settings of its own."""

    settings: str
    """The struct that `[targets.NAME.settings]` of a project file is read into, as `module:attribute`."""

    def drawn_sizes(self, settings: Mapping[str, Any]) -> Mapping[str, int]:
        """Give sizes that artifacts of these settings take, for open dimensions of inputs that are drawn.

        By symbol (`length`), or by input and axis (`image[2]`).
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """An artifact, and the folder with its files."""

    artifact: Artifact
    folder: Path


@runtime_checkable
class Joining(Protocol):
    """What a target has beside `Target` when its artifacts can share their files."""

    def joins(self, settings: Mapping[str, Any]) -> bool:
        """Say whether these settings ask for it."""
        ...

    def join(self, parts: Sequence[Part], out: Path) -> tuple[Artifact, ...]:
        """Write the files of several artifacts into the existing, empty folder `out`, what they share once.

        Gives the same artifacts, in order. Each still has a first file of its own, which opens it and no other. Equal
        parts give equal bytes.

        Raises:
            RequestError: when they cannot be joined.
        """
        ...


@runtime_checkable
class BuiltOnDevice(Protocol):
    """What a target has beside `Target` when a device itself makes of its artifacts what runs there.

    Such an artifact has the label `to-be-built`.
    """

    builds: str
    """The format of what is made of it, `engine`."""

    def build_here(self, artifact: Artifact, folder: Path) -> Artifact:
        """Make of the artifact whose files lie in `folder` the one that runs on this machine; its files lie there, too.

        It is bound to this machine by what it requires.

        Raises:
            ToolError: when it cannot be built, or what was built does not compute what it should.
        """
        ...


@runtime_checkable
class MachineBound(Protocol):
    """What a target has beside `Target` when what it compiles may depend on the machine that it compiles on."""

    def is_for_this_machine(self, options: Options) -> bool:
        """Say whether an artifact of these options is made for the CPU of this machine, whatever that is."""
        ...


@runtime_checkable
class Tunable(Protocol):
    """What a target has beside `Target` when it can find faster code for a machine by trying it there."""

    def tunes(self, options: Options) -> bool:
        """Say whether these options ask for it."""
        ...

    def tune(self, model: Model, options: Options, database: Path, out: Path, told: Callable[[str], None]) -> None:
        """Try code on this machine, alone, for as long as the options say; leave what was found in the folder `out`.

        `database` is a folder that outlives builds and models: what was tried before is taken from it, and what is
        tried is added to it, whatever happens after. `out` exists and is empty; it gets what this model needs of it.
        `told` is given a line of progress every few seconds.

        Raises:
            RefusedError: when some node cannot be said.
            RequestError: when the options cannot be met.
            ToolError: when not one trial was measured.
        """
        ...

    def compile_tuned(self, model: Model, options: Options, tuning: Path, out: Path) -> Artifact:
        """Do as `Target.compile`, with what `tune` left in the folder `tuning`. Equal ones give equal bytes.

        Raises:
            RefusedError: as `Target.compile`.
            RequestError: as `Target.compile`, or when `tuning` holds nothing for this model.
        """
        ...


class InnerTensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a tensor of the hub stands in an artifact.

    `key` is what the runtime calls it (`InspectableRuntime`). It holds the elements of the hub's tensor with its axes
    permuted, axis `i` being axis `permutation[i]` of the hub's, in whatever shape; None means no other order. Where it
    holds integers that stand for reals, `quantization` is their scale and zero point.
    """

    key: str
    permutation: tuple[int, ...] | None = None
    quantization: tuple[float, int] | None = None


@runtime_checkable
class Transparent(Protocol):
    """What a target has beside `Target` when it can tell which tensors of the hub stand in its artifacts."""

    def inner_tensors(self, model: Model, options: Options, artifact: Path) -> Mapping[str, InnerTensor]:
        """Tell by name which tensors of `model` an artifact holds, in the order of the model.

        `artifact` is the first file of what `compile` made of this model with these options, or another file with the
        same tensors in it.

        Raises:
            RequestError: when the file cannot have been made of this model with these options.
        """
        ...
