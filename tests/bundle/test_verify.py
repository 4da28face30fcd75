from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from edgewright.bundle.keys import generate, read_private_key, read_public_key
from edgewright.bundle.pack import write
from edgewright.bundle.signature_file import PAYLOAD_TYPE, canonical, signed_digests
from edgewright.bundle.tree import FolderTree, MemoryTree
from edgewright.bundle.verify import verify, verify_tree
from edgewright.vocabulary.digest import canonical_json
from edgewright.vocabulary.errors import RequestError, TrustError

Build = Callable[..., Path]


@pytest.fixture
def bundle(signed: Path, tmp_path: Path) -> Path:
    """A copy of the signed bundle, to be harmed."""
    return Path(shutil.copytree(signed, tmp_path / "bundle"))


def test_a_good_bundle_is_accepted_as_folder_and_as_zip(signed: Path, public_key: Path) -> None:
    folder, archive = verify(signed, public_key), verify(signed.with_name("bundle.zip"), public_key)

    assert (folder.manifest.name, folder.manifest.version) == ("golden", "1.0.0")
    assert folder.manifest == archive.manifest
    assert folder.report == archive.report
    assert [rung.artifact for rung in folder.ladders[0].rungs] == ["onnxruntime-fp16", "onnxruntime-fp32", "reference"]
    assert folder.key_id == archive.key_id
    assert folder.tree.paths == archive.tree.paths


def test_without_a_key_nothing_is_trusted(signed: Path) -> None:
    with pytest.raises(TrustError, match="no key") as error:
        verify(signed, None)

    assert error.value.exit_code == 4
    assert "--key" in str(error.value.hint)


def test_an_unsigned_bundle_is_refused_as_such(contents: dict[str, bytes], tmp_path: Path, public_key: Path) -> None:
    archive = write(tmp_path / "bundle", contents)

    for path in (tmp_path / "bundle", archive):
        with pytest.raises(TrustError, match="unsigned"):
            verify(path, public_key)


def test_another_key_is_refused(signed: Path, tmp_path: Path) -> None:
    generate(tmp_path / "other.pem", tmp_path / "other.pub")

    with pytest.raises(TrustError, match="signed by another key"):
        verify(signed, tmp_path / "other.pub")


def test_a_private_key_to_verify_with_is_a_wrong_request(signed: Path, private_key: Path) -> None:
    with pytest.raises(RequestError, match="a private key"):
        verify(signed, private_key)


@pytest.mark.parametrize("path", ["nothing", "nothing.zip"])
def test_what_is_not_there_is_a_wrong_request(tmp_path: Path, public_key: Path, path: str) -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        verify(tmp_path / path, public_key)


def test_a_changed_file_is_named(bundle: Path, public_key: Path) -> None:
    with (bundle / "evidence/report.json").open("ab") as file:
        file.write(b" ")

    with pytest.raises(TrustError, match=r"evidence/report\.json was changed after signing"):
        verify(bundle, public_key)


@pytest.mark.parametrize(
    "added", ["x", "content/x", "content/reference/x.onnx", ".gitignore", ".git/config", "content/.hidden", "MODEL.SIG"]
)
def test_an_added_file_is_refused_by_name(bundle: Path, public_key: Path, added: str) -> None:
    (bundle / added).parent.mkdir(exist_ok=True)
    (bundle / added).write_bytes(b"x")

    with pytest.raises(TrustError, match=added.replace(".", r"\.")):
        verify(bundle, public_key)


@pytest.mark.parametrize(
    "removed",
    ["evidence/ladder.json", "content/manifest.json", "content/golden/inputs/0.npy", "content/reference/model.onnx"],
)
def test_a_removed_file_is_refused_by_name(bundle: Path, public_key: Path, removed: str) -> None:
    (bundle / removed).unlink()
    if not any((bundle / removed).parent.iterdir()):
        (bundle / removed).parent.rmdir()

    with pytest.raises(TrustError, match=f"{removed} is signed, and not in the bundle"):
        verify(bundle, public_key)


@pytest.mark.parametrize("folder", ["empty", "content/empty", "content/golden/.empty"])
def test_an_empty_folder_is_refused(bundle: Path, public_key: Path, folder: str) -> None:
    (bundle / folder).mkdir()

    with pytest.raises(TrustError, match=f"{folder} is an empty folder"):
        verify(bundle, public_key)


def test_a_symbolic_link_is_refused_even_to_the_same_content(bundle: Path, public_key: Path, tmp_path: Path) -> None:
    moved = (bundle / "evidence/report.json").rename(tmp_path / "report.json")
    (bundle / "evidence/report.json").symlink_to(moved)

    with pytest.raises(TrustError, match="a symbolic link"):
        verify(bundle, public_key)


