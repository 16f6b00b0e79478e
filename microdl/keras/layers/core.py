"""Dense, Activation, and the layer that stands for a model's input."""

import inspect

from microdl.core.deferred import reads_sizes
from microdl.core.tensor import apply
from microdl.keras import activations, initializers
from microdl.keras.layers import checks
from microdl.keras.layers.base import Layer
from microdl.keras.layers.keras_tensor import Call, KerasTensor
from microdl.keras.persistence.serialization import deserialize_keras_object
from microdl.ops.array import reshape
from microdl.ops.linalg import matmul
from microdl.ops.normalization import bias_add


class Dense(Layer):
    """``activation(x @ kernel + bias)`` along the last axis.

    Args:
        units: int > 0, size of the output's last axis.
        activation: name or function; None is the identity.
        use_bias: bool. kernel_initializer, bias_initializer: as for ``add_weight``.
        kernel_regularizer, kernel_constraint, bias_regularizer, bias_constraint: as for Layer.

    Input shape: (batch, ..., features), floating; integers are cast to the layer's dtype.
    Output shape: (batch, ..., units).
    Weights: kernel (features, units), bias (units,).
    """

    supports_masking = True
    _options = ("kernel", "bias")

    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = checks.positive(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)

    def build(self, input_shape):
        checks.matrix(self, input_shape)
        features = checks.known_last_axis(self, "features", input_shape)
        self.kernel = self._weight("kernel", (features, self.units))
        self.bias = self._weight("bias", (self.units,)) if self.use_bias else None

    @reads_sizes
    def call(self, inputs):
        shape = checks.one_tensor(self, inputs)
        checks.matrix(self, shape)
        checks.last_axis(self, "features", self.kernel.spec.shape[0], shape)
        x = inputs if inputs.dtype.is_floating else apply("Cast", inputs, dtype=self.dtype)
        if len(shape) > 2:
            x = reshape(x, (-1, shape[-1]))  # (batch, ..., features) -> (batch * ..., features)
        x = matmul(x, self.kernel)
        if self.bias is not None:
            x = bias_add(x, self.bias)
        if len(shape) > 2:
            x = reshape(x, (*shape[:-1], self.units))
        return self.activation(x)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }


class Activation(Layer):
    """An activation function as a layer.

    Args:
        activation: name or function.

    Input shape: any. Output shape: the input's.
    """

    supports_masking = True

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs):
        return self.activation(inputs)

    def get_config(self):
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


class Identity(Layer):
    """``x`` itself."""

    supports_masking = True

    def call(self, inputs):
        return inputs


class Lambda(Layer):
    """A function as a layer.

    Args:
        function: of the inputs; ``mask`` and ``training`` are given to it if they are among its arguments.
        output_shape: accepted for Keras's sake: shapes are found out. mask: the output's mask, or a function of inputs
            and mask. arguments: dict of further arguments of ``function``.

    Input shape, output shape: those of the function. Variables that it uses are not found: such a layer is a subclass.
    """

    def __init__(self, function, output_shape=None, mask=None, arguments=None, **kwargs):
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"{self._label}: function must be callable, got {function!r}")
        self.function = function
        self.output_shape_given = output_shape
        self.mask = mask
        self.arguments = dict(arguments or {})
        self.supports_masking = mask is not None
        self._passes = [name for name in ("mask", "training") if name in inspect.signature(function).parameters]

    def compute_mask(self, inputs, mask=None):
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def call(self, inputs, mask=None, training=None):
        given = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{name: given[name] for name in self._passes})

    def get_config(self):
        return {
            **super().get_config(),
            "function": self.function,
            "output_shape": self.output_shape_given,
            "mask": self.mask,
            "arguments": self.arguments,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**{key: deserialize_keras_object(value, custom_objects) for key, value in config.items()})


class InputLayer(Layer):
    """Where a model begins: its ``output`` is the KerasTensor that ``keras.Input`` gives.

    Args:
        shape: sizes without the batch axis. batch_size: int, or None for any. dtype: of the inputs.
        batch_shape: sizes with the batch axis, instead of the two. sparse, ragged, optional: must be False.
        input_tensor: KerasTensor that it has the shape and dtype of, by default.
    """

    def __init__(
        self,
        shape=None,
        batch_size=None,
        dtype=None,
        sparse=None,
        ragged=None,
        batch_shape=None,
        input_tensor=None,
        optional=False,
        name=None,
    ):
        for option, value in (("sparse", sparse), ("ragged", ragged), ("optional", optional)):
            if value:
                raise NotImplementedError(f"Input: {option} inputs are not supported; give dense arrays, all of them")
        if input_tensor is not None:
            batch_shape, dtype = batch_shape or input_tensor.spec.shape, dtype or input_tensor.dtype
        if (shape is None) == (batch_shape is None):
            raise ValueError("Input: give either shape (without the batch axis) or batch_shape")
        super().__init__(dtype=dtype, name=name)
        if batch_shape is None:
            self.batch_shape = (batch_size, *checks.sizes("Input", "shape", shape))
        else:
            self.batch_shape = checks.sizes("Input", "batch_shape", batch_shape)
        self.batch_input_shape = self._seen_shape = self.batch_shape
        self.built = True
        samples = None if input_tensor is None else input_tensor.samples
        Call(self, (), {}, KerasTensor(self.batch_shape, self.dtype, name=self.name, samples=samples))

    def call(self, inputs):
        return inputs

    def get_config(self):
        """As Keras writes it."""
        unused = {"sparse": False, "ragged": False}
        return {"batch_shape": self.batch_shape, "dtype": self.dtype.name, **unused, "name": self.name}


def Input(
    shape=None,
    batch_size=None,
    dtype=None,
    sparse=None,
    ragged=None,
    batch_shape=None,
    name=None,
    tensor=None,
    optional=False,
):
    """A KerasTensor that stands for one input of a model: the beginning of a functional model, or of a ``Sequential``.

    Arguments as for ``InputLayer``; ``tensor`` is its ``input_tensor``.

    >>> inputs = keras.Input((784,))
    >>> outputs = keras.layers.Dense(10)(inputs)
    >>> keras.Model(inputs, outputs).count_params()
    7850
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name).output
