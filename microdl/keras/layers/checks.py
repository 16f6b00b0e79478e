"""What layers check: the arguments of ``__init__``, and inputs on their way into ``call``.

Messages start with the layer's label (``conv2d_1 (Conv2D)``), give the shape that came, and say a way out.
"""

from microdl.core.shapes import as_shape
from microdl.core.tensor import Tensor
from microdl.keras.layers.symbolic import known_sizes

AXES = {
    2: "(batch, features)",
    3: "(batch, steps, features)",
    4: "(batch, height, width, channels)",
    5: "(batch, depth, height, width, channels)",
}


def positive(layer, argument, value):
    """``value`` as an int. Raises ValueError unless it is a whole number > 0."""
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() <= 0:
        raise ValueError(f"{layer._label}: {argument} must be an integer > 0, got {value!r}")
    return value.__index__()


def sizes(caller, argument, shape):
    """``shape`` as a tuple. Raises ValueError for a single number, which may be meant as a size or as a shape."""
    if hasattr(shape, "__index__") and not getattr(shape, "shape", ()):
        raise ValueError(f"{caller}: {argument} must be a sequence of sizes, got {shape!r}; write ({int(shape)},)")
    return as_shape(shape)


def pair(layer, argument, value):
    """Sizes along height and width from one integer or two."""
    sizes = (value, value) if hasattr(value, "__index__") else value
    if not isinstance(sizes, (list, tuple)) or len(sizes) != 2:
        raise ValueError(
            f"{layer._label}: {argument} must be an integer > 0 or two of them (height, width), got {value!r}"
        )
    return tuple(positive(layer, argument, size) for size in sizes)


def one_of(layer, argument, value, known):
    """``value`` if it is one of ``known``. Raises ValueError with all of them else."""
    if value not in known:
        raise ValueError(f"{layer._label}: {argument} must be one of {', '.join(map(repr, known))}, got {value!r}")
    return value


def single(layer, argument, value):
    """The size along a sequence, from one integer > 0 or a list of one."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    return positive(layer, argument, value)


def padding_rule(layer, value):
    """``"valid"`` or ``"same"``, in lower case."""
    rule = value.lower() if isinstance(value, str) else value
    if rule not in ("valid", "same"):
        raise ValueError(f"{layer._label}: padding must be 'valid' or 'same', got {value!r}")
    return rule


def channels_last(layer, value):
    """Keras's ``data_format``, of which None and "channels_last" are available."""
    if value not in (None, "channels_last"):
        raise ValueError(
            f"{layer._label}: data_format must be 'channels_last', got {value!r}; "
            "bring (batch, channels, height, width) into that order with tf.transpose(x, [0, 2, 3, 1])"
        )
    return "channels_last"


def floating(layer, x):
    """Raises TypeError for integer inputs, which Keras does not cast either."""
    if not x.dtype.is_floating:
        scaled = " / 255" if x.dtype.name == "uint8" else ""
        raise TypeError(
            f"{layer._label}: expects floating inputs, got {x.dtype.name}, shape {x.shape}; "
            f"use tf.cast(x, tf.float32){scaled}"
        )


def one_tensor(layer, inputs):
    """The shape of ``inputs``. Raises TypeError for lists and dictionaries of tensors, and for what is no tensor."""
    if not isinstance(inputs, Tensor):
        raise TypeError(f"{layer._label}: expects one tensor, got {_kind(inputs)}")
    return inputs.spec.shape


def rank(layer, shape, axes):
    """Raises ValueError unless ``shape`` has this number of axes, 3, 4 or 5."""
    _one_shape(layer, shape)
    if axes == 4:
        images(layer, shape)
    elif len(shape) != axes:
        raise ValueError(f"{layer._label}: expects {axes} axes {AXES[axes]}, got {_text(shape)}")


def images(layer, shape):
    """Raises ValueError unless ``shape`` has four axes."""
    _one_shape(layer, shape)
    if len(shape) == 4:
        return
    way_out = ""
    if len(shape) == 3:
        way_out = "; add a channel axis with x[..., tf.newaxis] or a batch axis with x[tf.newaxis]"
    elif len(shape) == 2:
        way_out = "; if the rows are flattened images, put Reshape((height, width, channels)) before this layer"
    raise ValueError(f"{layer._label}: expects 4 axes {AXES[4]}, got {_text(shape)}{way_out}")


def sequences(layer, shape):
    """Raises ValueError unless ``shape`` has three axes or more, of which the second counts steps."""
    _one_shape(layer, shape)
    if len(shape) >= 3:
        return
    way_out = "; numbers of words need an Embedding before this layer" if len(shape) == 2 else ""
    raise ValueError(f"{layer._label}: expects at least 3 axes {AXES[3]}, got {_text(shape)}{way_out}")


def matrix(layer, shape):
    """Raises ValueError unless ``shape`` has a batch axis and a last axis."""
    _one_shape(layer, shape)
    if len(shape) >= 2:
        return
    way_out = ""
    if len(shape) == 1:
        way_out = "; samples of one feature need x[:, tf.newaxis], a single sample x[tf.newaxis]"
    raise ValueError(f"{layer._label}: expects at least 2 axes {AXES[2]}, got {_text(shape)}{way_out}")


def last_axis(layer, what, expected, shape, way_out=""):
    """Raises ValueError unless the last axis has the size for which the layer was built."""
    if shape[-1] != expected:
        raise ValueError(
            f"{layer._label}: built for inputs with {expected} {what} (last axis), got shape {_text(shape)}{way_out}"
        )


def known_last_axis(layer, what, shape):
    """Its size. Raises ValueError if it is not known, which weights need."""
    if shape[-1] is None:
        raise ValueError(
            f"{layer._label}: the number of {what} (last axis) must be known to make the weights, got {_text(shape)}"
        )
    return shape[-1]


def axis_of(layer, axis, shape):
    """``axis`` counted from the front. Raises ValueError if ``shape`` does not have it."""
    _one_shape(layer, shape)
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"{layer._label}: axis {axis} is out of range for inputs of shape {_text(shape)}")
    return axis % len(shape)


def _one_shape(layer, shape):
    if not isinstance(shape, tuple) or any(isinstance(part, tuple) for part in shape):
        raise TypeError(f"{layer._label}: expects one tensor, got {_kind(shape)}")


def _kind(inputs):
    if isinstance(inputs, (list, tuple, dict)):
        return f"a {type(inputs).__name__} of {len(inputs)}; take one of them, or join them with tf.concat"
    return repr(inputs)


def _text(shape):
    return str(known_sizes(shape))
