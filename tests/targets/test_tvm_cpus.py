"""CPUs by name: what LLVM is told, what devices must have, and what an unknown name is answered."""

from __future__ import annotations

import pytest

from edgewright.devices.cpu import FEATURES, architecture, features
from edgewright.pipeline.config import parse_project
from edgewright.pipeline.plan import plan_artifacts
from edgewright.targets.tvm.cpus import CPUS, NAMES, cpu_named
from edgewright.targets.tvm.llvm import features_of, has_features, target_of
from edgewright.targets.tvm.target import TVM
from edgewright.targets.tvm.toolkit import tvm
from edgewright.vocabulary.errors import ConfigError, RequestError


def test_every_cpu_is_one_that_llvm_knows():
    ask = tvm().target.codegen.llvm_is_valid_cpu
    assert [cpu.name for cpu in CPUS.values() if not ask(cpu.mcpu, cpu.triple)] == []


def test_every_cpu_is_a_format():
    assert tuple(TVM().formats) == ("", *NAMES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x86-64", ()),
        ("x86-64-v3", ("avx", "avx2", "f16c", "fma", "sse4.2")),
        ("cortex-a53", ("neon",)),
        ("rpi4", ("neon",)),
        ("rpi5", ("dotprod", "fp16", "neon")),
        ("cortex-a510", ("bf16", "dotprod", "fp16", "i8mm", "neon", "sve", "sve2")),
        ("armv7", ("neon",)),
        ("sifive-u74", ()),
    ],
)
def test_features_are_those_that_code_may_use(name, expected):
    assert features_of(cpu_named(name)) == expected


def test_features_have_the_names_that_devices_give_them():
    named = {feature for cpu in CPUS.values() for feature in features_of(cpu)}
    assert named <= set(FEATURES.values())


def test_a_cpu_without_a_feature_is_told_so():
    has = tvm().target.codegen.llvm_get_cpu_features(target_of(cpu_named("rpi4")))
    assert "aes" not in has
    assert "neon" in has


@pytest.mark.parametrize("name", ["", "host"])
def test_the_host_needs_nothing_that_this_machine_lacks(name):
    host = cpu_named(name)
    assert host.arch == architecture()
    assert set(features_of(host)) <= set(features())


def test_the_host_is_built_for_nothing_that_devices_cannot_say():
    unsaid = {"avx512bitalg", "avx512ifma", "avx512vbmi", "avx512vbmi2", "avx512vpopcntdq", "gfni", "sha", "vaes"}
    assert unsaid.isdisjoint(has_features(target_of(cpu_named("host"))))


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(RequestError, match="no CPU named 'rpi-4'") as caught:
        cpu_named("rpi-4")
    assert caught.value.hint.startswith("rpi4 or ")


@pytest.mark.parametrize(("asked", "nearest"), [("cortexa76", "cortex-a76"), ("raspberry4", "rpi4"), ("pi4", "rpi4")])
def test_an_unknown_name_in_a_project_is_answered_with_the_nearest(tmp_path, asked, nearest):
    sections = ('[bundle]\nname = "b"\nversion = "1.0.0"', '[model]\nsource = "m.onnx"', '[data]\nevaluation = "e.npz"')
    text = "\n".join((*sections, "[targets.tvm]", f'formats = ["{asked}"]'))
    project = parse_project(text, folder=tmp_path)
    with pytest.raises(ConfigError, match=rf"targets\.tvm\.formats names '{asked}'") as caught:
        plan_artifacts(project)
    assert caught.value.hint.startswith(f"did you mean '{nearest}'")
    assert "`edgewright targets tvm` lists all" in caught.value.hint
