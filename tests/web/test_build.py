"""What `make web` builds: the same bytes each time, all that runs, and the licences of what is in it."""

import json
import re
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from edgewright.vocabulary.errors import ToolError
from edgewright.web import assets

ROOM = assets.DIST.parent


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    """What the sources give now, built elsewhere."""
    out = tmp_path_factory.mktemp("web") / "dist"
    subprocess.run([assets.find_node(), ROOM / "build.mjs", out], check=True, capture_output=True)
    return out


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_sources_give_the_same_bytes_in_another_folder(rebuilt, tmp_path):
    again = tmp_path / "again"
    subprocess.run([assets.find_node(), ROOM / "build.mjs", again], check=True, capture_output=True)
    assert digests(again) == digests(rebuilt)


def test_the_manifest_names_the_engines_and_every_file(rebuilt):
    manifest = json.loads((rebuilt / "manifest.json").read_text("utf-8"))
    assert manifest["engines"] == {"tfjs": "4.22.0", "litertjs": "2.5.3", "onnxruntime-web": "1.30.0"}
    built = digests(rebuilt)
    del built["manifest.json"]
    assert manifest["files"] == built


def test_a_page_loads_no_engine_before_it_asks_for_one(rebuilt):
    entry = (rebuilt / "engine.js").read_text("utf-8")
    static = re.findall(r'(?:from|import)\s*"\./([^"]+)"', entry)
    assert sum((rebuilt / path).stat().st_size for path in static) + len(entry) < 10_000


def test_nothing_that_is_built_names_another_place_to_load_from(rebuilt):
    """What addresses are left in the packages' code are those of documentation, issues and licences."""
    addresses = set()
    for path in [*rebuilt.glob("*.mjs"), *rebuilt.glob("*.js"), *rebuilt.glob("node/*"), *rebuilt.glob("chunks/*")]:
        addresses |= set(re.findall(r"https?://[\w./-]+", path.read_text("utf-8")))
    cdn = [address for address in addresses if re.search(r"cdn|jsdelivr|unpkg|googleapis|esm\.sh", address)]
    assert cdn == []


def test_every_package_that_is_in_it_has_its_licence_there(rebuilt):
    text = (rebuilt / "LICENSES.txt").read_text("utf-8")
    sections = re.findall(r"^(\S+) (\d[\w.]*) \((.+)\)$", text, flags=re.MULTILINE)
    assert {name for name, _, _ in sections} >= {"@tensorflow/tfjs-core", "@litertjs/core", "onnxruntime-web"}
    assert {licence for _, _, licence in sections} <= {"Apache-2.0", "MIT", "BSD-3-Clause", "ISC"}
    assert "Copyright (c) Microsoft Corporation" in text


def test_the_lock_file_holds_the_digest_of_every_package_and_names_no_place():
    packages = json.loads((ROOM / "package-lock.json").read_text("utf-8"))["packages"]
    del packages[""]
    assert [name for name, package in packages.items() if not package.get("integrity", "").startswith("sha512-")] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []  # the registry is npm's to know


def test_what_is_not_built_is_said_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "DIST", tmp_path)
    with pytest.raises(ToolError, match="not built") as caught:
        assets.built("worker.mjs")
    assert "make web" in caught.value.hint


def test_make_says_what_is_missing_when_there_is_no_node(tmp_path):
    make = [*Path("/usr/bin").glob("make")]
    if not make or not Path("/bin/sh").exists():
        pytest.skip("there is no make here")
    (tmp_path / "sh").symlink_to("/bin/sh")
    result = subprocess.run(
        [make[0], "--always-make", "--directory", ROOM.parent, "web/node_modules/.package-lock.json"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "Node 20 or later and npm" in result.stderr


def test_every_package_is_pinned_to_its_bytes():
    packages = json.loads((ROOM / "package-lock.json").read_text("utf-8"))["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
