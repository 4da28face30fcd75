"""The module for web apps by itself: Node's own tests of it, its size, and its types."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path

import pytest

from edgewright.web.assets import built, find_node

ROOM = Path(__file__).parents[2] / "web"


@pytest.fixture(scope="module")
def node() -> str:
    found = find_node()
    if found is None or not (ROOM / "node_modules").is_dir():
        pytest.skip("needs Node and the packages of web/: make web")
    return str(found)


def test_its_parts_pass_the_vectors_that_the_python_side_passes(node: str) -> None:
    run = subprocess.run([node, "test.mjs"], cwd=ROOM, capture_output=True, text=True, timeout=240, check=False)

    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert "# fail 0" in run.stdout
    assert "# pass 0" not in run.stdout


def loaded_with(module: Path) -> dict[Path, bytes]:
    """Give a module and all that it imports at once."""
    found: dict[Path, bytes] = {}
    waiting = [module.resolve()]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found[path] = path.read_bytes()
            imports = re.findall(r'(?:from|import)\s*"(\.[^"]+)"', found[path].decode())
            waiting += [(path.parent / name).resolve() for name in imports]
    return found


def test_it_is_small_because_engines_are_loaded_when_they_are_needed() -> None:
    files = loaded_with(built("fallback") / "edgewright-fallback.js")

    assert sum(len(gzip.compress(code)) for code in files.values()) < 24_000
    for engine in (b"tensorflow", b"ort-wasm", b"litert_wasm"):
        assert not [path for path, code in files.items() if engine in code]


APP = """
import { openBundle, DeviceError, LocalRecord, type Model, type Tensor } from "./fallback/edgewright-fallback.js";
const image: Tensor = { dtype: "float32", shape: [1, 1, 8, 8], data: new Float32Array(64) };
try {
  const model: Model = await openBundle("/bundle/", { key: null, maxLatencyMs: 5, record: new LocalRecord("x") });
  const { probability } = await model.run({ image });
  const shape: readonly number[] | undefined = probability?.shape;
  console.log(shape, model.rung.artifact, model.failures[0]?.event === "too-slow", model.passedOver[0]?.reason);
} catch (error) {
  if (error instanceof DeviceError) console.log(error.message, error.hint);
}
"""


def test_its_types_are_what_an_app_compiles_against(node: str, tmp_path: Path) -> None:
    (tmp_path / "fallback").symlink_to(built("fallback"))
    (tmp_path / "app.ts").write_text(APP, "utf-8")
    wrong = APP.replace('dtype: "float32"', 'dtype: "float"').replace("key: null, ", "")
    (tmp_path / "wrong.ts").write_text(wrong, "utf-8")

    options = ["--strict", "--noEmit", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"]
    command = [node, str(ROOM / "node_modules/typescript/bin/tsc"), *options, "app.ts", "wrong.ts"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False).stdout

    assert "'\"float\"' is not assignable" in said
    assert "Property 'key' is missing" in said
    assert [line for line in said.splitlines() if not line.startswith((" ", "wrong.ts"))] == []
