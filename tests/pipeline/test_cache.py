import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from edgewright.pipeline.cache import Cache, key_of
from edgewright.pipeline.homes import held

KEY = key_of("step", {"of": "a test"})


def write(text: str):
    return lambda folder: (folder / "result.txt").write_text(text)


def test_what_was_put_is_found_again(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    entry, was_there = cache.get_or_make(KEY, write("made"))
    assert not was_there
    assert (entry / "result.txt").read_text() == "made"
    assert cache.get_or_make(KEY, write("made again")) == (entry, True)


def test_a_key_depends_on_every_part() -> None:
    assert key_of("step", {"a": 1}) != key_of("step", {"a": 2})
    assert key_of("step", {"a": 1}) != key_of("other", {"a": 1})
    assert key_of("step", {"a": 1, "b": 2}) == key_of("step", {"b": 2, "a": 1})


def test_a_step_that_fails_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def fail(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        cache.get_or_make(KEY, fail)
    assert cache.get(KEY) is None
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize("harm", ["truncate", "change", "remove", "add", "list"])
def test_an_entry_that_was_harmed_is_made_anew(tmp_path: Path, harm: str) -> None:
    cache = Cache(tmp_path)
    entry, _ = cache.get_or_make(KEY, write("made"))
    result = entry / "result.txt"
    match harm:
        case "truncate":
            result.write_text("")
        case "change":
            result.write_text("edam")
        case "remove":
            result.unlink()
        case "add":
            (entry / "more.txt").write_text("more")
        case "list":
            (entry / "entry.json").write_text("{")
    assert cache.get(KEY) is None
    entry, was_there = cache.get_or_make(KEY, write("made anew"))
    assert not was_there
    assert (entry / "result.txt").read_text() == "made anew"


def test_two_builds_that_want_one_key_make_it_once(tmp_path: Path) -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(threading.get_ident())
        time.sleep(0.2)
        (folder / "result.txt").write_text("made")

    threads = [threading.Thread(target=Cache(tmp_path).get_or_make, args=(KEY, make)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


BUILD = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from edgewright.pipeline.cache import Cache
    cache, key, pause = Cache(Path(sys.argv[1])), sys.argv[2], float(sys.argv[3])
    def make(folder):
        for index in range(40):
            (folder / f"{index}.txt").write_text("x" * 1000)
            time.sleep(pause)
    print("started", flush=True)
    cache.get_or_make(key, make)
    print("ended", flush=True)
""")


def start_build(cache: Path, pause: float) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", BUILD, str(cache), KEY, str(pause)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.15, 0.2, 0.25])
def test_a_build_killed_at_any_moment_leaves_all_or_nothing(tmp_path: Path, delay: float) -> None:
    with start_build(tmp_path, 0.005) as build:
        assert build.stdout is not None
        build.stdout.readline()
        time.sleep(delay)
        build.send_signal(signal.SIGKILL)
    found = Cache(tmp_path).get(KEY)
    if found is not None:
        assert len(list(found.glob("*.txt"))) == 40
    entry, _ = Cache(tmp_path).get_or_make(KEY, write("anew"))
    assert list(entry.glob("*.txt"))


def test_what_a_killed_build_left_is_swept_up(tmp_path: Path) -> None:
    with start_build(tmp_path, 0.05) as build:
        assert build.stdout is not None
        build.stdout.readline()
        time.sleep(0.2)
        build.send_signal(signal.SIGKILL)
    assert any(path.is_dir() for path in (tmp_path / "work").iterdir())
    Cache(tmp_path).get_or_make(key_of("other", {}), write("other"))
    assert list((tmp_path / "work").iterdir()) == []


def test_two_processes_at_once_give_one_whole_entry(tmp_path: Path) -> None:
    builds = [start_build(tmp_path, 0.002) for _ in range(4)]
    for build in builds:
        with build:
            assert build.wait() == 0
    found = Cache(tmp_path).get(KEY)
    assert found is not None
    assert len(list(found.glob("*.txt"))) == 40


def test_clearing_takes_every_entry(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.get_or_make(KEY, write("made"))
    count, size = cache.usage()
    assert count == 1
    assert size > len("made")
    cache.clear()
    assert cache.usage() == (0, 0)
    assert cache.get(KEY) is None


def test_dependencies_are_those_of_the_last_run(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.dependencies(KEY) is None
    cache.record_dependencies(KEY, (Path("/a"),))
    cache.record_dependencies(KEY, (Path("/a"), Path("/b")))
    assert cache.dependencies(KEY) == (Path("/a"), Path("/b"))


def test_the_entry_lists_every_file_with_its_digest_and_size(tmp_path: Path) -> None:
    entry, _ = Cache(tmp_path).get_or_make(KEY, write("made"))
    listed = json.loads((entry / "entry.json").read_text())
    assert listed == {"result.txt": ["ea0890697a77af0a2e054cccec587c8a42feb5cf38e778c6c6e2a96bfb945c0b", 4]}


def test_the_folder_is_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from edgewright.pipeline.cache import default_cache_folder

    monkeypatch.setenv("EDGEWRIGHT_CACHE_DIR", str(tmp_path))
    assert default_cache_folder() == tmp_path
    monkeypatch.delenv("EDGEWRIGHT_CACHE_DIR")
    assert default_cache_folder().name == "edgewright"
    assert os.fspath(default_cache_folder()).startswith("/")


def test_what_a_killed_step_left_stays_until_it_is_cleared_but_never_while_somebody_works_in_it(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    left, busy = cache.homes.of("left"), cache.homes.of("busy")
    for home in (left, busy):
        with held(home):
            (home / "kept").write_bytes(b"12345")
    assert cache.homes.usage() == (2, 10)

    with held(busy):
        cache.homes.forget("busy")
        cache.clear()
        assert (left.exists(), (busy / "kept").read_bytes()) == (False, b"12345")
    cache.homes.forget("busy")

    assert cache.homes.usage() == (0, 0)
    assert list((cache.path / "training").iterdir()) == []


def test_who_wants_to_work_where_somebody_works_waits(tmp_path: Path) -> None:
    home = tmp_path / "homes" / "key"
    order: list[str] = []

    def second() -> None:
        with held(home):
            order.append("second")

    thread = threading.Thread(target=second)
    with held(home):
        thread.start()
        thread.join(0.1)
        order.append("first")
    thread.join()

    assert order == ["first", "second"]
