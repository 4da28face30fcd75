from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewright.bundle import replace
from edgewright.bundle.pack import unpack, write
from edgewright.bundle.scratch import scratch_beside
from edgewright.bundle.verify import verify
from edgewright.vocabulary.errors import ToolError, TrustError

Build = Callable[..., Path]


def listing(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_bundle_and_its_zip_are_written_and_nothing_else(build: Build, contents: dict[str, bytes]) -> None:
    bundle = build()

    assert sorted(path.name for path in bundle.parent.iterdir()) == ["bundle", "bundle.zip"]
    assert set(listing(bundle)) == {*contents, "model.sig"}


def test_content_is_the_same_in_every_build(build: Build) -> None:
    first, second = build(name="first"), build(name="second")

    assert listing(first / "content") == listing(second / "content")
    assert listing(first / "evidence") == listing(second / "evidence")


def test_an_unsigned_bundle_and_its_zip_are_the_same_in_every_build(contents: dict[str, bytes], tmp_path: Path) -> None:
    first, second = write(tmp_path / "a" / "bundle", contents), write(tmp_path / "b" / "bundle", contents)

    assert first.read_bytes() == second.read_bytes()


def test_a_newer_bundle_replaces_the_older_one(build: Build, public_key: Path) -> None:
    build({"evidence/report.html": b"old"})
    bundle = build()

    assert "evidence/report.html" not in verify(bundle, public_key).tree.paths
    assert sorted(path.name for path in bundle.parent.iterdir()) == ["bundle", "bundle.zip"]


def test_a_file_may_be_copied_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"weights")

    write(tmp_path / "bundle", {"content/model": tmp_path / "model", "content/x": b"x"})

    assert (tmp_path / "bundle" / "content" / "model").read_bytes() == b"weights"


def test_what_a_killed_build_left_is_removed_by_a_later_one(tmp_path: Path) -> None:
    for name, age_seconds in ((".bundle-old", 3600), (".bundle-new", 0), (".other-old", 3600)):
        (tmp_path / name / "bundle").mkdir(parents=True)
        os.utime(tmp_path / name, (time.time() - age_seconds,) * 2)

    write(tmp_path / "bundle", {"content/x": b"x"})

    assert sorted(path.name for path in tmp_path.iterdir()) == [".bundle-new", ".other-old", "bundle", "bundle.zip"]


def test_a_build_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    with scratch_beside(tmp_path / "bundle") as scratch:
        os.utime(scratch, (0, 0))

        write(tmp_path / "bundle", {"content/x": b"x"})

        assert scratch.is_dir()
    assert not scratch.exists()


def test_two_builds_at_once_both_leave_a_whole_bundle(tmp_path: Path) -> None:
    code = """
import sys
from pathlib import Path
from edgewright.bundle.pack import write
for number in range(30):
    write(Path(sys.argv[1]), {"content/a": sys.argv[2].encode() * 1000, "content/b": sys.argv[2].encode() * 1000})
"""
    builds = [subprocess.Popen([sys.executable, "-c", code, tmp_path / "bundle", letter]) for letter in "xy"]

    assert [build.wait() for build in builds] == [0, 0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "bundle.zip"]
    found = listing(tmp_path / "bundle")
    assert found["content/a"] == found["content/b"]
    unpack(tmp_path / "bundle.zip", tmp_path / "unpacked")
    assert len(listing(tmp_path / "unpacked")) == 2


@pytest.mark.parametrize("link", ["bundle", "bundle.zip"])
def test_a_link_is_not_replaced(tmp_path: Path, link: str) -> None:
    (tmp_path / "elsewhere" / "content").mkdir(parents=True)
    (tmp_path / link).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ToolError, match="is no bundle"):
        write(tmp_path / "bundle", {"content/x": b"x"})

    assert (tmp_path / link).is_symlink()


@pytest.mark.parametrize("stranger", ["file", "folder"])
def test_what_is_no_bundle_is_not_replaced(tmp_path: Path, stranger: str) -> None:
    mine = tmp_path / "out"
    if stranger == "file":
        mine.write_text("mine")
    else:
        mine.mkdir()
        (mine / "photo.jpg").write_text("mine")

    with pytest.raises(ToolError, match="is no bundle"):
        write(mine, {"content/x": b"x"})

    assert (mine if stranger == "file" else mine / "photo.jpg").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_name_that_leaves_the_folder_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(TrustError, match="climbs"):
        write(tmp_path / "deep" / "bundle", {"../../evil": b"x"})

    assert list(tmp_path.iterdir()) == []


def test_when_signing_fails_the_old_bundle_stays(build: Build, contents: dict[str, bytes], public_key: Path) -> None:
    bundle = build()
    before = listing(bundle.parent)

    def fail(folder: Path) -> None:
        raise ToolError("no luck")

    with pytest.raises(ToolError, match="no luck"):
        write(bundle, contents | {"evidence/report.html": b"new"}, fail)

    assert listing(bundle.parent) == before


