"""From object files to a shared library, for any CPU of the table: which linker that takes, and how it is called."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...vocabulary.errors import ToolError
from .cpus import Cpu

_REPRODUCIBLE: Final = ("-Wl,--build-id=none", "-Wl,--strip-all")
"""Neither an identity of the build nor the names of the files that it was made of."""

_ALONE: Final = ("-shared", "-nostartfiles")
"""Nothing is to be done when the library is loaded, so none of the compiler's own files for that go in."""

_DENSE: Final = "-Wl,-z,noseparate-code"
"""Code and constants stand in one segment, without pages of padding around each: libraries here are often small."""

_ANDROID_API: Final = 23
"""Android 6.0: the first whose linker finds functions in what is loaded as global."""

_ANDROID_PAGES: Final = "-Wl,-z,max-page-size=16384"
"""Android 15 has pages of 16 KiB on some devices, and loads only what is aligned to them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Linker:
    """A compiler that is called to link: its command, and what Debian calls the package that has it."""

    command: str
    package: str
    arguments: tuple[str, ...]

    def check(self) -> None:
        """Check that it is there.

        Raises:
            ToolError: when it is not; the hint names the package.
        """
        if shutil.which(self.command) is None:
            raise ToolError(
                f"linking for this CPU takes {self.command}, and it is not installed",
                hint=f"apt-get install {self.package} (Debian, Ubuntu)",
            )

    def version(self) -> str:
        """Give its version.

        Raises:
            ToolError: when it is not there or does not say it.
        """
        self.check()
        option = "-dumpversion" if self.command == "clang" else "-dumpfullversion"
        return _run([self.command, option]).strip()

    def link(self, objects: Sequence[Path], out: Path) -> None:
        """Write the library `out`.

        Raises:
            ToolError: when it is not there, or fails.
        """
        self.check()
        _run([self.command, *_ALONE, _DENSE, *_REPRODUCIBLE, "-o", str(out), *map(str, objects), *self.arguments])


def linker_of(cpu: Cpu, folder: Path) -> Linker:
    """Give the linker for a CPU. `folder` is a place for files that it needs, and lives as long as it is used."""
    if cpu.os == "android":
        return Linker(
            command="clang",
            package="clang lld",
            arguments=(
                f"--target={cpu.triple}{_ANDROID_API}",
                "-fuse-ld=lld",
                "-nostdlib",
                _ANDROID_PAGES,
                "-Wl,--no-as-needed",
                *(str(folder / name) for name in (*_STUBS, _UNWIND)),
            ),
        )
    if cpu.arch == platform.machine():
        return Linker(command="gcc", package="gcc", arguments=("-lm",))
    command, package = _CROSS[cpu.arch]
    return Linker(command=command, package=package, arguments=("-lm",))


def link(cpu: Cpu, objects: Sequence[Path], out: Path, folder: Path) -> None:
    """Link object files into the library `out`; `folder` is a place for files on the way.

    Raises:
        ToolError: when the linker is not there, or fails.
    """
    linker = linker_of(cpu, folder)
    linker.check()
    if cpu.os == "android":
        _write_stubs(cpu, folder)
    linker.link(objects, out)


_CROSS: Final = {
    "x86_64": ("x86_64-linux-gnu-gcc", "gcc-x86-64-linux-gnu"),
    "aarch64": ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu libc6-dev-arm64-cross"),
    "armv7l": ("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf libc6-dev-armhf-cross"),
    "riscv64": ("riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu libc6-dev-riscv64-cross"),
}
"""Architecture → the compiler that makes libraries for it on another, and its packages."""

_STUBS: Final = ("libm.so", "libc.so")
"""What a library says it needs on Android. The NDK has them; to say it, empty ones of these names are enough."""


_UNWIND: Final = "unwind.o"
_UNWIND_SOURCE: Final = '__attribute__((visibility("hidden"))) void __aeabi_unwind_cpp_pr0(void) {}\n'
"""What unwinding tables of 32-bit ARM refer to; it comes with a compiler's own library. No exception passes here."""


def _write_stubs(cpu: Cpu, folder: Path) -> None:
    target = f"--target={cpu.triple}{_ANDROID_API}"
    source = folder / "unwind.c"
    source.write_text(_UNWIND_SOURCE, "utf-8")
    _run(["clang", target, "-c", str(source), "-o", str(folder / _UNWIND)])
    for name in _STUBS:
        shared = ["-fuse-ld=lld", "-nostdlib", "-shared", f"-Wl,-soname,{name}"]
        _run(["clang", target, *shared, "-x", "c", "/dev/null", "-o", str(folder / name)])


def _run(command: Sequence[str]) -> str:
    """Run a tool and give what it prints.

    Raises:
        ToolError: when it fails; its own words stand in the message.
    """
    # a path that linkers write into libraries is not to come from whoever builds, nor is the language of messages
    said_by_shell = {name: value for name, value in os.environ.items() if name != "LD_RUN_PATH"}
    finished = subprocess.run(
        command, capture_output=True, text=True, errors="replace", check=False, env={**said_by_shell, "LC_ALL": "C"}
    )
    if finished.returncode != 0:
        said = (finished.stderr or finished.stdout).strip()[-2000:] or "it said nothing"
        code = finished.returncode
        ended = f"failed with exit code {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
        raise ToolError(f"{command[0]} {ended}: {said}")
    return finished.stdout
