"""Compressed weights of the interpreter: the documentation's examples, and packages that coremltools compressed."""

import numpy as np
import pytest

from edgewright.targets.coreml.interpreter.session import Session

F16, F32, U8 = np.float16, np.float32, np.uint8


def test_affine_weights_by_channel(mil):
    data = np.array([[10, 20], [30, 40]], U8)
    got = mil(
        "constexpr_affine_dequantize",
        quantized_data=data,
        scale=np.array([0.5, 2], F32),
        zero_point=np.array([10, 20], U8),
        axis=-1,
    )
    assert (got.dtype, got.tolist()) == (np.float32, [[0, 0], [10, 40]])
    whole = mil("constexpr_affine_dequantize", quantized_data=data, scale=F16(0.5), zero_point=U8(30), axis=0)
    assert (whole.dtype, whole.tolist()) == (np.float16, [[-10, -5], [0, 5]])


def test_a_packed_table_of_two_bits(mil):
    """The documentation's example: 01 10 11 00 in the first byte, 11 in the second."""
    got = mil(
        "constexpr_lut_to_dense",
        indices=np.array([0b01101100, 0b00000011], U8),
        lut=np.array([1, 2, 3, 4], F16),
        shape=np.array([5], np.uint32),
    )
    assert got.tolist() == [1, 4, 3, 2, 4]


def test_a_packed_table_of_six_bits_goes_over_bytes(mil):
    table = np.arange(64, dtype=F32)
    places = np.array([1, 63, 32, 17, 5])
    bits = np.unpackbits(places.astype(U8)[:, None], axis=1, bitorder="little")[:, :6].ravel()
    got = mil(
        "constexpr_lut_to_dense",
        indices=np.packbits(bits, bitorder="little"),
        lut=table,
        shape=np.array([5], np.uint32),
    )
    assert got.tolist() == places.tolist()


def test_a_packed_mask(mil):
    """The documentation's example: ones at places 2 and 3 of five."""
    got = mil(
        "constexpr_sparse_to_dense",
        nonzero_data=np.array([7, 8], F32),
        mask=np.array([0b00001100], U8),
        shape=np.array([5], np.uint32),
    )
    assert got.tolist() == [0, 0, 7, 8, 0]


def test_tables_by_group(mil):
    """The documentation's case 1: two tables over the first axis."""
    got = mil(
        "constexpr_lut_to_dense",
        indices=np.array([2, 3, 3, 0, 1, 0, 3, 0, 2, 1, 0, 3], U8).reshape(6, 2),
        lut=np.array([1, 5, 9, 13, 2, 10, 18, 26], F16).reshape(2, 1, 4, 1),
    )
    assert got.tolist() == [[9, 13], [13, 1], [5, 1], [26, 2], [18, 10], [2, 26]]


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (1, [[[1, 1], [2, 2], [3, 3], [4, 1], [5, 2], [6, 3]], [[4, 4], [5, 5], [6, 6], [1, 1], [2, 2], [3, 3]]]),
        (2, [[[1, 2, 3, 1, 2, 3], [4, 5, 6, 1, 2, 3]], [[4, 5, 6, 4, 5, 6], [1, 2, 3, 1, 2, 3]]]),
    ],
)
def test_tables_of_vectors(mil, axis, expected):
    """The documentation's cases 2.1 and 2.2."""
    got = mil(
        "constexpr_lut_to_dense",
        indices=np.array([[[0, 0], [1, 0]], [[1, 1], [0, 0]]], U8),
        lut=np.array([1, 2, 3, 4, 5, 6], np.int8).reshape(1, 1, 1, 2, 3),
        vector_axis=axis,
    )
    assert got.tolist() == expected


MASK = np.array([[1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]], U8)
SPARSE = np.array([0, 1, 1, 0, 1, 1, 0, 0, 1], U8)


def test_a_table_for_sparse_indices(mil):
    """The documentation's example of scalar palettization."""
    mask, data = mil(
        "constexpr_lut_to_sparse",
        indices_mask=MASK,
        indices_nonzero_data=SPARSE,
        lut=np.array([2, 3], F16).reshape(1, 1, 2, 1),
    )
    assert np.array_equal(mask, MASK)
    assert data.tolist() == [2, 3, 3, 2, 3, 3, 2, 2, 3]


def test_a_table_of_vectors_for_sparse_indices(mil):
    """The documentation's example of vector palettization along axis 0."""
    mask, data = mil(
        "constexpr_lut_to_sparse",
        indices_mask=MASK,
        indices_nonzero_data=SPARSE,
        lut=np.array([[2, 20], [3, 30]], F16).reshape(1, 1, 2, 2),
        vector_axis=0,
    )
    assert np.array_equal(mask, np.repeat(MASK, 2, axis=0))
    dense = mil("constexpr_sparse_to_dense", mask=mask, nonzero_data=data)
    assert dense[:2].tolist() == [[2, 3, 0, 0, 0, 0], [20, 30, 0, 0, 0, 0]]
    assert dense[-2:].tolist() == [[0, 0, 0, 3, 0, 0], [0, 0, 0, 30, 0, 0]]


def test_scales_for_sparse_data(mil):
    """The documentation's example."""
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]], U8)
    got_mask, data = mil(
        "constexpr_sparse_blockwise_shift_scale",
        data_mask=mask,
        nonzero_data=np.array([10, 11, 3, 4, 5, 6, 7, 8, 9], np.int8),
        scale=np.array([[0.1, 0.2, 0.3, 0.4]], F32),
        offset=np.array([[1, 2, 3, 4]], np.int8),
    )
    assert np.array_equal(got_mask, mask)
    np.testing.assert_allclose(data, [0.9, 1.8, 0.2, 0.4, 0.6, 0.9, 1.2, 0.7, 1.4], rtol=1e-6)


