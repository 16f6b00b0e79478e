"""Layer: weights made at the first call, found wherever they are kept, and one way in for every input.

A layer is configured in ``__init__``, makes its weights in ``build(input_shape)`` and computes in ``call(inputs)``.
Calling it converts the inputs, builds it if need be, settles the value of ``training`` and runs ``call``.
"""

import contextlib
import difflib
import functools
import inspect
import threading
from typing import Any

import numpy as np

from microdl.core import dtypes
from microdl.core.context import context
from microdl.core.node import Graph
from microdl.core.op import Spec
from microdl.core.shapes import as_shape
from microdl.core.tensor import Tensor, apply, convert
from microdl.core.variable import Variable
from microdl.keras import initializers
from microdl.keras.layers.nested import holds_arrays, is_shape, leaves, map_nested, shape_of, tensor_shape, unique
from microdl.keras.naming import unique_name


class _Calls(threading.local):
    training: bool | None = None  # what the layers above the running ``call`` were told; None outside of any call
    observer = None  # (layer, outputs) -> None, see ``observed``


_calls = _Calls()


@contextlib.contextmanager
def observed(observer):
    """While entered, ``observer(layer, outputs)`` is called after every layer that this thread calls."""
    outer, _calls.observer = _calls.observer, observer
    try:
        yield
    finally:
        _calls.observer = outer


