"""Recurrent cells: one step of a recurrent layer. ``RNN`` runs any of them along a sequence."""

from microdl.core.random_state import Calls, random_state
from microdl.core.tensor import convert
from microdl.keras import activations, initializers
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.keras.persistence.serialization import deserialize_keras_object, serialize_keras_object
from microdl.ops.array import concat, ones_like, split, zeros
from microdl.ops.linalg import matmul
from microdl.ops.normalization import bias_add
from microdl.ops.random import dropout


class _Cell(Layer):
    """What the three cells share: their weights, whose columns come in ``parts`` of ``units``, and their dropout."""

    _options = ("kernel", "recurrent", "bias")
    parts = 1
    seed_comes_first = False  # whether Keras 3 draws the seed of its dropout before those of its initializers

    def __init__(
        self,
        units,
        activation="tanh",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        dropout=0.0,
        recurrent_dropout=0.0,
        seed=None,
        implementation=2,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = checks.positive(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        drawn = random_state.drawn_seed(seed) if self.seed_comes_first else None
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        drawn = drawn if self.seed_comes_first else random_state.drawn_seed(seed)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed, self._seeds = seed, seed if drawn is None else Calls(self.name, drawn)
        self.implementation = 1 if self.recurrent_dropout else implementation
        self._masks = (None, None)  # of the sequence that is being run: for inputs and state, None or a list

    @property
    def state_size(self):
        return self.units

    @property
    def output_size(self):
        return self.units

    def build(self, input_shape):
        features = checks.known_last_axis(self, "features", input_shape)
        self.kernel = self._weight("kernel", (features, self.parts * self.units))
        shape = (self.units, self.parts * self.units)
        self.recurrent_kernel = self._weight("recurrent", shape, name="recurrent_kernel")
        self.bias = self._weight("bias", self._bias_shape()) if self.use_bias else None

    def _bias_shape(self):
        return (self.parts * self.units,)

    def get_initial_state(self, batch_size=None):
        """Zeros, one tensor (batch_size, units) for each state."""
        return [zeros((batch_size, self.units), self.dtype)]

    def begin(self, inputs, states, training):
        """Draws what a sequence has in common at all steps. inputs: of one step, (batch, features)."""
        if not training and not isinstance(self._seeds, Calls):  # Keras 3 draws in inference, too, for nothing
            return
        rates = (self.dropout, self.recurrent_dropout)
        count = self.parts if self.implementation == 1 else 1  # each part drops its own elements, or all the same
        masks = [
            [dropout(ones_like(x), rate, seed=self._seeds) for _ in range(count)] if 0 < rate < 1 else None
            for x, rate in zip((inputs, states[0]), rates, strict=True)
        ]
        self._masks = tuple(masks) if training else (None, None)

    def end(self):
        self._masks = (None, None)

    def project(self, inputs):
        """inputs @ kernel + bias, after dropout: what the inputs contribute. inputs: (..., features)."""
        z = _product(inputs, self._masks[0], self.kernel)
        return z if self._input_bias() is None else bias_add(z, self._input_bias())

    def _input_bias(self):
        return self.bias

    def _recur(self, state):
        """state @ recurrent_kernel, after dropout."""
        return _product(state, self._masks[1], self.recurrent_kernel)

    def call(self, inputs, states, training=False):
        """One step. inputs: (batch, features). states: list. Returns the output and the list of new states."""
        checks.last_axis(self, "features", self.kernel.spec.shape[0], checks.one_tensor(self, inputs))
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        alone = self._masks == (None, None) and training
        if alone:
            self.begin(inputs, states, training)
        try:
            new = self._step(self.project(inputs), *states)
        finally:
            if alone:
                self.end()
        return new[0], new

    def _step(self, x, *states):
        """The new states, the output first."""
        raise NotImplementedError

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "recurrent_initializer": initializers.serialize(self.recurrent_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }


def _product(x, masks, kernel):
    """x @ kernel, where x is multiplied by a mask, by one for each part of the kernel's columns, or by none."""
    if masks is None:
        return matmul(x, kernel)
    parts = [kernel] if len(masks) == 1 else split(kernel, len(masks), axis=1)
    products = [matmul(x * mask, part) for mask, part in zip(masks, parts, strict=True)]
    return products[0] if len(products) == 1 else concat(products, axis=-1)


class SimpleRNNCell(_Cell):
    """``h = activation(x @ kernel + h @ recurrent_kernel + bias)``

    Args:
        units: int > 0, size of state and output. activation: name or function. use_bias: bool.
        kernel_, recurrent_, bias_initializer: as for ``add_weight``; ..._regularizer, ..._constraint: as for Layer.
        dropout, recurrent_dropout: share of the inputs and of the state that is dropped in training, the same at each
            step. seed: int or None.
        implementation: 1 drops elements for each part of the kernels' columns apart, as recurrent_dropout does anyway;
            2 the same ones for all. The rest is alike.

    Input shape: (batch, features), and a list with the state (batch, units).
    Weights: kernel (features, units), recurrent_kernel (units, units), bias (units,).
    """

    seed_comes_first = True

    def _step(self, x, h):
        return [self.activation(x + self._recur(h))]


class LSTMCell(_Cell):
    """``c = f * c + i * g``, ``h = o * activation(c)`` with gates i f o and the candidate g.

    Args:
        units: int > 0, size of states and output. activation: of the candidate and of c. recurrent_activation: of the
            gates. unit_forget_bias: whether the bias of f starts with ones. Others: as for ``SimpleRNNCell``.

    Input shape: (batch, features), and a list of the states h and c, (batch, units).
    Weights: kernel (features, 4 units), recurrent_kernel (units, 4 units), bias (4 units,), in the order i f g o.
    Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9, 1997.
    """

    parts = 4

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        *,
        unit_forget_bias=True,
        **kwargs,
    ):
        super().__init__(units, activation, use_bias, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    @property
    def state_size(self):
        return [self.units, self.units]

    def build(self, input_shape):
        super().build(input_shape)
        if self.bias is not None and self.unit_forget_bias:
            i, f, rest = split(self.bias, [self.units, self.units, 2 * self.units])
            self.bias.assign(concat([i, ones_like(f), rest], axis=0))

    def get_initial_state(self, batch_size=None):
        return super().get_initial_state(batch_size) * 2

    def _step(self, x, h, c):
        i, f, g, o = split(x + self._recur(h), 4, axis=1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        return [self.recurrent_activation(o) * self.activation(c), c]

    def get_config(self):
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "unit_forget_bias": self.unit_forget_bias,
        }


class GRUCell(_Cell):
    """``h = z * h + (1 - z) * n`` with the update gate z, the reset gate r and the candidate n.

    Args:
        reset_after: whether r multiplies the product of the state with the recurrent kernel (then there are two biases)
            or the state before it, as in the first version of the paper.
        Others: as for ``LSTMCell``.

    Input shape: (batch, features), and a list with the state (batch, units).
    Weights: kernel (features, 3 units), recurrent_kernel (units, 3 units), bias (2, 3 units) or (3 units,); parts
        z r n.
    Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", arXiv:1406.1078.
    """

    parts = 3

    def __init__(
        self, units, activation="tanh", recurrent_activation="sigmoid", use_bias=True, *, reset_after=True, **kwargs
    ):
        super().__init__(units, activation, use_bias, **kwargs)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after

    def _bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _input_bias(self):
        return self.bias[0] if self.reset_after and self.bias is not None else self.bias

    def _step(self, x, h):
        u = self.units
        if self.reset_after:
            s = self._recur(h)
            s = s if self.bias is None else bias_add(s, self.bias[1])
            z, r = split(self.recurrent_activation(x[:, : 2 * u] + s[:, : 2 * u]), 2, axis=1)
            n = r * s[:, 2 * u :]
        else:
            masks = self._masks[1]
            gates = x[:, : 2 * u] + _product(h, masks and masks[:2], self.recurrent_kernel[:, : 2 * u])
            z, r = split(self.recurrent_activation(gates), 2, axis=1)
            n = _product(r * h, masks and masks[2:], self.recurrent_kernel[:, 2 * u :])
        n = self.activation(x[:, 2 * u :] + n)
        return [z * h + (1.0 - z) * n]

    def get_config(self):
        return {
            **super().get_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "reset_after": self.reset_after,
        }


class StackedRNNCells(Layer):
    """Cells one above the other: at each step the output of one is the input of the next.

    Args:
        cells: list of cells.

    States: a list with the state (or list of states) of each cell.
    """

    def __init__(self, cells, **kwargs):
        super().__init__(**kwargs)
        for cell in cells:
            if not hasattr(cell, "state_size") or not hasattr(cell, "call"):
                raise ValueError(f"{self._label}: a cell has a call method and a state_size, got {cell!r}")
        self.cells = list(cells)

    @property
    def state_size(self):
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self):
        return output_size(self.cells[-1])

    def build(self, input_shape):
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
                cell.built = True
            input_shape = (input_shape[0], output_size(cell))

    def get_initial_state(self, batch_size=None):
        return [initial_state(cell, batch_size, self.dtype) for cell in self.cells]

    def begin(self, inputs, states, training):
        for cell, state in zip(self.cells, states, strict=True):
            if hasattr(cell, "begin"):
                cell.begin(inputs, state, training)
            inputs = zeros((inputs.shape[0], output_size(cell)), self.dtype)

    def end(self):
        for cell in self.cells:
            if hasattr(cell, "end"):
                cell.end()

    def call(self, inputs, states, training=False):
        after = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, new = cell(inputs, state)
            after.append(new)
        return inputs, after

    def get_config(self):
        return {**super().get_config(), "cells": [serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        cells = [deserialize_keras_object(cell, custom_objects) for cell in config.pop("cells")]
        return cls(cells, **config)


def output_size(cell):
    """Size of a cell's output: by default that of its first state."""
    size = getattr(cell, "output_size", None) or cell.state_size
    return size[0] if isinstance(size, (list, tuple)) else size


def initial_state(cell, batch_size, dtype):
    """A list of the cell's states before the first step: its own, or zeros."""
    if hasattr(cell, "get_initial_state"):
        states = cell.get_initial_state(batch_size=batch_size)
        return list(states) if isinstance(states, (list, tuple)) else [convert(states)]
    sizes = cell.state_size if isinstance(cell.state_size, (list, tuple)) else [cell.state_size]
    return [zeros((batch_size, size), dtype) for size in sizes]
