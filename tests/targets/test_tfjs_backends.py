"""Which operator has its kernels on which backend: the table is what the packages say, and coverage tells of it."""

import subprocess
from pathlib import Path

import pytest

from edgewright.compiler.lowering.refused import Refused
from edgewright.targets.artifact import Handling
from edgewright.targets.base import Options
from edgewright.targets.tfjs import backends
from edgewright.targets.tfjs.target import TFJS
from edgewright.web.assets import DIST, find_node

TABLE = Path(backends.__file__).with_name("backends.json")


def test_the_table_is_what_the_packages_say():
    if not (DIST.parent / "node_modules").exists():
        pytest.skip("the packages are not installed: run `make web`")
    script = DIST.parent / "kernels.mjs"
    made = subprocess.run([find_node(), script], check=True, capture_output=True, text=True).stdout
    assert made == TABLE.read_text("utf-8"), "run `npm run --silent kernels > ../targets/tfjs/backends.json` in web/"


def test_an_operator_without_a_kernel_on_wasm_is_refused():
    backends.require_kernels(["AddV2", "Placeholder", "_FusedConv2D"])
    with pytest.raises(Refused, match=r"TF\.js has no kernels for Einsum on wasm"):
        backends.require_kernels(["AddV2", "Einsum"])


def test_an_operator_that_is_not_in_the_table_is_refused():
    with pytest.raises(Refused, match=r"TF\.js has no kernels for Betainc on wasm"):
        backends.require_kernels(["Betainc"])


@pytest.fixture
def coverage_where_tanh_is_missing(hub_of_text, monkeypatch):
    """Give the coverage of y = Tanh(Relu(x)) when these backends lack Tanh."""

    def cover(*missing):
        known = {**backends.lacking(), "Tanh": frozenset(missing)}
        monkeypatch.setattr(backends, "lacking", lambda: known)
        hub = hub_of_text("(float[2] x) => (float[2] y) { r = Relu(x) y = Tanh(r) }")
        return {node.op: node for node in TFJS().coverage(hub, Options(variant="fp32")).nodes}

    return cover


def test_coverage_names_the_backends_that_lack_a_node(coverage_where_tanh_is_missing):
    nodes = coverage_where_tanh_is_missing("webgpu", "webgl")
    assert nodes["Tanh"].handling is Handling.NATIVE
    assert nodes["Tanh"].detail == "Tanh; not on webgl; not on webgpu"
    assert nodes["Relu"].detail == "Relu"


def test_coverage_refuses_a_node_that_wasm_lacks(coverage_where_tanh_is_missing):
    nodes = coverage_where_tanh_is_missing("wasm")
    assert nodes["Tanh"].handling is Handling.REFUSED
    assert nodes["Tanh"].detail == "TF.js has no kernels for Tanh on wasm"
