"""Tensors made of nothing but a shape or a rule: zeros, ones, fill, range, linspace, eye."""

import math
from collections.abc import Callable

from microdl.core import dtypes
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.tensor import apply, convert
from microdl.ops.checks import constant_ints, require_number


class _Creation:
    """Base of ops without inputs that write ``dtype`` elements of the shape that ``infer`` gives."""

    inputs = ()
    infer: Callable[..., Spec]

    @classmethod
    def cost(cls, **attrs):
        return 0, cls.infer(**attrs).nbytes


@register_op("Fill")
class _Fill(_Creation):
    @staticmethod
    def infer(shape, value, dtype):
        if any(n < 0 for n in shape):
            raise InvalidArgumentError(f"Fill: sizes must be >= 0, got shape {shape}")
        return Spec(shape, dtype)

    @staticmethod
    def run(kernels, y, shape, value, dtype):
        kernels.array.fill(value, y)


class _Like:
    inputs = ("x",)
    value = 0

    @staticmethod
    def infer(x):
        return x

    @classmethod
    def run(cls, kernels, x, y):
        kernels.array.fill(cls.value, y)

    @staticmethod
    def cost(x):
        return 0, x.nbytes


@register_op("ZerosLike")
class _ZerosLike(_Like):
    value = 0


@register_op("OnesLike")
class _OnesLike(_Like):
    value = 1


@register_op("Range")
class _Range(_Creation):
    @staticmethod
    def infer(start, delta, count, dtype):
        return Spec((count,), dtype)

    @staticmethod
    def run(kernels, y, start, delta, count, dtype):
        kernels.array.arange(start, delta, y)


@register_op("LinSpace")
class _LinSpace(_Creation):
    @staticmethod
    def infer(start, stop, count, dtype):
        return Spec((count,), dtype)

    @staticmethod
    def run(kernels, y, start, stop, count, dtype):
        kernels.array.linspace(start, stop, y)


@register_op("Eye")
class _Eye(_Creation):
    @staticmethod
    def infer(rows, columns, dtype):
        if rows < 0 or columns < 0:
            raise InvalidArgumentError(f"Eye: sizes must be >= 0, got {rows} rows and {columns} columns")
        return Spec((rows, columns), dtype)

    @staticmethod
    def run(kernels, y, rows, columns, dtype):
        kernels.array.eye(y)


def _filled(shape, value, dtype):
    shape = constant_ints("Fill", "shape", shape)
    if dtypes.as_dtype(dtype).is_string:
        if value:
            raise TypeError("ones: strings are no numbers, so there is no 1 among them; use tf.fill(shape, text)")
        value = b""
    return apply(
        "Fill", shape=shape if isinstance(shape, tuple) else (shape,), value=value, dtype=dtypes.as_dtype(dtype)
    )


@reads_sizes
def zeros(shape, dtype=dtypes.float32, name=None):
    """A tensor of zeros. shape: sizes; dtype: float32 unless given."""
    return _filled(shape, 0, dtype)


@reads_sizes
def ones(shape, dtype=dtypes.float32, name=None):
    """A tensor of ones. shape: sizes; dtype: float32 unless given."""
    return _filled(shape, 1, dtype)


@reads_sizes
def fill(dims, value, name=None):
    """A tensor of shape ``dims`` with every element ``value``, a scalar whose dtype it takes."""
    value = convert(value)
    if value.shape:
        raise InvalidArgumentError(f"Fill: value must be a scalar, got shape {value.shape}; tf.broadcast_to stretches")
    return apply("BroadcastTo", value, shape=constant_ints("Fill", "dims", dims))


@reads_sizes
def zeros_like(input, dtype=None, name=None):
    """Zeros in the shape of ``input`` and in its dtype, or in ``dtype``."""
    x = convert(input)
    return apply("ZerosLike", x) if dtype is None and not x.dtype.is_string else _filled(x.shape, 0, dtype or x.dtype)


@reads_sizes
def ones_like(input, dtype=None, name=None):
    """Ones in the shape of ``input`` and in its dtype, or in ``dtype``."""
    x = convert(input)
    return apply("OnesLike", x) if dtype is None and not x.dtype.is_string else _filled(x.shape, 1, dtype or x.dtype)


@reads_sizes
def range(start, limit=None, delta=1, dtype=None, name="range"):
    """start, start + delta, ... before ``limit``; ``range(n)`` starts at 0.

    dtype: None takes that of the arguments: int32 for Python ints, float32 as soon as one is a Python float.
    """
    start, limit = (0, start) if limit is None else (start, limit)
    numbers = [convert(value) for value in (start, limit, delta)]
    require_number("Range", *(x.spec for x in numbers))
    if dtype is None:
        order = (dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64)
        dtype = max((x.dtype for x in numbers), key=lambda kind: order.index(kind) if kind in order else -1)
    start, limit, delta = (x.numpy().item() for x in numbers)
    if delta == 0:
        raise InvalidArgumentError(f"Range: delta must not be 0 (start {start}, limit {limit})")
    if (limit - start) * delta < 0:
        raise InvalidArgumentError(f"Range: limit {limit} cannot be reached from start {start} in steps of {delta}")
    count = math.ceil((limit - start) / delta)
    return apply("Range", start=start, delta=delta, count=count, dtype=dtypes.as_dtype(dtype))


@reads_sizes
def linspace(start, stop, num, name=None, axis=0):
    """``num`` numbers from ``start`` to ``stop``, both included, at equal distances. start, stop: scalars.

    Python ints give float64, as in TensorFlow.
    """
    start, stop, num = convert(start), convert(stop), int(num)
    if num < 0:
        raise InvalidArgumentError(f"LinSpace: num must be >= 0, got {num}")
    if start.shape or stop.shape:
        raise InvalidArgumentError(
            f"LinSpace: start and stop must be scalars, got shapes {start.shape} and {stop.shape}"
        )
    dtype = start.dtype if start.dtype.is_floating else dtypes.float64
    return apply("LinSpace", start=start.numpy().item(), stop=stop.numpy().item(), count=num, dtype=dtype)


@reads_sizes
def eye(num_rows, num_columns=None, batch_shape=None, dtype=dtypes.float32, name=None):
    """Ones on the diagonal, zeros elsewhere. batch_shape: sizes of further axes in front, along which it repeats."""
    rows = int(num_rows)
    columns = rows if num_columns is None else int(num_columns)
    one = apply("Eye", rows=rows, columns=columns, dtype=dtypes.as_dtype(dtype))
    if batch_shape is None:
        return one
    return apply("BroadcastTo", one, shape=(*constant_ints("Eye", "batch_shape", batch_shape), rows, columns))
