"""TVM: elements that are copied come from where NumPy takes them, whatever the shape."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import tvm
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tvm import relax, te, tirx

from edgewright.targets.tvm.compile import compile_module
from edgewright.targets.tvm.cpus import cpu_named
from edgewright.targets.tvm.llvm import target_of
from edgewright.targets.tvm.remainders import counts_by_remainders, target_for
from edgewright.vocabulary.precision import Precision


def extents(shape):
    return [tirx.IntImm("int64", size) for size in shape]


def tiled(emit, x, shape, times):
    return emit(relax.op.tile(x, times))


def broadcast(emit, x, shape, times):
    y = emit(relax.op.reshape(x, [part for size in shape for part in (1, size)]))
    y = emit(relax.op.broadcast_to(y, [part for pair in zip(times, shape, strict=True) for part in pair]))
    return emit(relax.op.reshape(y, np.multiply(times, shape).tolist()))


def turned(emit, x, shape, times):
    return emit(relax.op.permute_dims(tiled(emit, x, shape, times), [2, 0, 1]))


def flattened(emit, x, shape, times):
    return emit(relax.op.reshape(turned(emit, x, shape, times), [-1]))


SAID = {
    tiled: np.tile,
    broadcast: np.tile,
    turned: lambda x, times: np.tile(x, times).transpose(2, 0, 1),
    flattened: lambda x, times: np.tile(x, times).transpose(2, 0, 1).reshape(-1),
}
"""What is said to Relax, and by NumPy."""


def rolled(shape, times):
    """Say a copy of tiles that begin in their middle: by remainders, and by divisions without one."""
    wanted = np.multiply(times, shape).tolist()

    def by_remainder(x):
        return te.compute(
            extents(wanted),
            lambda *at: x(
                *(tirx.floormod(i + size // 2, tirx.IntImm("int64", size)) for i, size in zip(at, shape, strict=True))
            ),
            name="by_remainder",
        )

    def by_division(x):
        def place(i, size):
            whole = tirx.IntImm("int64", size)
            return i - tirx.floordiv(i, whole) * whole

        return te.compute(
            extents(wanted),
            lambda *at: x(*(place(i, size) for i, size in zip(at, shape, strict=True))),
            name="by_division",
        )

    return by_remainder, by_division


def module_of(shape, times):
    """Give a module whose `main` gives each copy of a float32 tensor of this shape."""
    block = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType(shape, "float32"))
    with block.function("main", [x]):
        with block.dataflow():
            copies = [said(block.emit, x, shape, times) for said in SAID]
            copies += [block.emit_te(compute, x) for compute in rolled(shape, times)]
            given_ = block.emit_output(relax.Tuple(copies))
        block.emit_func_output(given_)
    return block.get()


def expected(x, times):
    start = np.roll(x, [-(size // 2) for size in x.shape], range(x.ndim))
    return [*(copy(x, times) for copy in SAID.values()), np.tile(start, times), np.tile(x, times)]


sizes = st.tuples(*[st.sampled_from([1, 2, 3, 4, 5, 6, 8, 12, 16])] * 3)
counts = st.tuples(*[st.integers(1, 7)] * 3)


@settings(max_examples=2, deadline=None, derandomize=True)
@given(shape=sizes, times=counts)
@example(shape=(3, 4, 5), times=(6, 4, 2))  # LLVM 22.1 reads behind the fourth row, with AVX-512
def test_every_element_is_taken_from_its_place(shape, times):
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "model.so")
        compile_module(module_of(shape, times), Precision.FP32, cpu_named("host"), library, {})
        machine = relax.VirtualMachine(tvm.runtime.load_module(str(library)), tvm.cpu())
        copies = [copy.numpy() for copy in machine["main"](tvm.runtime.tensor(x))]
    for copy, wanted in zip(copies, expected(x, times), strict=True):
        np.testing.assert_array_equal(copy, wanted)


def copying(place):
    """Give a function that copies float32[64] by an index that `place(i)` gives for each i of 64."""
    x = te.placeholder((64,), "float32", "x")
    return te.create_prim_func([x, te.compute((64,), lambda i: x(place(i)), name="copied")])


@pytest.mark.parametrize(
    ("place", "begins_anew"),
    [
        (lambda i: i, False),
        (lambda i: 63 - i, False),
        (lambda i: i % 5, False),
        (lambda i: i // 4, False),
        (lambda i: i % 4, True),
        (lambda i: i % 12, True),
        (lambda i: i * 3 % 12, True),
        (lambda i: i - i // 4 * 4, True),
        (lambda i: i & 3, True),
        (lambda i: i.astype("int8").astype("int32"), True),
        (lambda i: i // 64 * 8 + i % 64, False),
    ],
)
def test_what_begins_anew_is_seen_when_indices_are_simple(place, begins_anew):
    target = target_of(cpu_named("x86-64-v4"))
    assert counts_by_remainders(copying(place), target) is begins_anew


def test_only_what_begins_anew_is_kept_from_the_vectoriser():
    target = target_of(cpu_named("rpi4"))
    assert target_for(copying(lambda i: i), target) is target
    kept = target_for(copying(lambda i: i % 4), target)
    assert kept.attrs["cl-opt"][0] == "-vectorize-loops:bool=false"
    assert (kept.attrs["mcpu"], kept.attrs["mtriple"]) == ("cortex-a72", "aarch64-linux-gnu")
