"""``tf.random.Generator``: random numbers from a state that is the user's own, with TensorFlow's numbers.

The state is a Variable of three int64: the low and the high half of Philox's counter, and the key. Each number moves
the counter on by 256, however it is made.
"""

import enum
import os
from collections.abc import Callable

import numpy as np

from microdl.core import dtypes
from microdl.core.constant import constant
from microdl.core.deferred import reads_sizes
from microdl.core.op import Spec, register_op
from microdl.core.shapes import as_shape
from microdl.core.tensor import apply, convert
from microdl.core.trackable import Trackable
from microdl.core.variable import Variable
from microdl.ops.random import BLOCKS_PER_ELEMENT

LOW = 2**64 - 1
WORDS = 3  # of the state


class Algorithm(enum.Enum):
    """How numbers are made. There is Philox alone, which AUTO_SELECT takes."""

    PHILOX = 1
    THREEFRY = 2
    AUTO_SELECT = 3


def _checked(alg):
    """Raises ValueError unless ``alg`` is Philox, as an Algorithm, its name or number, or left open."""
    name = {1: "philox", 3: "auto_select", None: "auto_select"}.get(getattr(alg, "value", alg), alg)
    if str(name).lower() not in ("philox", "auto_select"):
        raise ValueError(f'Generator: the algorithm is "philox" (tf.random.Algorithm.PHILOX), got {alg!r}')


class _FromState:
    """An op that draws from a generator's state, and moves it on."""

    inputs = ("state",)
    mutates = ("state",)
    stateful = True
    draw: Callable  # (kernels, take, y): ``take()`` moves the state on and returns the stream from where it was

    @staticmethod
    def infer(state, shape, dtype, **attrs):
        return Spec(shape, dtype)

    @classmethod
    def run(cls, kernels, state, y, shape, dtype, **attrs):
        def take():
            return kernels.random.taken(state, y.size * BLOCKS_PER_ELEMENT, y)

        cls.draw(kernels, take, y, **attrs)


@register_op("StatefulUniform")
class _StatefulUniform(_FromState):
    @staticmethod
    def draw(kernels, take, y):
        kernels.random.uniform(*take(), y.dtype.type(1), y.dtype.type(0), y.ravel())


@register_op("StatefulStandardNormalV2")
class _StatefulStandardNormal(_FromState):
    @staticmethod
    def draw(kernels, take, y):
        kernels.random.normal(*take(), y.dtype.type(1), y.dtype.type(0), y.ravel())


@register_op("StatefulTruncatedNormal")
class _StatefulTruncatedNormal(_FromState):
    @staticmethod
    def draw(kernels, take, y):
        kernels.random.truncated_normal(*take(), y.dtype.type(1), y.dtype.type(0), y.ravel())


@register_op("StatefulUniformInt")
class _StatefulUniformInt(_FromState):
    @staticmethod
    def draw(kernels, take, y, minval, maxval):
        kernels.random.uniform_int(*take(), np.int64(minval), np.uint64(max(maxval - minval, 1)), y.ravel())


@register_op("StatefulUniformFullInt")
class _StatefulUniformFullInt(_FromState):
    @staticmethod
    def draw(kernels, take, y):
        words = y.ravel().view(np.uint32)  # first: a GPU has it for int32 alone
        kernels.random.stream_words(*take(), words)


@register_op("RngSkip")
class _RngSkip:
    inputs = ("state",)
    mutates = ("state",)
    stateful = True

    @staticmethod
    def infer(state, delta):
        return ()

    @staticmethod
    def run(kernels, state, delta):
        kernels.random.skip(state, delta * BLOCKS_PER_ELEMENT)


def _state(seed):
    """int64 (3,): an int cut into 64 bits each, lowest first; a shorter list filled up with zeros in front."""
    if hasattr(seed, "__index__") and not getattr(seed, "shape", ()):
        seed = seed.__index__()
        words = [seed >> 64 * i & LOW for i in range(WORDS)]
    else:
        given = convert(seed).numpy() if hasattr(seed, "spec") else seed
        words = [int(word) & LOW for word in np.asarray(given).ravel().tolist()][:WORDS]
        words = [0] * (WORDS - len(words)) + words
    return np.array(words, np.uint64).view(np.int64)


def create_rng_state(seed, alg):
    """The state of a Generator as a tensor, int64 (3,), from an int or a list of ints."""
    _checked(alg)
    return constant(_state(seed))


