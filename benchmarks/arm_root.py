"""A folder with an ARM Debian, Python and TVM's runtime: what programs for ARM need to run in qemu-user."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

PACKAGES = ("apache-tvm-ffi==0.1.14.post0", "numpy", "typing-extensions")
PLATFORMS = tuple(f"manylinux_2_{minor}_aarch64" for minor in (28, 27, 24, 17))
SUITE, PYTHON = "bookworm", "3.11"
TVM = "0.27.0.post1"


def make_root(root: Path, mirror: str | None) -> None:
    """Make it, 350 MB in a minute, unless it is there. Needs `debootstrap` and to be root; it knows a mirror itself."""
    if (root / "done").exists():
        return
    shutil.rmtree(root, ignore_errors=True)
    _run(
        "debootstrap",
        "--foreign",
        "--arch=arm64",
        "--variant=minbase",
        f"--include=python{PYTHON},libstdc++6",
        SUITE,
        root,
        *([] if mirror is None else [mirror]),
    )
    for package in sorted((root / "var/cache/apt/archives").glob("*.deb")):
        _run("dpkg", "-x", package, root)  # unpacked, not installed: nothing of it runs
    site = site_of(root)
    _run(*_pip("install"), "--target", site, *PACKAGES)
    _run(*_pip("download"), "--dest", root / "wheels", f"apache-tvm=={TVM}")
    [wheel] = (root / "wheels").glob("apache_tvm-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        library_of(root).write_bytes(archive.read("tvm/lib/libtvm_runtime.so"))
    (root / "done").touch()


def site_of(root: Path) -> Path:
    """Where the Python packages are."""
    return root / "site"


def library_of(root: Path) -> Path:
    """TVM's runtime library, with its version as a device has it."""
    return root / f"libtvm_runtime.so.{TVM}"


def python_of(root: Path, cpu: str) -> list[str]:
    """Give the command that is Python on ARM; `cpu` is qemu's name of one."""
    return ["qemu-aarch64", "-cpu", cpu, "-L", str(root), str(root / f"usr/bin/python{PYTHON}")]


def _pip(verb: str) -> list[str]:
    platforms = [word for platform in PLATFORMS for word in ("--platform", platform)]
    return [
        sys.executable,
        "-m",
        "pip",
        verb,
        "-q",
        "--no-deps",
        "--only-binary=:all:",
        "--python-version",
        PYTHON,
        *platforms,
    ]


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True)
