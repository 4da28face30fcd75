"""Schedules for TVM: what is computed stays the same, for every CPU and tile; the same is made the same way."""

import numpy as np
import pytest
import tvm
from tvm import relax

from edgewright.targets.tvm.schedule.kernels import block_of, packed, padded_outputs
from edgewright.targets.tvm.schedule.keys import key_of
from edgewright.targets.tvm.schedule.pipeline import fused, scheduled
from edgewright.targets.tvm.schedule.tiled import kernel_of, tiled
from edgewright.targets.tvm.schedule.vectors import Vectors, vectors_of

HOST = tvm.target.Target({"kind": "llvm", "mcpu": tvm.target.codegen.llvm_get_system_cpu()})
AVX512 = tvm.target.Target({"kind": "llvm", "mtriple": "x86_64-linux-gnu", "mcpu": "skylake-avx512"})
NEON = tvm.target.Target({"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-a72"})


def module_of(inputs, said):
    """Give a module whose `main` takes float32 tensors of these shapes and gives what `said(emit, *tensors)` gives."""
    block = relax.BlockBuilder()
    tensors = [relax.Var(f"x{place}", relax.TensorType(shape, "float32")) for place, shape in enumerate(inputs)]
    with block.function("main", tensors):
        with block.dataflow():
            given = block.emit_output(said(block.emit, *tensors))
        block.emit_func_output(given)
    return block.get()


def drawn(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape, np.float32)


def convolution(channels, outputs, size=9, kernel=3, bias=True, **settings):
    """A convolution of [1, channels, size, size + 2], its bias and a Relu6."""
    weight = drawn(outputs, channels // settings.get("groups", 1), kernel, kernel)

    def said(emit, x):
        y = emit(relax.op.nn.conv2d(x, relax.const(weight), **settings))
        y = emit(relax.op.add(y, relax.const(drawn(1, outputs, 1, 1)))) if bias else y
        return emit(relax.op.clip(y, 0, 6))

    return module_of([(1, channels, size, size + 2)], said)


def residual(emit, x):
    """Two layers with an addition around them, a mean over the image, and a product."""
    y = emit(relax.op.nn.conv2d(x, relax.const(drawn(24, 8, 1, 1))))
    y = emit(relax.op.nn.relu(y))
    y = emit(relax.op.nn.conv2d(y, relax.const(drawn(24, 1, 3, 3)), padding=1, groups=24))
    y = emit(relax.op.nn.conv2d(y, relax.const(drawn(8, 24, 1, 1))))
    y = emit(relax.op.mean(emit(relax.op.add(x, y)), axis=[2, 3]))
    return emit(relax.op.matmul(y, relax.const(drawn(8, 10))))


def pooled(emit, x):
    """What stands between layers and knows of axes: pooling, joining, cutting."""
    y = emit(relax.op.nn.conv2d(x, relax.const(drawn(8, 8, 3, 3)), padding=1))
    y = emit(relax.op.nn.max_pool2d(y, pool_size=(2, 2), strides=(2, 2)))
    y = emit(relax.op.concat([y, emit(relax.op.nn.relu(y))], axis=1))
    y = emit(relax.op.strided_slice(y, axes=[1, 2], begin=[3, 1], end=[13, 4]))
    y = emit(relax.op.nn.softmax(y, axis=1))
    y = emit(relax.op.nn.conv2d(y, relax.const(drawn(5, 10, 1, 1))))
    return emit(relax.op.reshape(y, (1, -1)))


MODELS = {
    "convolution": convolution(8, 32, padding=1),
    "convolution without bias": convolution(8, 32, bias=False),
    "convolution with strides": convolution(3, 20, strides=2, padding=[0, 1, 1, 0]),
    "convolution with dilation": convolution(5, 7, dilation=2, padding=2),
    "channelwise": convolution(24, 24, padding=1, groups=24),
    "channelwise with strides": convolution(24, 24, strides=2, padding=1, groups=24),
    "channelwise without padding": convolution(7, 7, groups=7),
    "in groups": convolution(16, 32, padding=1, groups=4),
    "product": module_of([(6, 40)], lambda emit, x: emit(relax.op.matmul(x, relax.const(drawn(40, 33))))),
    "batch of products": module_of([(2, 5, 8)], lambda emit, x: emit(relax.op.matmul(x, relax.const(drawn(8, 16))))),
    "layer as output": module_of(
        [(1, 8, 6, 6)], lambda emit, x: relax.op.nn.conv2d(x, relax.const(drawn(10, 8, 1, 1)))
    ),
    "activation as output": module_of(
        [(1, 8, 6, 6)], lambda emit, x: relax.op.nn.relu(emit(relax.op.nn.conv2d(x, relax.const(drawn(8, 8, 1, 1)))))
    ),
    "residual": module_of([(1, 8, 6, 10)], residual),
    "pooled": module_of([(1, 8, 8, 8)], pooled),
}


def results(module, scheduling):
    """Give what `main` computes of drawn inputs: scheduled for this machine, or as TVM builds it by itself."""
    if scheduling:
        module = scheduled(fused(module, HOST), HOST, {})
    built = relax.build(module, HOST, relax_pipeline=relax.get_pipeline("default_build"))
    shapes = [[int(size) for size in parameter.ty.shape.values] for parameter in module["main"].params]
    return relax.VirtualMachine(built, tvm.cpu())["main"](*(tvm.runtime.tensor(drawn(*shape)) for shape in shapes))


@pytest.mark.parametrize("name", MODELS)
def test_a_scheduled_model_computes_what_it_did(name):
    expected, got = (results(MODELS[name], scheduling).numpy() for scheduling in (False, True))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)  # sums of up to 72 products, in another order


