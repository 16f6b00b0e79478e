"""Mathematical functions that are made of others: with guarded zeros, of reductions, running products."""

import numpy as np

from microdl.core import dtypes
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import normalize_axis
from microdl.core.tensor import apply, convert
from microdl.ops.arithmetic import add_n, divide_no_nan
from microdl.ops.checks import require_floating, require_number, sorted_axes
from microdl.ops.scan import _around


class _Running:
    inputs = ("x",)
    by_shape = False
    name = kernel = ""
    check = staticmethod(require_number)

    @classmethod
    def infer(cls, x, axis, exclusive, reverse):
        cls.check(cls.name, x)
        return x

    @classmethod
    def run(cls, kernels, x, y, axis, exclusive, reverse):
        getattr(kernels.scatter, cls.kernel)(_around(x, axis), exclusive, reverse, _around(y, axis))


@register_op("Cumprod")
class _Cumprod(_Running):
    """The gradient counts what a product with a factor 0 would need as 0, as in TensorFlow."""

    name, kernel = "Cumprod", "cumprod"
    keeps = ("x", "output")

    @staticmethod
    def gradient(node, dy):
        attrs = {**node.attrs, "reverse": not node.attrs["reverse"]}
        return divide_no_nan(apply("Cumsum", node.outputs[0] * dy, **attrs), node.inputs[0])


@register_op("CumulativeLogsumexp")
class _CumulativeLogsumexp(_Running):
    """Gradients are summed as logarithms, those above 0 and those below by themselves, so that nothing overflows."""

    name, kernel = "CumulativeLogsumexp", "cumulative_logsumexp"
    check = staticmethod(require_floating)
    keeps = ("x", "output")

    @staticmethod
    def gradient(node, dy):
        x, y, attrs = node.inputs[0], node.outputs[0], {**node.attrs, "reverse": not node.attrs["reverse"]}

        def part(sign):
            there = dy * sign > 0
            safe = apply("SelectV2", there, dy * sign, apply("OnesLike", dy))
            logarithm = apply("SelectV2", there, apply("Log", safe), apply("ZerosLike", dy) + dy.dtype.min)
            return apply("Exp", apply("CumulativeLogsumexp", logarithm - y, **attrs) + x)

        return part(1) - part(-1)


