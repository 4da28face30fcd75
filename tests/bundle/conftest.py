from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from edgewright.bundle.keys import generate
from edgewright.bundle.pack import write
from edgewright.bundle.sign import sign

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def making() -> ModuleType:
    """`make_golden.py`, the script that made the committed bundle."""
    spec = importlib.util.spec_from_file_location("make_golden", HERE / "make_golden.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def private_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    generate(folder / "key.pem", folder / "key.pub")
    return folder / "key.pem"


@pytest.fixture(scope="session")
def public_key(private_key: Path) -> Path:
    return private_key.with_suffix(".pub")


@pytest.fixture(scope="session")
def contents(making: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a small bundle, not yet signed."""
    files = making.make_files(tmp_path_factory.mktemp("parts"))
    return {path: item if isinstance(item, bytes) else item.read_bytes() for path, item in files.items()}


@pytest.fixture
def build(contents: dict[str, bytes], private_key: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write a signed bundle `tmp_path/bundle` (and `.zip`), with files put in, replaced or (None) left out."""

    def build_bundle(changes: dict[str, bytes | None] | None = None, name: str = "bundle") -> Path:
        files = {path: item for path, item in {**contents, **(changes or {})}.items() if item is not None}
        write(tmp_path / name, files, lambda folder: sign(folder, str(private_key)))
        return tmp_path / name

    return build_bundle


@pytest.fixture(scope="session")
def signed(contents: dict[str, bytes], private_key: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signed bundle that no test changes; its zip stands beside it."""
    out = tmp_path_factory.mktemp("signed") / "bundle"
    write(out, contents, lambda folder: sign(folder, str(private_key)))
    return out
