from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from edgewright.bundle.keys import generate, key_id, read_private_key, read_public_key
from edgewright.vocabulary.errors import RequestError


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, password: bytes | None = None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def test_a_pair_belongs_together_and_the_private_half_is_for_its_owner_alone(tmp_path: Path) -> None:
    made = generate(tmp_path / "key.pem", tmp_path / "key.pub")

    assert stat.S_IMODE((tmp_path / "key.pem").stat().st_mode) == 0o600
    assert key_id(read_private_key(str(tmp_path / "key.pem")).public_key()) == made
    assert key_id(read_public_key(tmp_path / "key.pub")) == made


@pytest.mark.parametrize("taken", ["key.pem", "key.pub"])
def test_a_key_is_never_overwritten_and_no_half_pair_is_left(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("mine")

    with pytest.raises(RequestError, match="already there"):
        generate(tmp_path / "key.pem", tmp_path / "key.pub")

    assert [path.name for path in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "mine"


def test_a_key_for_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot be written"):
        generate(tmp_path / "none" / "key.pem", tmp_path / "none" / "key.pub")


def test_a_private_key_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch, private_key: Path) -> None:
    monkeypatch.setenv("TEST_KEY", private_key.read_text())

    assert key_id(read_private_key("env:TEST_KEY").public_key()) == key_id(
        read_private_key(str(private_key)).public_key()
    )


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_KEY", raising=False)

    with pytest.raises(RequestError, match="TEST_KEY, which is not set") as error:
        read_private_key("env:TEST_KEY")

    assert "export TEST_KEY" in str(error.value.hint)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"none\.pem: the key cannot be read"):
        read_private_key(str(tmp_path / "none.pem"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no private key in PEM form"),
        (b"hello", "no private key in PEM form"),
        (pem(ec.generate_private_key(ec.SECP256R1()), b"secret"), "encrypted"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "P-256, got curve secp384r1"),
        (pem(rsa.generate_private_key(65537, 2048)), "P-256, got RSAPrivateKey"),
    ],
    ids=["empty", "text", "encrypted", "P-384", "RSA"],
)
def test_another_private_key_is_refused_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "key.pem").write_bytes(content)

    with pytest.raises(RequestError, match=reason):
        read_private_key(str(tmp_path / "key.pem"))


def test_the_two_halves_are_told_apart(private_key: Path, public_key: Path) -> None:
    with pytest.raises(RequestError, match="a public key, not a private one"):
        read_private_key(str(public_key))
    with pytest.raises(RequestError, match="a private key, not a public one"):
        read_public_key(private_key)


def test_a_public_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    public = ec.generate_private_key(ec.SECP384R1()).public_key()
    (tmp_path / "key.pub").write_bytes(
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )

    with pytest.raises(RequestError, match="secp384r1"):
        read_public_key(tmp_path / "key.pub")
