"""Model: a Layer that can be trained, evaluated, saved and printed."""

import inspect
import itertools
import json
from typing import Any

from microdl.compile.function import Function
from microdl.compile.signature import TensorSpec
from microdl.core import nest
from microdl.core.shapes import as_shape
from microdl.keras.layers.base import Layer
from microdl.keras.layers.described import as_tuples
from microdl.keras.layers.keras_tensor import inputs_of, outputs_of
from microdl.keras.layers.nested import is_shape, map_nested, shape_of, unique
from microdl.keras.layers.symbolic import known_sizes, without_batch_size
from microdl.keras.models.functional import network_config, network_from_config
from microdl.keras.models.network import Network, shapes_of
from microdl.keras.models.summary import print_summary
from microdl.keras.models.training import Trainer
from microdl.keras.persistence import archive, weights
from microdl.keras.persistence.export import export_model
from microdl.keras.persistence.places import named_layers
from microdl.keras.persistence.serialization import serialize_keras_object


class Model(Trainer):
    """Base of models: subclass it, make the layers in ``__init__`` and use them in ``call``.

    Args: trainable, dtype, name: as for Layer. inputs, outputs: KerasTensors, or structures of them: then the model is
        what lies between them (the functional API), and needs no ``call``.

    >>> inputs = keras.Input((4,))
    >>> hidden = Dense(16, activation="relu")(inputs)
    >>> Model(inputs, Dense(1)(hidden)).output_shape
    (None, 1)
    >>> class TwoLayers(Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = Dense(16, activation="relu")
    ...         self.out = Dense(1)
    ...     def call(self, inputs, only_hidden=False):
    ...         hidden = self.hidden(inputs)
    ...         return hidden if only_hidden else self.out(hidden)
    >>> TwoLayers()(tf.zeros((3, 4))).shape
    TensorShape([3, 1])
    """

    _input_shape = None  # of the first input seen, its batch size as None
    _network: Any = None  # the calls from inputs to outputs, of a functional model
    _has_config = False  # its configuration is by arguments unless a subclass has another
    supports_masking = True

    def __new__(cls, *args, **kwargs):
        functional = cls is Model and _are_ends(args, kwargs)
        kind: Any = Functional if functional else cls
        return super().__new__(kind, *args, **kwargs)

    def __init__(self, *args, **kwargs):
        if _are_ends(args, kwargs):
            self._outline(*args, **kwargs)
            return
        if args:
            raise TypeError(
                f"{type(self).__name__}: models are made with Model(inputs, outputs), with Sequential([...]) or as a "
                f"subclass of Model with a call method; got {len(args)} positional arguments"
            )
        super().__init__(**kwargs)

    def _outline(self, inputs, outputs, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self._network = Network(inputs, outputs, self.name)
        self._layers = [operation for operation in self._network.operations if isinstance(operation, Layer)]
        self._input_shape, self._seen_shape = shapes_of(self.input), shapes_of(self.output)
        self.built = True

    def call(self, inputs, training=None, mask=None):
        if self._network is None:
            raise NotImplementedError(f"{self._label} has no call method")
        return self._network(inputs)

    def compute_mask(self, inputs, mask=None):
        return None  # the layers within give the outputs their masks

    def build(self, input_shape):
        """Makes all weights. ``input_shape``: sizes, the batch axis first (None for any), or a structure of them."""
        self._input_shape = _batch_unknown(input_shape)
        self.built = True  # or calling the model would come back here
        try:
            self.compute_output_shape(self._input_shape)
        except BaseException:
            self.built = False
            raise

    def __call__(self, *args, **kwargs):
        begins = not self.built and type(self).build is Model.build
        if begins:
            self.built = True  # the layers make their weights when the call reaches them: it need not be run twice
        try:
            outputs = super().__call__(*args, **kwargs)
        except BaseException:
            if begins:
                self.built = False
            raise
        if self._input_shape is None and args:
            self._input_shape = _batch_unknown(map_nested(_known_shape, args[0]))
        return outputs

    @property
    def layers(self):
        """The layers directly in this model, in the order of creation."""
        return unique(layer for _, layer in self._tracked()[1])

    @property
    def operations(self):
        """The layers of a functional model, and what was called besides: operators and functions."""
        return self.layers if self._network is None else list(self._network.operations)

    @property
    def inputs(self):
        """The KerasTensors that a functional or Sequential model begins with; None for other models."""
        return None if self._network is None else list(self._network.inputs)

    @property
    def outputs(self):
        """The KerasTensors that it ends in."""
        return None if self._network is None else list(self._network.outputs)

    @property
    def input_names(self):
        return [x._keras_history.operation.name for x in self._ends("input_names").inputs]

    @property
    def output_names(self):
        """The names of the layers that give the outputs: in ``compile`` and in logs those of outputs in a list."""
        return [x._keras_history.operation.name for x in self._ends("output_names").outputs]

    def _ends(self, attribute):
        if self._network is None:
            raise AttributeError(f"{self._label} has no {attribute}: it is not made of inputs and outputs")
        return self._network

    @property
    def input(self):
        """The inputs, in the structure in which they were given."""
        network = self._network
        return inputs_of(self) if network is None else nest.pack_as(network.inputs_structure, network.inputs)

    @property
    def output(self):
        """The outputs, in their structure."""
        return outputs_of(self) if self._network is None else self._network.outputs_structure

    def get_layer(self, name=None, index=None):
        """The layer of that name or at that position. Raises ValueError if there is none."""
        layers = self.layers
        if (name is None) == (index is None):
            raise ValueError("get_layer: give either a name or an index")
        if index is not None and -len(layers) <= index < len(layers):
            return layers[index]
        for layer in layers:
            if name is not None and layer.name == name:
                return layer
        wanted = f"named {name!r}" if index is None else f"at index {index}"
        names = [layer.name for layer in layers]
        raise ValueError(f"get_layer: model {self.name!r} has no layer {wanted}; it has {names}")

    @property
    def input_shape(self):
        """Shape of the input that the model was built for, its batch size None."""
        if self._input_shape is None:
            raise ValueError(f"model {self.name!r} has no input shape yet: call it or build(input_shape) first")
        return self._input_shape

    @property
    def output_shape(self):
        """Shape of the output, its batch size None: as the calls so far showed it."""
        if self._network is not None:
            return shapes_of(self.output)
        if self._seen_shape is None:
            return self.compute_output_shape(self.input_shape)
        return _batch_unknown(self._seen_shape)

    def save(self, filepath, overwrite=True, zipped=None, **options):
        """Writes the whole model to a ``.keras`` file: architecture, weights, how it is trained, the optimizer's state.

        ``keras.models.load_model`` reads it. Arguments and errors: see ``keras.saving.save_model``.
        """
        archive.save_model(self, filepath, overwrite, zipped, **options)

    def export(self, filepath, format="tf_saved_model", verbose=None, input_signature=None):
        """Writes the model for inference: ``tf.saved_model.load(filepath).serve(inputs)`` needs none of its code.

        Arguments and errors: see ``export_model`` in ``keras/persistence/export.py``.
        """
        export_model(self, filepath, format, verbose, input_signature)

    def _input_specs(self):
        """A TensorSpec for each input, in the structure in which the model takes them, for batches of any size."""
        if self.inputs is not None:
            return map_nested(lambda x: TensorSpec((None, *x.spec.shape[1:]), x.dtype, x.name), self.input)
        return map_nested(lambda shape: TensorSpec(shape, self.dtype), self.input_shape, is_leaf=is_shape)

    def _default_function(self):
        """The call for inference, for batches of any size; None before the model is built."""
        if not self.built or (self._network is None and self._input_shape is None):
            return None
        name = next(iter(inspect.signature(self.call).parameters))
        numbers = itertools.count()

        def named(spec):
            k = next(numbers)
            return TensorSpec(spec.shape, spec.dtype, f"{name}_{k}" if k else name)

        return Function(lambda inputs: self(inputs, training=False), [map_nested(named, self._input_specs())])

    def get_config(self):
        """A functional model's layers and calls; of other models the arguments of ``__init__``."""
        ours = type(self).__init__ is Model.__init__ or _takes_ends(type(self))
        return network_config(self) if self._network is not None and ours else super().get_config()

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model that ``get_config`` described. custom_objects: dict from names to the user's own classes."""
        if "input_layers" in config and "output_layers" in config:
            return network_from_config(cls, config, custom_objects)
        return super().from_config(config)

    def to_json(self, **options):
        """The architecture as JSON, without weights, for ``keras.models.model_from_json``.

        Args: options: for ``json.dumps`` (``indent=2``, say).
        """
        return json.dumps(serialize_keras_object(self), **options)

    def get_build_config(self):
        """The shape of the input, and by their places those for which layers were built, and the frozen ones.

        None before the model is built.
        """
        if not self.built or type(self) is Functional:
            return None
        layers = named_layers(self)
        shapes = {place: layer._build_shape for place, layer in layers.items() if place and layer._build_shape}
        frozen = [place for place, layer in layers.items() if not layer.trainable]
        return {"input_shape": self._input_shape, "layers": shapes, "frozen": frozen}

    def build_from_config(self, config):
        """Builds layer by layer what ``get_build_config`` lists, without a call; or the model by its input's shape."""
        for place, shape in config.get("layers", {}).items():
            layer = named_layers(self).get(place)  # an outer layer's build may have made it just now
            if layer is not None and not layer.built:
                layer.build(as_tuples(shape))
        shape = config.get("input_shape")
        if "layers" in config:
            self._input_shape = shape if shape is None else as_tuples(shape)
            self.built = True
            for place, layer in named_layers(self).items():  # outer ones first: each sets all within it
                if layer.trainable != (place not in config["frozen"]):
                    layer.trainable = place not in config["frozen"]
        elif shape is not None and not self.built:
            self.build(as_tuples(shape))

    def save_weights(self, filepath, overwrite=True):
        """Writes all weights to a file, completely or not at all.

        Args:
            filepath: str or path-like, ending in ``.safetensors`` or ``.npz`` (both with checksums), or in
                ``.weights.h5``, Keras 3's format, which needs h5py.
            overwrite: bool, whether an existing file is replaced.

        Raises: ValueError for another ending or a model without weights. FileExistsError. OSError.
        """
        weights.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath, skip_mismatch=False):
        """Reads all weights from a file into a model of the same structure.

        Args:
            filepath: what ``save_weights`` or ``save`` wrote, here or in Keras (``.weights.h5``, ``.keras``, older
                ``.h5``).
            skip_mismatch: bool, whether variables that are missing or do not fit are left as they are, with a warning.

        Raises:
            FileNotFoundError: if there is no such file. ValueError: for another ending, a damaged file, or variables
            whose names, number or shapes differ from the model's, which is then unchanged.
        """
        weights.load_weights(self, filepath, skip_mismatch)

    def summary(self, line_length=None, *, print_fn=None, expand_nested=False, show_trainable=False, layer_range=None):
        """Prints the layers, their output shapes and numbers of weights, and in models with branches their inputs.

        Args: line_length: int characters. print_fn: function of the whole text, ``print`` by default.
            expand_nested: bool, whether layers inside of layers get lines of their own. show_trainable: bool, whether
            a column says which are trained. layer_range: names (patterns) of the first and last layer, None for all.
        Raises: ValueError for a line that is too short, or a layer_range without layers.
        """
        print_summary(self, line_length, print_fn, expand_nested, show_trainable, layer_range)


class Functional(Model):
    """What lies between inputs and outputs: ``keras.Model(inputs, outputs)`` makes it."""

    _has_config = False


def _are_ends(args, kwargs):
    """Whether these are the inputs and outputs of a functional model."""
    return len(args) == 2 or (len(args) == 1 and "outputs" in kwargs) or ("inputs" in kwargs and "outputs" in kwargs)


def _takes_ends(cls):
    """Whether a class takes inputs and outputs by ``__init__``, as ``Model`` does."""
    parameters = inspect.signature(cls.__init__).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    return {"inputs", "outputs"} <= set(parameters) or {
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    } <= kinds


def _known_shape(x):
    shape = shape_of(x)
    return shape if shape is None else known_sizes(shape)


def _batch_unknown(shape):
    return map_nested(lambda s: without_batch_size(as_shape(s)), shape, is_leaf=is_shape)
