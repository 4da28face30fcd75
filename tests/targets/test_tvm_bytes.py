"""Equal models are equal bytes: in every process and every folder, for other machines and for halves."""

from __future__ import annotations

import os
import subprocess
import sys

from edgewright.compiler.recipe import apply, parse
from edgewright.targets.base import Options
from edgewright.targets.tvm.target import TVM

COMPILE = """
import sys
from pathlib import Path
from edgewright.compiler.model import Model
from edgewright.targets.base import Options
from edgewright.targets.tvm.target import TVM
out = Path(sys.argv[2])
artifact = TVM().compile(Model.load(Path(sys.argv[1])), Options(variant="fp16"), out)
print(artifact.files[0].sha256)
"""


def test_halves_are_equal_bytes_in_every_process_and_folder(tmp_path, convnet):
    halved = apply(convnet, parse(["float16"], where="recipes.fp16"))
    (hub := tmp_path / "hub").mkdir()
    halved.save(hub)
    (here := tmp_path / "a folder with a longer name").mkdir()
    (there := tmp_path / "there").mkdir()
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TMPDIR": str(tmp_path), "LD_RUN_PATH": "/elsewhere"}
    command = [sys.executable, "-c", COMPILE, str(hub), str(there)]
    other = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    artifact = TVM().compile(halved, Options(variant="fp16"), here)
    assert artifact.files[0].sha256 == other.stdout.strip()
    assert (here / "model.so").read_bytes() == (there / "model.so").read_bytes()


def test_no_name_of_a_file_on_the_way_stands_in_a_library(tmp_path, perceptron):
    TVM().compile(perceptron, Options(variant="fp32"), tmp_path)
    data = (tmp_path / "model.so").read_bytes()
    for name in (str(tmp_path), "/tmp/", "devc"):
        assert name.encode() not in data
