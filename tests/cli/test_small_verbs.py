import stat
import subprocess

import pytest

from edgewright.cli import health
from edgewright.cli.health import State

ALL_TARGETS = ["onnxruntime", "tflite", "coreml", "tfjs", "executorch", "tvm", "tensorrt"]


def test_cache_tells_where_and_how_large(edgewright, tmp_path):
    said = edgewright("cache")
    assert said.stdout == f"path     {tmp_path / 'cache'}\nentries  0\nsize     0 B\n"


def test_cache_clear_removes_every_entry(edgewright, tmp_path):
    from edgewright.pipeline.cache import Cache

    Cache(tmp_path / "cache").get_or_make("ab" * 32, lambda folder: (folder / "file").write_text("12345"))
    cleared = edgewright("cache", "--clear", "--json").document
    assert (cleared["entries"], cleared["cleared_entries"]) == (0, 1)
    assert cleared["cleared_bytes"] > 5
    assert Cache(tmp_path / "cache").usage() == (0, 0)


def test_cache_tells_of_what_was_killed_while_it_learned(edgewright, tmp_path):
    from edgewright.pipeline.cache import Cache
    from edgewright.pipeline.homes import held

    home = Cache(tmp_path / "cache").homes.of("key")
    with held(home):
        (home / "checkpoint.pt").write_bytes(b"12345")
    said = edgewright("cache").stdout.splitlines()
    assert said[2:] == ["begun    1 step that was killed while it learned", "size     5 B"]
    assert edgewright("cache", "--clear", "--json").document["unfinished"] == 0


def test_keygen_makes_a_pair_that_only_its_owner_reads(edgewright, tmp_path):
    said = edgewright("keygen", "release.pem")
    assert said.exit_code == 0
    private = tmp_path / "release.pem"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert b"PUBLIC KEY" in (tmp_path / "release.pub").read_bytes()
    assert 'export EDGEWRIGHT_SIGNING_KEY="$(cat release.pem)"' in said.stderr


def test_keygen_never_overwrites(edgewright, tmp_path):
    (tmp_path / "key.pem").write_text("mine")
    said = edgewright("keygen")
    assert said.exit_code == 2
    assert (tmp_path / "key.pem").read_text() == "mine"
    assert not (tmp_path / "key.pub").exists()


def test_targets_names_all(edgewright):
    table, _, told = edgewright("targets").stdout.partition("\n\n")
    assert [line.split()[0] for line in table.splitlines()] == ["target", *ALL_TARGETS]
    assert "`edgewright targets NAME` names the formats, precisions and operators of one" in told


def test_targets_of_one_lists_its_operators(edgewright):
    state = edgewright("targets", "tflite", "--json").document
    assert state["installed"]
    assert {"Conv", "Softmax"} <= set(state["ops"])
    assert "  Conv " in edgewright("targets", "tflite").stdout


def test_targets_of_one_names_the_devices_that_open_its_artifacts(edgewright):
    assert edgewright("targets", "tfjs", "--json").document["devices"] == ["browser", "node"]
    assert edgewright("targets", "coreml", "--json").document["devices"] == ["local"]
    assert "  devices     local, browser\n" in edgewright("targets", "tflite").stdout


def test_targets_of_one_shows_what_it_makes_of_the_operator_cases(edgewright):
    found = edgewright("targets", "tflite", "--json").document["conformance"]
    assert (found["operators"]["Softmax"]["passed"], found["operators"]["Softmax"]["cases"]) == (21, 21)
    assert found["total"]["findings"] == 0
    whole, partly = edgewright("targets", "tflite").stdout.split("some cases are refused")
    assert f"{found['total']['passed']:,} of {found['total']['cases']:,} ONNX cases pass" in whole
    assert "Softmax 21" in whole
    (resize,) = [line.split() for line in partly.splitlines() if line.startswith("    Resize ")]
    counts = found["operators"]["Resize"]
    assert resize[1:3] == [f"{counts['passed']}/{counts['cases']}", f"+{counts['passed_with_inputs_fixed']}"]


