"""Layers around a layer: both directions of a sequence, and the same layer at each step."""

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import Tensor, convert
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.keras.layers.rnn import RNN
from microdl.keras.persistence.serialization import deserialize_keras_object, serialize_keras_object
from microdl.ops.array import concat, reshape, reverse

MERGE_MODES = ("concat", "sum", "mul", "ave", None)


class Wrapper(Layer):
    """Base of layers around a layer.

    Args:
        layer: Layer.
    """

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise ValueError(f"{self._label}: layer must be a Layer, got {layer!r}")
        self.layer = layer

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True

    def get_config(self):
        return {**super().get_config(), "layer": serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        return cls(deserialize_keras_object(config.pop("layer"), custom_objects), **config)


class TimeDistributed(Wrapper):
    """A layer at each step of a sequence: the steps count as samples.

    Args:
        layer: Layer, called with (batch * steps, ...).

    Input shape: (batch, steps, ...). Output shape: (batch, steps, *those of the layer).
    """

    supports_masking = True

    def build(self, input_shape):
        checks.sequences(self, input_shape)
        super().build((None, *input_shape[2:]))

    @reads_sizes
    def call(self, inputs, training=False, mask=None):
        shape = checks.one_tensor(self, inputs)
        checks.sequences(self, shape)
        merged = reshape(inputs, (shape[0] * shape[1], *shape[2:]))
        options = {} if mask is None or not self.layer._takes("mask") else {"mask": reshape(mask, (-1,))}
        y = self.layer(merged, **options)
        return reshape(y, (*shape[:2], *y.shape[1:]))


class Bidirectional(Layer):
    """A recurrent layer along a sequence, and another one backwards; their outputs are joined.

    Args:
        layer: recurrent layer, the one for the way forwards.
        merge_mode: "concat" along the last axis, "sum", "mul", "ave", or None for a list of both outputs.
        backward_layer: recurrent layer with the other ``go_backwards``; None makes one like ``layer``.

    Input shape: (batch, steps, features). Output shape: as ``layer``'s, with twice as many features for "concat"; with
    ``return_state`` a list of it, the states of the way forwards and those of the way backwards.
    Schuster and Paliwal, "Bidirectional Recurrent Neural Networks", 1997.
    """

    supports_masking = True

    def __init__(self, layer, merge_mode="concat", weights=None, backward_layer=None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(layer, RNN):
            raise ValueError(f"{self._label}: layer must be a recurrent layer, got {layer!r}")
        if merge_mode not in MERGE_MODES:
            raise ValueError(f"{self._label}: merge_mode must be one of {MERGE_MODES}, got {merge_mode!r}")
        self.merge_mode = merge_mode
        own_name = layer.name.removeprefix("forward_")
        self.forward_layer = _copy(layer, f"forward_{own_name}")
        if backward_layer is None:
            backward_layer = _copy(layer, f"backward_{own_name}", go_backwards=not layer.go_backwards)
        self.backward_layer = backward_layer
        self._check_pair()
        for part in (self.forward_layer, self.backward_layer):
            part.zero_output_for_mask = part.return_sequences  # what is joined are outputs of one and the same step
        if weights is not None:
            self._first_weights = [*weights]

    def _check_pair(self):
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                f"{self._label}: one of both layers must have go_backwards, got {forward.go_backwards} twice"
            )
        for option in ("stateful", "return_sequences", "return_state"):
            if getattr(forward, option) != getattr(backward, option):
                raise ValueError(
                    f"{self._label}: both layers need the same {option}, got {getattr(forward, option)} and "
                    f"{getattr(backward, option)}"
                )

    @property
    def layer(self):
        return self.forward_layer

    @property
    def return_sequences(self):
        return self.forward_layer.return_sequences

    @property
    def return_state(self):
        return self.forward_layer.return_state

    @property
    def stateful(self):
        return self.forward_layer.stateful

    def build(self, sequences_shape):
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
                layer.built = True
        if getattr(self, "_first_weights", None):
            self.set_weights(self._first_weights)

    def reset_state(self):
        """Sets the states of stateful layers to zero."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    def compute_mask(self, inputs, mask=None):
        mask = mask[0] if isinstance(mask, list) else mask
        mask = mask if self.return_sequences else None
        masks = [mask] if self.merge_mode else [mask, mask]
        if self.return_state:
            masks += [None] * (len(self.forward_layer.state_size) + len(self.backward_layer.state_size))
        return masks if len(masks) > 1 else mask

    def call(self, sequences, initial_state=None, mask=None, training=False):
        first, second = {}, {}
        if initial_state is not None:
            half = len(initial_state) // 2
            first, second = {"initial_state": initial_state[:half]}, {"initial_state": initial_state[half:]}
        if mask is not None:
            first, second = {**first, "mask": mask}, {**second, "mask": mask}
        y, states = _parts(self.forward_layer(sequences, **first))
        y_back, states_back = _parts(self.backward_layer(sequences, **second))
        if self.return_sequences:
            y_back = reverse(y_back, [1])
        joined = self._joined(y, y_back)
        if self.return_state:
            return [*(joined if isinstance(joined, list) else [joined]), *states, *states_back]
        return joined

    def _joined(self, y, y_back):
        if self.merge_mode is None:
            return [y, y_back]
        if self.merge_mode == "concat":
            return concat([y, y_back], axis=-1)
        if self.merge_mode == "mul":
            return y * y_back
        total = y + y_back
        return total if self.merge_mode == "sum" else total / 2.0

    def get_config(self):
        return {
            **super().get_config(),
            "layer": serialize_keras_object(self.forward_layer),
            "backward_layer": serialize_keras_object(self.backward_layer),
            "merge_mode": self.merge_mode,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        config["layer"] = deserialize_keras_object(config["layer"], custom_objects)
        if config.get("backward_layer") is not None:
            config["backward_layer"] = deserialize_keras_object(config["backward_layer"], custom_objects)
        return cls(**config)


def _copy(layer, name, **changed):
    """A layer with the configuration of ``layer`` and other weights."""
    return type(layer).from_config({**layer.get_config(), "name": name, **changed})


def _parts(outputs):
    """The output and the states of a recurrent layer."""
    return (outputs, []) if isinstance(outputs, Tensor) else (convert(outputs[0]), list(outputs[1:]))
