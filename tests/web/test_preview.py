"""The preview page in a real Chromium: what a person does, sees and is refused."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from edgewright.bundle.compose import Built, Evidence, GoldenVectors, compose
from edgewright.bundle.manifest import GoldenKind
from edgewright.bundle.pack import write
from edgewright.bundle.sign import sign
from edgewright.fallback.rules import REFERENCE, Ladder, Rung
from edgewright.pipeline.config import Selection
from edgewright.pipeline.preview.opening import open_site
from edgewright.pipeline.preview.server import PreviewServer
from edgewright.profiles.report import Entry, Latency, Profile, Report, Verdict
from edgewright.targets.artifact import Artifact
from edgewright.vocabulary.errors import RequestError, TrustError
from edgewright.vocabulary.evidence import Evidence as Tier
from edgewright.vocabulary.signature import Preprocess

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.npz"
LABELS = tuple(f"a {word}" for word in ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
RUNTIMES = {"tfjs-fp32": "tfjs/wasm", "tflite-fp32": "litertjs/wasm", "onnxruntime-fp32": "onnxruntime-web/wasm"}


def seen(artifact: Artifact, runtime: str, p50: float) -> Entry:
    return Entry(
        artifact=artifact.name,
        runtime=runtime,
        runtime_version="1",
        device="chromium",
        threads=1,
        batch=1,
        target=artifact.target,
        variant=artifact.variant,
        precision=artifact.precision,
        files=artifact.files,
        size_bytes=artifact.size_bytes,
        evidence=Tier.MEASURED_HOST,
        parity=None,
        profile=Profile(
            load_ms=1.0,
            first_ms=1.0,
            latency_ms=Latency(p50=p50, p90=p50, p99=p50, n=50),
            peak_memory_bytes=1,
            context={},
        ),
        coverage=None,
        toolchain={},
        verdict=Verdict.PASS,
        reasons=(),
    )


@pytest.fixture(scope="session")
def previewed(parts: Any, key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's bundle: its classes have names, its input is made of grey pixels, and one artifact is Core ML's."""
    built = [parts.built(name, parts.folder / name) for name in (*RUNTIMES, REFERENCE)]
    apple = msgspec.structs.replace(
        built[1].artifact,
        target="coreml",
        requires=msgspec.structs.replace(built[1].artifact.requires, runtime="coreml"),
    )
    built.append(Built(artifact=apple, folder=built[1].folder, tolerances=built[1].tolerances))
    signature = parts.model.signature
    (image,), (probability,) = signature.inputs, signature.outputs
    grey = Preprocess(scale=(16 / 255,), bias=(0.0,), colour="L")
    signature = msgspec.structs.replace(
        signature,
        inputs=(msgspec.structs.replace(image, preprocess=grey),),
        outputs=(msgspec.structs.replace(probability, labels=LABELS),),
    )
    rungs = [(name, runtime, 1.0 + place) for place, (name, runtime) in enumerate(RUNTIMES.items())]
    artifacts = {part.artifact.name: part.artifact for part in built}
    ladder = Ladder(
        kind="browser",
        os="web",
        arch="wasm32",
        evidence=Tier.MEASURED_HOST,
        rungs=tuple(
            Rung(artifact=name, runtime=runtime, threads=1, latency_ms=latency, size_bytes=artifacts[name].size_bytes)
            for name, runtime, latency in [*rungs, (REFERENCE, "onnxruntime-web/wasm", 9.0)]
        ),
    )
    files = compose(
        name="digits",
        version="1.0.0",
        source_digest="5" * 64,
        signature=signature,
        built=built,
        golden=GoldenVectors(kind=GoldenKind.ROWS, inputs=parts.folder / "inputs", outputs=parts.folder / "outputs"),
        evidence=Evidence(
            report=Report(
                name="digits",
                version="1.0.0",
                devices={},
                entries=tuple(seen(artifacts[name], runtime, latency) for name, runtime, latency in rungs),
            ),
            ladders=(ladder,),
        ),
    )
    out = tmp_path_factory.mktemp("previewed") / "bundle"
    write(out, files, lambda folder: sign(folder, str(key.with_suffix(".pem"))))
    return out


