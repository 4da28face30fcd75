"""The module in a real browser: bundles of the Python side, served as plain files, and all that may go wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edgewright.bundle.keys import generate
from edgewright.bundle.session import open_bundle

if TYPE_CHECKING:
    from playwright.sync_api import Page

MakeBundle = Callable[..., Path]
ORDER = ("tflite-fp32", "tfjs-fp32", "onnxruntime-fp32")
IMAGES = np.random.default_rng(5).integers(0, 17, (3, 1, 8, 8)).astype("float32")

OPEN_AND_RUN = """async ({ key, values, options, engines }) => {
  const { openBundle } = await import("/fallback/edgewright-fallback.js");
  const own = engines === null ? {} : { engines: (await import("/engines.js")).engines };
  const image = { dtype: "float32", shape: [values.length / 64, 1, 8, 8], data: new Float32Array(values) };
  let model;
  const seen = () => ({
    rung: model.rung.artifact,
    failures: model.failures.map(({ rung, event, message }) => [rung.artifact, event, message]),
  });
  try {
    model = await openBundle("/bundle/", { key, ...options, ...own });
    const opened = seen();
    const { probability } = await model.run({ image });
    const { dtype, shape, data } = probability;
    return { opened, ...seen(), dtype, shape, data: [...data] };
  } catch (error) {
    return { error: error.name, message: error.message, hint: error.hint };
  }
}"""


def run(page: Page, key: Path | None, *, engines: str | None = None, **options: Any) -> dict[str, Any]:
    pem = key.read_text("utf-8") if key is not None else None
    arguments = {"key": pem, "values": IMAGES.reshape(-1).tolist(), "options": options, "engines": engines}
    found: dict[str, Any] = page.evaluate(OPEN_AND_RUN, arguments)
    return found


def by_python(bundle: Path, key: Path) -> np.ndarray:
    with open_bundle(bundle, key) as session:
        return np.asarray(session.run({"image": IMAGES})["probability"])


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("first", ORDER)
def test_every_engine_answers_as_python_does(page: Page, make_bundle: MakeBundle, key: Path, first: str) -> None:
    bundle = make_bundle(first, *(name for name in ORDER if name != first))

    found = run(page, key)

    assert (found["rung"], found["failures"]) == (first, [])
    assert (found["dtype"], found["shape"]) == ("float32", [3, 10])
    assert np.abs(np.reshape(found["data"], (3, 10)) - by_python(bundle, key)).max() < 1e-5


def test_a_family_without_a_ladder_is_answered_by_the_reference(page: Page, site: Path) -> None:
    data = Path(__file__).parents[1] / "bundle" / "data"
    shutil.copytree(data / "golden", site / "bundle")

    found = page.evaluate(
        """async (key) => {
          const { openBundle, rungKey } = await import("/fallback/edgewright-fallback.js");
          const model = await openBundle("/bundle/", { key });
          const x = { dtype: "float32", shape: [1, 3], data: new Float32Array([1, 2, 3]) };
          const { y } = await model.run({ x });
          return { rung: rungKey(model.rung), y: [...y.data] };
        }""",
        (data / "TEST-ONLY-public-key.pub").read_text("utf-8"),
    )

    assert found["rung"] == "reference@onnxruntime-web/wasm×1"
    assert found["y"] == pytest.approx([0.0, 3.89], abs=1e-6)


def test_a_damaged_shard_is_refused_and_the_next_rung_answers(page: Page, make_bundle: MakeBundle, key: Path) -> None:
    bundle = make_bundle("tfjs-fp32", "tflite-fp32")
    shard = "content/artifacts/tfjs-fp32/group1-shard1of1.bin"
    damage(bundle / shard)

    found = run(page, key)

    assert found["rung"] == "tflite-fp32"
    assert found["failures"] == [
        ["tfjs-fp32", "load-error", f"TrustError: {shard}: not the file that content/manifest.json lists"]
    ]


def test_a_missing_shard_is_named(page: Page, make_bundle: MakeBundle, key: Path, served: str) -> None:
    bundle = make_bundle("tfjs-fp32")
    shard = "content/artifacts/tfjs-fp32/group1-shard1of1.bin"
    (bundle / shard).unlink()

    found = run(page, key)

    assert found["rung"] == "reference"
    [[_, event, message]] = found["failures"]
    assert event == "load-error"
    assert message == f"RequestError: {shard}: {served}/bundle/{shard} answers 404 File not found"


def test_an_artifact_that_computes_something_else_fails_on_the_golden_vectors(
    page: Page, make_bundle: MakeBundle, key: Path, copy_of: Callable[[str], Path]
) -> None:
    changed = copy_of("tfjs-fp32")
    shard = changed / "group1-shard1of1.bin"
    weights = np.frombuffer(shard.read_bytes(), "<f4")
    # Integers among them, seen as floats, are nearly 0: they stay as they are.
    shard.write_bytes(np.where(np.abs(weights) > 1e-3, weights * np.float32(1.5), weights).tobytes())
    make_bundle("tfjs-fp32", "onnxruntime-fp32", swapped={"tfjs-fp32": changed})

    found = run(page, key)

    assert found["rung"] == "onnxruntime-fp32"
    [[artifact, event, message]] = found["failures"]
    assert (artifact, event) == ("tfjs-fp32", "golden-mismatch")
    assert message.startswith("output 'probability': max_abs ")
    assert message.endswith(" is above 1e-05")


ENGINES = """
const wrapped = (change) => async (name) => {
  const { engineOf } = await import("/engine.js");
  return change(name, await engineOf(name));
};
export const engines = wrapped((name, engine) => ({ ...engine, %s }));
"""


def test_an_engine_that_throws_is_left_for_the_next_one(
    page: Page, make_bundle: MakeBundle, key: Path, site: Path
) -> None:
    from edgewright.web.assets import built

    make_bundle("tfjs-fp32", "tflite-fp32")
    (site / "engine.js").symlink_to(built("engine.js"))
    change = 'load: (...all) => { if (name === "tfjs") throw new RangeError("no memory"); return engine.load(...all); }'
    (site / "engines.js").write_text(ENGINES % change, "utf-8")

    found = run(page, key, engines="own")

    assert found["rung"] == "tflite-fp32"
    assert found["failures"] == [["tfjs-fp32", "load-error", "RangeError: no memory"]]


def test_where_nothing_works_the_error_says_why_of_each(page: Page, make_bundle: MakeBundle, key: Path) -> None:
    bundle = make_bundle(*ORDER)
    for path in bundle.glob("content/artifacts/*/*"):
        damage(path)
    damage(bundle / "content/reference/model.onnx")

    found = run(page, key)

    assert found["error"] == "DeviceError"
    assert found["message"].startswith("digits 1.0.0: no rung works here: tflite-fp32: load-error: TrustError: ")
    for name in (*ORDER, "reference"):
        assert f"{name}: load-error: TrustError: content/" in found["message"]


def test_a_call_that_is_too_slow_is_answered_and_counted(page: Page, make_bundle: MakeBundle, key: Path) -> None:
    make_bundle("tfjs-fp32")

    found = run(page, key, maxLatencyMs=0, policy={"failures_to_step_down": 1, "crashes_to_skip": 2})

    assert found["opened"]["rung"] == "tfjs-fp32"
    assert [entry[:2] for entry in found["failures"]] == [["tfjs-fp32", "too-slow"]]
    assert found["rung"] == "reference"
    assert len(found["data"]) == 30


def test_another_key_is_refused(page: Page, make_bundle: MakeBundle, tmp_path: Path) -> None:
    make_bundle(*ORDER)
    generate(tmp_path / "other.pem", tmp_path / "other.pub")

    found = run(page, tmp_path / "other.pub")

    assert found["error"] == "TrustError"
    assert "signed by another key" in found["message"]
    assert "public key of whoever signed" in found["hint"]


@pytest.mark.parametrize("path", ["content/manifest.json", "evidence/ladder.json", "content/golden/outputs/0.npy"])
def test_what_was_changed_after_signing_is_refused(page: Page, make_bundle: MakeBundle, key: Path, path: str) -> None:
    bundle = make_bundle(*ORDER)
    with (bundle / path).open("ab") as file:
        file.write(b" ")

    found = run(page, key)

    assert found["error"] in ("TrustError", "RequestError")
    assert path in found["message"]


def test_without_a_key_the_files_are_held_to_the_manifest(page: Page, make_bundle: MakeBundle) -> None:
    bundle = make_bundle(*ORDER)
    (bundle / "model.sig").unlink()
    damage(bundle / "content/artifacts/tflite-fp32/model.tflite")

    found = run(page, None)

    assert found["rung"] == "tfjs-fp32"
    assert found["failures"][0][1] == "load-error"


def test_facts_name_the_family_and_every_engine_without_loading_one(page: Page, site: Path) -> None:
    from edgewright.web.assets import built

    (site / "engine.js").symlink_to(built("engine.js"))
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))

    facts = page.evaluate('async () => (await import("/fallback/edgewright-fallback.js")).ownFacts()')
    assert not [url for url in loaded if url.endswith(".wasm")]
    assert (facts["kind"], facts["os"], facts["arch"]) == ("browser", "web", "wasm32")

    engines = page.evaluate(
        """async () => {
          const { engineOf } = await import("/engine.js");
          const found = {};
          for (const name of ["tfjs", "litertjs", "onnxruntime-web"]) {
            const { version, backends } = await engineOf(name);
            for (const backend of backends) found[`${name}/${backend}`] = version;
          }
          return found;
        }"""
    )
    wanted = {name: version for name, version in engines.items() if "webgpu" not in name}
    assert {name: version for name, version in facts["runtimes"].items() if "webgpu" not in name} == wanted


WORKER = """
import { openBundle } from "/fallback/edgewright-fallback.js";
addEventListener("message", async ({ data: { key, values } }) => {
  const image = { dtype: "float32", shape: [values.length / 64, 1, 8, 8], data: new Float32Array(values) };
  const model = await openBundle("/bundle/", { key });
  const { probability } = await model.run({ image });
  const passedOver = model.passedOver.map(({ rung, reason }) => [rung.artifact, reason]);
  postMessage({ rung: model.rung.artifact, passedOver, data: [...probability.data] });
});
"""


@pytest.mark.parametrize("first", ["tfjs-fp32", "onnxruntime-fp32"])
def test_in_a_worker_it_runs_the_engines_that_run_there(
    page: Page, make_bundle: MakeBundle, key: Path, site: Path, first: str
) -> None:
    bundle = make_bundle("tflite-fp32", first)
    (site / "worker.js").write_text(WORKER, "utf-8")

    found = page.evaluate(
        """(message) => new Promise((resolve, reject) => {
          const worker = new Worker("/worker.js", { type: "module" });
          worker.addEventListener("message", ({ data }) => resolve(data));
          worker.addEventListener("error", ({ message }) => reject(new Error(message)));
          worker.postMessage(message);
        })""",
        {"key": key.read_text("utf-8"), "values": IMAGES.reshape(-1).tolist()},
    )

    assert found["rung"] == first
    assert found["passedOver"] == [["tflite-fp32", "needs litertjs/wasm, not installed"]]
    assert np.abs(np.reshape(found["data"], (3, 10)) - by_python(bundle, key)).max() < 1e-5


def record(page: Page) -> Any:
    return json.loads(page.evaluate("localStorage.getItem('edgewright/digits')"))


def open_only(page: Page, key: Path) -> str:
    rung: str = page.evaluate(
        """async (key) => {
          const { openBundle } = await import("/fallback/edgewright-fallback.js");
          globalThis.model = await openBundle("/bundle/", { key });
          return model.rung.artifact;
        }""",
        key.read_text("utf-8"),
    )
    return rung


def test_a_rung_with_which_the_page_dies_twice_is_passed_over(
    page: Page, make_bundle: MakeBundle, key: Path, served: str
) -> None:
    from playwright.sync_api import Error as PlaywrightError

    make_bundle(*ORDER)
    for _ in range(2):
        assert open_only(page, key) == "tflite-fp32"
        with page.expect_event("crash"), suppress(PlaywrightError):  # that page is never there
            page.goto("chrome://crash")
        survivor = page.context.new_page()
        survivor.goto(f"{served}/page.html")
        page.close()
        page = survivor
    assert record(page)["trying"] == "tflite-fp32@litertjs/wasm×1"

    assert open_only(page, key) == "tfjs-fp32"
    assert record(page)["crashes"] == {"tflite-fp32@litertjs/wasm×1": 2}


def test_a_visitor_who_leaves_is_no_crash(page: Page, make_bundle: MakeBundle, key: Path) -> None:
    make_bundle(*ORDER)
    for _ in range(3):
        assert open_only(page, key) == "tflite-fp32"
        assert record(page)["trying"] == "tflite-fp32@litertjs/wasm×1"
        page.reload()
        assert record(page)["trying"] is None


def test_another_tab_that_tries_the_same_rung_is_no_crash(
    page: Page, make_bundle: MakeBundle, key: Path, served: str
) -> None:
    make_bundle(*ORDER)
    assert open_only(page, key) == "tflite-fp32"

    for _ in range(3):
        tab = page.context.new_page()
        tab.goto(f"{served}/page.html")
        assert open_only(tab, key) == "tflite-fp32"
        assert record(tab)["crashes"] == {}
