"""Layer: weights made at the first call, found wherever they are kept, and one way in for every input.

A layer is configured in ``__init__``, makes its weights in ``build(input_shape)`` and computes in ``call(inputs)``.
Calling it converts the inputs, builds it if need be, settles the value of ``training`` and runs ``call``.
"""

import functools
import inspect
import threading
from typing import Any

import numpy as np

from microdl.compile.source import called
from microdl.core import dtypes, nest
from microdl.core.context import context, warn
from microdl.core.deferred import outlined, outlines, reads_sizes
from microdl.core.op import Spec
from microdl.core.random_state import random_state
from microdl.core.shapes import as_shape
from microdl.core.tensor import Tensor, apply, convert
from microdl.core.trackable import is_awaited, made
from microdl.keras import activations, constraints, initializers, masks, regularizers
from microdl.keras.layers import checks
from microdl.keras.layers.described import Described, Hidden
from microdl.keras.layers.keras_tensor import Computed, inputs_of, noted, outputs_of
from microdl.keras.layers.nested import holds_arrays, is_shape, map_nested, same_kind, shape_of, tensor_shape
from microdl.keras.layers.symbolic import ShapesOnly, agreed, known_sizes, stand_ins, without_batch_size
from microdl.keras.layers.weights import HasWeights
from microdl.keras.messages import arguments_of_init, refuse_unknown
from microdl.keras.metrics import Mean
from microdl.keras.naming import unique_name
from microdl.keras.persistence.serialization import deserialize_keras_object


class _Calls(threading.local):
    training: bool | None = None  # what the layers above the running ``call`` were told; None outside of any call
    running = False  # whether this is within a call
    outermost = 0  # how many calls were made from outside of any


_calls = _Calls()