@pytest.mark.parametrize("width", [80, 140])
def test_targets_of_one_keeps_within_the_terminal(edgewright, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = edgewright("targets", "tflite").stdout.splitlines()
    assert max(map(len, lines)) <= width


def test_a_target_without_a_record_shows_its_operators_alone(edgewright, monkeypatch):
    monkeypatch.setattr("edgewright.conformance.record.kept", lambda target: None)
    said = edgewright("targets", "tflite")
    assert "  Conv " in said.stdout
    assert "conformance" not in said.stdout
    assert edgewright("targets", "tflite", "--json").document["conformance"] is None


def test_a_target_that_is_not_installed_shows_the_command_that_installs_it(edgewright, monkeypatch):
    monkeypatch.setattr("edgewright.targets.table.missing_packages", lambda target: target.packages)
    assert "tflite is not installed: pip install 'edgewright[tflite]'" in edgewright("targets").stdout
    assert edgewright("targets", "tflite", "--json").document["fix"] == "pip install 'edgewright[tflite]'"


def test_a_target_that_there_is_not_is_a_wrong_request(edgewright):
    said = edgewright("targets", "winml")
    assert said.exit_code == 2
    assert said.stderr == f"error: there is no target named 'winml'\nhint: known: {', '.join(ALL_TARGETS)}\n"


def test_doctor_is_content_with_this_machine(edgewright):
    said = edgewright("doctor", "--json")
    assert said.exit_code == 0
    names = [check["name"] for check in said.document["checks"]]
    names_of_extras = ["tflite", "coreml", "torch", "search", "tvm", "executorch", "browser"]
    extras = [f"extra {name}" for name in names_of_extras]
    web = ["chromium", "node", "web files"]
    assert names == ["python", "packages", *extras, *web, "linkers", "cache", "signing key", "processor"]


def test_doctor_shows_the_command_that_fixes(edgewright, monkeypatch):
    monkeypatch.delenv("EDGEWRIGHT_SIGNING_KEY", raising=False)
    assert "EDGEWRIGHT_SIGNING_KEY is not set" in (said := edgewright("doctor").stdout)
    assert "edgewright keygen" in said


def test_doctor_fails_when_the_cache_cannot_be_written(edgewright, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("EDGEWRIGHT_CACHE_DIR", str(tmp_path / "file" / "cache"))
    said = edgewright("doctor")
    assert said.exit_code == 3
    assert "✗  cache" in said.stdout
    assert said.stdout.endswith("not ready: fix what is marked ✗\n")


@pytest.mark.parametrize(
    ("number", "state"), [((3, 10, 9), State.MISSING), ((3, 11, 0), State.OK), ((3, 14, 0), State.MISSING)]
)
def test_python_is_checked(number, state):
    assert health.python(number).state is state


def test_an_old_node_is_told_with_what_is_asked_for(monkeypatch, tmp_path):
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.20.4\n")
    old.chmod(0o755)
    monkeypatch.setenv("EDGEWRIGHT_NODE", str(old))
    check = health.node()
    assert check.state is State.OPTIONAL
    assert check.detail == f"{old} is v18.20.4; TF.js artifacts need 20 or newer"


def test_web_files_that_are_not_built_are_told(monkeypatch, tmp_path):
    monkeypatch.setattr("edgewright.web.assets.DIST", tmp_path)
    check = health.web_files()
    assert check.state is State.OPTIONAL
    assert check.fix == "make web"


def test_an_old_package_is_told_with_what_is_asked_for(monkeypatch):
    versions = {"numpy": "1.0"}
    true_version = health.version
    monkeypatch.setattr(health, "version", lambda name: versions.get(name) or true_version(name))
    base = health.packages()[0]
    assert base.state is State.MISSING
    assert base.detail == "numpy 1.0 is not >=2.2"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_script_of_a_shell(edgewright, shell):
    assert "_EDGEWRIGHT_COMPLETE" in edgewright("completion", shell).stdout


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("edgewright t", {"targets"}),
        ("edgewright targets ", {*ALL_TARGETS}),
        ("edgewright build -t tf", {"tfjs", "tflite"}),
        ("edgewright build --recipe fp", {"fp16", "fp32"}),
        ("edgewright build --ev", {"--evaluation", "--evidence"}),
    ],
)
def test_bash_completes_verbs_targets_recipes_and_options(edgewright_process, typed, offered):
    words = typed.split(" ")
    done = edgewright_process(
        env={"_EDGEWRIGHT_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": str(len(words) - 1)}
    )
    assert {line.partition(",")[2] for line in done.stdout.split()} == offered


def test_the_bash_script_is_one_that_bash_reads(edgewright):
    script = edgewright("completion", "bash").stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_doctor_shows_what_devices_on_the_web_run_in(monkeypatch, tmp_path):
    for name, script in {"chromium": "#!/bin/sh\n", "node": "#!/bin/sh\necho v22.1.0\n"}.items():
        (tmp_path / name).write_text(script, "utf-8")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (health.chromium().state, health.chromium().detail) == (State.OK, str(tmp_path / "chromium"))
    assert (health.node().state, health.node().detail) == (State.OK, f"{tmp_path / 'node'}, v22.1.0")


def test_doctor_names_the_linkers_that_are_there(monkeypatch):
    monkeypatch.setattr(health.shutil, "which", lambda name: name if name == "aarch64-linux-gnu-gcc" else None)
    check = health.linkers()
    assert (check.state, check.fix) == (State.OPTIONAL, "apt-get install gcc")
    assert check.detail.startswith("aarch64-linux-gnu-gcc; not here: gcc, ")


def test_doctor_says_how_to_get_a_browser_and_node(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert health.chromium().state is State.OPTIONAL
    assert "apt-get install chromium" in health.chromium().fix
    assert health.node().state is State.OPTIONAL
    assert "apt-get install nodejs" in health.node().fix


def test_doctor_names_a_browser_that_is_named_and_not_there(monkeypatch):
    monkeypatch.setenv("EDGEWRIGHT_CHROMIUM", "/nowhere/chromium")
    assert health.chromium().detail == "EDGEWRIGHT_CHROMIUM names /nowhere/chromium: no such program"
