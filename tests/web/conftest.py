"""A bundle for browsers, a server of folders, and a Chromium that tests share."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from edgewright.bundle.compose import Built, Evidence, GoldenVectors, compose
from edgewright.bundle.keys import generate
from edgewright.bundle.manifest import GoldenKind, Tolerance, ToleranceKind
from edgewright.bundle.pack import write
from edgewright.bundle.sign import sign
from edgewright.compiler.importers.request import Request
from edgewright.compiler.importers.table import import_model
from edgewright.fallback.rules import REFERENCE, Ladder, Rung
from edgewright.pipeline.steps.reference import reference_artifact
from edgewright.profiles.report import Report
from edgewright.targets.artifact import Artifact, File
from edgewright.targets.base import Options
from edgewright.targets.onnxruntime.runtime import Reference
from edgewright.targets.runtime import RunOptions
from edgewright.targets.table import load_target
from edgewright.vocabulary.digest import digest_file
from edgewright.vocabulary.evidence import Evidence as Tier
from edgewright.vocabulary.tensor_folder import TensorFolder
from edgewright.web.assets import built

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "digits"

TOLERANCE = Tolerance(kind=ToleranceKind.MAX_ABS, bound=1e-5)
"""Twelve layers of float32 sums in another order; engines were seen to differ by less than 1e-6 on probabilities."""

RUNTIMES = {
    "tflite-fp32": "litertjs/wasm",
    "tfjs-fp32": "tfjs/wasm",
    "onnxruntime-fp32": "onnxruntime-web/wasm",
    REFERENCE: "onnxruntime-web/wasm",
}


class Parts:
    """The example's model, compiled for every engine of browsers, with golden vectors by the original."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = import_model(Request(reference="digits.onnx", folder=EXAMPLE)).model
        source = folder / REFERENCE
        source.mkdir()
        self.model.save(source)
        self.artifacts: dict[str, Artifact] = {REFERENCE: reference_artifact(self.model, source)}
        for target in ("onnxruntime", "tfjs", "tflite"):
            out = folder / f"{target}-fp32"
            out.mkdir()
            self.artifacts[out.name] = load_target(target).compile(self.model, Options(variant="fp32"), out)
        with np.load(EXAMPLE / "digits.npz") as rows:
            images = rows["image"][100:104]
        session = Reference().load(source / "model.onnx", RunOptions())
        outputs = [session.run({"image": image[np.newaxis]})["probability"] for image in images]
        TensorFolder.write(folder / "inputs", {"image": images})
        TensorFolder.write(folder / "outputs", {"probability": np.concatenate(outputs)})

    def built(self, name: str, folder: Path) -> Built:
        """Give an artifact whose files lie in a folder, as they are there now."""
        files = tuple(
            File(path=file.path, sha256=digest_file(folder / file.path), size_bytes=(folder / file.path).stat().st_size)
            for file in self.artifacts[name].files
        )
        artifact = msgspec.structs.replace(self.artifacts[name], files=files)
        return Built(artifact=artifact, folder=folder, tolerances={"probability": (TOLERANCE,)})


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return Parts(tmp_path_factory.mktemp("parts"))


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    generate(folder / "key.pem", folder / "key.pub")
    return folder / "key.pub"


MakeBundle = Callable[..., Path]


@pytest.fixture
def make_bundle(parts: Parts, key: Path, site: Path) -> MakeBundle:
    """Write a signed bundle `site/bundle`: its ladder has these artifacts in this order, and the reference last.

    `swapped` gives other folders for artifacts: then their content is another, and the manifest says so.
    """

    def make(*order: str, swapped: dict[str, Path] | None = None) -> Path:
        folders = {name: parts.folder / name for name in RUNTIMES} | (swapped or {})
        built_parts = {name: parts.built(name, folder) for name, folder in folders.items()}
        rungs = tuple(
            Rung(
                artifact=name,
                runtime=RUNTIMES[name],
                threads=1,
                latency_ms=None if name == REFERENCE else float(place),
                size_bytes=built_parts[name].artifact.size_bytes,
            )
            for place, name in enumerate((*order, REFERENCE))
        )
        ladder = Ladder(kind="browser", os="web", arch="wasm32", evidence=Tier.MEASURED_HOST, rungs=rungs)
        files = compose(
            name="digits",
            version="1.0.0",
            source_digest="5" * 64,
            signature=parts.model.signature,
            built=built_parts.values(),
            golden=GoldenVectors(
                kind=GoldenKind.ROWS, inputs=parts.folder / "inputs", outputs=parts.folder / "outputs"
            ),
            evidence=Evidence(
                report=Report(name="digits", version="1.0.0", devices={}, entries=()),
                ladders=(ladder,),
            ),
        )
        out = site / "bundle"
        write(out, files, lambda folder: sign(folder, str(key.with_suffix(".pem"))))
        return out

    return make


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder, and says nothing."""

    extensions_map = {  # noqa: RUF012 - as the class that it stands in for has it
        ".html": "text/html",
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
        "": "application/octet-stream",
    }

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that it has there
        pass


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The folder that `served` serves; the module lies in it as a web app would have it."""
    folder = tmp_path / "site"
    folder.mkdir()
    for name in ("fallback", "chunks", "assets"):
        (folder / name).symlink_to(built(name))
    (folder / "page.html").write_text("<!doctype html><title>page</title>", "utf-8")
    return folder


@pytest.fixture
def served(site: Path) -> Iterator[str]:
    """The address of a server of `site`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")  # as long as it lives nothing else in this process can run an event loop
def browser(chromium: Path) -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), chromium_sandbox=False)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, served: str) -> Iterator[Page]:
    """A page of the site, with a profile of its own."""
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(f"{served}/page.html")
    yield opened
    context.close()


@pytest.fixture
def copy_of(parts: Parts, tmp_path: Path) -> Callable[[str], Path]:
    """Give a copy of an artifact's folder, to be changed."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(parts.folder / name, tmp_path / f"changed-{name}"))

    return copy
