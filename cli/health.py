"""What edgewright needs of a machine, checked one by one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..vocabulary.errors import DeviceError, ToolError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PACKAGE = "edgewright"
KEY_VARIABLE = "EDGEWRIGHT_SIGNING_KEY"
EXTRAS_OF_DEVELOPERS = ("all", "dev")
LITTLE_SPACE_BYTES = 1_000_000_000
"""A torch model on its way through the cache takes several copies of itself."""
OLDEST_NODE = 20
"""The oldest major version of Node that what runs in it is built for."""
PATIENCE_S = 30.0
"""A loaded machine takes a second or two to start Node."""
OWN_LINKER = "gcc"
"""What links TVM's libraries for this machine."""
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


class State(StrEnum):
    """What a check found."""

    OK = "ok"
    OPTIONAL = "optional"
    """Something is not there that only some work needs."""
    MISSING = "missing"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at; `fix` is the command that puts it right."""

    name: str
    state: State
    detail: str
    fix: str | None = None


def checks() -> list[Check]:
    """Look at everything."""
    return [
        python(),
        *packages(),
        chromium(),
        node(),
        web_files(),
        linkers(),
        cache_folder(),
        signing_key(),
        processor(),
    ]


def python(running: tuple[int, int, int] = sys.version_info[:3]) -> Check:
    """Whether this Python is one that edgewright is made for."""
    number = ".".join(map(str, running))
    if (3, 11) <= running[:2] <= (3, 13):
        return Check(name="python", state=State.OK, detail=number)
    return Check(
        name="python",
        state=State.MISSING,
        detail=f"{number}; edgewright is made for 3.11, 3.12 and 3.13",
        fix="python3.12 -m venv .venv && .venv/bin/pip install edgewright",
    )


def packages() -> list[Check]:
    """Whether the packages of the base install, and those of each extra, are there in the versions asked for."""
    from packaging.requirements import Requirement

    try:
        metadata = distribution(PACKAGE)
    except PackageNotFoundError:
        return [
            Check(
                name="packages",
                state=State.MISSING,
                detail="edgewright is not installed here as a package",
                fix="pip install edgewright",
            )
        ]
    requirements = [Requirement(text) for text in metadata.requires or ()]
    extras = [name for name in metadata.metadata.get_all("Provides-Extra") or () if name not in EXTRAS_OF_DEVELOPERS]
    found = [_packages("packages", [each for each in requirements if _belongs(each, "")], None)]
    for extra in extras:
        own = [each for each in requirements if _belongs(each, extra) and not _belongs(each, "")]
        found.append(_packages(f"extra {extra}", own, extra))
    return found


def chromium() -> Check:
    """Whether there is a browser for devices of kind `browser`."""
    from ..devices.web.find import CHROMIUM_VARIABLE, find_chromium

    try:
        found, detail = find_chromium(), "not on the path; a device of kind browser starts it"
    except DeviceError as error:
        found, detail = None, error.message
    if found is None:
        fix = f"apt-get install chromium (or: playwright install chromium), or set {CHROMIUM_VARIABLE}"
        return Check(name="chromium", state=State.OPTIONAL, detail=detail, fix=fix)
    return Check(name="chromium", state=State.OK, detail=str(found))


def node() -> Check:
    """Whether there is a Node for TF.js artifacts and for devices of kind `node`."""
    from ..web.assets import NODE_VARIABLE, find_node

    fix = f"apt-get install nodejs (20 or newer), or set {NODE_VARIABLE}"
    found = find_node()
    if found is None:
        detail = "not on the path; TF.js artifacts are proved in it"
        return Check(name="node", state=State.OPTIONAL, detail=detail, fix=fix)
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    number = re.fullmatch(r"v(\d+)\.[\d.]+", said.stdout.strip())
    if number is None or int(number[1]) < OLDEST_NODE:
        detail = f"{found} is {said.stdout.strip() or 'no Node'}; TF.js artifacts need {OLDEST_NODE} or newer"
        return Check(name="node", state=State.OPTIONAL, detail=detail, fix=fix)
    return Check(name="node", state=State.OK, detail=f"{found}, {number[0]}")


def web_files() -> Check:
    """Whether what runs in browsers and in Node is built; a wheel brings it along."""
    from ..web.assets import built

    try:
        built("manifest.json")
    except ToolError as error:
        return Check(name="web files", state=State.OPTIONAL, detail=error.message, fix="make web")
    return Check(name="web files", state=State.OK, detail="built")


def linkers() -> Check:
    """Which of the compilers are there that link TVM's libraries, for this machine and for others."""
    from ..targets.tvm.cpus import CPUS
    from ..targets.tvm.cross import linker_of

    known = dict.fromkeys(linker_of(cpu, Path()).command for cpu in CPUS.values())
    found, absent = ([name for name in known if (shutil.which(name) is not None) is there] for there in (True, False))
    detail = ", ".join(found) + (f"{'; ' if found else ''}not here: {', '.join(absent)}" if absent else "")
    if OWN_LINKER in found:
        return Check(name="linkers", state=State.OK, detail=detail)
    return Check(name="linkers", state=State.OPTIONAL, detail=f"{detail}; tvm needs one", fix="apt-get install gcc")