@contextmanager
def serving(bundle: Path, key: Path, data: Selection | None = None) -> Iterator[PreviewServer]:
    with open_site(bundle, key, data) as (_, site), PreviewServer(site, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def preview(previewed: Path, key: Path) -> Iterator[PreviewServer]:
    """The bundle, served with rows of data."""
    with serving(previewed, key, Selection(file=str(DIGITS), rows="100:110", labels="label")) as server:
        yield server


OpenPage = Callable[..., "Page"]


@pytest.fixture
def open_page(browser: Browser, preview: PreviewServer) -> Iterator[OpenPage]:
    """Open the preview in a profile of its own, and wait until it is ready."""
    contexts: list[BrowserContext] = []

    def open_it(width: int = 1280, **options: Any) -> Page:
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.goto(preview.url)
        said(page, "Ready.")
        return page

    yield open_it
    for context in contexts:
        context.close()


def said(page: Page, text: str) -> str:
    """Wait until the page's status says something, and give all of it; what went wrong ends the wait."""
    told = page.locator("#status", has_text=text).or_(page.locator("#problem:not(:empty)"))
    told.first.wait_for(timeout=60_000)
    status = page.locator("#status").inner_text()
    assert text in status, page.locator("#problem").inner_text()
    return status


def shown(page: Page, selector: str, text: str = "") -> None:
    """Wait until an element is to be seen, with this text; the page forbids the polling by `eval` that is usual."""
    page.locator(selector, has_text=text).first.wait_for()


@pytest.mark.parametrize(
    ("artifact", "ran"), [(name, runtime.replace("/", " · ")) for name, runtime in RUNTIMES.items()]
)
def test_a_person_chooses_an_artifact_and_a_row_and_sees_output_latency_and_what_ran(
    open_page: OpenPage, artifact: str, ran: str
) -> None:
    page = open_page()
    page.get_by_role("radio", name=artifact).check()
    page.get_by_label("Row", exact=True).fill("3")
    page.get_by_role("button", name="Run", exact=True).click()

    status = said(page, "Ran golden row 3 in")
    assert re.fullmatch(rf"Ran golden row 3 in [\d.]+ ms by {ran}\. Golden row 3 matches the original\.", status)
    assert page.locator("#ran-on").inner_text().startswith(ran)
    assert re.match(r"[\d.]+ ms", page.locator("#last").inner_text())
    assert re.match(r"[\d.]+ ms", page.locator("#load").inner_text())
    with np.load(DIGITS) as rows:
        label = int(rows["label"][102])
    best = page.locator(".bars li").first
    assert best.locator(".label").inner_text() == LABELS[label]
    assert best.locator(".figure").inner_text().endswith("%")
    assert page.locator("#answered").inner_text() == f"{artifact} on golden row 3."


def test_it_begins_with_the_first_rung_for_browsers(open_page: OpenPage) -> None:
    page = open_page()
    assert page.locator("#artifacts input:checked").get_attribute("value") == "tfjs-fp32"
    assert page.locator("#backends input:checked").get_attribute("value") == "wasm"
    assert "the first rung of this bundle's ladder for browsers" in page.locator("#start-reason").inner_text()


def test_what_cannot_be_chosen_is_shown_disabled_with_its_reason(open_page: OpenPage) -> None:
    page = open_page()
    apple = page.get_by_role("radio", name="coreml-fp32")
    assert apple.is_disabled()
    assert "Core ML runs on Apple's systems, not in a browser" in page.locator("#artifacts").inner_text()
    assert page.get_by_role("radio", name="A recording").is_disabled()
    assert "a waveform has one axis, or a batch and one; it has 4" in page.locator("#kinds").inner_text()
    page.get_by_role("radio", name="tflite-fp32").check()
    shown(page, "#engine", "litertjs")
    shown(page, "#backend-webgl:disabled")
    assert "litertjs has no such backend" in page.locator("#backends").inner_text()


def test_by_keyboard_alone(open_page: OpenPage) -> None:
    """Arrows choose another artifact, Tab goes on, Enter presses what has the focus; the focus is always to be seen."""
    page = open_page()

    def tab_to(selector: str) -> None:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        raise AssertionError(f"Tab never comes to {selector}")

    tab_to("#artifacts input")
    chosen = page.locator("#artifacts input:checked").get_attribute("value")
    page.keyboard.press("ArrowUp")
    assert page.locator("#artifacts input:checked").get_attribute("value") != chosen
    page.keyboard.press("ArrowDown")
    outline = "getComputedStyle(document.activeElement.closest('.choice')).outlineStyle"
    assert page.evaluate(outline) == "solid"
    tab_to("#row-golden")
    page.keyboard.press("ArrowUp")
    tab_to("#run")
    page.keyboard.press("Enter")
    said(page, "Ran golden row 2 in")
    assert page.evaluate("document.activeElement.id") == "run"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    said(page, "Median of 50 runs:")
    assert "of 50 runs; nine of ten within" in page.locator("#median").inner_text()


def test_all_golden_rows_are_checked_as_a_device_does(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Check all golden rows").click()
    said(page, "tfjs-fp32 matches the original on all 4 golden rows.")
    assert page.locator("#verdict").get_attribute("class") == "pass"


def test_a_row_of_data_says_how_it_is_labelled(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("radio", name="A row of your data").check()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Run", exact=True).click()
    said(page, "Ran data row 2 in")
    with np.load(DIGITS) as rows:
        label = LABELS[int(rows["label"][101])]
    assert page.locator("#answered").inner_text() == f"tfjs-fp32 on data row 2. It is labelled {label}."
    assert page.locator("#verdict").is_hidden()


def picture_of(image: np.ndarray) -> bytes:
    """A PGM is what no browser reads; a BMP of grey pixels, uint8[8, 8], is one that all do."""
    height, width = image.shape
    pixels = np.repeat(image[::-1, :, None], 3, axis=2).tobytes()  # 24 bytes a line need no filling
    size = 54 + len(pixels)
    head = b"BM" + size.to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
    info = [40, width, height, 1 | 24 << 16, 0, len(pixels), 0, 0, 0, 0]
    return head + b"".join(number.to_bytes(4, "little") for number in info) + pixels


def test_a_picture_becomes_the_numbers_that_the_signature_says(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    with np.load(DIGITS) as rows:
        image, label = rows["image"][102, 0], int(rows["label"][102])
    page.get_by_role("radio", name="A picture").check()
    page.get_by_role("button", name="Run", exact=True).click()
    shown(page, "#problem", "Choose a picture first.")
    grey = np.rint(image * 255 / 16).astype("uint8")
    page.set_input_files("#picture-file", {"name": "digit.bmp", "mimeType": "image/bmp", "buffer": picture_of(grey)})
    shown(page, "#given", "Ready: a picture.")
    assert "From 8 × 8 to 8 × 8 pixels, by this browser's canvas" in page.locator("#panel").inner_text()
    page.get_by_role("button", name="Run", exact=True).click()
    said(page, "Ran a picture in")
    assert page.locator(".bars li .label").first.inner_text() == LABELS[label]
    page.locator("#look summary").click()
    shown(page, "#looked .quiet", "float32[1, 1, 8, 8]")


def test_a_file_that_is_no_picture_is_said_in_plain_words(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("radio", name="A picture").check()
    page.set_input_files("#picture-file", {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"})
    shown(page, "#given", "cannot read that file")


def test_cancel_ends_what_runs_and_the_next_run_begins_anew(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/bundle/content/**", lambda route: None)  # a file that never comes
    page.get_by_role("button", name="Run", exact=True).click()
    shown(page, "#status", "Loading")
    page.get_by_role("button", name="Cancel").click()
    said(page, "Cancelled.")
    page.unroute("**/bundle/content/**")
    page.get_by_role("button", name="Run", exact=True).click()
    said(page, "Ran golden row 1 in")


def test_the_answer_can_be_downloaded(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page()
    page.get_by_role("button", name="Run", exact=True).click()
    said(page, "Ran golden row 1 in")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as JSON").click()
    download.value.save_as(tmp_path / "output.json")
    found = json.loads((tmp_path / "output.json").read_text())
    assert (found["artifact"], found["input"], found["engine"], found["backend"]) == (
        "tfjs-fp32",
        "golden row 1",
        "tfjs",
        "wasm",
    )
    output = found["outputs"]["probability"]
    assert output["shape"] == [1, 10]
    assert sum(output["data"]) == pytest.approx(1.0, abs=1e-5)  # a softmax, in float32


def test_nothing_is_asked_for_beyond_this_machine(open_page: OpenPage, preview: PreviewServer) -> None:
    page = open_page()
    asked: list[str] = []
    page.context.on("request", lambda request: asked.append(request.url))
    page.reload()
    said(page, "Ready.")
    page.get_by_role("button", name="Run", exact=True).click()
    said(page, "Ran golden row 1 in")
    assert len(asked) > 5
    assert [
        url for url in asked if not url.startswith((preview.url, f"blob:http://127.0.0.1:{preview.server_port}"))
    ] == []


CONTRAST = """
() => {
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = numbers(colour).map((value) => linear(value / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if ((numbers(colour)[3] ?? 1) === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const own = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  return [...document.body.querySelectorAll("*")]
    .filter((element) => own(element) && element.checkVisibility())
    .map((element) => {
      const [a, b] = [luminance(getComputedStyle(element).color), luminance(ground(element))];
      return [element.textContent.trim().slice(0, 40), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    });
}
"""
"""The contrast of every text with what lies behind it, by WCAG 2.2."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_can_be_read_light_and_dark_on_a_phone_and_on_a_desk(
    open_page: OpenPage, tmp_path: Path, scheme: str, width: int
) -> None:
    page = open_page(width=width, color_scheme=scheme, reduced_motion="reduce")
    page.get_by_role("button", name="Run", exact=True).click()
    said(page, "Ran golden row 1 in")
    folder = Path(os.environ.get("EDGEWRIGHT_TESTS_KEEP", tmp_path))
    picture = page.screenshot(path=folder / f"preview-{scheme}-{width}.png", full_page=True)

    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    low = [(text, ratio) for text, ratio in page.evaluate(CONTRAST) if ratio < 4.5]  # AA for text of any size
    assert low == []
    red, green, blue = map(
        int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor"))[:3]
    )
    assert (max(red, green, blue) < 64) == (scheme == "dark")
    columns = len(page.evaluate("getComputedStyle(document.querySelector('main')).gridTemplateColumns").split())
    assert columns == (1 if width == 390 else 2)
    small = page.evaluate(
        "[...document.querySelectorAll('button, select')].filter((each) => each.checkVisibility())"
        ".filter((each) => each.getBoundingClientRect().height < 44).map((each) => each.id)"
    )
    assert small == []  # what a finger hits: 44 CSS pixels, WCAG 2.5.5
    moving = page.evaluate(
        "[...document.querySelectorAll('*')].filter((each) => getComputedStyle(each).transitionDuration !== '0s' "
        "|| getComputedStyle(each).animationName !== 'none').length"
    )
    assert moving == 0


def test_every_control_has_a_name_and_news_are_announced(open_page: OpenPage) -> None:
    page = open_page()
    nameless = page.evaluate(
        "[...document.querySelectorAll('input, select')].filter((each) => !each.labels.length).map((each) => each.id)"
    )
    assert nameless == []
    assert page.locator("#status").get_attribute("role") == "status"
    assert page.locator("#problem").get_attribute("role") == "alert"


@pytest.mark.parametrize("form", ["bundle", "bundle.zip"])
def test_a_folder_and_a_zip_are_served_alike(previewed: Path, key: Path, form: str) -> None:
    with serving(previewed.with_name(form), key) as server:
        status, headers, body = ask(server, f"/{server.token}/bundle/content/artifacts/tfjs-fp32/model.json")
        assert (status, json.loads(body)["format"]) == (200, "graph-model")
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Embedder-Policy"] == "require-corp"
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert ask(server, f"/{server.token}/examples/golden/0/inputs/0")[2][:4] == bytes(4)
        assert ask(server, f"/{server.token}/examples/golden/4/inputs/0")[0] == 404


def ask(server: PreviewServer, path: str, host: str | None = None) -> tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
    connection.request("GET", path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, answer.headers, body


@pytest.mark.parametrize(
    "path",
    [
        "bundle/evidence/report.json",
        "bundle/model.sig",
        "bundle/content/manifest.json",
        "bundle/content/../model.sig",
        "bundle/%2e%2e/model.sig",
        "../../etc/passwd",
        "preview/../../worker.mjs",
        "examples/golden/00/inputs/0",
        "examples/golden/-1/inputs/0",
    ],
)
def test_only_what_the_manifest_lists_is_served(preview: PreviewServer, path: str) -> None:
    assert ask(preview, f"/{preview.token}/{path}")[0] == 404


def test_without_the_token_and_by_a_name_nothing_is_served(preview: PreviewServer) -> None:
    assert ask(preview, "/bundle.json")[0] == 403
    assert ask(preview, f"/{preview.token}/bundle.json", host=f"evil.example:{preview.server_port}")[0] == 403
    assert ask(preview, f"/{preview.token}/bundle.json", host="127.0.0.1:1")[0] == 403
    assert ask(preview, f"/{preview.token}/bundle.json", host=f"localhost:{preview.server_port}")[0] == 200


def test_an_invitation_leads_to_the_page_once(preview: PreviewServer) -> None:
    """What starts a browser has its address in its command line, which other users of the machine may read."""
    void, path = ("/" + preview.invitation().rpartition("/")[2] for _ in range(2))
    assert preview.token not in path
    assert ask(preview, void)[0] == 403
    status, headers, _ = ask(preview, path)
    assert (status, headers["Location"]) == (303, f"/{preview.token}/")
    assert ask(preview, path)[0] == 403
    assert ask(preview, "/")[0] == 403


@pytest.mark.parametrize("target", ["http://[", "*", "/%00", "/?", "//[/"])
def test_an_address_that_is_none_is_refused_and_nothing_is_printed(
    preview: PreviewServer, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    assert ask(preview, target, host=f"127.0.0.1:{preview.server_port}")[0] == 403
    assert capsys.readouterr().err == ""


def test_a_file_that_was_changed_meanwhile_is_not_served(previewed: Path, key: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(previewed, tmp_path / "bundle"))
    with serving(bundle, key) as server:
        (bundle / "content/artifacts/tfjs-fp32/model.json").write_text("{}")
        status, _, body = ask(server, f"/{server.token}/bundle/content/artifacts/tfjs-fp32/model.json")
    assert status == 409
    assert b"was changed after the bundle was verified" in body


def test_a_bundle_that_was_tampered_with_is_not_served(previewed: Path, key: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(previewed, tmp_path / "bundle"))
    (bundle / "content/artifacts/tfjs-fp32/model.json").write_text("{}")
    with pytest.raises(TrustError, match=r"model\.json was changed after signing"), serving(bundle, key):
        pass


def test_a_port_that_is_taken_is_a_wrong_request(preview: PreviewServer) -> None:
    with pytest.raises(RequestError, match=f"port {preview.server_port} of 127.0.0.1 is taken"):
        PreviewServer(preview.site, "127.0.0.1", preview.server_port)


def started(*line: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edgewright", "preview", *line]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.usefixtures("interruptible")
def test_the_verb_prints_an_address_and_ctrl_c_ends_it_with_0(previewed: Path, key: Path) -> None:
    with started(str(previewed), "--key", str(key), "--port", "0", "--json") as process:
        assert process.stdout is not None
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
        document = json.loads("".join(lines))
        assert document["name"] == "digits"
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{22}/", document["url"])
        address, _, rest = document["url"].removeprefix("http://").partition("/")
        connection = http.client.HTTPConnection(address)
        connection.request("GET", f"/{rest}")
        assert b"<title>Preview" in connection.getresponse().read()
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(timeout=20) == 0
        finally:
            process.kill()
        connection.close()


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        (["BUNDLE"], 4, "no key to verify it with"),
        (["BUNDLE", "--key", "KEY", "--host", "0.0.0.0"], 2, "others in the network could reach it"),
        (["BUNDLE", "--key", "KEY", "--host", "example.org"], 2, "not an IP address"),
        (["BUNDLE", "--key", "KEY", "--rows", "0:5"], 2, "--rows and --labels say which rows of the data"),
        (["BUNDLE", "--key", "KEY", "--data", "no.npz"], 2, "no.npz: there is no such file"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_served(
    previewed: Path, key: Path, line: list[str], code: int, words: str
) -> None:
    known = {"BUNDLE": str(previewed), "KEY": str(key)}
    process = started(*[known.get(word, word) for word in line])
    _, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert words in told


def test_a_phone_in_the_network_can_be_let_in(preview: PreviewServer) -> None:
    with PreviewServer(preview.site, "0.0.0.0", 0) as server:
        assert re.fullmatch(rf"http://[\d.]+:{server.server_port}/{server.token}/", server.url)
        assert socket.inet_aton(server.url.split("/")[2].partition(":")[0]) != bytes(4)


@pytest.mark.parametrize("artifact", RUNTIMES)
def test_threads_of_wasm_run_in_the_worker(open_page: OpenPage, artifact: str) -> None:
    page = open_page()
    page.get_by_role("radio", name=artifact).check()
    page.get_by_label("Threads").select_option("2")
    page.get_by_role("button", name="Run", exact=True).click()
    assert said(page, "Ran golden row 1 in").endswith("Golden row 1 matches the original.")
    assert page.locator("#ran-on").inner_text().endswith("2 threads")
