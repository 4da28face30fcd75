"""Programs for delegates that are not here: what is made of them, and what they need."""

import json
import subprocess
import sys

from edgewright.targets.base import Options
from edgewright.targets.executorch.target import ExecuTorch

MAKE = """
import json, sys
from pathlib import Path
from edgewright.compiler.model import Model
from edgewright.targets.base import Options
from edgewright.targets.executorch.target import ExecuTorch
folder, digests = Path(sys.argv[1]), []
for name in ("one", "two"):
    (folder / name).mkdir()
    options = Options(variant="fp32", settings={"delegate": "coreml"})
    artifact = ExecuTorch().compile(Model.load(folder), options, folder / name)
    digests.append(artifact.files[0].sha256)
print(json.dumps([artifact.ops, artifact.requires.accelerator, "coremltools" in artifact.toolchain, *digests]))
"""
"""In a process of its own: where coremltools was imported without PyTorch, it converts nothing of PyTorch's."""


def test_a_program_for_core_ml_needs_core_ml_and_is_the_same_each_time(tmp_path, convnet) -> None:
    convnet.save(tmp_path)
    command = [sys.executable, "-c", MAKE, str(tmp_path)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True)
    ops, accelerator, is_tool, one, two = json.loads(finished.stdout)
    assert (ops, accelerator, is_tool) == ({"CoreMLBackend": 1}, "coreml", True)
    assert one == two
    assert finished.stderr == ""


def test_a_program_for_vulkan_needs_vulkan(tmp_path, convnet, capfd) -> None:
    artifact = ExecuTorch().compile(convnet, Options(variant="fp32", settings={"delegate": "vulkan"}), tmp_path)
    assert artifact.ops == {"VulkanBackend": 1}
    assert artifact.requires.accelerator == "vulkan"
    assert capfd.readouterr() == ("", "")