def kernels_in(module, target=HOST):
    functions = [function for _, function in fused(module, target).functions_items()]
    found = [(function, kernel_of(function)) for function in functions if isinstance(function, tvm.tirx.PrimFunc)]
    return [(function, kernel) for function, kernel in found if kernel is not None]


@pytest.mark.parametrize("name", ["convolution with strides", "channelwise with strides", "product"])
def test_every_tile_computes_the_same(name):
    ((function, kernel),) = kernels_in(MODELS[name])
    arrays = [tvm.runtime.tensor(drawn(*(int(size) for size in parameter.shape))) for parameter in function.params]
    given = []
    for tile in [None, *kernel.tiles(vectors_of(HOST))[:: 1 if name == "product" else 5]]:
        made = function if tile is None else tiled(function, kernel, tile)
        module = tvm.IRModule({"main": made.with_attr("global_symbol", "main")})
        tvm.tirx.build(module, target=HOST)["main"](*arrays)
        given.append(arrays[-1].numpy().copy())
    assert len(given) >= 3
    for got in given[1:]:
        np.testing.assert_allclose(got, given[0], rtol=1e-4, atol=1e-4)  # sums of up to 40 products


def test_nothing_is_simplified_that_holds_for_numbers_alone():
    def said(emit, x):
        zeros = emit(relax.op.full((3,), relax.const(0.0), "float32"))
        less = emit(relax.op.less(x, relax.const(drawn(3))))
        product = emit(relax.op.multiply(x, zeros))
        opposite = emit(relax.op.astype(emit(relax.op.logical_not(less)), "float32"))
        return emit(relax.op.concat([product, opposite]))

    module = scheduled(fused(module_of([(3,)], said), HOST), HOST, {})
    built = relax.build(module, HOST, relax_pipeline=relax.get_pipeline("default_build"))
    got = relax.VirtualMachine(built, tvm.cpu())["main"](tvm.runtime.tensor(np.full(3, np.nan, np.float32))).numpy()
    np.testing.assert_array_equal(got, np.float32([np.nan] * 3 + [1] * 3))


def permutations_in(module):
    made = fused(module, HOST)
    calls = [binding.value for block in made["main"].body.blocks for binding in block.bindings]
    return sum("transpose" in str(call.args[0]) for call in calls if len(getattr(call, "args", ())) > 1)