class Generator(Trackable):
    """Draws random numbers and keeps account of how many in ``state``, a Variable.

    Args:
        copy_from: another Generator, whose state is copied. state: int64 (3,), else; a Variable is shared.
        alg: "philox".

    >>> Generator.from_seed(1).uniform([2]).numpy()
    array([0.78749514, 0.3906511 ], dtype=float32)
    """

    def __init__(self, copy_from=None, state=None, alg=None):
        _checked(alg)
        if (copy_from is None) == (state is None):
            raise ValueError("Generator: give one of copy_from and state; Generator.from_seed(seed) makes a new one")
        if isinstance(state, Variable):
            self._state_var = state
            return
        value = copy_from.state.numpy() if copy_from is not None else _state(state)
        self._state_var = Variable(value, trainable=False, name="StateVar", dtype=dtypes.int64)

    @classmethod
    def from_state(cls, state, alg):
        """A Generator with a state that another one had; that of another one itself, a Variable, is shared."""
        return cls(state=state, alg=alg)

    @classmethod
    def from_seed(cls, seed, alg=None):
        """A Generator whose numbers follow from ``seed``: an int, or up to three ints."""
        return cls(state=_state(seed), alg=alg)

    @classmethod
    def from_non_deterministic_state(cls, alg=None):
        """A Generator that starts from the system's entropy."""
        return cls(state=np.frombuffer(os.urandom(8 * WORDS), np.int64), alg=alg)

    @classmethod
    def from_key_counter(cls, key, counter, alg):
        """A Generator with this key (an int) and counter (two ints)."""
        return cls(state=_joined(key, counter), alg=alg)

    def reset(self, state):
        """Goes where ``state`` was."""
        self._state_var.assign(_state(state))

    def reset_from_seed(self, seed):
        """Starts as ``from_seed`` does."""
        self._state_var.assign(_state(seed))

    def reset_from_key_counter(self, key, counter):
        """Starts as ``from_key_counter`` does."""
        self._state_var.assign(_state(_joined(key, counter)))

    @property
    def state(self):
        """The Variable: counter (low, high) and key."""
        return self._state_var

    @property
    def algorithm(self):
        """The number of Philox."""
        return Algorithm.PHILOX.value

    @property
    def key(self):
        """The key as a tensor of shape ()."""
        return self._state_var[2]

    def skip(self, delta):
        """Moves on by as many numbers as ``delta`` says, which are not drawn."""
        apply("RngSkip", self._state_var, delta=int(delta))
        return self._state_var

    def _drawn(self, op, shape, dtype, **attrs):
        return _drawn(self._state_var, op, shape, dtypes.as_dtype(dtype), attrs)

    def normal(self, shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None):
        """Normal numbers with this mean and standard deviation (numbers or tensors that broadcast)."""
        return self._drawn("StatefulStandardNormalV2", shape, dtype) * stddev + mean

    def truncated_normal(self, shape, mean=0.0, stddev=1.0, dtype=dtypes.float32, name=None):
        """As ``normal``, but numbers two or more standard deviations from the mean are drawn again."""
        return self._drawn("StatefulTruncatedNormal", shape, dtype) * stddev + mean

    def uniform(self, shape, minval=0, maxval=None, dtype=dtypes.float32, name=None):
        """Uniform numbers in [minval, maxval), for floats maxval = 1 by default; all integers if both are None."""
        dtype = dtypes.as_dtype(dtype)
        if not dtype.is_integer:
            scale = convert(1 if maxval is None else maxval, hint=dtype) - convert(minval, hint=dtype)
            return self._drawn("StatefulUniform", shape, dtype) * scale + minval
        if (minval is None) != (maxval is None):
            raise ValueError(
                f"For integer dtype {dtype}, minval and maxval must be both `None` or both non-`None`; got "
                f"minval={minval} and maxval={maxval}"
            )
        if minval is None or maxval is None:
            return self.uniform_full_int(shape, dtype)
        return self._drawn("StatefulUniformInt", shape, dtype, minval=int(minval), maxval=int(maxval))

    def uniform_full_int(self, shape, dtype=dtypes.uint64, name=None):
        """Uniform integers of the dtype's whole range: int32, int64, uint32 or uint64."""
        return self._drawn("StatefulUniformFullInt", shape, dtype)

    def make_seeds(self, count=1):
        """Seeds for stateless functions: int64 (2, count), a pair in each column."""
        keys = self.uniform_full_int([count], dtypes.int64)
        return apply("Pack", keys, apply("ZerosLike", keys), axis=0)

    def split(self, count=1):
        """A list of ``count`` Generators that go on independently of each other and of this one."""
        keys = self.uniform_full_int([count], dtypes.int64).numpy()
        return [Generator(state=_joined(int(key), [0, 0])) for key in keys]


@reads_sizes
def _drawn(state, op, shape, dtype, attrs):
    return apply(op, state, shape=as_shape(shape), dtype=dtype, **attrs)


def _joined(key, counter):
    return [*np.asarray(counter).tolist(), int(key)]


class _Global:
    generator: Generator | None = None


def get_global_generator():
    """The Generator that the program shares; the first call makes one from the system's entropy."""
    if _Global.generator is None:
        _Global.generator = Generator.from_non_deterministic_state()
    return _Global.generator


def set_global_generator(generator):
    """Makes ``generator`` the one that the program shares."""
    _Global.generator = generator
