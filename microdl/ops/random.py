"""Random tensors with TensorFlow's numbers, and dropout.

``tf.random.uniform`` and its like read streams that ``set_seed`` starts anew (``core/random_state.py``); the stateless
ones depend on nothing but their seed. ``scale`` and ``shift`` ride along in the kernel, where they are rounded as
TensorFlow's separate multiplication and addition are.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from microdl.core import dtypes
from microdl.core.context import context
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.random_state import Calls, random_state
from microdl.core.shapes import as_shape, size_of
from microdl.core.tensor import apply, convert

BLOCKS_PER_ELEMENT = 256  # Philox blocks by which TensorFlow moves a stream on for each element drawn


class _Stateful:
    """Ops that read on in the stream of their kind, dtype and seeds."""

    inputs = ()
    stateful = True
    kind = ""  # op whose stream is read

    @classmethod
    def stream(cls, kernels, y, seeds):
        draw = partial(cls._draw, kernels, y.dtype.name, seeds, y.size * BLOCKS_PER_ELEMENT)
        return draw() if context.streams is None else context.streams.add(draw)

    @classmethod
    def _draw(cls, kernels, dtype, seeds, blocks):
        if isinstance(seeds, Calls):
            return _start(kernels, random_state.next_run(seeds))
        return random_state.reserve(cls.kind, dtype, seeds, blocks)


def _start(kernels, seeds):
    """Key, low and high where the stream of two seeds begins."""
    stream = np.empty(3, np.uint64)
    kernels.random.stateless_stream(*(np.uint64(seed % 2**64) for seed in seeds), stream)
    return tuple(stream)


class _Stateless:
    """Ops whose numbers follow from ``seeds`` alone."""

    inputs = ()

    @staticmethod
    def stream(kernels, y, seeds):
        return _start(kernels, seeds)


class _Floats:
    """y = scale * sample + shift."""

    stream: Callable

    @staticmethod
    def infer(shape, dtype, scale, shift, seeds):
        return Spec(shape, dtype)


class _Uniform(_Floats):
    @classmethod
    def run(cls, kernels, y, shape, dtype, scale, shift, seeds):
        real = y.dtype.type
        kernels.random.uniform(*cls.stream(kernels, y, seeds), real(scale), real(shift), y.ravel())


class _Normal(_Floats):
    @classmethod
    def run(cls, kernels, y, shape, dtype, scale, shift, seeds):
        real = y.dtype.type
        kernels.random.normal(*cls.stream(kernels, y, seeds), real(scale), real(shift), y.ravel())


class _Truncated(_Floats):
    @classmethod
    def run(cls, kernels, y, shape, dtype, scale, shift, seeds):
        real = y.dtype.type
        kernels.random.truncated_normal(*cls.stream(kernels, y, seeds), real(scale), real(shift), y.ravel())


class _Integers:
    stream: Callable

    @staticmethod
    def infer(shape, dtype, minval, maxval, seeds):
        if minval >= maxval and size_of(shape):
            raise InvalidArgumentError(f"random.uniform: need minval < maxval, got {minval} >= {maxval}")
        if minval < dtype.min or maxval > dtype.max:
            raise InvalidArgumentError(
                f"random.uniform: [{minval}, {maxval}) does not fit into dtype {dtype.name} [{dtype.min}, {dtype.max}]"
            )
        return Spec(shape, dtype)

    @classmethod
    def run(cls, kernels, y, shape, dtype, minval, maxval, seeds):
        span = np.uint64(max(maxval - minval, 1))
        kernels.random.uniform_int(*cls.stream(kernels, y, seeds), np.int64(minval), span, y.ravel())


@register_op("RandomUniform")
class _RandomUniform(_Uniform, _Stateful):
    kind = "RandomUniform"


@register_op("RandomUniformInt")
class _RandomUniformInt(_Integers, _Stateful):
    kind = "RandomUniformInt"


@register_op("RandomStandardNormal")
class _RandomStandardNormal(_Normal, _Stateful):
    kind = "RandomStandardNormal"


@register_op("TruncatedNormal")
class _TruncatedNormal(_Truncated, _Stateful):
    kind = "TruncatedNormal"


@register_op("StatelessRandomUniform")
class _StatelessRandomUniform(_Uniform, _Stateless):
    pass


@register_op("StatelessRandomUniformInt")
class _StatelessRandomUniformInt(_Integers, _Stateless):
    pass


@register_op("StatelessRandomNormal")
class _StatelessRandomNormal(_Normal, _Stateless):
    pass


@register_op("StatelessTruncatedNormal")
class _StatelessTruncatedNormal(_Truncated, _Stateless):
    pass


@register_op("RandomShuffle")
class _RandomShuffle:
    inputs = ("value",)
    stateful = True
    host = True  # swap by swap, as TensorFlow does it

    @staticmethod
    def infer(value, seeds):
        if not value.shape:
            raise InvalidArgumentError("random.shuffle: value must have at least one axis, got a scalar of shape ()")
        return value

    @staticmethod
    def run(kernels, value, y, seeds):
        rows = value.shape[0]
        if value.size <= 1 or rows <= 1:
            y[...] = value
            return
        swaps = rows - 1
        stream = random_state.reserve("RandomShuffle", value.dtype.name, seeds, (swaps + 3) // 4)  # four words a block
        permutation = np.empty(rows, np.int64)
        kernels.random.shuffle(*stream, permutation)
        np.take(value, permutation, axis=0, out=y)


@register_op("Dropout")
class _Dropout:
    """Outputs: y, and the mask (uint8) that the gradient reads, a quarter of a float32 input's memory."""

    inputs = ("x",)
    keeps = ("output1",)
    stateful = True

    @staticmethod
    def infer(x, rate, seeds):
        return x, Spec(x.shape, dtypes.uint8)

    @staticmethod
    def run(kernels, x, y, mask, rate, seeds):
        real = x.dtype.type
        # TensorFlow's dropout draws with the op RandomUniform, so it is that stream which moves on.
        stream = _RandomUniform.stream(kernels, y, seeds)
        kernels.random.dropout(x.ravel(), *stream, real(rate), real(1 / (1 - rate)), mask.ravel(), y.ravel())

    @staticmethod
    def gradient(node, dy, dmask):
        return apply("DropoutGrad", dy, node.outputs[1], scale=1 / (1 - node.attrs["rate"]))

    @staticmethod
    def cost(x, rate, seeds):
        return 60 * x.size, 2 * x.nbytes + x.size  # ten Philox rounds are some 200 integer operations for 4 elements


