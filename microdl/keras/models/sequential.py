"""Sequential: a model that is a list of layers, each fed with what the one before gives."""

from microdl.keras import layers
from microdl.keras.layers.base import Layer
from microdl.keras.layers.core import InputLayer
from microdl.keras.models.model import Model


class Sequential(Model):
    """Layers one after the other.

    Args:
        layers: list of Layers; an ``Input(shape)`` or a layer with ``input_shape`` at its start lets the model make its
            weights at once, else they are made by the first call, ``fit`` or ``build(input_shape)``.
        trainable, name: as for Layer.

    >>> model = Sequential([Input((4,)), Dense(8, activation="relu"), Dense(1)])
    >>> model.count_params()
    49
    """

    def __init__(self, layers=None, trainable=True, name=None):
        super().__init__(trainable=trainable, name=name)
        self._layers = []
        self._tail_shape = None  # of the last layer's output, where the input's is known
        for layer in layers or []:
            self.add(layer)

    def add(self, layer):
        """Appends a layer, and builds it if the shape of its input is known.

        Raises: TypeError if it is no Layer. ValueError if a layer of this name is there already.
        """
        if not isinstance(layer, Layer):
            made = ": make an instance of it, with parentheses" if isinstance(layer, type) else ""
            raise TypeError(f"Sequential.add: a Layer is expected, got {layer!r} of type {type(layer).__name__}{made}")
        if any(layer is other or layer.name == other.name for other in self._layers):
            raise ValueError(f"Sequential.add: model {self.name!r} has a layer named {layer.name!r} already")
        if isinstance(layer, InputLayer) and (self._layers or self._tail_shape):
            raise ValueError(f"Sequential.add: an Input comes first, model {self.name!r} has begun already")
        if not self._layers and self._tail_shape is None:
            self._tail_shape = self._input_shape = layer.batch_input_shape
        if isinstance(layer, InputLayer):
            return
        if self._tail_shape is not None:
            self._tail_shape = layer.compute_output_shape(self._tail_shape)  # makes its weights too
            self.built = True
        self._layers.append(layer)

    def pop(self):
        """Removes the last layer and returns it. Raises ValueError if there is none."""
        if not self._layers:
            raise ValueError(f"Sequential.pop: model {self.name!r} has no layers")
        layer = self._layers.pop()
        if self._tail_shape is not None:
            self._tail_shape = self.compute_output_shape(self._input_shape) if self._layers else self._input_shape
        return layer

    def build(self, input_shape):
        """As ``Model.build``."""
        super().build(input_shape)
        self._tail_shape = self.compute_output_shape(input_shape)

    def call(self, inputs):
        if not self._layers:
            raise ValueError(f"model {self.name!r} has no layers: add one first")
        x = inputs
        for layer in self._layers:
            x = layer(x)
        return x

    def get_config(self):
        """The layers' classes and configurations, from which ``from_config`` makes the same model (without weights)."""
        layers = [{"class_name": type(layer).__name__, "config": layer.get_config()} for layer in self._layers]
        shape = self._input_shape
        return {"name": self.name, "trainable": self.trainable, "layers": layers, "build_input_shape": shape}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model that ``get_config`` described.

        Args: custom_objects: dict from class names to Layer classes that are not microdl's own.
        Raises: ValueError for a class that is in neither.
        """
        model = cls(name=config.get("name"), trainable=config.get("trainable", True))
        if config.get("build_input_shape") is not None:
            model.add(InputLayer(batch_shape=config["build_input_shape"]))
        for entry in config["layers"]:
            model.add(_layer_class(entry["class_name"], custom_objects).from_config(entry["config"]))
        return model


def _layer_class(name, custom_objects):
    found = (custom_objects or {}).get(name) or ({"Sequential": Sequential} | vars(layers)).get(name)
    if not (isinstance(found, type) and issubclass(found, Layer)):
        raise ValueError(
            f"Sequential.from_config: no layer {name!r} is known; give custom_objects={{{name!r}: {name}}}"
        )
    return found
