"""Two artifacts measured by turns on one device."""

from __future__ import annotations

import shutil
import statistics
from pathlib import Path
from typing import Final

import msgspec

from ..profiles.latency import latency
from ..profiles.measured_search import Comparison
from ..vocabulary.codec import encode_json
from ..vocabulary.errors import ConfigError
from ..vocabulary.evidence import Evidence
from .cache import key_of
from .imported import Imported
from .on_device import Place, benchmark, benchmark_of, is_emulated_at, key_parts
from .runner import Runner
from .subject import Subject

TURNS: Final = 5
"""If two were alike, one of them would be the faster in all five turns in one of 32 cases (the sign test)."""

PROTOCOL: Final = {"min_runs": 20, "min_seconds": 0.3, "warmup_runs": 3, "warmup_seconds": 0.1}
"""Of one turn of one artifact: short, so that what changes on the machine changes for both."""


class Turns(msgspec.Struct, frozen=True, kw_only=True):
    """The p50 of each turn of one artifact and of another beside it, in milliseconds."""

    one_ms: tuple[float, ...]
    beside_ms: tuple[float, ...]
    evidence: Evidence

    @property
    def ratios(self) -> tuple[float, ...]:
        """Give for each turn how many times as long one took as that beside it."""
        return tuple(one / beside for one, beside in zip(self.one_ms, self.beside_ms, strict=True))

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def faster(self) -> bool:
        """Whether it was faster in every turn."""
        return max(self.ratios) < 1

    def compared(self, tried: tuple[str, ...], *, taken: bool) -> Comparison:
        """Give the record."""
        return Comparison(
            tried=tried,
            ratio=self.ratio,
            lowest=min(self.ratios),
            highest=max(self.ratios),
            beside_ms=statistics.median(self.beside_ms),
            taken=taken,
        )


_TURNS: Final = msgspec.json.Decoder(Turns)
"""Made on import: what msgspec finds out of a type when it first meets it is no work for two threads at once."""


def by_turns(one: Subject, beside: Subject, place: Place, imported: Imported, runner: Runner) -> Turns:
    """Measure both by turns, first the one, then the other.

    Raises:
        ConfigError: when the device emulates what runs them.
        DeviceError: when the device failed, or the runtime refused an artifact.
    """
    name = one.artifact.name
    if is_emulated_at(place.device.kind, one.runtime):
        raise _emulated(name, place)

    def make(out: Path) -> None:
        p50: dict[bool, list[float]] = {True: [], False: []}
        evidence = set()
        for turn in range(TURNS):
            for first in (True, False) if turn % 2 == 0 else (False, True):
                scratch = out / "scratch"
                scratch.mkdir()
                subject = one if first else beside
                task = msgspec.structs.replace(benchmark_of(subject, imported), **PROTOCOL)
                result = benchmark(subject, place, imported, task, scratch)
                shutil.rmtree(scratch)
                assert result.samples is not None, "a benchmark gives samples"
                p50[first].append(latency(result.samples.latency_ms).p50)
                evidence.add(result.evidence)
        if Evidence.EMULATED in evidence:
            raise _emulated(name, place)
        turns = Turns(one_ms=tuple(p50[True]), beside_ms=tuple(p50[False]), evidence=evidence.pop())
        (out / "turns.json").write_bytes(encode_json(turns))

    key = key_of(
        "turns",
        {
            **key_parts(one, place),
            "beside": beside.digest,
            "protocol": {**PROTOCOL, "turns": TURNS},
            "data": imported.digest,
        },
    )
    entry = runner.keyed(f"measure {name} by turns on {place.device.name}", key, make)
    return _TURNS.decode((entry / "turns.json").read_bytes())


def _emulated(name: str, place: Place) -> ConfigError:
    return ConfigError(
        f"{name} is emulated on {place.device.name}, and how fast an emulation is says nothing",
        hint="name a device in front that runs it, or take `measured` or `latency` out of the recipe",
    )