@register_op("DropoutGrad")
class _DropoutGrad:
    inputs = ("dy", "mask")
    keeps = ("mask",)
    same_dtype = False

    @staticmethod
    def infer(dy, mask, scale):
        return dy

    @staticmethod
    def run(kernels, dy, mask, dx, scale):
        kernels.random.dropout_grad(dy.ravel(), mask.ravel(), dy.dtype.type(scale), dx.ravel())

    @staticmethod
    def gradient(node, ddx):
        return apply("DropoutGrad", ddx, node.inputs[1], **node.attrs), None

    @staticmethod
    def cost(dy, mask, scale):
        return dy.size, 2 * dy.nbytes + dy.size


def set_seed(seed):
    """Sets the global seed: every random op after it draws the same numbers as after any other ``set_seed(seed)``.

    Args:
        seed: int, or None to draw from the system's entropy again.

    Raises: TypeError for other things.
    """
    if seed is not None and not hasattr(seed, "__index__"):
        raise TypeError(f"set_seed: an int is expected (or None), got {seed!r}")
    random_state.set_seed(seed)


@reads_sizes
def uniform(shape, minval: Any = 0, maxval: Any = None, dtype=dtypes.float32, seed=None, name=None):
    """Uniform numbers in [minval, maxval).

    Args:
        shape: sizes of the result. minval, maxval: numbers (or tensors, for floats); maxval is 1 by default for floats
            and must be given for integers.
        dtype: float32, float64, int32 or int64. seed: int or None, see ``set_seed``.

    Raises:
        ValueError: for other dtypes, no ``maxval`` for integers, or minval >= maxval for integers.
    """
    return _uniform("RandomUniform", shape, minval, maxval, dtype, lambda: random_state.op_seeds(seed))


@reads_sizes
def normal(shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, seed=None, name=None):
    """Normal numbers with the given mean and standard deviation (numbers, or tensors that broadcast).

    Args: as for ``uniform``; dtype is float32 or float64.
    """
    return _affine("RandomStandardNormal", shape, dtype, stddev, mean, lambda: random_state.op_seeds(seed))


@reads_sizes
def truncated_normal(shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, seed=None, name=None):
    """As ``normal``, but numbers two or more standard deviations from the mean are drawn again."""
    return _affine("TruncatedNormal", shape, dtype, stddev, mean, lambda: random_state.op_seeds(seed))


@reads_sizes
def shuffle(value, seed=None, name=None):
    """``value`` with its slices along the first axis in random order."""
    return apply("RandomShuffle", value, seeds=random_state.op_seeds(seed))


@reads_sizes
def stateless_uniform(shape, seed, minval: Any = 0, maxval: Any = None, dtype=dtypes.float32, name=None):
    """As ``uniform``, from the two integers ``seed`` alone: the same numbers at every call."""
    return _uniform("StatelessRandomUniform", shape, minval, maxval, dtype, lambda: _seed_pair(seed))


@reads_sizes
def stateless_normal(shape, seed, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None):
    """As ``normal``, from the two integers ``seed`` alone: the same numbers at every call."""
    return _affine("StatelessRandomNormal", shape, dtype, stddev, mean, lambda: _seed_pair(seed))