def test_images_change_their_layout_at_the_ends_of_a_model_alone():
    assert permutations_in(MODELS["residual"]) == 1
    assert permutations_in(MODELS["convolution"]) == 2


def test_what_follows_a_layer_is_computed_with_it():
    made = fused(MODELS["residual"], HOST)
    names = [variable.name_hint for variable in made.get_global_vars()]
    assert len([name for name in names if "convolution" in name or "channelwise" in name]) == 3
    assert any("convolution" in name and "relu" in name for name in names), names


def test_a_bias_is_added_while_a_product_is_in_registers():
    def said(emit, x):
        return emit(relax.op.add(emit(relax.op.matmul(x, relax.const(drawn(40, 32)))), relax.const(drawn(32))))

    made = fused(module_of([(6, 40)], said), HOST)
    assert len([function for _, function in made.functions_items() if isinstance(function, tvm.tirx.PrimFunc)]) == 1


def test_vectors_of_a_cpu_are_those_that_llvm_knows():
    assert vectors_of(AVX512) == Vectors(lanes=16, registers=32)
    assert vectors_of(NEON) == Vectors(lanes=4, registers=32)


def test_sums_fit_into_registers():
    ((_, kernel),) = kernels_in(MODELS["convolution"], AVX512)
    assert all(tile.registers <= 28 for tile in kernel.tiles(vectors_of(AVX512)))
    assert kernel.tiles(vectors_of(AVX512))[0].registers > 8


def test_kernels_for_avx512_multiply_in_its_registers():
    kernels = scheduled(fused(MODELS["convolution"], AVX512), AVX512, {})
    built = relax.build(kernels, AVX512, relax_pipeline=relax.get_pipeline("default_build"))
    code = "".join(part.inspect_source("asm") for part in built.mod.imports)
    assert sum("vfmadd" in line and "zmm" in line for line in code.splitlines()) >= 16


@pytest.mark.parametrize(("outputs", "lanes", "block"), [(64, 16, 16), (24, 16, 8), (12, 16, 4), (7, 8, 1)])
def test_blocks_divide_and_are_powers_of_two(outputs, lanes, block):
    assert block_of(outputs, lanes) == block


@pytest.mark.parametrize(
    ("outputs", "lanes", "filled"),
    [(64, 16, 64), (24, 16, 24), (12, 16, 16), (3, 16, 4), (17, 16, 32), (1000, 8, 1000)],
)
def test_odd_numbers_of_outputs_are_filled_up(outputs, lanes, filled):
    assert padded_outputs(outputs, lanes) == filled


def test_packed_weights_keep_outputs_beside_each_other():
    weight = drawn(6, 5, 2, 1)
    made = packed(weight, 8, 4)
    assert made.shape == (2, 2, 1, 5, 4)
    np.testing.assert_array_equal(made[1, 1, 0, 4], [*weight[4:6, 4, 1, 0], 0, 0])


def test_the_same_work_has_the_same_key_in_every_model():
    def layers(*, first):
        def said(emit, x):
            y = emit(relax.op.nn.relu(x)) if first else x
            return emit(relax.op.matmul(y, relax.const(drawn(40, 32) * (2 if first else 1))))

        return module_of([(6, 40)], said)

    keys = [{key_of(function, HOST) for function, _ in kernels_in(layers(first=first))} for first in (True, False)]
    assert keys[0] == keys[1]


def test_another_shape_or_cpu_has_another_key():
    ((function, _),) = kernels_in(MODELS["product"])
    ((other, _),) = kernels_in(MODELS["batch of products"])
    assert len({key_of(function, HOST), key_of(other, HOST), key_of(function, NEON)}) == 3


def test_equal_models_are_scheduled_equally():
    texts = [scheduled(fused(MODELS["residual"], HOST), HOST, {}).script() for _ in range(2)]
    assert texts[0] == texts[1]
