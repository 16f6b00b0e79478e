"""Recurrent layers over whole sequences."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError
from microdl.ops import recurrent

from . import Case, inputs


@inputs
def sequences(draw, rng, parts, states, bias=False):
    """x, recurrent_kernel, (bias,) the states, and a mask."""
    steps, batch, units = (draw(st.integers(0, 4)) for _ in range(3))
    arrays = [rng.normal(size=(steps, batch, parts * units)), rng.normal(size=(units, parts * units))]
    arrays += [rng.normal(size=parts * units)] * bias
    arrays += [rng.normal(size=(batch, units)) for _ in range(states)]
    return [*arrays, rng.random((steps, batch)) < draw(st.sampled_from([0.0, 0.7, 1.0]))], {}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def steps_of(step, x, keep, *states):
    """All states, one array for each kind; where ``keep`` is False they stay as they are."""
    kept = []
    for t in range(len(x)):
        after = step(x[t], *states)
        states = [np.where(keep[t][:, None], new, old) for new, old in zip(after, states, strict=True)]
        kept.append(states)
    shape = (0, *states[0].shape)
    return tuple(np.stack(column) if kept else np.zeros(shape) for column in zip(*(kept or [states]), strict=True))


def simple_rnn(x, kernel, h, keep):
    return steps_of(lambda x, h: [np.tanh(x + h @ kernel)], x, keep, h)[0]


def lstm(x, kernel, h, c, keep):
    def step(x, h, c):
        i, f, g, o = np.split(x + h @ kernel, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c

    return steps_of(step, x, keep, h, c)


def gru(x, kernel, bias, h, keep):
    def step(x, h):
        (xz, xr, xn), (sz, sr, sn) = np.split(x, 3, axis=1), np.split(h @ kernel + bias, 3, axis=1)
        z, r = sigmoid(xz + sz), sigmoid(xr + sr)
        return [z * h + (1 - z) * np.tanh(xn + r * sn)]

    return steps_of(step, x, keep, h)[0]


def refused(call, message):
    return call, InvalidArgumentError, message


CASES = [
    Case(
        "SimpleRNNSequence",
        lambda tf, *arguments: recurrent.simple_rnn(*arguments),
        simple_rnn,
        sequences(parts=1, states=1),
        second=False,
        covers=("SimpleRNNSequenceGrad",),
        errors=(
            refused(
                lambda tf: recurrent.simple_rnn(np.zeros((5, 2, 3)), np.zeros((4, 4)), np.zeros((2, 4))),
                "SimpleRNN: x must have shape (steps, batch, 4) for 4 units, got (5, 2, 3)",
            ),
        ),
    ),
    Case(
        "LSTMSequence",
        lambda tf, *arguments: recurrent.lstm(*arguments),
        lstm,
        sequences(parts=4, states=2),
        second=False,
        covers=("LSTMSequenceGrad",),
        errors=(
            refused(
                lambda tf: recurrent.lstm(*map(np.zeros, ((5, 2, 12), (3, 9), (2, 3), (2, 3)))),
                "LSTM: recurrent_kernel must have shape (units, 4 * units), got (3, 9)",
            ),
        ),
    ),
    Case(
        "GRUSequence",
        lambda tf, *arguments: recurrent.gru(*arguments),
        gru,
        sequences(parts=3, states=1, bias=True),
        second=False,
        covers=("GRUSequenceGrad",),
        errors=(
            refused(
                lambda tf: recurrent.gru(*map(np.zeros, ((5, 2, 9), (3, 9), (9,), (1, 3)))),
                "GRU: a state must have shape (batch, units) = (2, 3), got (1, 3)",
            ),
        ),
    ),
]
