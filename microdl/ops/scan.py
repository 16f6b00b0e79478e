"""Along one axis: the positions of extremes, and cumulative sums."""

from microdl.core import dtypes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import normalize_axis, size_of
from microdl.core.tensor import apply, convert
from microdl.ops.checks import require_number


def _around(x, axis):
    """``x`` as (before, axis, after)."""
    return x.reshape(size_of(x.shape[:axis]), x.shape[axis], size_of(x.shape[axis + 1 :]))


class _Position:
    inputs = ("input",)
    name = kernel = ""

    @classmethod
    def infer(cls, x, axis, output_type):
        require_number(cls.name, x)
        shape = x.shape[:axis] + x.shape[axis + 1 :]
        if not x.shape[axis] and size_of(shape):
            raise InvalidArgumentError(f"{cls.name}: axis {axis} is empty in shape {x.shape}, so it has no extreme")
        return Spec(shape, output_type)

    @classmethod
    def run(cls, kernels, x, y, axis, output_type):
        three = _around(x, axis)
        getattr(kernels.scan, cls.kernel)(three, y.reshape(three.shape[0], three.shape[2]))

    @classmethod
    def cost(cls, x, axis, output_type):
        return x.size, x.nbytes + cls.infer(x, axis, output_type).nbytes


@register_op("ArgMax")
class _ArgMax(_Position):
    name, kernel = "ArgMax", "argmax"


@register_op("ArgMin")
class _ArgMin(_Position):
    name, kernel = "ArgMin", "argmin"


@register_op("Cumsum")
class _Cumsum:
    inputs = ("x",)

    @staticmethod
    def infer(x, axis, exclusive, reverse):
        require_number("Cumsum", x)
        return x

    @staticmethod
    def run(kernels, x, y, axis, exclusive, reverse):
        kernels.scan.cumsum(_around(x, axis), exclusive, reverse, _around(y, axis))

    @staticmethod
    def gradient(node, dy):
        return apply("Cumsum", dy, **{**node.attrs, "reverse": not node.attrs["reverse"]})

    @staticmethod
    def cost(x, axis, exclusive, reverse):
        return x.size, 2 * x.nbytes


def _position(op, x, axis, output_type):
    x, output_type = convert(x), dtypes.as_dtype(output_type)
    if output_type not in (dtypes.int32, dtypes.int64):
        raise InvalidArgumentError(f"{op}: output_type must be tf.int32 or tf.int64, got {output_type.name}")
    axis = normalize_axis(op, 0 if axis is None else axis, len(x.shape))
    x = apply("Cast", x, dtype=dtypes.int32) if x.dtype.is_bool else x
    return apply(op, x, axis=axis, output_type=output_type)


def argmax(input, axis=None, output_type=dtypes.int64, name=None):
    """The position of the greatest element along ``axis`` (None: 0), the first one of several; NaNs are passed over."""
    return _position("ArgMax", input, axis, output_type)


def argmin(input, axis=None, output_type=dtypes.int64, name=None):
    """The position of the smallest element along ``axis`` (None: 0), the first one of several; NaNs are passed over."""
    return _position("ArgMin", input, axis, output_type)


def cumsum(x, axis=0, exclusive=False, reverse=False, name=None):
    """Running sums along ``axis``. exclusive: without the element itself. reverse: from the end."""
    x = convert(x)
    axis = normalize_axis("Cumsum", axis, len(x.shape))
    return apply("Cumsum", x, axis=axis, exclusive=bool(exclusive), reverse=bool(reverse))
