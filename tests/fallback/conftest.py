from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from edgewright.devices.base import Facts
from edgewright.profiles.report import Entry, Latency, Profile, Verdict
from edgewright.vocabulary.evidence import Evidence


@pytest.fixture
def facts() -> Callable[..., Facts]:
    def make(**changes: Any) -> Facts:
        plain = {
            "kind": "local",
            "arch": "x86_64",
            "os": "linux",
            "cpu": "a CPU",
            "features": (),
            "cores": 2,
            "ram_bytes": 2**33,
            "runtimes": {"onnxruntime": "1.31.1", "ai-edge-litert": "2.3.0"},
        }
        return Facts(**{**plain, **changes})

    return make


@pytest.fixture
def entry() -> Callable[..., Entry]:
    def make(artifact: str, p50: float | None = 1.0, **changes: Any) -> Entry:
        profile = None
        if p50 is not None:
            latency = Latency(p50=p50, p90=p50, p99=p50, n=50)
            profile = Profile(load_ms=1, first_ms=1, latency_ms=latency, peak_memory_bytes=1, context={})
        plain = {
            "artifact": artifact,
            "runtime": "onnxruntime",
            "runtime_version": "1.31.1",
            "device": "here",
            "threads": 1,
            "batch": 1,
            "target": artifact,
            "variant": "",
            "precision": "fp32",
            "files": (),
            "size_bytes": 100,
            "evidence": Evidence.MEASURED_HOST,
            "parity": None,
            "profile": profile,
            "coverage": None,
            "toolchain": {},
            "verdict": Verdict.PASS,
            "reasons": (),
        }
        return Entry(**{**plain, **changes})

    return make