class Layer(HasWeights, Described):
    """Base of all layers and models.

    Args:
        trainable: bool; False leaves the weights out of ``trainable_weights``.
        dtype: floating dtype of the weights, to which floating inputs are cast; None means float32.
        name: str; by default the class's name in snake case, numbered from the second layer on.
        input_shape: shape of one input without the batch axis, from which ``Sequential`` builds at once.
        input_dim: int, short for ``input_shape=(input_dim,)``.
        activity_regularizer: regularizer of the outputs, by name, as an object or a function; its penalty is divided by
            the number of samples.
        kernel_regularizer, kernel_constraint, bias_regularizer...: for the weights that ``_options`` names, the same.

    Raises: TypeError for arguments that the layer does not have.

    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight("factor", shape=[input_shape[-1]], initializer="ones")
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> Scale()([[1.0, 2.0]]).numpy()
    array([[1., 2.]], dtype=float32)
    """

    supports_masking = False  # whether an input's mask is the output's, too, or ``compute_mask`` makes another
    _makes_masks = False  # whether the class defines ``compute_mask``
    _has_config = False  # whether the class, or one between, defines ``get_config``
    _config: tuple[str, ...] = ()  # attributes that are arguments of ``__init__``, for ``get_config``
    _options: tuple[str, ...] = ()  # kinds of weights that have a regularizer and a constraint among the arguments
    _building = False
    _in_call = 0  # which of the calls from outside the latest call of this layer belongs to
    _losses_of = -1  # the same for the latest ``add_loss``
    _added_losses: Any = ()
    _called_metrics: Any = None  # name -> Mean, of ``add_metric``
    _seen_shape = None  # of the outputs of the latest call, or of the first symbolic one; a structure, if they are

    def __init__(
        self,
        *,
        trainable=True,
        dtype=None,
        name=None,
        input_shape=None,
        input_dim=None,
        activity_regularizer=None,
        **options,
    ):
        regularizer_of = {f"{kind}_regularizer": options.pop(f"{kind}_regularizer", None) for kind in self._options}
        constraint_of = {f"{kind}_constraint": options.pop(f"{kind}_constraint", None) for kind in self._options}
        if options:
            known = arguments_of_init(type(self)).union(regularizer_of, constraint_of)
            refuse_unknown(type(self).__name__, options, known)
        if name is not None and not isinstance(name, str):
            raise TypeError(f"{type(self).__name__}: name must be a str, got {name!r}")
        if input_dim is not None:
            input_shape = (input_dim,)
        super().__init__(name or unique_name(type(self).__name__), dtypes.as_dtype(dtype or "float32"), trainable)
        self.batch_input_shape = None
        if input_shape is not None:
            self.batch_input_shape = (None, *checks.sizes(type(self).__name__, "input_shape", input_shape))
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.__dict__.update({option: regularizers.get(value) for option, value in regularizer_of.items()})
        self.__dict__.update({option: constraints.get(value) for option, value in constraint_of.items()})

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        if "build" in cls.__dict__:
            cls.build = _once(cls.build)
        if "get_config" in cls.__dict__:
            cls._has_config = cls.__dict__.get("_has_config", True)
        if "compute_mask" in cls.__dict__:
            cls._makes_masks = cls.supports_masking = True

    def __getattr__(self, attribute):
        if "_weights" not in self.__dict__ and not attribute.startswith("__"):
            raise RuntimeError(
                f"in layer {type(self).__name__!r} you forgot to call super().__init__() as the first statement of its "
                f"__init__: {attribute!r} is not there yet"
            )
        return object.__getattribute__(self, attribute)  # raises the error that led here

    def build(self, input_shape):
        """Makes the weights (``add_weight``). ``input_shape``: TensorShape of the first input, batch axis included."""
        self.built = True

    def call(self, *args, **kwargs):
        """The layer's computation; ``training`` is passed if it is among the arguments."""
        raise NotImplementedError(f"{self._label} has no call method")

    def compute_mask(self, inputs, mask=None):
        """The mask of the outputs, from that of the (first) inputs: the same. Only layers that support masking ask."""
        return mask

    def __call__(self, *args, **kwargs):
        if outlines.exist and outlined((*args, *kwargs.values())) is not None:
            return self._noted(args, kwargs)
        outer, within = _calls.training, _calls.running
        if not within:
            _calls.running = True
            _calls.outermost += 1
        self._in_call = _calls.outermost
        try:
            if args:
                args = (self._converted(args[0], first=True), *map(self._converted, args[1:]))
            elif not kwargs:
                raise TypeError(f"{self._label} was called without inputs")
            if kwargs:
                kwargs = {key: self._converted(value) for key, value in kwargs.items()}
            if not self.built:
                self.build(map_nested(_known_shape, args[0] if args else next(iter(kwargs.values()))))
                self.built = True
            _calls.training = self._settle_training(outer, args, kwargs)
            mask = self._settle_masks(args, kwargs) if masks.known() or "mask" in kwargs else None
            call = self.call if context.graph is None else called(self.call)  # which may hold an `if` on tensors
            outputs = call(*args, **kwargs)
            if mask is not None or self._makes_masks:
                self._put_masks(args[0] if args else next(iter(kwargs.values())), outputs, mask)
            if self.activity_regularizer is not None:
                self._penalize(outputs)
            if context.graph is None or self._seen_shape is None:
                self._seen_shape = outputs.spec.shape if type(outputs) is Tensor else map_nested(shape_of, outputs)
            return outputs
        except Exception as error:
            note = f"in layer {self.name!r} ({type(self).__name__})"
            if note not in getattr(error, "__notes__", ()):
                error.add_note(note)
            raise
        finally:
            _calls.training, _calls.running = outer, within

    # Calls with KerasTensors, which outline a model.

    _calls_noted: Any = Hidden(())

    def _noted(self, args, kwargs):
        outputs = noted(self, args, kwargs)
        self._seen_shape = map_nested(shape_of, outputs)
        return outputs

    @property
    def _inbound_nodes(self):
        return self._calls_noted.value

    @_inbound_nodes.setter
    def _inbound_nodes(self, calls):
        self._calls_noted = Hidden(calls)

    input = Computed(inputs_of)
    output = Computed(outputs_of)

    def _settle_masks(self, args, kwargs):
        """Gives ``call`` the masks of its inputs if it takes them. Returns the first input's, or None.

        ``call`` has an argument ``mask`` for the mask of its first input, or ``query_mask`` for that of ``query``.
        """
        names = _parameters(type(self).call)
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        if given.get("mask") is None:
            found = {name: masks.get(value) for name, value in given.items() if not name.endswith("mask")}
            first = next(iter(found.values()), None)
            found = {f"{name}_mask": mask for name, mask in found.items()} | {"mask": first}
            for name, mask in found.items():
                if name in names[len(args) :] and kwargs.get(name) is None and masks.any_of(mask):
                    kwargs[name] = mask
            return first if masks.any_of(first) else None
        if "mask" not in names and self.supports_masking:
            kwargs.pop("mask")
        return given["mask"]

    def _takes(self, argument):
        """Whether ``call`` has an argument of this name."""
        return argument in _parameters(type(self).call)

    def _put_masks(self, inputs, outputs, mask):
        """Gives the outputs their masks, or warns that they have none any more."""
        if not self.supports_masking and mask is None:
            return
        if not self.supports_masking:
            warn(
                f"{self._label} does not support masks: the layers after it do not see the mask of its input; to let "
                "it pass, set supports_masking = True or define compute_mask"
            )
            return
        tensors = nest.flatten(outputs)
        found = self.compute_mask(inputs, mask)
        found = nest.flatten(found) if isinstance(found, (list, tuple, dict)) else [found] * len(tensors)
        for tensor, its_mask in zip(tensors, found, strict=False):
            if its_mask is not None and isinstance(tensor, Tensor) and masks.get(tensor) is None:
                masks.put(tensor, its_mask)

    # Losses of its own.

    def add_loss(self, loss):
        """Adds a penalty, a scalar Tensor (or a list of them), to the loss that training minimises.

        To be called from within ``call``, with what depends on its inputs; each new call starts anew.
        """
        if self._losses_of != self._in_call:
            self._added_losses, self._losses_of = [], self._in_call
        self._added_losses = [*self._added_losses, *nest.flatten(loss)]

    def add_metric(self, value, name=None, aggregation=None):
        """Adds a number to what ``fit`` and ``evaluate`` show: its mean over the batches of an epoch.

        TensorFlow 2 had this method, Keras 3 has not: there a layer keeps a ``keras.metrics.Mean`` as an attribute, and
        its ``call`` updates it. To be called from within ``call``.

        Args: value: Tensor. name: str. aggregation: "mean" or None; both are the mean.
        """
        if not isinstance(name, str) or aggregation not in (None, "mean"):
            raise ValueError(f"{self._label}: add_metric needs a name (got {name!r}) and aggregation 'mean'")
        if name not in (self._called_metrics or ()):
            self._called_metrics = {**(self._called_metrics or {}), name: Mean(name=name)}
        self._called_metrics[name].update_state(value)

    def _penalize(self, outputs):
        for y in nest.flatten(outputs):
            penalty = self.activity_regularizer(y)
            self.add_loss(_per_sample(penalty, y) if y.ndim else penalty)

    @property
    def losses(self):
        """Penalties: what this layer and those in it added in the latest call, and those of regularized weights."""
        layers = [layer for _, layer, _ in self._tree() if isinstance(layer, Layer)]
        added = [loss for x in layers if x._losses_of == self._in_call for loss in x._added_losses]
        regularized = [v for v in self.trainable_weights if v.regularizer is not None]
        if context.graph is None:
            added = [loss for loss in added if not convert(loss).symbolic]  # the others are left over from a trace
        return added + [v.regularizer(v) for v in regularized]

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
            given = outer if outer is not None else default
            kwargs["training"] = given
        return given

    def _converted(self, value, first=False):
        """Arrays as tensors, floating ones in the layer's dtype; integers, flags and None stay what they are.

        Numbers and nested lists of them become tensors only as the ``first`` argument, the input.
        """
        if isinstance(value, Tensor):
            return self._cast(value)
        if isinstance(value, (bool, np.bool_, str)):
            return value
        if hasattr(value, "spec") or hasattr(value, "__array__"):
            return self._cast(convert(value))
        if isinstance(value, dict):
            return {key: self._converted(part, first) for key, part in value.items()}
        if isinstance(value, (list, tuple)) and any(map(holds_arrays, value)):
            return same_kind(value, [self._converted(part, first) for part in value])
        if first and isinstance(value, (list, tuple, int, float)):
            return self._cast(convert(value))
        if value is None and first:
            raise TypeError(
                f"{self._label}: expects tensors or arrays, got None; does what came before return its result?"
            )
        if isinstance(value, Layer):
            raise TypeError(
                f"{self._label}: expects tensors or arrays, got the layer {value.name!r}: call that first, "
                "and give its result"
            )
        return value

    def _cast(self, tensor):
        given = tensor.spec.dtype
        if given is self._dtype or not given.is_floating or not self._dtype.is_floating:
            return tensor
        result = apply("Cast", tensor, dtype=self._dtype)
        if (mask := masks.get(tensor)) is not None:
            masks.put(result, mask)
        return result

    def compute_output_shape(self, input_shape):
        """Shape of the output for inputs of ``input_shape``: of the ops in ``call`` only the shape rules are run.

        Args: input_shape: sizes, or a nested structure of shapes; None for those not known, the batch's comes first.
        Returns: tuple, or a structure of them; sizes that depend on unknown ones are None.
        """
        shapes = []
        map_nested(lambda shape: shapes.append(as_shape(shape)), input_shape, is_leaf=is_shape)
        found = [self._shapes_of_outputs(input_shape, shapes, size) for size in stand_ins(shapes)]
        if len(found) == 1:
            return found[0]
        others = []
        map_nested(others.append, found[1], is_leaf=is_shape)
        others.reverse()  # one for each shape in found[0], taken from the end
        return map_nested(lambda shape: agreed(shape, others.pop()), found[0], is_leaf=is_shape)

    def _shapes_of_outputs(self, input_shape, shapes, size):
        """The outputs' shapes with ``size`` for the unknown sizes of all axes but the first."""

        def symbolic(shape):
            sizes = [(size if axis else 1) if n is None else n for axis, n in enumerate(as_shape(shape))]
            return Tensor(Spec(tuple(sizes), self._dtype))

        inputs = map_nested(symbolic, input_shape, is_leaf=is_shape)
        batch_unknown = any(shape[:1] == (None,) for shape in shapes)
        with ShapesOnly(batch_unknown, size):
            outputs = self(inputs, training=False)
        return map_nested(lambda y: without_batch_size(y.shape) if batch_unknown else tuple(y.shape), outputs)

    def get_config(self):
        """The arguments of ``__init__`` from which ``from_config`` makes the same layer (without weights)."""
        config = {"name": self.name, "trainable": self._trainable, "dtype": self._dtype.name}
        for kind in self._options:
            config[f"{kind}_regularizer"] = regularizers.serialize(getattr(self, f"{kind}_regularizer"))
            config[f"{kind}_constraint"] = constraints.serialize(getattr(self, f"{kind}_constraint"))
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = regularizers.serialize(self.activity_regularizer)
        for name in self._config:
            config[name] = _plain(name, getattr(self, name))
        inherited = not self._has_config and not self._config
        return self._by_arguments(config) if inherited else config

    @classmethod
    def from_config(cls, config):
        if not cls._has_config:
            config = {key: deserialize_keras_object(value) for key, value in config.items()}
        return cls(**config)

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _known_shape(value):
    shape = shape_of(value)
    return shape if shape is None else known_sizes(shape)


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
        self._build_shape = input_shape
        drawn_from = random_state.state() if is_awaited() else None
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
        restored, own = made(), {id(v) for v in self._weights[count:]}
        if drawn_from is not None and own and own <= restored:
            random_state.restore(drawn_from)  # as if the values that are gone had not been drawn
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


def _plain(name, value):
    """An argument of ``__init__`` as ``get_config`` gives it."""
    if name.endswith("initializer"):
        return initializers.serialize(value)
    return activations.serialize(value) if name.endswith("activation") else value


@functools.cache
def _parameters(call):
    """Names of the parameters after ``self``."""
    return tuple(inspect.signature(call).parameters)[1:]


@reads_sizes
def _per_sample(penalty, y):
    return penalty / max(y.spec.shape[0], 1)
