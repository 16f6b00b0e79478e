"""Sequential: a model that is a list of layers, each fed with what the one before gives."""

from microdl.core.tensor import Tensor, apply
from microdl.keras.layers.base import Layer
from microdl.keras.layers.core import InputLayer
from microdl.keras.layers.described import Hidden, as_tuples
from microdl.keras.layers.keras_tensor import KerasTensor
from microdl.keras.layers.nested import is_shape
from microdl.keras.models.model import Model
from microdl.keras.models.network import of_rank
from microdl.keras.persistence.serialization import deserialize_keras_object, serialize_keras_object


class Sequential(Model):
    """Layers one after the other.

    Args:
        layers: list of Layers; an ``Input(shape)`` or a layer with ``input_shape`` at its start lets the model make its
            weights at once, else they are made by the first call, ``fit`` or ``build(input_shape)``.
        trainable, name: as for Layer.

    Inputs are cast to the dtype of the ``Input`` (float32 without one). A last axis of size 1 is added or taken away
    where only that keeps them from having the shape of the first inputs, or of the ``Input``.

    >>> model = Sequential([Input((4,)), Dense(8, activation="relu"), Dense(1)])
    >>> model.count_params()
    49
    """

    _input_dtype = None  # given by an Input; else the model's own
    _input_layer = Hidden(None)  # that Input
    _tensors = Hidden(())  # the KerasTensors before and after each layer, once they are asked for

    def __init__(self, layers=None, trainable=True, name=None):
        if isinstance(layers, Layer) or isinstance(trainable, Layer):
            raise TypeError("Sequential: the layers are given as a list, Sequential([layer, layer])")
        super().__init__(trainable=trainable, name=name)
        self._layers, self._tensors = [], Hidden([])
        for layer in layers or []:
            self.add(layer)

    def add(self, layer):
        """Appends a layer, and builds it if the shape of its input is known. At the start it may be a ``keras.Input``.

        Raises: TypeError if it is no Layer. ValueError if a layer of this name is there already.
        """
        if isinstance(layer, KerasTensor):
            source = layer._keras_history.operation
            if not isinstance(source, InputLayer):
                raise ValueError(
                    f"Sequential.add: a Layer or keras.Input is expected, got the output of {source.name!r}"
                )
            layer = source
        if not isinstance(layer, Layer):
            made = ": make an instance of it, with parentheses" if isinstance(layer, type) else ""
            raise TypeError(f"Sequential.add: a Layer is expected, got {layer!r} of type {type(layer).__name__}{made}")
        if any(layer is other or layer.name == other.name for other in self._layers):
            raise ValueError(f"Sequential.add: model {self.name!r} has a layer named {layer.name!r} already")
        if isinstance(layer, InputLayer):
            self._begin(layer)
            return
        if not self._layers and self._input_shape is None:
            self._input_shape = self._seen_shape = layer.batch_input_shape
        if self._input_shape is not None and (not self._layers or self._tensors.value):
            self._outline([layer])
            self.built = True
        elif self._input_shape is not None:
            self._seen_shape = layer.compute_output_shape(self.output_shape)
        self._layers.append(layer)
        self._compiled += 1  # what was traced before is another model
        self._state = None

    def _begin(self, layer):
        if self._layers or self._input_shape is not None:
            raise ValueError(f"Sequential.add: an Input comes first, model {self.name!r} has begun already")
        self._input_shape = self._seen_shape = layer.batch_input_shape
        self._input_dtype, self._input_layer = layer.dtype, Hidden(layer)

    def _outline(self, layers):
        """Calls layers with KerasTensors, which makes their weights and shows the shapes of their outputs."""
        if not self._tensors.value:
            start = self._input_layer.value or InputLayer(batch_shape=self._input_shape, dtype=self._input_dtype)
            self._tensors = Hidden([start.output])
        for layer in layers:
            self._tensors.value.append(layer(self._tensors.value[-1]))
            self._seen_shape = layer._seen_shape

    @property
    def inputs(self):
        """A list with the KerasTensor that the model begins with; None while the shape of its input is unknown."""
        return self._outlined()[:1] or None

    @property
    def outputs(self):
        """A list with the KerasTensor that the last layer gives."""
        return self._outlined()[-1:] or None

    def _outlined(self):
        if self.built and not self._tensors.value and is_shape(self._input_shape):
            self._outline(self._layers)
        return self._tensors.value

    @property
    def input(self):
        return self._only(self.inputs, "input")

    @property
    def output(self):
        return self._only(self.outputs, "output")

    def _only(self, tensors, attribute):
        if tensors is None:
            raise AttributeError(
                f"model {self.name!r} has no {attribute} yet: begin it with a keras.Input, or call it on data first"
            )
        return tensors[0]

    def pop(self):
        """Removes the last layer and returns it. Raises ValueError if there is none."""
        if not self._layers:
            raise ValueError(f"Sequential.pop: model {self.name!r} has no layers")
        layer = self._layers.pop()
        self._tensors.value[len(self._layers) + 1 :] = []
        self._compiled += 1
        self._state = None
        self._seen_shape = self._layers[-1]._seen_shape if self._layers else self._input_shape
        return layer

    def call(self, inputs):
        if not self._layers:
            raise ValueError(f"model {self.name!r} has no layers: add one first")
        x = inputs
        if isinstance(x, Tensor) and is_shape(self._input_shape):
            x = of_rank(x, self._input_shape)
        for layer in self._layers:
            x = layer(x)
        return x

    def _cast(self, tensor):
        """Inputs of every dtype become that of the ``Input``, without one that of the model; pixels are uint8 often."""
        dtype = self._input_dtype or self._dtype
        return tensor if tensor.spec.dtype is dtype else apply("Cast", tensor, dtype=dtype)

    def get_config(self):
        """The layers as ``keras.saving.serialize_keras_object`` gives them; ``from_config`` makes the same model of it.

        Weights are not among it.
        """
        layers = [layer for layer in (self._input_layer.value, *self._layers) if layer is not None]
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype.name,
            "layers": [serialize_keras_object(layer) for layer in layers],
            "build_input_shape": self._input_shape,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model that ``get_config`` described.

        Args: custom_objects: dict from class names to Layer classes that are not microdl's own.
        Raises: ValueError for a class that is in neither.
        """
        model = cls(name=config.get("name"), trainable=config.get("trainable", True))
        for entry in config["layers"]:
            model.add(deserialize_keras_object(entry, custom_objects))
        shape = config.get("build_input_shape")
        if shape is not None and not model.built and model._layers:
            model.build(as_tuples(shape))
        return model
