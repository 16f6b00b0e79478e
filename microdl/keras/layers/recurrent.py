"""SimpleRNN, LSTM and GRU. Where their cells are the usual ones a whole sequence is one op (``ops/recurrent.py``)."""

from typing import Any

from microdl.keras import activations
from microdl.keras.layers.cells import GRUCell, LSTMCell, SimpleRNNCell
from microdl.keras.layers.rnn import RNN
from microdl.ops import recurrent
from microdl.ops.array import cast, expand_dims, where, zeros, zeros_like
from microdl.ops.math import cumsum

_OF_RNN = (
    "return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask", "name",
    "activity_regularizer", "input_shape", "input_dim",
)  # fmt: skip


class _OfCell:
    """An attribute that is the cell's."""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, layer, owner=None) -> Any:
        return self if layer is None else getattr(layer.cell, self.name)


class _Recurrent(RNN):
    """A layer with a cell of its own kind, which takes the arguments that are not those of ``RNN``."""

    cell_class: Any = None
    units, activation, use_bias = _OfCell(), _OfCell(), _OfCell()
    dropout, recurrent_dropout, seed = _OfCell(), _OfCell(), _OfCell()
    kernel_initializer, recurrent_initializer, bias_initializer = _OfCell(), _OfCell(), _OfCell()

    def __init__(self, units, *args, **kwargs):
        of_layer = {key: kwargs.pop(key) for key in _OF_RNN if key in kwargs}
        shared = {key: kwargs[key] for key in ("trainable", "dtype") if key in kwargs}
        kwargs.pop("use_cudnn", None)
        super().__init__(self.cell_class(units, *args, **kwargs), **shared, **of_layer)

    def _is_usual(self):
        """Whether the formula is that of the ops: no recurrent dropout at work, the usual activations."""
        gates = getattr(self.cell, "recurrent_activation", activations.sigmoid)
        usual = self.cell.activation is activations.tanh and gates is activations.sigmoid
        return usual and self.cell._masks[1] is None

    def _steps(self, x, states, keep):
        if not self._is_usual():
            return super()._steps(x, states, keep)
        return self._whole(self.cell.project(x), states, keep)

    def _whole(self, x, states, keep):
        """All outputs and the last states, by one op."""
        raise NotImplementedError

    def _run(self, x, states, keep, training, given):
        outputs, after = super()._run(x, states, keep, training, given)
        if keep is not None and self._is_usual():  # the op's outputs are its states
            kept = keep
            if not self.zero_output_for_mask:
                if not given:
                    return outputs, after
                kept = cumsum(cast(keep, "int32"), axis=0) > 0  # before the first step that counts there is no output
            outputs = where(expand_dims(kept, -1), outputs, zeros_like(outputs))
        return outputs, after

    def get_config(self):
        config = super().get_config()
        config.pop("cell")
        of_cell = self.cell.get_config()
        return {**of_cell, **config}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)


class SimpleRNN(_Recurrent):
    """A plain recurrent layer, ``h = activation(x[t] @ kernel + h @ recurrent_kernel + bias)``.

    Args:
        units: int > 0, and others of ``SimpleRNNCell`` and ``RNN``.

    Input shape: (batch, steps, features). Output shape: (batch, units), or as for ``RNN``.
    Weights: those of ``SimpleRNNCell``.
    """

    cell_class = SimpleRNNCell

    def _whole(self, x, states, keep):
        outputs = recurrent.simple_rnn(x, self.cell.recurrent_kernel, states[0], keep)
        return outputs, [outputs[-1]]


class LSTM(_Recurrent):
    """A layer of long short-term memory.

    Args:
        units: int > 0, and others of ``LSTMCell`` and ``RNN``.

    Input shape: (batch, steps, features). Output shape: (batch, units), or as for ``RNN``; states: h and c.
    Weights: those of ``LSTMCell``.

    >>> LSTM(4)(tf.zeros((2, 5, 3))).shape
    TensorShape([2, 4])
    """

    cell_class = LSTMCell
    recurrent_activation, unit_forget_bias = _OfCell(), _OfCell()

    def _whole(self, x, states, keep):
        outputs, cs = recurrent.lstm(x, self.cell.recurrent_kernel, states[0], states[1], keep)
        return outputs, [outputs[-1], cs[-1]]


class GRU(_Recurrent):
    """A layer of gated recurrent units.

    Args:
        units: int > 0, and others of ``GRUCell`` and ``RNN``.

    Input shape: (batch, steps, features). Output shape: (batch, units), or as for ``RNN``.
    Weights: those of ``GRUCell``.
    """

    cell_class = GRUCell
    recurrent_activation, reset_after = _OfCell(), _OfCell()

    def _is_usual(self):
        return self.cell.reset_after and super()._is_usual()

    def _whole(self, x, states, keep):
        bias = zeros((3 * self.units,), self.dtype) if self.cell.bias is None else self.cell.bias[1]
        outputs = recurrent.gru(x, self.cell.recurrent_kernel, bias, states[0], keep)
        return outputs, [outputs[-1]]
