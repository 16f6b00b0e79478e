"""Recurrent layers beside what Keras's frozen values show: states, dropout, cells of one's own, messages."""

import numpy as np
import pytest

import microdl as tf
from microdl.keras import layers

X = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32)
KEEP = np.array([[1, 1, 0, 1, 0], [0, 0, 1, 1, 1], [1, 1, 1, 1, 1]], bool)
KINDS = pytest.mark.parametrize("kind", [layers.SimpleRNN, layers.LSTM, layers.GRU])


def unusual_tanh(x):
    return tf.tanh(x)


@KINDS
@pytest.mark.parametrize("mask", [None, KEEP], ids=["all", "masked"])
def test_the_op_for_whole_sequences_equals_the_cell_step_by_step(kind, mask):
    fast, slow = kind(3, return_sequences=True), kind(3, activation=unusual_tanh, return_sequences=True)
    results = []
    for layer in (fast, slow):
        layer.build(X.shape)
        layer.set_weights(fast.get_weights())
        x = tf.constant(X)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, mask=mask)
            loss = tf.reduce_sum(y * y)
        results.append([y, *tape.gradient(loss, [x, *layer.trainable_weights])])
    for a, b in zip(*results, strict=True):
        assert np.allclose(a, b, atol=1e-5)


@KINDS
def test_a_traced_layer_gives_what_the_eager_one_does(kind):
    layer = kind(3, activation="relu", return_sequences=True)
    assert np.allclose(tf.function(lambda x: layer(x))(X), layer(X), atol=1e-6)


@KINDS
def test_dropout_is_the_same_at_each_step_and_only_in_training(kind):
    x = np.ones((2, 6, 50), np.float32)
    layer = kind(4, dropout=0.5, seed=1)
    layer(x)
    layer.cell.begin(tf.constant(x[:, 0]), layer.get_initial_state(2), True)
    mask = layer.cell._masks[0][0].numpy()
    layer.cell.end()
    assert set(np.unique(mask)) == {0.0, 2.0}
    assert np.array_equal(layer(x), layer(x))
    tf.random.set_seed(3)
    first = layer(x, training=True)
    assert not np.allclose(first, layer(x))
    tf.random.set_seed(3)
    assert np.array_equal(layer(x, training=True), first)


@KINDS
def test_recurrent_dropout_acts_on_the_state(kind):
    layer = kind(30, recurrent_dropout=0.5)
    assert not np.allclose(layer(X, training=True), layer(X))
    assert np.allclose(layer(X[:, :1], training=True), layer(X[:, :1]), atol=1e-6)  # the first state is zero


@KINDS
def test_a_stateful_layer_goes_on_where_it_ended(kind):
    layer, whole = kind(3, stateful=True), kind(3)
    whole.build(X.shape)
    layer(X)
    layer.set_weights(whole.get_weights())
    layer.reset_states()
    layer(X[:, :2])
    assert np.allclose(layer(X[:, 2:]), whole(X), atol=1e-6)
    layer.reset_states()
    traced = tf.function(lambda x: layer(x))
    traced(X[:, :2])
    assert np.allclose(traced(X[:, 2:]), whole(X), atol=1e-6)
    assert len(layer.weights) == 3
    with pytest.raises(ValueError, match=r"a stateful layer keeps the states of 3 samples, got a batch of 2"):
        layer(X[:2])


@KINDS
def test_states_of_one_layer_start_another(kind):
    layer = kind(3, return_state=True)
    _, *states = layer(X[:, :2])
    y, *_ = layer(X[:, 2:], initial_state=states)
    assert np.allclose(y, layer(X)[0], atol=1e-6)


class Leaky(layers.Layer):
    """A cell: the mean of its state and the inputs' sum."""

    state_size = 2

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 2), "ones", name="kernel")

    def call(self, inputs, states):
        h = 0.5 * states[0] + tf.matmul(inputs, self.kernel)
        return h, [h]


@pytest.mark.parametrize("options", [{}, {"unroll": True}], ids=["loop", "unrolled"])
def test_a_cell_of_ones_own(options):
    layer = layers.RNN(Leaky(), return_sequences=True, **options)
    expected, h = [], np.zeros((3, 1))
    for t in range(5):
        h = 0.5 * h + X[:, t].sum(1, keepdims=True)
        expected.append(np.repeat(h, 2, axis=1))
    expected = np.stack(expected, axis=1)
    assert np.allclose(layer(X), expected, atol=1e-5)
    assert np.allclose(tf.function(lambda x: layer(x))(X), expected, atol=1e-5)


def test_a_list_of_cells_is_stacked():
    layer = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_state=True)
    y, (h, c), gru = layer(X)
    assert (y.shape, h.shape, c.shape, tf.constant(gru[0]).shape) == ((3, 2), (3, 3), (3, 3), (3, 2))
    again = layers.RNN.from_config(layer.get_config())
    assert [type(cell).__name__ for cell in again.cell.cells] == ["LSTMCell", "GRUCell"]


def test_a_cell_alone_makes_one_step():
    cell = layers.LSTMCell(3)
    output, (h, c) = cell(X[:, 0], [np.zeros((3, 3), np.float32)] * 2)
    assert np.array_equal(output, h)
    assert c.shape == (3, 3)


def test_the_forget_bias_starts_with_ones():
    layer = layers.LSTM(2)
    layer.build((None, 5, 3))
    assert np.array_equal(layer.cell.bias, [0, 0, 1, 1, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: layers.LSTM(2, name="l")(X[0]),
            r"^l \(LSTM\): expects at least 3 axes \(batch, steps, features\), got",
        ),
        (
            lambda: layers.LSTM(2, name="l")(X, initial_state=[X[:, 0]]),
            r"^l \(LSTM\): initial_state needs 2 states, got 1",
        ),
        (
            lambda: layers.GRU(2, name="g")(X, mask=KEEP[:2]),
            r"^g \(GRU\): a mask has the shape \(batch, steps\) = \(3, 5\)",
        ),
        (lambda: layers.GRU(0, name="g"), r"^gru_cell\S* \(GRUCell\): units must be an integer > 0, got 0"),
        (lambda: layers.RNN(layers.Dense(2), name="r"), r"^r \(RNN\): a cell has a call method and a state_size, got"),
        (
            lambda: layers.Bidirectional(layers.Dense(2), name="b"),
            r"^b \(Bidirectional\): layer must be a recurrent layer",
        ),
        (
            lambda: layers.Bidirectional(layers.LSTM(2), merge_mode="max", name="b"),
            r"^b \(Bidirectional\): merge_mode must be one of \('concat', 'sum', 'mul', 'ave', None\), got 'max'",
        ),
        (
            lambda: layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2), name="b"),
            r"^b \(Bidirectional\): one of both layers must have go_backwards, got False twice",
        ),
        (lambda: layers.TimeDistributed(3, name="t"), r"^t \(TimeDistributed\): layer must be a Layer, got 3"),
    ],
)
def test_messages(call, message):
    with pytest.raises(ValueError, match=message):
        call()
