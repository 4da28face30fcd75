"""Tuning for TVM: what was tried once is known in every model and build, and a builder that dies costs its trial."""

import json
import os
import signal
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import tvm
from tvm import relax

from edgewright.targets.tvm.schedule.pipeline import fused, scheduled
from edgewright.targets.tvm.schedule.tile import Tile
from edgewright.targets.tvm.tuning.bench import Bench
from edgewright.targets.tvm.tuning.found import tiles_in
from edgewright.targets.tvm.tuning.records import Database, Known, Trial
from edgewright.targets.tvm.tuning.search import PATIENCE, Search
from edgewright.targets.tvm.tuning.tasks import Task, tasks_of
from edgewright.targets.tvm.tuning.tune import tune
from edgewright.vocabulary.errors import RequestError, ToolError

HOST = tvm.target.Target({"kind": "llvm", "mcpu": tvm.target.codegen.llvm_get_system_cpu()})

QUICK = """
import json, sys
for line in sys.stdin:
    tile = json.loads(line)["tile"]
    print(json.dumps({{"ms": {ms}}}), flush=True)
"""
"""A worker that measures nothing: `ms` is said of the tile."""


def worker(source):
    return (sys.executable, "-c", source)


def quick(ms="1.0 / (tile['vectors'] + tile['columns'])"):
    return worker(QUICK.format(ms=ms))


def products(*widths):
    """Products with constant weights, one after the other, in a module as it is tuned."""
    block = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((4, widths[0]), "float32"))
    with block.function("main", [x]):
        with block.dataflow():
            y = x
            for before, after in pairwise(widths):
                weight = np.full((before, after), 1 / before, np.float32)
                y = block.emit(relax.op.tanh(block.emit(relax.op.matmul(y, relax.const(weight)))))
            given = block.emit_output(y)
        block.emit_func_output(given)
    return fused(block.get(), HOST)


@pytest.fixture
def folders(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "database", tmp_path / "out"


def trials_in(database):
    lines = [json.loads(line) for line in (database / "trials.jsonl").read_text().split("\n") if line]
    return [line for line in lines if "tile" in line]


def test_tiles_are_measured_and_the_fastest_is_built(folders):
    database, out = folders
    module = products(16, 32)
    tune(module, HOST, 6, database, out, lambda line: None)
    assert all(trial["ms"] > 0 for trial in trials_in(database))
    ((key, tile),) = tiles_in(out).items()
    assert key == tasks_of(module, HOST)[0].key
    best = min(trials_in(database), key=lambda trial: trial["ms"])
    assert json.loads((out / "tiles.json").read_text())["tiles"][key]["tile"] == best["tile"]
    assert scheduled(module, HOST, {key: tile}).script()


def test_a_tile_that_was_found_changes_the_code():
    module = products(16, 32)
    (task,) = tasks_of(module, HOST)
    made = {scheduled(module, HOST, {task.key: tile}).script() for tile in task.tiles[:2]}
    assert len(made) == 2


def test_a_tile_that_does_not_fit_is_not_taken():
    module = products(16, 32)
    (task,) = tasks_of(module, HOST)
    other = Tile(rows=3, columns=5, vectors=7)
    assert scheduled(module, HOST, {task.key: other}).script() == scheduled(module, HOST, {}).script()


def test_a_second_run_makes_no_trial(folders):
    database, out = folders
    tune(products(16, 32), HOST, 60, database, out, lambda line: None, quick())
    first, found = (database / "trials.jsonl").read_bytes(), (out / "tiles.json").read_bytes()
    tune(products(16, 32), HOST, 60, database, out, lambda line: None, worker("raise SystemExit(1)"))
    assert (database / "trials.jsonl").read_bytes() == first
    assert (out / "tiles.json").read_bytes() == found


def test_the_same_task_in_another_model_needs_no_trial(folders):
    database, out = folders
    tune(products(16, 32), HOST, 60, database, out, lambda line: None, quick())
    known = len(trials_in(database))
    tune(products(16, 32, 24), HOST, 60, database, out, lambda line: None, quick())
    new = trials_in(database)[known:]
    assert new
    assert {trial["key"] for trial in new}.isdisjoint(trial["key"] for trial in trials_in(database)[:known])
    assert len(tiles_in(out)) == 2


def test_a_builder_that_crashes_costs_its_trial(folders):
    database, out = folders
    said = []
    crash = "import os, signal\n" + QUICK.format(
        ms="1.0 if tile['vectors'] < 2 else os.kill(os.getpid(), signal.SIGSEGV)"
    )
    tune(products(16, 64), HOST, 60, database, out, said.append, worker(crash))
    failures = [trial["failure"] for trial in trials_in(database) if "failure" in trial]
    assert failures
    assert set(failures) == {"the process ended by signal 11"}
    assert [tile.vectors for tile in tiles_in(out).values()] == [1]


def test_a_task_of_which_no_trial_works_keeps_its_default_and_is_named(folders):
    database, out = folders
    said = []
    refuse = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    first = globals().setdefault('first', json.loads(line)['function'])\n"
        "    same = json.loads(line)['function'] == first\n"
        "    print(json.dumps({'ms': 1.0} if same else {'failure': 'no such luck'}), flush=True)\n"
    )
    tune(products(16, 32, 24), HOST, 60, database, out, said.append, worker(refuse))
    (name,) = json.loads((out / "tiles.json").read_text())["defaults"]
    assert said[-1].endswith(f"; no trial could be measured of {name}: the default is kept (no such luck)")
    assert len(tiles_in(out)) == 1


