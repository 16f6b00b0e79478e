"""The weights of a layer: how they are made, where they are found, and whether they are trained."""

from typing import Any

import numpy as np

from microdl.core import dtypes
from microdl.core.shapes import as_shape
from microdl.core.trackable import Trackable
from microdl.core.variable import Variable
from microdl.keras import constraints, initializers, regularizers
from microdl.keras.layers.nested import placed, unique


class HasWeights(Trackable):
    """What a layer knows about its weights.

    Variables and layers are tracked by being attributes, also inside lists, tuples and dicts: first what ``add_weight``
    made, then Variables, then nested layers, each kind in the order of creation.

    Args:
        name: str. dtype: DType of the weights. trainable: bool.
    """

    built = False
    freezes = 0  # how many times weights of any layer were frozen or thawed

    def __init__(self, name, dtype, trainable):
        self.name = name
        self._dtype = dtype
        self._trainable = bool(trainable)
        self._weights = []  # made by add_weight
        self._frozen = []  # variables that are not trainable only because this layer is not

    def add_weight(self, *args, **kwargs):
        """A new Variable of this layer, named ``<layer>/<name>``.

        Either ``add_weight("kernel", [2, 3])`` with the name first (TensorFlow 2: name, shape, dtype, initializer) or
        ``add_weight((2, 3), "zeros", name="kernel")`` (Keras 3: shape, initializer, dtype).

        Args:
            name: str. shape: sizes, () by default. dtype: the layer's by default.
            initializer: name, object, class or function(shape, dtype); glorot_uniform by default (zeros for integers).
            trainable: bool. regularizer, constraint: as for a layer's ``kernel_regularizer``, None for none.
        """
        names_first = args and (args[0] is None or isinstance(args[0], str))
        order = ("name", "shape", "dtype", "initializer") if names_first else ("shape", "initializer", "dtype")
        if len(args) > len(order):
            raise TypeError(f"add_weight takes {len(order)} positional arguments {order}, got {len(args)}")
        for key, value in zip(order, args, strict=False):
            if key in kwargs:
                raise TypeError(f"add_weight got {key} twice: {value!r} by position and {kwargs[key]!r} by name")
            kwargs[key] = value
        return self._add_weight(**kwargs)

    def _add_weight(
        self, name=None, shape=(), initializer=None, dtype=None, trainable=True, regularizer=None, constraint=None
    ):
        shape = as_shape(() if shape is None else shape)
        if None in shape:
            raise ValueError(
                f"{self._label}: weight {name!r} needs a shape of known sizes, got {shape}; "
                "the layer's input has an unknown size there"
            )
        dtype = self._dtype if dtype is None else dtypes.as_dtype(dtype)
        if initializer is None:
            initializer = "glorot_uniform" if dtype.is_floating else "zeros"
        draw: Any = initializers.get(initializer)
        full_name = f"{self.name}/{name or 'variable'}"
        variable = Variable(draw(shape, dtype=dtype), trainable=trainable is not False, name=full_name, dtype=dtype)
        if regularizer is not None:
            variable.regularizer = regularizers.get(regularizer)
        if constraint is not None:
            variable.constraint = constraints.get(constraint)
        self._weights.append(variable)
        return variable

    def _weight(self, kind, shape, name=None, trainable=True):
        """``add_weight`` with what the arguments say about weights of this kind: their initializer and so on."""
        return self.add_weight(
            shape,
            getattr(self, f"{kind}_initializer"),
            name=name or kind,
            trainable=trainable,
            regularizer=getattr(self, f"{kind}_regularizer", None),
            constraint=getattr(self, f"{kind}_constraint", None),
        )

    def _tracked(self, path=()):
        """Variables of this layer without those of nested ones, and (path, layer) for each directly nested layer."""
        variables, layers = list(self._weights), []
        for place, part in placed((Variable, HasWeights), self.__dict__, path):
            if isinstance(part, Variable):
                variables.append(part)
            else:
                layers.append((place, part))
        return unique(variables), layers

    def _trackables(self):
        """The attributes, without underscores in front of their names unless two would then be one."""
        names = [name for name in vars(self) if name != "_loss_tracker"]
        public = {name for name in names if not name.startswith("_")}
        return {name if (bare := name.lstrip("_")) in public else bare or name: vars(self)[name] for name in names}

    def _tree(self):
        """(path, layer, its own Variables) for this layer and all nested in it, each once, outer ones first."""
        seen: set[int] = set()
        waiting: list[tuple[tuple, HasWeights]] = [((), self)]
        while waiting:
            path, layer = waiting.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                variables, layers = layer._tracked(path)
                waiting.extend(reversed(layers))
                yield path, layer, variables

    @property
    def _label(self):
        """How messages call this layer."""
        return f"{self.name} ({type(self).__name__})"

    @property
    def dtype(self):
        return self._dtype

    @property
    def compute_dtype(self):
        """The name of the dtype that inputs are cast to, and that weights have."""
        return self._dtype.name

    variable_dtype = compute_dtype

    @property
    def weights(self):
        """All Variables of this layer and those nested in it."""
        return unique(v for _, _, variables in self._tree() for v in variables)

    variables = weights

    @property
    def trainable_weights(self):
        """What an optimizer may change: none if the layer is not trainable."""
        return [v for v in self.weights if v.trainable] if self._trainable else []

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self):
        return [v for v in self.weights if not v.trainable] if self._trainable else self.weights

    non_trainable_variables = non_trainable_weights

    @property
    def trainable(self):
        """Whether the weights may be trained; setting it sets all nested layers too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        HasWeights.freezes += 1
        for _, layer, variables in self._tree():
            layer._trainable = bool(value)
            layer._mark_variables(variables)

    def _mark_variables(self, variables):
        """Freezes the own variables, or gives back to those it froze that they are trainable."""
        if self._trainable:
            for v in self._frozen:
                v.trainable = True
            self._frozen = []
        else:
            newly = [v for v in variables if v.trainable]
            self._frozen = self._frozen + newly
            for v in newly:
                v.trainable = False

    def get_weights(self):
        """Copies of all weights as arrays."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights):
        """Assigns arrays in the order of ``get_weights``. Raises ValueError, before any change, if one does not fit."""
        own, given = self.weights, [np.asarray(w) for w in weights]
        if len(own) != len(given):
            way_out = "" if self.built else "; it is not built yet: call it on an input first"
            raise ValueError(f"set_weights: {self._label} has {len(own)} weights, got {len(given)} arrays{way_out}")
        for i, (v, array) in enumerate(zip(own, given, strict=True)):
            if tuple(v.shape) != array.shape:
                raise ValueError(
                    f"set_weights: weight {i} of {self._label}, {v.name}, has shape {v.shape}, got {array.shape}"
                )
        for v, array in zip(own, given, strict=True):
            v.assign(array.astype(v.dtype.as_numpy_dtype))

    def count_params(self):
        """Number of elements of all weights. Raises ValueError before the layer is built."""
        weights = self.weights
        if not weights and not self.built:
            raise ValueError(f"{self._label} has no weights yet: call it on an input or build(input_shape) first")
        return sum(v.spec.size for v in weights)