WRITE_AGAIN = """
import resource, signal, sys
from pathlib import Path
from edgewright.bundle.pack import write
from edgewright.vocabulary.errors import ToolError
{before}
try:
    write(Path(sys.argv[1]), {{"content/big": bytes(4_000_000), "content/x": b"new"}})
except ToolError as error:
    print(error.message)
    print(error.hint)
    sys.exit(error.exit_code)
"""


def write_again(bundle: Path, before: str = "", **options: object) -> subprocess.CompletedProcess[str]:
    code = WRITE_AGAIN.format(before=textwrap.dedent(before))
    command = [sys.executable, "-c", code, str(bundle)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload,no-any-return]  # options are subprocess.run's own


def test_a_file_that_cannot_grow_leaves_the_old_bundle(tmp_path: Path) -> None:
    write(tmp_path / "bundle", {"content/x": b"old"})
    before = listing(tmp_path)
    limit = """
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # the write fails with EFBIG instead
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    """

    finished = write_again(tmp_path / "bundle", limit)

    assert (finished.returncode, finished.stderr) == (3, "")
    assert "cannot be written: File too large" in finished.stdout
    assert listing(tmp_path) == before


def test_a_full_disk_leaves_the_old_bundle(tmp_path: Path) -> None:
    """The disk is /dev/full where a file system of our own cannot be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        full = """
            import pathlib
            real = pathlib.Path.open
            def full_disk(self, mode="r", *rest, **named):
                return real(pathlib.Path("/dev/full") if "x" in mode else self, mode.replace("x", "w"), *rest, **named)
            pathlib.Path.open = full_disk
        """
    else:
        full = ""
    try:
        write(disk / "bundle", {"content/x": b"old"})
        before = listing(disk)

        finished = write_again(disk / "bundle", full)

        assert (finished.returncode, finished.stderr) == (3, "")
        assert "No space left on device" in finished.stdout
        assert "unchanged" in finished.stdout
        assert listing(disk) == before
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", str(disk)], check=True)


def test_no_permission_leaves_the_old_bundle(tmp_path: Path) -> None:
    write(tmp_path / "bundle", {"content/x": b"old"})
    before = listing(tmp_path)
    tmp_path.chmod(0o555)
    # Root may write anywhere: it becomes nobody first, once everything is imported.
    drop = """
        import os, tempfile
        import edgewright.bundle.tree
        if os.geteuid() == 0:
            os.setgroups([]); os.setgid(65534); os.setuid(65534)
    """
    for folder in tmp_path.parents:  # nobody must be able to get here
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o111)
    try:
        finished = write_again(tmp_path / "bundle", drop)
    finally:
        tmp_path.chmod(0o755)

    assert (finished.returncode, finished.stderr) == (3, "")
    assert "cannot be written: Permission denied" in finished.stdout
    assert listing(tmp_path) == before


KILLED = """
import os, signal, sys, threading, time
from pathlib import Path
from edgewright.bundle.pack import write
def kill():
    time.sleep(float(sys.argv[2]))
    os.kill(os.getpid(), signal.SIGKILL)
print("ready", flush=True)
threading.Thread(target=kill, daemon=True).start()
for number in range(10_000):
    write(Path(sys.argv[1]), {"content/number": str(number).encode(), "content/big": bytes(300_000)})
"""


@pytest.mark.parametrize("seconds", [0.003, 0.01, 0.02, 0.03, 0.05, 0.08])
def test_killed_at_any_moment_a_whole_bundle_is_there(tmp_path: Path, seconds: float) -> None:
    write(tmp_path / "bundle", {"content/number": b"-1", "content/big": bytes(300_000)})

    finished = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "bundle", str(seconds)], capture_output=True, check=False
    )

    assert finished.returncode == -signal.SIGKILL
    assert {name: len(data) for name, data in listing(tmp_path / "bundle").items() if name != "content/number"} == {
        "content/big": 300_000
    }
    int((tmp_path / "bundle/content/number").read_text())
    unpack(tmp_path / "bundle.zip", tmp_path / "unpacked")
    write(tmp_path / "bundle", {"content/number": b"after", "content/big": b""})
    assert (tmp_path / "bundle/content/number").read_text() == "after"


def test_where_two_folders_cannot_change_places_the_old_one_is_moved_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replace, "_exchange", lambda first, second: False)
    write(tmp_path / "bundle", {"content/x": b"old"})

    write(tmp_path / "bundle", {"content/x": b"new"})

    assert (tmp_path / "bundle/content/x").read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "bundle.zip"]


def test_unpacking_gives_the_same_folder(signed: Path, tmp_path: Path, public_key: Path) -> None:
    unpack(signed.with_name("bundle.zip"), tmp_path / "deep" / "bundle")

    assert listing(tmp_path / "deep" / "bundle") == listing(signed)
    verify(tmp_path / "deep" / "bundle", public_key)


def test_unpacking_overwrites_nothing(signed: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()

    with pytest.raises(ToolError, match="already there"):
        unpack(signed.with_name("bundle.zip"), tmp_path / "there")

    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_zip_with_a_bad_name_leaves_nothing(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../evil", b"x")

    with pytest.raises(TrustError, match="climbs"):
        unpack(tmp_path / "evil.zip", tmp_path / "out")

    assert [path.name for path in tmp_path.iterdir()] == ["evil.zip"]
