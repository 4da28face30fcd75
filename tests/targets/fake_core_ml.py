"""Core ML's side of coremltools, as far as packages are run through it, with the interpreter in the place of a Mac."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from edgewright.targets.coreml import apple
from edgewright.targets.coreml.interpreter.session import Session
from edgewright.targets.coreml.runtime import CoreML
from edgewright.targets.coreml.target import CoreML as Target
from edgewright.targets.coreml.toolkit import coremltools


class Picture:
    """What `PIL.Image.fromarray` gives, as far as it matters: `pixels` are uint8[H, W, 3] or uint8[H, W]."""

    def __init__(self, pixels):
        self.pixels = pixels


PIL = SimpleNamespace(Image=SimpleNamespace(fromarray=Picture))


class State:
    """`coremltools.models.model.MLState`."""

    def __init__(self, states):
        self._states = states

    def read_state(self, name):
        return np.float32(self._states[name])

    def write_state(self, name, value):
        self._states[name] = np.float16(value)


class MLModel:
    """`coremltools.models.MLModel`: it converts what it is given without a word, and raises Exception itself."""

    loaded = ()

    def __init__(self, path, compute_units, function_name=None):
        try:
            self._session = Session(Path(path), function_name)
        except ValueError as error:
            raise Exception(str(error)) from error
        self._spec = coremltools().utils.load_spec(path)
        several = {each.name: each for each in self._spec.description.functions}
        self._description = several[function_name] if several else self._spec.description
        MLModel.loaded = (path, compute_units)

    def get_spec(self):
        return self._spec

    def make_state(self):
        assert self._description.state, "only models with states have them"
        return State(self._session.state)

    def predict(self, data, state=None):
        assert (state is not None) == bool(self._description.state)
        given = {}
        for feature in self._description.input:
            value = data.pop(feature.name)
            if feature.type.WhichOneof("Type") == "imageType":
                given[feature.name] = value.pixels
            else:
                dtype = {0x10010: np.float16, 0x10020: np.float32, 0x20020: np.int32}
                given[feature.name] = np.asarray(value).astype(dtype[feature.type.multiArrayType.dataType])
        outputs = self._session.run(given)
        return {
            name: {label: float(score) for label, score in value.items()} if isinstance(value, dict) else value
            for name, value in outputs.items()
        }


class ComputeUnit:
    """`coremltools.ComputeUnit`."""

    ALL, CPU_ONLY, CPU_AND_GPU, CPU_AND_NE = "ALL", "CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE"


def toolkit():
    """Give `coremltools` as a Mac has it."""
    return SimpleNamespace(utils=coremltools().utils, models=SimpleNamespace(MLModel=MLModel), ComputeUnit=ComputeUnit)


class Runtime(CoreML):
    """The runtime as it is on a Mac."""

    emulates = False

    def version(self):
        return "8"

    def prepare(self):
        pass

    def load(self, artifact, options):
        return apple.load(artifact, toolkit)


class OnAMac(Target):
    """The target, where Core ML itself runs its packages."""

    formats = {"": f"{__name__}:Runtime"}  # noqa: RUF012 - the contract's form, never written to
