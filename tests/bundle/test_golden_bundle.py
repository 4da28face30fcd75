"""The bundle that is committed under `data/`: what this version wrote, later ones must open."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from edgewright.bundle.verify import verify

DATA = Path(__file__).parent / "data"
KEY = DATA / "TEST-ONLY-public-key.pub"


@pytest.mark.parametrize("form", ["golden", "golden.zip"])
def test_it_verifies(form: str) -> None:
    verified = verify(DATA / form, KEY)

    assert (verified.manifest.name, verified.manifest.version) == ("golden", "1.0.0")
    assert [ladder.family for ladder in verified.ladders] == ["local linux x86_64"]
    assert len(verified.report.entries) == 3


LIGHT = """
    import sys

    class Refuse:
        def find_spec(self, name, path=None, target=None):
            banned = {"torch", "onnx", "onnx_ir", "onnxscript", "tensorflow", "sigstore", "model_signing", "psutil"}
            if name.split(".")[0] in banned or name.startswith("edgewright.compiler"):
                raise ImportError(f"{name} must not be needed on a device")

    sys.meta_path.insert(0, Refuse())

    import numpy as np
    from pathlib import Path
    import edgewright.bundle.manifest
    import edgewright.bundle.verify
    import edgewright.fallback.guard
    import edgewright.fallback.rules
    import edgewright.fallback.select
    assert "onnxruntime" not in sys.modules, "a runtime is loaded when it is used"
    from edgewright.bundle.session import open_bundle
    from edgewright.devices.base import Facts

    with open_bundle(Path(sys.argv[1]), Path(sys.argv[2])) as session:
        print(session.run({"x": np.array([[1, 2, 3]], "float32")})["y"].tolist())
"""


@pytest.mark.parametrize("form", ["golden", "golden.zip"])
def test_it_runs_where_no_compiler_onnx_or_torch_is(form: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LIGHT), str(DATA / form), str(KEY)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr
    assert np.allclose(json.loads(finished.stdout), [[0.0, 3.89]], atol=1e-2)


@pytest.mark.parametrize(
    "module",
    [
        "bundle.compose",
        "bundle.golden",
        "bundle.interface",
        "bundle.keys",
        "bundle.manifest",
        "bundle.pack",
        "bundle.session",
        "bundle.sign",
        "bundle.verify",
        "fallback.guard",
        "fallback.rules",
        "fallback.select",
    ],
)
def test_importing_a_module_pulls_nothing_heavy(module: str) -> None:
    code = f"import sys, edgewright.{module}; print(*sys.modules, sep=chr(10))"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = {"torch", "onnx", "onnx_ir", "onnxruntime", "model_signing", "sigstore", "cryptography"}
    assert heavy.isdisjoint(finished.stdout.split())
