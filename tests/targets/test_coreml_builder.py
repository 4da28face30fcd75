"""The builder of MIL operations: numbers take the dtype of what they stand beside, and what MIL lacks is refused."""

import numpy as np
import pytest

from edgewright.compiler.lowering.refused import Refused
from edgewright.targets.coreml.builder import Builder, type_name
from edgewright.targets.coreml.deployment import Deployment, NeedsNewer
from edgewright.targets.coreml.toolkit import builder as mil_builder
from edgewright.targets.coreml.toolkit import coremltools


@pytest.fixture
def within():
    """Open a function of one input and give a builder and that input."""
    mil = coremltools().converters.mil.mil
    opened = []

    def enter(shape, dtype="fp32", deployment=Deployment.IOS15):
        x = mil_builder().placeholder(shape=shape, dtype=mil.types.string_to_builtin(dtype))
        opened.append(mil.Function({"x": x}, opset_version=deployment.opset))
        return Builder(deployment), opened[-1].__enter__().inputs["x"]

    yield enter
    for function in reversed(opened):
        function.__exit__(None, None, None)


@pytest.mark.parametrize("dtype", ["fp16", "fp32", "int32"])
def test_a_number_has_the_dtype_of_what_it_stands_beside(within, dtype):
    b, x = within((2, 3), dtype)
    assert type_name(b.op("mul", b.op("add", x, 1), 2)) == dtype
    assert type_name(b.op("select", b.op("greater", x, 0), x, 7)) == dtype


@pytest.mark.parametrize("deployment", [Deployment.IOS15, Deployment.IOS17])
def test_a_parameter_has_the_dtype_of_the_values(within, deployment):
    b, x = within((2, 3), "fp16", deployment)
    assert b.op("log", x, epsilon=0.5).op.epsilon.val.dtype == np.float16


def test_an_integer_beyond_int32_is_refused_never_wrapped(within):
    b, x = within((2,), "int32")
    for value in (2**31, np.array([0, -(2**31) - 1])):
        with pytest.raises(Refused, match="does not fit into int32"):
            b.op("add", x, value)


def test_what_coremltools_refuses_is_refused_with_its_reason(within):
    b, x = within((2, 3), "int32")
    with pytest.raises(Refused, match="coremltools refuses exp"):
        b.op("exp", x)


def test_more_axes_than_core_ml_has_are_refused(within):
    b, x = within((1, 2, 1, 2, 1))
    with pytest.raises(Refused, match="6 axes"):
        b.op("expand_dims", x, axes=[0])


def test_an_operation_of_a_later_system_asks_for_it(within):
    b, x = within((2, 3))
    with pytest.raises(NeedsNewer) as asked:
        b.op("fill_like", ref_tensor=x, value=1.0)
    assert asked.value.deployment is Deployment.IOS16
