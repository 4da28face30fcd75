"""Recurrent layers of the interpreter, against PyTorch and against the documentation's formulas, written plainly."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
STEPS, BATCH, INPUT, HIDDEN = 5, 2, 3, 4


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def agree(got, expected):
    """Tolerance: the rounding of five steps."""
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def to_ifoz(rows):
    """PyTorch's gates are input, forget, cell, output."""
    i, f, z, o = np.split(rows.detach().numpy(), 4)
    return np.concatenate([i, f, o, z])


def of_pytorch(layer, suffix, order=to_ifoz):
    parts = {name: getattr(layer, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    back = "_back" if suffix else ""
    return {
        f"weight_ih{back}": order(parts["weight_ih"]),
        f"weight_hh{back}": order(parts["weight_hh"]),
        f"bias{back}": order(parts["bias_ih"]) + order(parts["bias_hh"]),
    }


@pytest.fixture
def start():
    return {"initial_h": drawn(BATCH, HIDDEN, seed=1), "initial_c": drawn(BATCH, HIDDEN, seed=2)}


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_an_lstm_is_pytorchs_and_reverse_is_one_of_the_reversed_input(mil, start, direction):
    torch.manual_seed(0)
    layer, x = torch.nn.LSTM(INPUT, HIDDEN), drawn(STEPS, BATCH, INPUT)
    read = x if direction == "forward" else x[::-1].copy()
    outputs, (h, c) = layer(torch.from_numpy(read), tuple(torch.from_numpy(start[key])[None] for key in start))
    got = mil("lstm", x=x, **start, **of_pytorch(layer, ""), direction=direction, output_sequence=True)
    for array, tensor in zip(got, (outputs, h[0], c[0]), strict=True):
        agree(array, tensor.detach().numpy())


@pytest.mark.parametrize("sequence", [True, False])
def test_a_bidirectional_lstm_is_pytorchs(mil, sequence):
    torch.manual_seed(0)
    layer, x = torch.nn.LSTM(INPUT, HIDDEN, bidirectional=True), drawn(STEPS, BATCH, INPUT)
    h0, c0 = drawn(2, BATCH, HIDDEN, seed=1), drawn(2, BATCH, HIDDEN, seed=2)
    outputs, (h, c) = layer(torch.from_numpy(x), (torch.from_numpy(h0), torch.from_numpy(c0)))
    weights = of_pytorch(layer, "") | of_pytorch(layer, "_reverse")
    got = mil(
        "lstm", x=x, initial_h=np.concatenate([*h0], 1), initial_c=np.concatenate([*c0], 1), **weights,
        direction="bidirectional", output_sequence=sequence,
    )  # fmt: skip
    last = np.concatenate([*h.detach().numpy()], 1)
    agree(got[0], outputs.detach().numpy() if sequence else last[None])
    agree(got[1], last)
    agree(got[2], np.concatenate([*c.detach().numpy()], 1))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_peepholes_clipping_and_activations_of_an_lstm(mil, start):
    x, w, r = drawn(STEPS, BATCH, INPUT), drawn(4 * HIDDEN, INPUT, seed=3), drawn(4 * HIDDEN, HIDDEN, seed=4)
    p, b = drawn(3 * HIDDEN, seed=5), drawn(4 * HIDDEN, seed=6)
    got = mil(
        "lstm", x=x, **start, weight_ih=w, weight_hh=r, bias=b, peephole=p, clip=np.float32(0.3), output_sequence=True,
        recurrent_activation="hard_sigmoid", cell_activation="relu", activation="linear",
    )  # fmt: skip
    h, c, outputs = start["initial_h"], start["initial_c"], []
    p_i, p_f, p_o = np.split(p, 3)
    for step in x:
        i, f, o, z = np.split(step @ w.T + h @ r.T + b, 4, axis=1)
        i, f = (np.clip(0.2 * gate + 0.5, 0, 1) for gate in (i + p_i * c, f + p_f * c))
        c = np.clip(f * c + i * np.maximum(z, 0), -0.3, 0.3)
        h = np.clip(0.2 * (o + p_o * c) + 0.5, 0, 1) * c
        outputs.append(h)
    agree(got[0], np.stack(outputs))
    agree(got[2], c)


def test_a_gru_resets_the_state_before_the_matrix(mil):
    x, h = drawn(STEPS, BATCH, INPUT), drawn(BATCH, HIDDEN, seed=1)
    w, r, b = drawn(3 * HIDDEN, INPUT, seed=2), drawn(3 * HIDDEN, HIDDEN, seed=3), drawn(3 * HIDDEN, seed=4)
    got = mil("gru", x=x, initial_h=h, weight_ih=w, weight_hh=r, bias=b, output_sequence=True)
    (w_r, w_o, w_z), (r_r, r_o, r_z), (b_r, b_o, b_z) = (np.split(part, 3) for part in (w, r, b))
    outputs = []
    for step in x:
        reset = sigmoid(step @ w_r.T + h @ r_r.T + b_r)
        update = sigmoid(step @ w_z.T + h @ r_z.T + b_z)
        new = np.tanh(step @ w_o.T + (reset * h) @ r_o.T + b_o)
        h = (1 - update) * new + update * h
        outputs.append(h)
    agree(got[0], np.stack(outputs))
    agree(got[1], h)


def test_the_reverse_of_a_gru_is_one_of_the_reversed_input(mil):
    x = drawn(STEPS, BATCH, INPUT)
    parts = {
        "initial_h": drawn(BATCH, HIDDEN, seed=1),
        "weight_ih": drawn(3 * HIDDEN, INPUT, seed=2),
        "weight_hh": drawn(3 * HIDDEN, HIDDEN, seed=3),
        "output_sequence": True,
    }
    for array, same in zip(mil("gru", x=x, direction="reverse", **parts), mil("gru", x=x[::-1], **parts), strict=True):
        np.testing.assert_array_equal(array, same)


def test_the_biases_of_a_gru_add_up(mil):
    x, h = drawn(STEPS, BATCH, INPUT), drawn(BATCH, HIDDEN, seed=1)
    parts = {"initial_h": h, "weight_ih": drawn(12, INPUT, seed=2), "weight_hh": drawn(12, HIDDEN, seed=3)}
    one, other = drawn(12, seed=4), drawn(12, seed=5)
    agree(mil("gru", x=x, bias=one, input_bias=other, **parts)[0], mil("gru", x=x, bias=one + other, **parts)[0])


def test_a_gru_that_resets_after_is_an_error(mil):
    parts = {"initial_h": drawn(1, 1), "weight_ih": drawn(3, 1), "weight_hh": drawn(3, 1)}
    with pytest.raises(ValueError, match="reset_after"):
        mil("gru", x=drawn(1, 1, 1), reset_after=True, **parts)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_an_rnn_is_pytorchs(mil, activation):
    torch.manual_seed(0)
    layer, x = torch.nn.RNN(INPUT, HIDDEN, nonlinearity=activation), drawn(STEPS, BATCH, INPUT)
    h0 = drawn(BATCH, HIDDEN, seed=1)
    outputs, h = layer(torch.from_numpy(x), torch.from_numpy(h0)[None])
    weights = of_pytorch(layer, "", lambda rows: rows.detach().numpy())
    got = mil("rnn", x=x, initial_h=h0, **weights, activation=activation, output_sequence=True)
    agree(got[0], outputs.detach().numpy())
    agree(got[1], h[0].detach().numpy())


def test_without_a_sequence_there_is_the_last_step_alone(mil):
    parts = {"initial_h": drawn(BATCH, HIDDEN), "weight_ih": drawn(HIDDEN, INPUT), "weight_hh": drawn(HIDDEN, HIDDEN)}
    outputs, last = mil("rnn", x=drawn(STEPS, BATCH, INPUT), **parts)
    assert outputs.shape == (1, BATCH, HIDDEN)
    np.testing.assert_array_equal(outputs[0], last)


def test_the_state_of_a_layer_of_halves_is_rounded_at_its_end_only(mil, start):
    halves = {key: value.astype(np.float16) for key, value in start.items()}
    parts = {"x": drawn(STEPS, BATCH, INPUT), "weight_ih": drawn(16, INPUT, seed=3), "weight_hh": drawn(16, 4, seed=4)}
    parts = {key: value.astype(np.float16) for key, value in parts.items()} | halves
    single = mil("lstm", **{key: value.astype(np.float32) for key, value in parts.items()})
    for half, whole in zip(mil("lstm", **parts), single, strict=True):
        np.testing.assert_array_equal(half, whole.astype(np.float16))


def test_an_unknown_direction_or_activation_is_an_error(mil):
    parts = {"x": drawn(1, 1, 1), "initial_h": drawn(1, 1), "weight_ih": drawn(1, 1), "weight_hh": drawn(1, 1)}
    with pytest.raises(ValueError, match="direction 'bidirectional' is unknown"):
        mil("rnn", direction="bidirectional", **parts)
    with pytest.raises(ValueError, match="activation 'gelu' is unknown"):
        mil("rnn", activation="gelu", **parts)
