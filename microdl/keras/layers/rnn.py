"""RNN: a cell run along a sequence, (batch, steps, features)."""

from typing import Any

from microdl.core import nest
from microdl.core.context import context
from microdl.core.deferred import reads_sizes
from microdl.core.tensor import convert
from microdl.core.variable import Variable
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.keras.layers.cells import StackedRNNCells, initial_state
from microdl.keras.layers.described import Hidden
from microdl.keras.layers.symbolic import ShapesOnly
from microdl.keras.persistence.serialization import deserialize_keras_object, serialize_keras_object
from microdl.ops.array import cast, reverse, stack, transpose, where, zeros, zeros_like
from microdl.ops.control import scan


class RNN(Layer):
    """Runs a cell along a sequence: ``output, states = cell(inputs[:, t], states)`` for each step t.

    Args:
        cell: layer with a ``state_size`` and ``call(inputs, states) -> output, states``; or a list of such cells, which
            are stacked.
        return_sequences: bool, all outputs instead of the last one. return_state: bool, the states after the last step,
            too. go_backwards: bool, from the last step to the first; outputs come in that order.
        stateful: bool, begin with the states after the last batch, of the same size; ``reset_state()`` sets them to 0.
        unroll: bool, in a traced function a copy of the step for each step instead of a loop.
        zero_output_for_mask: bool, zeros instead of the output before it where a mask is False.

    Call arguments: sequences; initial_state, list of tensors (batch, size); mask, bool (batch, steps): where it is
    False, states and output stay what they are; training.

    Input shape: (batch, steps, features). Output shape: (batch, steps, size) with ``return_sequences``, else
    (batch, size); with ``return_state`` a list of it and the states.
    """

    supports_masking = True
    _states: Any = None  # of a stateful layer

    def __init__(
        self,
        cell,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        zero_output_for_mask=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if not hasattr(cell, "state_size") or not hasattr(cell, "call"):
            raise ValueError(f"{self._label}: a cell has a call method and a state_size, got {cell!r}")
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask

    def build(self, sequences_shape):
        checks.sequences(self, sequences_shape)
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
            self.cell.built = True

    @property
    def state_size(self):
        size = self.cell.state_size
        return list(size) if isinstance(size, (list, tuple)) else [size]

    @property
    def states(self):
        """The states of a stateful layer, Variables; None before its first call."""
        return None if self._states is None else self._states.value

    def reset_state(self):
        """Sets the states of a stateful layer to zero."""
        for state in nest.flatten(self.states or []):
            state.assign(zeros_like(state))

    reset_states = reset_state

    def get_initial_state(self, batch_size):
        """The states before the first step: a list."""
        return initial_state(self.cell, batch_size, self.dtype)

    def compute_mask(self, inputs, mask=None):
        mask = mask[0] if isinstance(mask, list) else mask
        output = mask if self.return_sequences else None
        return [output, *[None] * len(nest.flatten(self.state_size))] if self.return_state else output

    @reads_sizes
    def call(self, sequences, initial_state=None, mask=None, training=False):
        shape = checks.one_tensor(self, sequences)
        checks.sequences(self, shape)
        checks.floating(self, sequences)
        start, given = self._start(shape[0], initial_state)
        x = transpose(sequences, [1, 0, *range(2, len(shape))])  # (batch, steps, ...) -> (steps, batch, ...)
        keep = self._steps_first(mask, shape)
        if self.go_backwards:
            x, keep = reverse(x, [0]), keep if keep is None else reverse(keep, [0])
        outputs, states = self._run(x, start, keep, training, given)
        if self.stateful and self.states is not None:
            for variable, state in zip(nest.flatten(self.states), nest.flatten(states), strict=True):
                variable.assign(state)
        output = transpose(outputs, [1, 0, *range(2, outputs.ndim)]) if self.return_sequences else outputs[-1]
        return [output, *states] if self.return_state else output

    def _steps_first(self, mask, shape):
        """The mask as bool, (steps, batch)."""
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        if mask is None:
            return None
        mask = convert(mask)
        if tuple(mask.shape) != shape[:2]:
            raise ValueError(
                f"{self._label}: a mask has the shape (batch, steps) = {shape[:2]} of the inputs, got {mask.shape}"
            )
        return transpose(mask if mask.dtype.is_bool else cast(mask, "bool"), [1, 0])

    def _start(self, batch, given):
        """The states to begin with, and whether they may be others than zeros."""
        if given is not None:
            states = list(given) if isinstance(given, (list, tuple)) else [given]
            if len(states) != len(self.state_size):
                raise ValueError(f"{self._label}: initial_state needs {len(self.state_size)} states, got {len(states)}")
            return states, True
        if not self.stateful or isinstance(context.graph, ShapesOnly):
            return self.get_initial_state(batch), False
        if self.states is None:
            first = self.get_initial_state(batch)
            self._states = Hidden(_map(lambda s: Variable(zeros(s.shape, s.dtype), trainable=False), first))
        own = nest.flatten(self._states.value)[0].spec.shape[0]
        if own != batch:
            raise ValueError(
                f"{self._label}: a stateful layer keeps the states of {own} samples, got a batch of {batch}; give "
                "batches of one size, or make a new layer"
            )
        return _map(convert, self._states.value), True

    def _run(self, x, states, keep, training, given):
        """All outputs, (steps, batch, ...), and the states after the last step."""
        if hasattr(self.cell, "begin"):
            self.cell.begin(x[0], states, training)
        try:
            return self._steps(x, states, keep)
        finally:
            if hasattr(self.cell, "end"):
                self.cell.end()

    def _steps(self, x, states, keep):
        single = not isinstance(self.cell.state_size, (list, tuple))
        wanted = nest.flatten(states)

        def step(before, elements):
            inputs, now = elements if keep is not None else (elements, None)
            output, after = self.cell(inputs, nest.pack_as(states, list(before[1:])))
            after = [after] if single and not isinstance(after, (list, tuple)) else after
            new = [output, *nest.flatten(after)]
            if now is not None:
                new = [_chosen(now, y, old) for y, old in zip(new, before, strict=True)]
                if self.zero_output_for_mask:
                    new[0] = _chosen(now, new[0], zeros_like(new[0]))
            return new

        first = self.cell(x[0], states)[0] if keep is not None or not self.unroll else None
        start = [zeros_like(wanted[0] if first is None else first), *wanted]
        elements = x if keep is None else (x, keep)
        if self.unroll:
            rows, before = [], start
            for t in range(x.shape[0]):
                before = step(before, x[t] if keep is None else (x[t], keep[t]))
                rows.append(before)
            return stack([row[0] for row in rows]), nest.pack_as(states, rows[-1][1:])
        outputs, *after = scan(step, elements, start)
        return outputs, nest.pack_as(states, [state[-1] for state in after])

    def get_config(self):
        return {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
            "cell": serialize_keras_object(self.cell),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        return cls(deserialize_keras_object(config.pop("cell"), custom_objects), **config)


def _map(function, structure):
    return nest.pack_as(structure, [function(leaf) for leaf in nest.flatten(structure)])


def _chosen(keep, new, old):
    """``new`` for the samples of which ``keep``, (batch,), is True, else ``old``."""
    while keep.ndim < new.ndim:
        keep = keep[..., None]
    return where(keep, new, old)
