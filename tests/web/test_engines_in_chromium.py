"""The engines in a real page: dtypes to the bit, refusals, and what a strict page allows them."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
from onnx import helper

from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.targets.base import Options
from edgewright.targets.table import load_target
from edgewright.web.assets import built

if TYPE_CHECKING:
    from playwright.sync_api import Page

STRICT = "default-src 'self' blob:; script-src 'self' blob: 'wasm-unsafe-eval'"
"""Nothing from elsewhere, and no text becomes a program; WebAssembly may be compiled."""

RUN = """async ({ engine: name, path, options, x }) => {
  const { engineOf } = await import("/engine.js");
  try {
    const engine = await engineOf(name);
    const read = async (file) => {
      const response = await fetch(`/model/${file}`);
      if (!response.ok) throw new Error(`${file}: ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    };
    const full = { backend: "wasm", threads: 1, optimize: true, assets: "/assets/", ...options };
    const session = await engine.load(path, read, full);
    const arrays = { float32: Float32Array, float16: Uint16Array, int8: Int8Array, uint8: Uint8Array, bool: Uint8Array,
      int16: Int16Array, int32: Int32Array, int64: BigInt64Array };
    const bytes = Uint8Array.from(atob(x.data), (letter) => letter.charCodeAt(0));
    const data = new arrays[x.dtype](bytes.buffer);
    const { y } = await session.run({ [x.name]: { dtype: x.dtype, shape: x.shape, data } });
    await session.dispose();
    const { buffer, byteOffset, byteLength } = y.data;
    const text = String.fromCharCode(...new Uint8Array(buffer, byteOffset, byteLength));
    return { dtype: y.dtype, shape: y.shape, data: btoa(text) };
  } catch (error) {
    return { error: `${error.name}: ${error.message}` };
  }
}"""


@pytest.fixture
def doubled(site: Path):
    """Put `y`, `x` twice over, into the site as a target's artifact; give the name of its first file."""
    (site / "engine.js").symlink_to(built("engine.js"))

    def make(target: str, dtype: str = "float32") -> str:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        infos = [helper.make_tensor_value_info(name, kind, [rows]) for name, rows in (("x", 3), ("y", 6))]
        graph = helper.make_graph([helper.make_node("Concat", ["x", "x"], ["y"], axis=0)], "g", infos[:1], infos[1:])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), site / "m.onnx")
        (out := site / "model").mkdir()
        hub = import_model(Request(reference="m.onnx", folder=site)).model
        return load_target(target).compile(hub, Options(variant="fp32"), out).files[0].path

    return make


def run(page: Page, engine: str, path: str, x: np.ndarray, name: str = "x", **options: Any) -> np.ndarray:
    data = base64.b64encode(x.tobytes()).decode()
    given = {"name": name, "dtype": x.dtype.name, "shape": list(x.shape), "data": data}
    found = page.evaluate(RUN, {"engine": engine, "path": path, "options": options, "x": given})
    if "error" in found:
        raise RuntimeError(found["error"])
    return np.frombuffer(base64.b64decode(found["data"]), found["dtype"]).reshape(found["shape"])


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8", "int16", "int32", "int64", "bool"])
def test_litertjs_takes_and_gives_every_dtype_to_the_bit(page, doubled, dtype):
    path = doubled("tflite", dtype)
    x = np.array([0, 1, 1]).astype(dtype) if dtype == "bool" else np.array([3, -7, 100]).astype(dtype)
    if dtype == "int64":
        x = np.array([2**62 + 1, -(2**63), 5])
    y = run(page, "litertjs", path, x)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, np.concatenate([x, x]))


def test_litertjs_refuses_a_file_that_is_cut(page, doubled, site):
    path = doubled("tflite")
    (site / "model" / path).write_bytes((site / "model" / path).read_bytes()[:100])
    with pytest.raises(RuntimeError, match="Error: "):
        run(page, "litertjs", path, np.zeros(3, np.float32))


@pytest.mark.parametrize(
    ("x", "name"), [(np.zeros(3, np.float32), "z"), (np.zeros(3, np.int32), "x"), (np.zeros(4, np.float32), "x")]
)
def test_litertjs_says_which_inputs_it_takes(page, doubled, x, name):
    with pytest.raises(RuntimeError, match=r"TypeError: .*x"):
        run(page, "litertjs", doubled("tflite"), x, name)


ENGINES = [("tfjs", "tfjs"), ("litertjs", "tflite"), ("onnxruntime-web", "onnxruntime")]


@pytest.mark.parametrize(("engine", "target"), ENGINES)
def test_threads_need_a_page_that_is_isolated(page, doubled, engine, target):
    with pytest.raises(RuntimeError, match="no threads here, 2 are asked for"):
        run(page, engine, doubled(target), np.zeros(3, np.float32), threads=2)


@pytest.mark.parametrize(("engine", "target"), ENGINES)
def test_a_strict_page_is_enough_and_nothing_comes_from_elsewhere(page, served, site, doubled, engine, target):
    policy = f'<meta http-equiv="Content-Security-Policy" content="{STRICT}">'
    (site / "strict.html").write_text(f"<!doctype html>{policy}<title>strict</title><body></body>", "utf-8")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served}/strict.html")
    x = np.array([1, np.nan, -np.inf], np.float32)
    np.testing.assert_array_equal(run(page, engine, doubled(target), x), np.concatenate([x, x]))
    assert [address for address in asked if not address.startswith((f"{served}/", f"blob:{served}/"))] == []
    assert any(address.endswith(".wasm") for address in asked)