def test_a_builder_that_never_works_is_an_error_that_says_why(folders):
    database, out = folders
    dies = worker("import sys; sys.stdin.readline(); sys.exit('no space left')")
    with pytest.raises(
        ToolError, match=r"not one of [0-9]+ trials of 1 kernel was measured.*ended with 1: no space left"
    ):
        tune(products(16, 32), HOST, 60, database, out, lambda line: None, dies)


def test_what_failed_is_tried_again_by_the_next_build(folders):
    database, out = folders
    with pytest.raises(ToolError):
        tune(products(16, 32), HOST, 60, database, out, lambda line: None, worker("raise SystemExit(1)"))
    tune(products(16, 32), HOST, 60, database, out, lambda line: None, quick())
    assert len(tiles_in(out)) == 1


def test_a_builder_that_hangs_is_stopped():
    (task,) = tasks_of(products(16, 32), HOST)
    with Bench(HOST, worker("import time; time.sleep(60)"), trial_s=0.3) as bench:
        assert bench.time(task, task.tiles[0]).failure == "it took more than 0.3 s"


def test_a_builder_that_answers_nonsense_costs_its_trial():
    (task,) = tasks_of(products(16, 32), HOST)
    with Bench(HOST, worker("print(input()[:0] + '-1.0 ms', flush=True)")) as bench:
        assert bench.time(task, task.tiles[0]).failure.startswith("its answer cannot be read: ")


def test_a_builder_imports_nothing_from_the_folder_of_whoever_builds(tmp_path, monkeypatch):
    (tmp_path / "msgspec.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    (task,) = tasks_of(products(16, 32), HOST)
    with Bench(HOST) as bench:
        assert bench.time(task, task.tiles[0]).ms > 0


def test_nothing_is_tried_when_the_budget_is_over(folders):
    database, out = folders
    with pytest.raises(ToolError, match="was over before a kernel was tried"):
        tune(products(16, 32), HOST, 1e-9, database, out, lambda line: None, quick())


def test_progress_says_task_trials_and_the_best(folders):
    database, out = folders
    said = []
    tune(products(16, 32), HOST, 60, database, out, said.append, quick("0.25"))
    assert said[0].startswith("trial 1, ")
    assert "contraction 4×16 by " in said[0]
    assert "1 of " in said[0]
    assert " s left; all kernels 0.25 ms; contraction" in said[0]
    assert said[0].endswith("best 0.25 ms")
    assert said[-1].startswith("1 kernel, ")


def test_a_model_without_kernels_has_nothing_to_tune(folders):
    database, out = folders
    block = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((4,), "float32"))
    with block.function("main", [x]):
        with block.dataflow():
            given = block.emit_output(relax.op.exp(x))
        block.emit_func_output(given)
    tune(fused(block.get(), HOST), HOST, 5, database, out, lambda line: None, worker("raise SystemExit(1)"))
    assert tiles_in(out) == {}


