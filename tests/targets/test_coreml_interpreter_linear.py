"""Products of matrices, normalizations and attention of the interpreter, against PyTorch and numbers worked out."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def agree(got, expected, tolerance=1e-5):
    """Tolerance: sums of few products of numbers near 1, in another order."""
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected.numpy(), rtol=0, atol=tolerance)


@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)])
def test_linear_is_pytorchs(mil, shape):
    x, weight, bias = drawn(*shape), drawn(5, 4, seed=1), drawn(5, seed=2)
    agree(mil("linear", x=x, weight=weight, bias=bias), F.linear(*map(torch.from_numpy, (x, weight, bias))))


@pytest.mark.parametrize(
    ("left", "right"),
    [((3,), (3,)), ((4, 3), (3, 2)), ((3,), (10, 3, 2)), ((10, 4, 3), (3,)), ((10, 4, 3), (5, 10, 3, 2))],
)
def test_matmul_is_pytorchs(mil, left, right):
    x, y = drawn(*left), drawn(*right, seed=1)
    agree(mil("matmul", x=x, y=y), torch.matmul(*map(torch.from_numpy, (x, y))))


def test_matmul_transposes_the_last_two_axes_and_no_vector(mil):
    x, y = drawn(5, 3, 4), drawn(5, 2, 3, seed=1)
    got = mil("matmul", x=x, y=y, transpose_x=True, transpose_y=True)
    agree(got, torch.matmul(torch.from_numpy(x).mT, torch.from_numpy(y).mT))
    assert mil("matmul", x=drawn(3), y=drawn(4, 3), transpose_x=True, transpose_y=True).shape == (4,)


def test_whole_numbers_are_multiplied_exactly(mil):
    x = np.array([[30_000, 1]], np.int32)  # 900,000,001 is no float32
    got = mil("matmul", x=x, y=np.array([[30_000], [1]], np.int32), declared="int32")
    assert (got.dtype, got.item()) == (np.int32, 900_000_001)


def test_large_whole_numbers_are_multiplied_exactly_too(mil):
    large = np.array([[2**31 - 1, 2**31 - 1, -2, 7]], np.int32)
    other = np.array([[2**31 - 1], [-(2**31) + 1], [-3], [1]], np.int32)
    assert mil("matmul", x=large, y=other, declared="int32").item() == 13


def test_a_product_of_two_dtypes_has_the_one_that_the_file_declares(mil):
    x, y = drawn(2, 3).astype(np.float16), drawn(3, 2)
    got = mil("matmul", opset="CoreML7", x=x, y=y, declared="float16")
    np.testing.assert_array_equal(got, (x.astype(np.float32) @ y).astype(np.float16))


def test_a_product_of_halves_is_not_summed_in_half_precision(mil):
    ones = np.ones(4096, np.float16)
    assert mil("matmul", x=ones, y=ones, declared="float16") == 4096


@pytest.mark.parametrize("equation", ["nchw,nwhu->nchu", "abcd, adce -> abce"])
def test_einsum_multiplies_along_width_and_channels(mil, equation):
    x, y = drawn(2, 3, 4, 5), drawn(2, 5, 4, 6, seed=1)
    expected = torch.einsum("nchw,nwhu->nchu", torch.from_numpy(x), torch.from_numpy(y))
    agree(mil("einsum", values=(x, y), equation=equation), expected)


def test_einsum_broadcasts_sizes_of_one(mil):
    x, y = drawn(1, 3, 4, 5), drawn(2, 5, 1, 6, seed=1)
    wide = torch.from_numpy(x).expand(2, 3, 4, 5), torch.from_numpy(y).expand(2, 5, 4, 6)
    agree(mil("einsum", values=(x, y), equation="nchw,nwhu->nchu"), torch.einsum("nchw,nwhu->nchu", *wide))


def test_einsum_of_three_axes(mil):
    x, y = drawn(3, 4, 5), drawn(5, 4, 6, seed=1)
    expected = torch.einsum("chw,whr->chr", torch.from_numpy(x), torch.from_numpy(y))
    agree(mil("einsum", values=(x, y), equation="chw,whr->chr"), expected)


def test_an_equation_that_is_not_documented_is_an_error(mil):
    with pytest.raises(ValueError, match="not among the equations"):
        mil("einsum", values=(drawn(2, 3), drawn(3, 4)), equation="ij,jk->ik")


@pytest.mark.parametrize("spatial", [(5,), (5, 4), (5, 4, 3)])
def test_batch_norm_is_pytorchs(mil, spatial):
    x, parameters = drawn(2, 3, *spatial), [drawn(3, seed=seed) for seed in range(1, 4)]
    mean, gamma, beta = parameters
    variance = np.abs(drawn(3, seed=9)) + 0.1
    got = mil("batch_norm", x=x, mean=mean, variance=variance, gamma=gamma, beta=beta, epsilon=np.float32(1e-3))
    agree(got, F.batch_norm(*map(torch.from_numpy, (x, mean, variance, gamma, beta)), eps=1e-3))


@pytest.mark.parametrize("spatial", [(5,), (5, 4)])
def test_instance_norm_is_pytorchs(mil, spatial):
    x, gamma, beta = drawn(2, 3, *spatial), drawn(3, seed=1), drawn(3, seed=2)
    expected = F.instance_norm(torch.from_numpy(x), weight=torch.from_numpy(gamma), bias=torch.from_numpy(beta))
    agree(mil("instance_norm", x=x, gamma=gamma, beta=beta), expected)


def test_layer_norm_is_pytorchs(mil):
    x, gamma, beta = drawn(2, 3, 4), drawn(3, 4, seed=1), drawn(3, 4, seed=2)
    expected = F.layer_norm(torch.from_numpy(x), (3, 4), torch.from_numpy(gamma), torch.from_numpy(beta), 1e-2)
    agree(mil("layer_norm", x=x, axes=[-2, -1], gamma=gamma, beta=beta, epsilon=1e-2), expected)


def test_layer_norm_takes_axes_in_the_middle_and_all_by_default(mil):
    x = drawn(2, 3, 4)
    moved = F.layer_norm(torch.from_numpy(x).transpose(1, 2), (3,)).transpose(1, 2)
    agree(mil("layer_norm", x=x, axes=[1]), moved)
    agree(mil("layer_norm", x=x), F.layer_norm(torch.from_numpy(x), (2, 3, 4)))


def test_a_scale_of_other_sizes_than_the_axes_is_an_error(mil):
    with pytest.raises(ValueError, match="gamma is"):
        mil("layer_norm", x=drawn(2, 3, 4), axes=[-1], gamma=drawn(3))


def test_l2_norm_divides_by_the_length_over_three_axes(mil):
    x = np.zeros((2, 1, 1, 2), np.float32)
    x[:, 0, 0] = [[3, 4], [5, 12]]
    got = mil("l2_norm", x=x, epsilon=np.float32(0))
    np.testing.assert_allclose(got.reshape(2, 2), [[0.6, 0.8], [5 / 13, 12 / 13]], rtol=1e-6)


def test_local_response_norm_is_pytorchs(mil):
    x = drawn(2, 7, 3, 4)
    got = mil("local_response_norm", x=x, size=5, alpha=0.3, beta=0.6, k=1.5)
    agree(got, F.local_response_norm(torch.from_numpy(x), 5, 0.3, 0.6, 1.5))


def test_an_even_window_has_no_middle(mil):
    with pytest.raises(ValueError, match="2 channels has no middle"):
        mil("local_response_norm", x=drawn(1, 4, 3), size=2)


def test_the_norm_of_halves_is_computed_in_single_precision(mil):
    x = np.full((1, 1, 1, 512), 300, np.float16)  # the square of 300 is beyond float16
    got = mil("l2_norm", x=x)
    assert got.dtype == np.float16
    np.testing.assert_allclose(got, 512**-0.5, rtol=1e-3)  # float16 has 11 bits


@pytest.mark.parametrize("mask", [None, "bool", "float"])
def test_attention_is_pytorchs(mil, mask):
    query, key, value = drawn(2, 3, 5, 8), drawn(2, 3, 7, 8, seed=1), drawn(2, 3, 7, 4, seed=2)
    given = {"bool": drawn(5, 7, seed=3) > -1, "float": drawn(2, 1, 5, 7, seed=3)}.get(mask)
    expected = F.scaled_dot_product_attention(
        *map(torch.from_numpy, (query, key, value)), attn_mask=None if given is None else torch.from_numpy(given)
    )
    masks = {} if given is None else {"attn_mask": given}
    agree(mil("scaled_dot_product_attention", query=query, key=key, value=value, **masks), expected)


def test_attention_of_halves_is_half(mil):
    half = drawn(1, 3, 4).astype(np.float16)
    got = mil("scaled_dot_product_attention", query=half, key=half, value=half)
    single = mil("scaled_dot_product_attention", **dict.fromkeys(("query", "key", "value"), half.astype(np.float32)))
    np.testing.assert_array_equal(got, single.astype(np.float16))
