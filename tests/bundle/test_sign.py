from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewright.bundle.sign import sign
from edgewright.vocabulary.errors import RequestError, ToolError


def official_verify(bundle: Path, key: Path, *options: str) -> subprocess.CompletedProcess[str]:
    signature = ["--signature", str(bundle / "model.sig")]
    command = [sys.executable, "-m", "model_signing", "verify", "key", str(bundle), *signature]
    return subprocess.run([*command, "--public_key", str(key), *options], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("options", [[], ["--no-ignore-git-paths"]], ids=["default", "no-ignore-git-paths"])
def test_the_official_verifier_accepts_a_bundle(signed: Path, public_key: Path, options: list[str]) -> None:
    finished = official_verify(signed, public_key, *options)

    assert finished.returncode == 0, finished.stderr
    assert "Verification succeeded" in finished.stdout


def test_the_official_verifier_accepts_a_bundle_that_was_moved(signed: Path, public_key: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(signed, tmp_path / "elsewhere")

    assert official_verify(moved, public_key).returncode == 0


def test_the_official_verifier_accepts_names_that_are_not_ascii(
    build: Callable[..., Path], public_key: Path, contents: dict[str, bytes]
) -> None:
    bundle = build({"evidence/é — 模型.html": b"x"})

    assert official_verify(bundle, public_key).returncode == 0


def test_the_official_verifier_refuses_what_was_changed(build: Callable[..., Path], public_key: Path) -> None:
    bundle = build()
    (bundle / "evidence/report.json").write_bytes(b"{}")

    assert official_verify(bundle, public_key).returncode != 0


def test_the_signature_names_no_path_of_the_build_machine(signed: Path) -> None:
    import base64

    payload = json.loads(base64.b64decode(json.loads((signed / "model.sig").read_bytes())["dsseEnvelope"]["payload"]))

    assert payload["subject"][0]["name"] == "bundle"
    assert payload["predicate"]["serialization"]["ignore_paths"] == ["model.sig"]


def test_a_folder_is_signed_once(signed: Path, private_key: Path) -> None:
    with pytest.raises(ToolError, match="already there"):
        sign(signed, str(private_key))


def test_a_wrong_key_leaves_no_signature(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"x")

    with pytest.raises(RequestError):
        sign(tmp_path / "folder", str(tmp_path / "none.pem"))

    assert not (tmp_path / "folder" / "model.sig").exists()


def test_a_symbolic_link_is_not_signed(tmp_path: Path, private_key: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(private_key)

    with pytest.raises(ToolError, match="cannot be signed"):
        sign(tmp_path / "folder", str(private_key))