def test_a_folder_that_is_a_symbolic_link_is_refused(bundle: Path, public_key: Path, tmp_path: Path) -> None:
    moved = (bundle / "evidence").rename(tmp_path / "evidence")
    (bundle / "evidence").symlink_to(moved)

    with pytest.raises(TrustError, match="evidence is a symbolic link"):
        verify(bundle, public_key)


def test_a_pipe_or_a_socket_is_refused_unread(bundle: Path, public_key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(bundle / "content/pipe")
    with pytest.raises(TrustError, match="content/pipe is not a plain file"):
        verify(bundle, public_key)
    (bundle / "content/pipe").unlink()
    monkeypatch.chdir(bundle)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as there:
        there.bind("content/socket")
        with pytest.raises(TrustError, match="content/socket is not a plain file"):
            verify(bundle, public_key)


def test_folders_in_folders_without_end_are_refused(
    bundle: Path, public_key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundle / "content")
    for _ in range(600):
        Path("d").mkdir()
        os.chdir("d")
    monkeypatch.chdir(bundle)
    try:
        with pytest.raises(TrustError, match="longer than 1024 bytes"):
            verify(bundle, public_key)
    finally:
        subprocess.run(["rm", "-rf", str(bundle / "content" / "d")], check=True)


def test_a_file_that_changes_under_the_verifiers_eyes_is_refused(signed: Path, public_key: Path) -> None:
    class Changing(MemoryTree):
        def read(self, path: str) -> bytes:
            return super().read(path) + (b" " if path == "content/manifest.json" else b"")

    folder = FolderTree(signed)

    with pytest.raises(TrustError, match="changed while it was verified"):
        verify_tree(Changing({path: folder.read(path) for path in folder.paths}), read_public_key(public_key))


def test_metadata_of_any_size_is_not_read(signed: Path, public_key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewright.bundle.verify.MAX_METADATA_BYTES", 100)

    with pytest.raises(TrustError, match="larger than 100 bytes"):
        verify(signed, public_key)


def test_a_device_file_is_no_bundle(public_key: Path) -> None:
    with pytest.raises(RequestError, match="neither a folder nor a zip"):
        verify(Path("/dev/null"), public_key)


def test_what_is_signed_but_no_part_of_a_bundle_is_refused(build: Build, public_key: Path) -> None:
    with pytest.raises(TrustError, match=r"content/extra\.bin is in the bundle, and not listed"):
        verify(build({"content/extra.bin": b"x"}), public_key)


def test_what_the_manifest_lists_must_be_there(build: Build, public_key: Path) -> None:
    with pytest.raises(TrustError, match=r"listed in content/manifest\.json, and not in the bundle"):
        verify(build({"content/golden/inputs/0.npy": None}), public_key)


def test_what_the_manifest_lists_must_be_the_file(build: Build, public_key: Path) -> None:
    with pytest.raises(TrustError, match=r"not the file that content/manifest\.json lists"):
        verify(build({"content/golden/inputs/0.npy": b"x"}), public_key)


def test_a_signed_folder_without_a_manifest_is_no_bundle(tmp_path: Path, private_key: Path, public_key: Path) -> None:
    from edgewright.bundle.sign import sign

    write(tmp_path / "bundle", {"x": b"x"}, lambda folder: sign(folder, str(private_key)))

    with pytest.raises(TrustError, match="no bundle of edgewright"):
        verify(tmp_path / "bundle", public_key)


@pytest.mark.parametrize("path", ["content/manifest.json", "evidence/report.json", "evidence/ladder.json"])
def test_signed_metadata_is_still_read_strictly(
    build: Build, public_key: Path, contents: dict[str, bytes], path: str
) -> None:
    value = json.loads(contents[path]) | {"surprise": 1}

    with pytest.raises(TrustError, match=f"{path}: unknown key surprise"):
        verify(build({path: json.dumps(value).encode()}), public_key)


def test_a_ladder_names_only_artifacts_of_the_bundle(
    build: Build, public_key: Path, contents: dict[str, bytes]
) -> None:
    ladder = contents["evidence/ladder.json"].replace(b'"onnxruntime-fp16"', b'"tflite-int8"')

    with pytest.raises(TrustError, match="no artifact 'tflite-int8'"):
        verify(build({"evidence/ladder.json": ladder}), public_key)


def test_a_report_for_people_may_stand_beside(build: Build, public_key: Path) -> None:
    assert "evidence/report.html" in verify(build({"evidence/report.html": b"<html>"}), public_key).tree.paths


# The signature file: changes that leave the signed payload as it is, so that a lax reader would accept them.


def resign(signature: bytes, private_key: Path, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Change the signed statement and sign it again by the same key."""
    value = json.loads(signature)
    statement = json.loads(base64.b64decode(value["dsseEnvelope"]["payload"]))
    change(statement)
    payload = json.dumps(statement).encode()
    encoded = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
    made = read_private_key(str(private_key)).sign(encoded, ec.ECDSA(hashes.SHA256()))
    value["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()
    value["dsseEnvelope"]["signatures"][0]["sig"] = base64.b64encode(made).decode()
    return canonical_json(value)


def edit(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def apply(data: bytes) -> bytes:
        value = json.loads(data)
        change(value)
        return canonical_json(value)

    return apply


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data + b"\n", "canonical form"),
        (lambda data: data.replace(b":", b": ", 1), "canonical form"),
        (lambda data: data.replace(b"mediaType", b"\\u006dediaType"), "canonical form"),
        (lambda data: data.replace(b"{", b'{"mediaType":"x",', 1), "stands twice"),
        (lambda data: b"\xef\xbb\xbf" + data, "not JSON"),
        (edit(lambda value: value.update(extra=1)), "unknown key extra"),
        (edit(lambda value: value["dsseEnvelope"].update(extra=1)), "unknown key dsseEnvelope.extra"),
        (edit(lambda value: value.update(mediaType="application/x")), "media type"),
        (edit(lambda value: value["dsseEnvelope"].update(payloadType="text/plain")), "payload type"),
        (edit(lambda value: value["dsseEnvelope"]["signatures"][0].update(keyid="x")), "key id"),
        (edit(lambda value: value["dsseEnvelope"].update(signatures=[])), "number of signatures"),
        (edit(lambda value: value["dsseEnvelope"]["signatures"].append({"sig": "eA==", "keyid": ""})), "number of sig"),
        (edit(lambda value: value["verificationMaterial"].update(tlogEntries=["x"])), "transparency log"),
        (edit(lambda value: value["verificationMaterial"]["publicKey"].update(hint="0" * 64)), "another key"),
        (edit(lambda value: value["dsseEnvelope"].update(payload=value["dsseEnvelope"]["payload"] + "\n")), "base64"),
        (edit(lambda value: value["dsseEnvelope"].update(payload="")), "base64"),
        (edit(lambda value: value["dsseEnvelope"].update(payload="e30=")), "not by this key"),
        (edit(lambda value: value["dsseEnvelope"]["signatures"][0].update(sig="AAAA")), "not by this key"),
    ],
)
def test_a_signature_file_has_one_spelling(
    signed: Path, public_key: Path, change: Callable[[bytes], bytes], reason: str
) -> None:
    data = (signed / "model.sig").read_bytes()
    key = read_public_key(public_key)
    assert signed_digests(data, key)

    with pytest.raises(TrustError, match=reason):
        signed_digests(change(data), key)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda item: item.update(_type="https://in-toto.io/Statement/v0.1"), "statement type"),
        (lambda item: item.update(predicateType="https://model_signing/Digests/v0.1"), "predicate type"),
        (lambda item: item.update(subject=[]), "number of subjects"),
        (lambda item: item["predicate"]["serialization"].update(method="shards"), "method"),
        (lambda item: item["predicate"]["serialization"].update(hash_type="blake2b"), "hash"),
        (lambda item: item["predicate"]["serialization"].update(allow_symlinks=True), "symbolic links"),
        (lambda item: item["predicate"]["serialization"]["ignore_paths"].append("content"), "ignored files"),
        (lambda item: item["predicate"]["resources"][0].update(algorithm="md5"), "hash of"),
        (lambda item: item["predicate"]["resources"].append(item["predicate"]["resources"][0]), "signed twice"),
        (lambda item: item["predicate"]["resources"][0].update(name="../x"), "climbs"),
        (lambda item: item["predicate"].update(extra=1), "unknown key predicate.extra"),
    ],
)
def test_a_statement_says_what_signing_says(
    signed: Path, private_key: Path, public_key: Path, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    changed = resign((signed / "model.sig").read_bytes(), private_key, change)

    with pytest.raises(TrustError, match=reason):
        signed_digests(changed, read_public_key(public_key))


def test_resigning_without_a_change_is_accepted(signed: Path, private_key: Path, public_key: Path) -> None:
    again = resign((signed / "model.sig").read_bytes(), private_key, lambda statement: None)

    assert canonical(again) == again
    assert "content/manifest.json" in signed_digests(again, read_public_key(public_key))
