"""Any one byte changed, anywhere in a bundle's folder or zip, is refused."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from edgewright.bundle.keys import read_public_key
from edgewright.bundle.signature_file import SIGNATURE_PATH
from edgewright.bundle.tree import FolderTree, MemoryTree
from edgewright.bundle.verify import verify_tree
from edgewright.bundle.zip_form import ZipTree
from edgewright.vocabulary.errors import TrustError

ONE_BIT = (0x01,)
EVERY_BIT = tuple(1 << bit for bit in range(8))


def survivors_in_folder(signed: Path, public_key: Path, chosen: tuple[str, ...], masks: tuple[int, ...]) -> list[str]:
    tree = FolderTree(signed)
    files = {path: tree.read(path) for path in tree.paths}
    key = read_public_key(public_key)
    verify_tree(MemoryTree(files), key)
    survived = []
    for path in chosen:
        for place in range(len(files[path])):
            for mask in masks:
                changed = bytearray(files[path])
                changed[place] ^= mask
                try:
                    verify_tree(MemoryTree({**files, path: bytes(changed)}), key)
                except TrustError:
                    continue
                survived.append(f"{path}[{place}] ^ {mask:#x}")
    return survived


def test_a_flipped_byte_in_any_file_of_the_folder_is_refused(signed: Path, public_key: Path) -> None:
    others = tuple(path for path in FolderTree(signed).paths if path != SIGNATURE_PATH)

    assert survivors_in_folder(signed, public_key, others, ONE_BIT) == []


def test_a_flipped_bit_anywhere_in_the_signature_file_is_refused(signed: Path, public_key: Path) -> None:
    assert survivors_in_folder(signed, public_key, (SIGNATURE_PATH,), EVERY_BIT) == []


def test_a_flipped_byte_anywhere_in_the_zip_is_refused(signed: Path, public_key: Path) -> None:
    data = signed.with_name("bundle.zip").read_bytes()
    key = read_public_key(public_key)
    verify_tree(ZipTree(lambda: io.BytesIO(data)), key)
    survived = []
    for place in range(len(data)):
        for mask in (0x01, 0x20, 0x80):
            changed = bytearray(data)
            changed[place] ^= mask
            piece = bytes(changed)
            try:
                verify_tree(ZipTree(lambda piece=piece: io.BytesIO(piece)), key)
            except TrustError:
                continue
            survived.append(f"byte {place} ^ {mask:#x}")

    assert survived == []


@pytest.mark.parametrize("length", [0, 1, 21, 22, 1000, -1, -22])
def test_a_zip_that_was_cut_short_is_refused(signed: Path, length: int) -> None:
    data = signed.with_name("bundle.zip").read_bytes()[:length]

    with pytest.raises(TrustError):
        ZipTree(lambda: io.BytesIO(data))


@pytest.mark.parametrize("added", [b"\x00", b"PK\x05\x06" + bytes(18)])
def test_anything_behind_the_end_of_the_zip_is_refused(signed: Path, added: bytes) -> None:
    data = signed.with_name("bundle.zip").read_bytes() + added

    with pytest.raises(TrustError, match="directory"):
        ZipTree(lambda: io.BytesIO(data))


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_bytes_put_in_taken_out_or_replaced_anywhere_in_the_zip_are_refused(
    signed: Path, public_key: Path, data: st.DataObject
) -> None:
    good = signed.with_name("bundle.zip").read_bytes()
    start = data.draw(st.integers(0, len(good)))
    stop = data.draw(st.integers(start, min(len(good), start + 64)))
    changed = good[:start] + data.draw(st.binary(max_size=64)) + good[stop:]
    assume(changed != good)

    with pytest.raises(TrustError):
        verify_tree(ZipTree(lambda: io.BytesIO(changed)), read_public_key(public_key))
