"""Which rungs of a ladder a device can run, and why not the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from ..devices.base import Facts
from ..targets.artifact import Requirements
from .rules import TIERS, Ladder, Rung


@dataclass(frozen=True, kw_only=True, slots=True)
class PassedOver:
    """A rung that the device cannot run, with the reason as a sentence."""

    rung: Rung
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The rungs that a device can run, in the order of the ladder, and those it cannot."""

    rungs: tuple[Rung, ...]
    passed_over: tuple[PassedOver, ...]


def choose(ladder: Ladder, requirements: Mapping[str, Requirements], facts: Facts) -> Choice:
    """Give the rungs that a device can run.

    A rung runs where its own runtime is: an artifact for `onnxruntime` may stand on a ladder with
    `onnxruntime-web/wasm`. The oldest version that an artifact takes is one of the runtime that it was made for, and
    counts where that one runs it: `tfjs` for `tfjs/wasm`, but `onnxruntime` says nothing of `onnxruntime-web`.

    `requirements` maps artifact names to what they need (`Manifest.update.requirements`); a rung whose artifact is not
    in it is passed over.
    """
    rungs, passed_over = [], []
    for rung in ladder.rungs:
        needs = requirements.get(rung.artifact)
        reason = "the bundle has no such artifact" if needs is None else _lacking(rung.runtime, needs, facts)
        if reason is None:
            rungs.append(rung)
        else:
            passed_over.append(PassedOver(rung=rung, reason=reason))
    return Choice(rungs=tuple(rungs), passed_over=tuple(passed_over))


def find_ladder(ladders: Iterable[Ladder], facts: Facts) -> Ladder | None:
    """Give the ladder for a device: its own family's before that of another kind with its os and arch.

    A board that was measured over ssh sees itself as local: os and arch decide what runs, the kind only says how it
    was reached. So Node takes a browser's ladder where it has none. Within a family the ladder with the best evidence
    is taken; of other kinds with the same evidence the first by name.
    """
    fitting = [ladder for ladder in ladders if (ladder.os, ladder.arch) == (facts.os, facts.arch)]
    return min(
        fitting,
        key=lambda ladder: (ladder.kind != facts.kind, TIERS.index(ladder.evidence), ladder.kind),
        default=None,
    )


def unfit(needs: Requirements, facts: Facts) -> str | None:
    """Say in a sentence what a device lacks that an artifact needs beside its runtime, None when nothing."""
    if needs.os and facts.os not in needs.os:
        return f"needs os {' or '.join(needs.os)}, this is {facts.os}"
    if needs.arch and facts.arch not in needs.arch:
        return f"needs arch {' or '.join(needs.arch)}, this is {facts.arch}"
    if needs.min_ram_bytes > facts.ram_bytes:
        return f"needs {needs.min_ram_bytes} bytes of RAM, this has {facts.ram_bytes}"
    if needs.accelerator is not None and needs.accelerator not in facts.features:
        return f"needs the accelerator {needs.accelerator}"
    missing = [feature for feature in needs.features if feature not in facts.features]
    return f"needs a CPU with {', '.join(missing)}" if missing else None


def _lacking(runtime: str, needs: Requirements, facts: Facts) -> str | None:
    reason = unfit(needs, facts)
    if reason is not None:
        return reason
    installed = facts.runtimes.get(runtime)
    if installed is None:
        return f"needs {runtime}, not installed"
    if runtime.partition("/")[0] == needs.runtime and not _at_least(installed, needs.min_runtime_version):
        return f"needs {runtime} {needs.min_runtime_version} or newer, {installed} is installed"
    return None


def _at_least(installed: str, wanted: str) -> bool:
    """Compare versions; one that cannot be read is old, so that nothing runs on an unknown runtime."""
    try:
        return Version(installed) >= Version(wanted)
    except InvalidVersion:
        return False