class Layer:
    """Base of all layers and models.

    Weights and layers are tracked by being attributes, also inside lists, tuples and dicts: first what ``add_weight``
    made, then Variables, then nested layers, each kind in the order of creation.

    Args:
        trainable: bool; False leaves the weights out of ``trainable_weights``.
        dtype: floating dtype of the weights, to which floating inputs are cast; None means float32.
        name: str; by default the class's name in snake case, numbered from the second layer on.
        input_shape: shape of one input without the batch axis, from which ``Sequential`` builds at once.
        input_dim: int, short for ``input_shape=(input_dim,)``.

    Raises: TypeError for arguments that the layer does not have.

    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight("factor", shape=[input_shape[-1]], initializer="ones")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> Scale()([[1.0, 2.0]]).numpy()
    array([[1., 2.]], dtype=float32)
    """

    built = False
    _building = False

    def __init__(self, *, trainable=True, dtype=None, name=None, input_shape=None, input_dim=None, **unknown):
        _refuse_unknown(type(self), unknown)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"{type(self).__name__}: name must be a str, got {name!r}")
        if input_dim is not None:
            input_shape = (input_dim,)
        self.name = name or unique_name(type(self).__name__)
        self.batch_input_shape = None if input_shape is None else (None, *as_shape(input_shape))
        self._dtype = dtypes.as_dtype(dtype or "float32")
        self._trainable = bool(trainable)
        self._weights = []  # made by add_weight
        self._frozen = []  # variables that are not trainable only because this layer is not

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "build" in cls.__dict__:
            cls.build = _once(cls.build)

    def __getattr__(self, attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        kind = type(self).__name__
        if "_weights" not in self.__dict__:
            raise RuntimeError(
                f"in layer {kind!r} you forgot to call super().__init__() as the first statement of its __init__: "
                f"{attribute!r} is not there yet"
            )
        raise AttributeError(f"{kind!r} object has no attribute {attribute!r}", name=attribute, obj=self)

    def build(self, input_shape):
        """Makes the weights (``add_weight``). ``input_shape``: TensorShape of the first input, batch axis included."""
        self.built = True

    def call(self, *args, **kwargs):
        """The layer's computation; ``training`` is passed if it is among the arguments."""
        raise NotImplementedError(f"{self._label} has no call method")

    def __call__(self, *args, **kwargs):
        if args:
            args = (self._converted(args[0], first=True), *map(self._converted, args[1:]))
        elif not kwargs:
            raise TypeError(f"{self._label} was called without inputs")
        if kwargs:
            kwargs = {key: self._converted(value) for key, value in kwargs.items()}
        outer = _calls.training
        try:
            if not self.built:
                self.build(map_nested(shape_of, args[0] if args else next(iter(kwargs.values()))))
                self.built = True
            _calls.training = self._settle_training(outer, args, kwargs)
            outputs = self.call(*args, **kwargs)
            if _calls.observer is not None:
                _calls.observer(self, outputs)
            return outputs
        except Exception as error:
            error.add_note(f"in layer {self.name!r} ({type(self).__name__})")
            raise
        finally:
            _calls.training = outer

    def _settle_training(self, outer, args, kwargs):
        """The value of ``training``: as given, else that of the layers around, else the default in ``call``.

        It is written to ``kwargs`` if ``call`` takes it.
        """
        parameter = _training_parameter(type(self).call)
        if parameter is None:
            given = kwargs.pop("training", None)
            return outer if given is None else given
        position, default = parameter
        if position is not None and len(args) > position:
            return args[position]
        given = kwargs.get("training")
        if given is None:
            given = outer if outer is not None else bool(default)
            kwargs["training"] = given
        return given

    def _converted(self, value, first=False):
        """Arrays as tensors, floating ones in the layer's dtype; integers, flags and None stay what they are.

        Numbers and nested lists of them become tensors only as the ``first`` argument, the input.
        """
        if isinstance(value, Tensor):
            return self._cast(value)
        if value is None or isinstance(value, (bool, np.bool_, str)):
            return value
        if hasattr(value, "spec") or hasattr(value, "__array__"):
            return self._cast(convert(value))
        if isinstance(value, dict):
            return {key: self._converted(part, first) for key, part in value.items()}
        if isinstance(value, (list, tuple)) and any(map(holds_arrays, value)):
            return type(value)([self._converted(part, first) for part in value])
        return self._cast(convert(value)) if first and isinstance(value, (list, tuple, int, float)) else value

    def _cast(self, tensor):
        given = tensor.spec.dtype
        if given is self._dtype or not given.is_floating or not self._dtype.is_floating:
            return tensor
        return apply("Cast", tensor, dtype=self._dtype)

    def add_weight(self, *args, **kwargs):
        """A new Variable of this layer, named ``<layer>/<name>``.

        Either ``add_weight("kernel", [2, 3])`` with the name first (TensorFlow 2: name, shape, dtype, initializer) or
        ``add_weight((2, 3), "zeros", name="kernel")`` (Keras 3: shape, initializer, dtype).

        Args:
            name: str. shape: sizes, () by default. dtype: the layer's by default.
            initializer: name, object, class or function(shape, dtype); glorot_uniform by default (zeros for integers).
            trainable: bool. regularizer, constraint: not available, must be None.
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
        for key, value in (("regularizer", regularizer), ("constraint", constraint)):
            if value is not None:
                raise ValueError(f"{self._label}: there are no {key}s yet, got {value!r} for weight {name!r}")
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
        self._weights.append(variable)
        return variable

    def _own_variables(self):
        """Variables of this layer without those of nested layers."""
        return unique(self._weights + [x for x in leaves(self.__dict__.values()) if isinstance(x, Variable)])

    def _own_layers(self):
        """Layers nested directly in this one."""
        return unique(x for x in leaves(self.__dict__.values()) if isinstance(x, Layer))

    def _flatten_layers(self):
        """This layer and all nested in it, each once, outer ones first."""
        found: dict[int, Layer] = {}
        waiting: list[Layer] = [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) not in found:
                found[id(layer)] = layer
                waiting.extend(reversed(layer._own_layers()))
        return list(found.values())

    @property
    def _label(self):
        """How messages call this layer."""
        return f"{self.name} ({type(self).__name__})"

    @property
    def dtype(self):
        return self._dtype

    @property
    def weights(self):
        """All Variables of this layer and those nested in it."""
        return unique(v for layer in self._flatten_layers() for v in layer._own_variables())

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
        for layer in self._flatten_layers():
            layer._trainable = bool(value)
            layer._mark_variables()

    def _mark_variables(self):
        """Freezes the own variables, or gives back to those it froze that they are trainable."""
        if self._trainable:
            for v in self._frozen:
                v.trainable = True
            self._frozen = []
        else:
            newly = [v for v in self._own_variables() if v.trainable]
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

    def compute_output_shape(self, input_shape):
        """Shape of the output for inputs of ``input_shape``: of the ops in ``call`` only the shape rules are run.

        Args: input_shape: sizes, or a nested structure of shapes; a first size of None is an unknown batch.
        Returns: tuple, or a structure of them; its first size is None if the input's is.
        """
        shapes = []

        def symbolic(shape):
            shapes.append(as_shape(shape))
            sizes = tuple(1 if n is None and axis == 0 else n for axis, n in enumerate(shapes[-1]))
            if None in sizes:
                raise ValueError(
                    f"compute_output_shape: {self._label} needs known sizes on all axes but the first, got {shapes[-1]}"
                )
            return Tensor(Spec(sizes, self._dtype))

        with Graph():
            outputs = self(map_nested(symbolic, input_shape, is_leaf=is_shape), training=False)
        batch_unknown = any(shape[:1] == (None,) for shape in shapes)
        return map_nested(lambda y: (None, *y.shape[1:]) if batch_unknown and y.shape else tuple(y.shape), outputs)

    def get_config(self):
        """The arguments of ``__init__`` from which ``from_config`` makes the same layer (without weights)."""
        return {"name": self.name, "trainable": self._trainable, "dtype": self._dtype.name}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _once(build):
    """``build`` as it is run: once per layer, with a TensorShape, its weights made at once even inside a graph."""

    @functools.wraps(build)
    def build_once(self, input_shape=None, *args, **kwargs):
        if self._building:  # super().build(...) inside of a build
            return build(self, input_shape, *args, **kwargs)
        if self.built:
            return None
        count = len(self._weights)
        outer, context.graph, self._building = context.graph, None, True
        try:
            build(self, map_nested(tensor_shape, input_shape, is_leaf=is_shape), *args, **kwargs)
        except Exception:
            del self._weights[count:]  # the next attempt makes them again
            raise
        finally:
            context.graph, self._building = outer, False
        self.built = True
        if not self._trainable:
            self.trainable = False  # freezes what was made just now
        return None

    return build_once


@functools.cache
def _training_parameter(call):
    """(position after ``self`` or None, default) of the parameter ``training``, or None if ``call`` has none."""
    parameters = list(inspect.signature(call).parameters.values())
    for position, parameter in enumerate(parameters[1:]):
        if parameter.name == "training":
            default = None if parameter.default is parameter.empty else parameter.default
            return (None if parameter.kind is parameter.KEYWORD_ONLY else position), default
    return None


def _refuse_unknown(layer, unknown):
    """Raises unless ``unknown`` holds nothing but Keras's regularizers and constraints, and these are None."""
    for key in [key for key in unknown if key.endswith(("_regularizer", "_constraint"))]:
        if unknown.pop(key) is not None:
            raise ValueError(f"{layer.__name__}: there are no regularizers and constraints yet, {key} must be None")
    if not unknown:
        return
    known = set()
    for base in layer.__mro__[:-1]:
        parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
        known |= {p.name for p in parameters if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    parts = []
    for key in unknown:
        close = difflib.get_close_matches(key, known, n=1)
        parts.append(f"{key!r} (did you mean {close[0]!r}?)" if close else repr(key))
    raise TypeError(f"{layer.__name__}: unknown arguments {', '.join(parts)}; it takes {', '.join(sorted(known))}")