def cache_folder() -> Check:
    """Whether the build cache can be written and has room."""
    from ..pipeline.cache import default_cache_folder

    folder = default_cache_folder()
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return Check(
            name="cache",
            state=State.MISSING,
            detail=f"{folder} cannot be written",
            fix="export EDGEWRIGHT_CACHE_DIR=A_FOLDER_THAT_YOU_MAY_WRITE",
        )
    free_bytes = shutil.disk_usage(existing).free
    if free_bytes < LITTLE_SPACE_BYTES:
        return Check(
            name="cache",
            state=State.OPTIONAL,
            detail=f"{folder}, only {free_bytes / 1e6:.0f} MB free",
            fix="edgewright cache --clear",
        )
    return Check(name="cache", state=State.OK, detail=f"{folder}, {free_bytes / 1e9:.0f} GB free")


def signing_key() -> Check:
    """Whether bundles can be signed without more being said."""
    if os.environ.get(KEY_VARIABLE):
        return Check(name="signing key", state=State.OK, detail=f"in {KEY_VARIABLE}")
    return Check(
        name="signing key",
        state=State.OPTIONAL,
        detail=f"{KEY_VARIABLE} is not set; a bundle is unsigned unless the project file names a key",
        fix="edgewright keygen",
    )


def processor() -> Check:
    """Whether latencies measured here will be steady."""
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    governor = GOVERNOR.read_text("ascii").strip() if GOVERNOR.exists() else None
    detail = f"{cores} cores, load {load:.1f}" + (f", governor {governor}" if governor else "")
    if governor not in (None, "performance"):
        return Check(
            name="processor",
            state=State.OPTIONAL,
            detail=f"{detail}: latencies will vary with the clock",
            fix="sudo cpupower frequency-set -g performance",
        )
    if load > cores / 2:
        return Check(name="processor", state=State.OPTIONAL, detail=f"{detail}: other work will disturb latencies")
    return Check(name="processor", state=State.OK, detail=detail)


def _belongs(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _packages(name: str, requirements: list[Requirement], extra: str | None) -> Check:
    present, absent = [], []
    for requirement in requirements:
        try:
            number = version(requirement.name)
        except PackageNotFoundError:
            absent.append(f"{requirement.name} is not installed")
            continue
        if requirement.specifier.contains(number, prereleases=True):
            present.append(f"{requirement.name} {number}")
        else:
            absent.append(f"{requirement.name} {number} is not {requirement.specifier}")
    if not absent:
        return Check(name=name, state=State.OK, detail=", ".join(present) if extra else f"{len(present)} installed")
    return Check(
        name=name,
        state=State.MISSING if extra is None else State.OPTIONAL,
        detail="; ".join(absent),
        fix=f"pip install 'edgewright[{extra}]'" if extra else "pip install --upgrade edgewright",
    )