@reads_sizes
def stateless_truncated_normal(shape, seed, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None):
    """As ``truncated_normal``, from the two integers ``seed`` alone: the same numbers at every call."""
    return _affine("StatelessTruncatedNormal", shape, dtype, stddev, mean, lambda: _seed_pair(seed))


@reads_sizes
def dropout(x, rate, noise_shape=None, seed=None, name=None):
    """x / (1 - rate) with each element set to zero with probability ``rate``; the expected value stays x.

    Args:
        x: float tensor. rate: in [0, 1), dimensionless; a number or a scalar tensor.
        noise_shape: shape that broadcasts to x's: along an axis of size 1 all elements are dropped together. None or
            a size of None stands for x's own. seed: int or None, see ``set_seed``.

    Raises:
        ValueError: if ``rate`` is outside [0, 1) or x is not floating.
    """
    x = convert(x)
    if not x.dtype.is_floating:
        raise ValueError(
            f"dropout: x must be floating (it is scaled by 1 / (1 - rate)), got {x.dtype.name}, shape {x.shape}"
        )
    is_number = isinstance(rate, (int, float))
    if is_number and not 0 <= rate < 1:
        raise ValueError(f"dropout: rate is the fraction of elements dropped, in [0, 1), got {rate}")
    if is_number and rate == 0:
        random_state.op_seeds(seed)  # drawn all the same: a rate of zero leaves the seeds of later ops as they are
        return x
    own = tuple(x.shape)
    noise = own if noise_shape is None else _noise_shape(noise_shape, own)
    if is_number and noise == own:
        return apply("Dropout", x, rate=float(rate), seeds=random_state.op_seeds(seed))[0]
    kept = uniform(noise, dtype=x.dtype, seed=seed) >= rate
    scaled = x * (1 / (1 - rate)) if is_number else x / (1 - rate)
    return apply("SelectV2", kept, scaled, convert(0.0, x.dtype))


def _noise_shape(noise_shape, own):
    given = as_shape(noise_shape)
    if len(given) != len(own):
        raise ValueError(f"dropout: noise_shape {given} has {len(given)} axes, x of shape {own} has {len(own)}")
    return tuple(n if wanted is None else wanted for n, wanted in zip(own, given, strict=True))


def _uniform(op, shape, minval, maxval, dtype, seeds):
    """Uniform floats or integers from the stream that ``seeds`` (called after all checks) names."""
    dtype = dtypes.as_dtype(dtype)
    if dtype.is_integer and minval is None and maxval is None and op.startswith("Stateless"):
        return apply(op + "FullInt", shape=_full_shape(shape), dtype=dtype, seeds=seeds())
    if dtype is dtypes.int32 or dtype is dtypes.int64:
        if maxval is None:
            raise ValueError(f"random.uniform: maxval must be given for dtype {dtype.name}")
        limits = {"minval": _integer("minval", minval), "maxval": _integer("maxval", maxval)}
        return apply(op + "Int", shape=_full_shape(shape), dtype=dtype, seeds=seeds(), **limits)
    maxval = 1 if maxval is None else maxval
    if _is_number(minval) and _is_number(maxval):
        real = _float_dtype(dtype).as_numpy_dtype
        return _affine(op, shape, dtype, float(real(maxval) - real(minval)), float(minval), seeds)
    _float_dtype(dtype)
    minval, maxval = convert(minval, hint=dtype), convert(maxval, hint=dtype)
    return _affine(op, shape, dtype, maxval - minval, minval, seeds)


def _affine(op, shape, dtype, scale, shift, seeds):
    """scale * sample + shift, inside the op for numbers, with ops for tensors (whose gradients then flow)."""
    dtype, shape = _float_dtype(dtype), _full_shape(shape)
    if _is_number(scale) and _is_number(shift):
        return apply(op, shape=shape, dtype=dtype, scale=float(scale), shift=float(shift), seeds=seeds())
    return apply(op, shape=shape, dtype=dtype, scale=1.0, shift=0.0, seeds=seeds()) * scale + shift


def _is_number(value):
    return isinstance(value, (int, float, np.floating, np.integer))


def _float_dtype(dtype):
    dtype = dtypes.as_dtype(dtype)
    if dtype is not dtypes.float32 and dtype is not dtypes.float64:
        raise ValueError(
            f"random numbers are float32 or float64 (uniform ones int32 or int64 too), got dtype {dtype.name}"
        )
    return dtype


def _full_shape(shape):
    sizes = as_shape(shape)
    if None in sizes or any(n < 0 for n in sizes):
        raise InvalidArgumentError(f"a random tensor needs a shape of sizes >= 0, got {sizes}")
    return sizes


def _integer(name, value):
    try:
        return value.__index__()
    except (AttributeError, TypeError):
        raise TypeError(f"random.uniform: {name} must be an integer for an integer dtype, got {value!r}") from None


def _seed_pair(seed):
    pair = tuple(int(part) for part in seed)
    if len(pair) != 2:
        raise ValueError(f"a stateless random op takes a seed of two integers, got {seed!r}")
    return pair
