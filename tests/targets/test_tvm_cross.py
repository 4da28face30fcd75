"""Libraries for other machines than this one."""

from __future__ import annotations

import platform
import shutil

import pytest

from edgewright.targets.base import Options
from edgewright.targets.runtime import RunOptions
from edgewright.targets.table import load_target
from edgewright.targets.tvm.cpus import CPUS, cpu_named
from edgewright.targets.tvm.cross import linker_of
from edgewright.targets.tvm.interface import read_interface
from edgewright.targets.tvm.machine import machine_of
from edgewright.targets.tvm.runtime import TVM
from edgewright.vocabulary.errors import ToolError

OTHER = "rpi4" if platform.machine() != "aarch64" else "x86-64"


def linkers_here(tmp_path):
    """CPUs, one of each architecture and system, whose linker is installed."""
    found = {(cpu.arch, cpu.os): cpu for cpu in CPUS.values()}
    return [cpu for cpu in found.values() if shutil.which(linker_of(cpu, tmp_path).command) is not None]


def test_each_linker_that_is_installed_makes_a_library_for_its_machine(tmp_path, oddly_named):
    for cpu in linkers_here(tmp_path):
        (out := tmp_path / cpu.name).mkdir()
        artifact = load_target("tvm").compile(oddly_named, Options(variant="fp32", format=cpu.name), out)
        data = (out / "model.so").read_bytes()
        assert machine_of(data) == cpu.arch == artifact.requires.arch[0]
        assert artifact.requires.os == (cpu.os,)
        assert artifact.name == f"tvm-fp32-{cpu.name}"
        assert [tensor.name for tensor in read_interface(data).outputs] == ["sum;1", "product"]


def test_code_for_an_older_cpu_of_this_machines_kind_runs_here(tmp_path, oddly_named):
    import numpy as np

    generic = {"x86_64": "x86-64", "aarch64": "aarch64", "riscv64": "riscv64"}[platform.machine()]
    load_target("tvm").compile(oddly_named, Options(variant="fp32", format=generic), tmp_path)
    left, right = np.float32([[1, 2, 3, 4]]), np.float32([[10, 20, 30, 40]])
    outputs = TVM().load(tmp_path / "model.so", RunOptions()).run({"left/in:0": left, "a right": right})
    np.testing.assert_array_equal(outputs["product"], left * right)


@pytest.mark.parametrize(
    ("name", "package"),
    [
        (OTHER, linker_of(cpu_named(OTHER), None).package),
        ("android-arm64", "clang lld"),
        ("armv7", "gcc-arm-linux-gnueabihf"),
        ("riscv64", "gcc-riscv64-linux-gnu"),
    ],
)
def test_a_linker_that_is_not_installed_is_named_with_its_package(tmp_path, monkeypatch, oddly_named, name, package):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="it is not installed") as caught:
        load_target("tvm").compile(oddly_named, Options(variant="fp32", format=name), tmp_path)
    assert package in caught.value.hint
    assert list(tmp_path.iterdir()) == []