def test_a_folder_without_tuning_is_refused(tmp_path):
    with pytest.raises(RequestError, match="nothing was tuned"):
        tiles_in(tmp_path)


def test_lines_that_were_cut_off_cost_a_trial_and_no_more(tmp_path):
    database = Database(tmp_path)
    tile = Tile(rows=1, columns=4, vectors=2)
    database.add(Trial(key="a", name="first", tile=tile, ms=2.0))
    with (tmp_path / "trials.jsonl").open("ab") as file:
        file.write(b'{"key":"b","na')
    database.add(Trial(key="a", name="first", tile=tile, ms=1.0))
    assert database.read().ranked("a") == [(1.0, tile)]


def test_only_tiles_that_are_still_a_choice_are_known(folders):
    database, out = folders
    module = products(16, 32)
    (task,) = tasks_of(module, HOST)
    held, other = Database(database), Tile(rows=3, columns=5, vectors=7)
    held.add(Trial(key=task.key, name="", tile=other, ms=1e-9))
    held.add(Trial(key=task.key, name="", settled_s=1000))
    with (database / "trials.jsonl").open("a") as file:
        file.write(json.dumps({"key": task.key, "name": "", "tile": {"rows": 1, "columns": 1, "vectors": 1}, "ms": -1}))
    tune(module, HOST, 60, database, out, lambda line: None, quick())
    assert tiles_in(out)[task.key] in task.tiles


def test_builds_at_once_do_not_mix_their_lines(tmp_path):
    def write(key):
        for number in range(200):
            Database(tmp_path).add(
                Trial(key=key, name=key * 50, tile=Tile(rows=1, columns=1, vectors=1), ms=1.0 + number)
            )

    threads = [threading.Thread(target=write, args=(key,)) for key in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(trials_in(tmp_path)) == 800


def task(key, *, calls, tiles):
    return Task(key=key, name=key, function=None, tiles=tuple(tiles), calls=calls, constants=())


TILES = [Tile(rows=1, columns=1, vectors=count) for count in range(1, 40)]


def test_the_budget_goes_where_time_is_spent():
    tasks = [task("small", calls=1, tiles=TILES), task("large", calls=10, tiles=TILES)]
    known = Known()
    search = Search(tasks=tasks, known=known, budget_s=1)
    spent = []
    for _ in range(12):
        chosen, tile = search.next()
        spent.append(chosen.key)
        known.add(Trial(key=chosen.key, name="", tile=tile, ms=1.0))
    assert set(spent[:2]) == {"small", "large"}
    assert spent.count("large") > 2 * spent.count("small")


def test_a_task_that_gains_nothing_is_left():
    known = Known()
    search = Search(tasks=[task("only", calls=1, tiles=TILES)], known=known, budget_s=1)
    made = 0
    while (chosen := search.next()) is not None:
        known.add(Trial(key="only", name="", tile=chosen[1], ms=1.0))
        made += 1
    assert made == PATIENCE + 1


def test_a_larger_budget_goes_on_where_a_smaller_one_ended():
    known = Known([Trial(key="only", name="", tile=TILES[0], ms=1.0), Trial(key="only", name="", settled_s=10)])
    assert Search(tasks=[task("only", calls=1, tiles=TILES)], known=known, budget_s=10).next() is None
    assert Search(tasks=[task("only", calls=1, tiles=TILES)], known=known, budget_s=20).next() is not None


INTERRUPTED = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
import test_tvm_tuning as tests
print("ready", flush=True)
tests.tune(tests.products(16, 64), tests.HOST, 60, Path({database!r}), Path({out!r}),
           lambda line: print(line, flush=True),
           tests.worker("import time\\n" + tests.QUICK.format(ms="time.sleep(0.1) or 1.0")))
"""


def test_an_interrupt_keeps_what_was_measured(folders):
    database, out = folders
    source = INTERRUPTED.format(tests=str(Path(__file__).parent), database=str(database), out=str(out))
    child = subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with child:
        for line in child.stdout:
            if line.startswith("trial"):
                os.kill(child.pid, signal.SIGINT)
                break
    assert child.returncode != 0
    assert trials_in(database)
    assert Database(database).read().ranked(trials_in(database)[0]["key"])
