"""Artifacts of which a device makes what runs there: built on it where it can, else told to be built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from ..devices.local import Local
from ..profiles.report import Entry
from ..targets.base import BuiltOnDevice
from ..targets.table import load_target
from ..vocabulary.label import Label
from .entries import entry_without_run
from .on_device import Place, is_emulated_at
from .runner import Runner
from .steps.build_on_device import BuildOnDevice
from .steps.compile_model import read_artifact
from .subject import Subject


def build_here(subject: Subject, places: Sequence[Place], runner: Runner) -> Subject:
    """Give what one of the devices makes of an artifact; the artifact itself where it runs as it is, or none can.

    Of what runs there, only this machine can be asked to build now.

    Raises:
        EdgewrightError: when it cannot be built there, or what was built does not compute what it should.
    """
    if Label.TO_BE_BUILT not in subject.artifact.labels:
        return subject
    target = load_target(subject.artifact.target)
    here = next((place for place in places if _can_build(subject, place)), None)
    if here is None or not isinstance(target, BuiltOnDevice):
        return subject
    step = BuildOnDevice(artifact=subject.artifact, folder=str(subject.folder), machine=_machine(here))
    entry = runner.step(step)
    return Subject(artifact=read_artifact(entry), folder=entry / "files", runtime=subject.runtime)


def entry_to_be_built(subject: Subject, place: Place) -> Entry:
    """Say of what the device will make of an artifact that it was not run, whatever stood in for it here."""
    reason = (
        f"to be built on a device with {subject.artifact.requires.runtime}, by what lies in the artifact; "
        "only what it is built of was run here"
    )
    target = cast("BuiltOnDevice", load_target(subject.artifact.target))
    entry = entry_without_run(subject, place, reason)
    name = f"{subject.artifact.name}-{target.builds}"
    return msgspec.structs.replace(entry, artifact=name, files=(), size_bytes=0, labels=())


def _can_build(subject: Subject, place: Place) -> bool:
    if place.device.kind != Local.kind or is_emulated_at(place.device.kind, subject.runtime):
        return False
    return subject.artifact.requires.runtime in place.facts.runtimes


def _machine(place: Place) -> dict[str, Any]:
    facts = place.facts
    return {"arch": facts.arch, "os": facts.os, "features": facts.features, "runtimes": facts.runtimes}