@register_op("Bitcast")
class _Bitcast:
    inputs = ("input",)

    @staticmethod
    def infer(x, type):
        if x.dtype.is_string or type.is_string or x.dtype.is_bool or type.is_bool:
            raise InvalidArgumentError(
                f"Bitcast: from {x.dtype.name} to {type.name} there is no way: numbers alone have bits"
            )
        old, new, shape = x.dtype.size, type.size, x.shape
        if old > new:
            shape = (*shape, old // new)
        elif old < new:
            if not shape or shape[-1] * old != new:
                raise InvalidArgumentError(
                    f"Bitcast: from {x.dtype.name} to {type.name} the last axis must have size {new // old}, got shape "
                    f"{x.shape}"
                )
            shape = shape[:-1]
        return Spec(shape, type)

    @staticmethod
    def run(kernels, x, y, type):
        kernels.array.cast(x.reshape(-1).view(y.dtype).reshape(y.shape), y)


def _running(op, x, axis, exclusive, reverse):
    x = convert(x)
    axis = normalize_axis(op, axis, x.ndim)
    return apply(op, x, axis=axis, exclusive=bool(exclusive), reverse=bool(reverse))


def cumprod(x, axis=0, exclusive=False, reverse=False, name=None):
    """Running products along ``axis``. exclusive: without the element itself. reverse: from the end."""
    return _running("Cumprod", x, axis, exclusive, reverse)


def cumulative_logsumexp(x, axis=0, exclusive=False, reverse=False, name=None):
    """log of the running sums of e^x along ``axis``, without overflow. exclusive, reverse: as for ``cumprod``."""
    return _running("CumulativeLogsumexp", x, axis, exclusive, reverse)


def bitcast(input, type, name=None):
    """The same bits as numbers of another dtype. A smaller one adds a last axis, a greater one takes it away."""
    return apply("Bitcast", input, type=dtypes.as_dtype(type))


def _pair(x, y):
    x = convert(x, hint=getattr(y, "dtype", None))
    return x, convert(y, hint=x.dtype)


def _where_zero(x, y, function):
    """0 where x is 0, else ``function(y)``, which sees 1 in place of the y there, that may be anything."""
    zero = apply("LogicalAnd", x == 0, y == y)
    none = apply("ZerosLike", x + y)
    safe = apply("SelectV2", zero, apply("OnesLike", y), y)
    return apply("SelectV2", zero, none, function(safe))


def xlogy(x, y, name=None):
    """x log(y), but 0 where x is 0."""
    x, y = _pair(x, y)
    return _where_zero(x, y, lambda y: x * apply("Log", y))


def xlog1py(x, y, name=None):
    """x log(1 + y), but 0 where x is 0."""
    x, y = _pair(x, y)
    return _where_zero(x, y, lambda y: x * apply("Log1p", y))


def xdivy(x, y, name=None):
    """x / y, but 0 where x is 0."""
    x, y = _pair(x, y)
    return _where_zero(x, y, lambda y: x / y)


def reciprocal_no_nan(x, name=None):
    """1 / x, but 0 where x is 0."""
    x = convert(x)
    return divide_no_nan(apply("OnesLike", x), x)


def log_sigmoid(x, name=None):
    """log(1 / (1 + e^-x)), exact also where that is near 0."""
    return -apply("Softplus", -convert(x))


def rint(x, name=None):
    """x rounded to whole numbers, halves to the even one. x: float."""
    return apply("Rint", x)


def truncatediv(x, y, name=None):
    """x / y rounded towards 0, with broadcasting. Raises InvalidArgumentError if integers are divided by zero."""
    x, y = _pair(x, y)
    if x.dtype.is_unsigned:
        return x // y
    return apply("Sign", x) * apply("Sign", y) * (apply("Abs", x) // apply("Abs", y))


def truncatemod(x, y, name=None):
    """x - y truncatediv(x, y): the remainder that has x's sign."""
    x, y = _pair(x, y)
    return x - y * truncatediv(x, y)


def realdiv(x, y, name=None):
    """x / y of floats, with broadcasting."""
    return apply("RealDiv", x, y)


def scalar_mul(scalar, x, name=None):
    """scalar * x. Raises ValueError if ``scalar`` has axes."""
    x = convert(x)
    scalar = convert(scalar, hint=x.dtype)
    if scalar.ndim:
        raise ValueError(f"Only scalar multiply works, got shape {scalar.shape}")
    return scalar * x


def accumulate_n(inputs, shape=None, tensor_dtype=None, name=None):
    """The sum of tensors of one shape and dtype."""
    return add_n(inputs)


def polyval(coeffs, x, name=None):
    """coeffs[0] x^(n - 1) + ... + coeffs[n - 1], by Horner's rule. coeffs: list of numbers or tensors."""
    x = convert(x)
    if not isinstance(coeffs, (list, tuple)):
        raise ValueError(f"Argument coeffs must be list type, found {type(coeffs)}.")
    total = apply("ZerosLike", x)
    for coefficient in coeffs:
        total = total * x + convert(coefficient, hint=x.dtype)
    return total


def lbeta(x, name=None):
    """log |beta(x)| along the last axis: sum of log gamma(x) - log gamma(sum of x)."""
    x = convert(x)
    last = (x.ndim - 1,)
    total = apply("Sum", x, axis=last, keepdims=False)
    return apply("Sum", apply("Lgamma", x), axis=last, keepdims=False) - apply("Lgamma", total)


@reads_sizes
def count_nonzero(input, axis=None, keepdims=None, dtype=dtypes.int64, name=None):
    """How many elements along ``axis`` (None: all) are not zero, not False or not empty."""
    x = convert(input)
    there = x if x.dtype.is_bool else x != (b"" if x.dtype.is_string else 0)
    axes = sorted_axes("count_nonzero", axis, x.ndim)
    found = apply("Sum", apply("Cast", there, dtype=dtypes.int64), axis=axes, keepdims=bool(keepdims))
    return apply("Cast", found, dtype=dtypes.as_dtype(dtype))


@reads_sizes
def zero_fraction(value, name=None):
    """The fraction of zeros among all elements, float32; NaN without any."""
    x = convert(value)
    return apply("Cast", x.spec.size - count_nonzero(x), dtype=dtypes.float32) / np.float32(x.spec.size)


@reads_sizes
def reduce_euclidean_norm(input_tensor, axis=None, keepdims=False, name=None):
    """The square root of the sum of squares along ``axis`` (None: all)."""
    x = convert(input_tensor)
    axes = sorted_axes("reduce_euclidean_norm", axis, x.ndim)
    squares = apply("Sum", apply("Square", x), axis=axes, keepdims=bool(keepdims))
    if x.dtype.is_floating:
        return apply("Sqrt", squares)
    return apply("Cast", apply("Sqrt", apply("Cast", squares, dtype=dtypes.float64)), dtype=x.dtype)


@reads_sizes
def _steps(x):
    """The differences of neighbours in the order of memory."""
    x = convert(x)
    flat = apply("Reshape", x, shape=(x.spec.size,))
    return flat[1:] - flat[:-1]


@reads_sizes
def is_non_decreasing(x, name=None):
    """Whether no element is smaller than the one before it, in the order of memory."""
    return apply("All", _steps(x) >= 0, axis=(0,), keepdims=False)


@reads_sizes
def is_strictly_increasing(x, name=None):
    """Whether each element is greater than the one before it, in the order of memory."""
    return apply("All", _steps(x) > 0, axis=(0,), keepdims=False)


def real(input, name=None):
    """The real part of real numbers: themselves."""
    return convert(input)


def conj(x, name=None):
    """The complex conjugate of real numbers: themselves."""
    return convert(x)


def imag(input, name=None):
    """The imaginary part of real numbers: zeros."""
    return apply("ZerosLike", input)


def angle(input, name=None):
    """The angle of real numbers in the complex plane: 0, or pi below 0."""
    x = convert(input)
    return apply("SelectV2", x < 0, apply("ZerosLike", x) + np.pi, apply("ZerosLike", x))


def saturate_cast(value, dtype, name=None):
    """``value`` in another dtype; what is beyond its range becomes its smallest or greatest number."""
    x, dtype = convert(value), dtypes.as_dtype(dtype)
    low, high = max(x.dtype.min, dtype.min), min(x.dtype.max, dtype.max)
    if x.dtype.is_floating and dtype.is_integer:
        real_type = x.dtype.as_numpy_dtype
        if int(real_type(high)) > dtype.max:  # rounded up: the float before it
            high = np.nextafter(real_type(high), real_type(0))
    low, high = convert(x.dtype.as_numpy_dtype(low)), convert(x.dtype.as_numpy_dtype(high))
    return apply("Cast", apply("Minimum", apply("Maximum", x, low), high), dtype=dtype)