def test_scales_by_block(mil):
    data = np.arange(16, dtype=np.int8).reshape(4, 4)
    scale, offset = np.array([[1, 10], [100, 1000]], F32), np.array([[0, 1], [2, 3]], np.int8)
    got = mil("constexpr_blockwise_shift_scale", data=data, scale=scale, offset=offset)
    blocks = np.kron(scale, np.ones((2, 2))), np.kron(offset, np.ones((2, 2)))
    assert np.array_equal(got, (data - blocks[1]) * blocks[0])


def test_stored_in_half_used_in_single(mil):
    got = mil("constexpr_cast", source_val=np.array([1.5], F16), output_dtype="fp32")
    assert (got.dtype, got.tolist()) == (np.float32, [1.5])


@pytest.mark.parametrize(
    ("operation", "values", "said"),
    [
        ("constexpr_blockwise_shift_scale", {"data": np.ones(4, U8), "scale": np.ones(3, F32)}, r"scales \[3\]"),
        ("constexpr_sparse_to_dense", {"mask": np.ones(4, U8), "nonzero_data": np.ones(3, F32)}, "a mask with 4 ones"),
        (
            "constexpr_lut_to_dense",
            {"indices": np.array([2], U8), "lut": np.ones((1, 2, 1), F32)},
            "index 2 into a lookup table of 2 entries",
        ),
        (
            "constexpr_lut_to_dense",
            {"indices": np.zeros(3, U8), "lut": np.ones(4, F32), "shape": np.array([5], np.uint32)},
            r"indices are \[3\], expected \[2\]",
        ),
    ],
)
def test_sizes_that_do_not_go_together(mil, operation, values, said):
    with pytest.raises(ValueError, match=said):
        mil(operation, **values)


def test_what_is_compressed_twice_comes_out_whole(mlpackage, mb):
    """A table for sparse indices, whose values are then put in place: three operations in a row."""

    def function(x):
        from coremltools.converters.mil.mil import types

        bit = types.nptype_from_builtin(types.uint1)
        mask, data = mb.constexpr_lut_to_sparse(
            indices_mask=MASK.astype(bit),
            indices_nonzero_data=SPARSE.astype(bit),
            lut=np.array([2, 3], F32).reshape(1, 1, 2, 1),
        )
        return mb.add(x=x, y=mb.constexpr_sparse_to_dense(nonzero_data=data, mask=mask), name="y")

    package = mlpackage(function, (4, 6), target="iOS18")
    got = Session(package).run({"x": np.zeros((4, 6), F32)})["y"]
    assert got[MASK == 1].tolist() == [2, 3, 3, 2, 3, 3, 2, 2, 3]
    assert not got[MASK == 0].any()


def compressions(ct):
    """Name → what compresses a model so."""
    tools = ct.optimize.coreml
    linear, blocks = tools.OpLinearQuantizerConfig(), {"granularity": "per_block", "block_size": 16}
    table = tools.OpPalettizerConfig(mode="uniform", nbits=4)
    sparse = tools.OpMagnitudePrunerConfig(target_sparsity=0.6)

    def quantized(model, config=linear, **options):
        return tools.linear_quantize_weights(model, tools.OptimizationConfig(config), **options)

    def palettized(model, config=table, **options):
        return tools.palettize_weights(model, tools.OptimizationConfig(config), **options)

    def pruned(model):
        return tools.prune_weights(model, tools.OptimizationConfig(sparse))

    return {
        "linear": quantized,
        "asymmetric": lambda m: quantized(m, tools.OpLinearQuantizerConfig(mode="linear", dtype="uint8")),
        "blockwise": lambda m: quantized(m, tools.OpLinearQuantizerConfig(dtype="int4", **blocks)),
        "palettized": palettized,
        "six bits": lambda m: palettized(m, tools.OpPalettizerConfig(mode="uniform", nbits=6)),
        "pruned": pruned,
        "pruned, linear": lambda m: quantized(pruned(m), joint_compression=True),
        "pruned, palettized": lambda m: palettized(pruned(m), joint_compression=True),
    }


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        *((kind, "iOS16") for kind in ("linear", "asymmetric", "palettized", "six bits", "pruned")),
        *((kind, "iOS18") for kind in ("linear", "asymmetric", "blockwise", "palettized", "six bits", "pruned")),
        *((kind, "iOS18") for kind in ("pruned, linear", "pruned, palettized")),
    ],
)
def test_what_coremltools_compresses_is_what_it_decompresses(mlpackage, mb, tmp_path, target, kind):
    from edgewright.targets.coreml.toolkit import coremltools, quiet

    ct = coremltools()
    weight = np.random.default_rng(0).standard_normal((64, 48)).astype(F32)
    package = mlpackage(
        lambda x: mb.linear(x=x, weight=mb.const(val=weight, name="w"), bias=np.zeros(64, F32), name="y"),
        (5, 48),
        target=target,
    )
    with quiet():
        compressed = compressions(ct)[kind](ct.models.MLModel(str(package), skip_model_load=True))
        compressed.save(str(tmp_path / "compressed.mlpackage"))
        ct.optimize.coreml.decompress_weights(compressed).save(str(tmp_path / "decompressed.mlpackage"))
    feeds = {"x": np.random.default_rng(1).standard_normal((5, 48)).astype(F32)}
    session = Session(tmp_path / "compressed.mlpackage")
    kinds = {operation.type for operation in session.function.block.operations}
    assert any(one.startswith("constexpr_") for one in kinds)
    got, expected = session.run(feeds)["y"], Session(tmp_path / "decompressed.mlpackage").run(feeds)["y"]
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6)
    assert not np.array_equal(got, Session(package).run(feeds)["y"])
