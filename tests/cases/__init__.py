"""The table of op cases: one row an op, from which its tests are made (``tests/test_ops.py``).

A row names the op, calls it as a user would, computes the same in NumPy float64, and draws inputs. From it come: the
forward value in float32 and float64 against the oracle, the gradient in float64 against differences of the oracle,
the second derivative against differences of the first, and the messages of its errors. Files mirror ``microdl/ops``.

    @inputs
    def matrices(draw, rng):
        m, k, n = (draw(st.integers(0, 5)) for _ in range(3))
        return [rng.normal(size=(m, k)), rng.normal(size=(k, n))], {}

    Case("BatchMatMulV2", lambda tf, a, b: tf.matmul(a, b), np.matmul, matrices())
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        op: name in the registry.
        call: (tf, *tensors, **options) -> a Tensor or a tuple of them.
        oracle: (*arrays, **options) -> the same in NumPy, float64.
        inputs: strategy of (list of arrays, dict of options). Float arrays take the dtype under test, others stay.
        gradient: whether to check the gradient with respect to the float inputs; a tuple of positions chooses some.
        second: whether to check the second derivative too.
        error: allowed rounding error in units of the dtype's epsilon, relative to the largest expected value (at least
            1): about the length of the longest sum that makes one output.
        covers: other registered ops that this row exercises, such as the op's gradient ops.
        errors: (call(tf), exception, exact message) for each way in which the op refuses its arguments.
        label: tells rows of one op apart.
    """

    op: str
    call: Callable[..., Any]
    oracle: Callable[..., Any]
    inputs: st.SearchStrategy
    gradient: bool | tuple[int, ...] = True
    second: bool = True
    error: float = 64
    covers: tuple[str, ...] = ()
    errors: tuple = field(default=())
    label: str = ""

    @property
    def name(self):
        return f"{self.op}-{self.label}" if self.label else self.op


def inputs(function):
    """Makes a strategy of ``function(draw, rng, **options)``: hypothesis draws shapes, a seeded generator numbers."""

    @functools.wraps(function)
    @st.composite
    def strategy(draw, **options):
        return function(draw, np.random.default_rng(draw(st.integers(0, 2**32 - 1))), **options)

    del strategy.__wrapped__  # hypothesis would ask for the inner function's arguments
    return strategy


def shapes(min_rank=0, max_rank=4, min_size=0, max_size=5):
    """Shapes with size-1 and empty axes among them."""
    sizes = st.one_of(st.just(1), st.integers(min_size, max_size))
    return st.lists(sizes, min_size=min_rank, max_size=max_rank).map(tuple)


@st.composite
def broadcasting_shapes(draw, count=2, max_rank=4, max_size=4):
    """``count`` shapes that broadcast to one: some axes of size 1, some leading axes missing."""
    full = draw(shapes(0, max_rank, 0, max_size))
    result = []
    for _ in range(count):
        start = draw(st.integers(0, len(full)))
        result.append(tuple(1 if draw(st.booleans()) and draw(st.booleans()) else n for n in full[start:]))
    return result


def axes_of(draw, shape):
    """None, one axis (from the front or the back) or several of a shape's axes."""
    rank = len(shape)
    if not rank or draw(st.booleans()):
        return None
    chosen = draw(st.lists(st.integers(0, rank - 1), min_size=1, max_size=rank, unique=True))
    chosen = [axis - rank if draw(st.booleans()) else axis for axis in chosen]
    return chosen[0] if len(chosen) == 1 and draw(st.booleans()) else tuple(chosen)


def away_from(rng, shape, points=(0.0,), gap=0.05, low=-2.0, high=2.0):
    """Uniform numbers of [low, high) at least ``gap`` from ``points``, where a function has a kink or a pole."""
    x = np.asarray(rng.uniform(low, high, shape))
    for point in points:
        x = np.where(np.abs(x - point) < gap, point + np.where(x < point, -gap, gap) * (1 + rng.random(shape)), x)
    return x


def distinct(rng, shape, spacing=0.1):
    """Numbers that differ by at least ``spacing``, in random order: a maximum is then unique."""
    size = int(np.prod(shape))
    return (rng.permutation(size).reshape(shape) - size / 2) * spacing


def all_cases():
    """Every row of every file beside this one."""
    modules = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    return [case for module in modules for case in module.CASES]
