"""Comparisons, logic and the choice between two arrays on a GPU. Twin: in ``kernels/cpu/elementwise.py``.

Arguments are those of ``elementwise.py``, but that y is bool, which is a byte of 0 or 1 here.
"""

from .elements import EACH, blocks, first_element
from .intrinsics import store4
from .operands import columns_of, four, launch, pairs, prepared
from .strides import WALK, element, two_places
from .target import device, int32, uint8, uint32
from .typed import NUMBERS, typed, words

_TEST = f"T* T* int32 {WALK} {WALK} {WALK} uint8* int32 int32"


@device
def _is_equal(a, b):
    return uint8(a == b)


@typed(_TEST, *NUMBERS)
def _equal(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_is_equal, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def equal(a, b, layout, y):
    """y = (a == b)."""
    launch(_equal, a, b, layout, y)


@device
def _is_not_equal(a, b):
    return uint8(a != b)


@typed(_TEST, *NUMBERS)
def _not_equal(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_is_not_equal, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def not_equal(a, b, layout, y):
    """y = (a != b); true where one of them is NaN."""
    launch(_not_equal, a, b, layout, y)


@device
def _is_less(a, b):
    return uint8(a < b)


@typed(_TEST, *NUMBERS)
def _less(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_is_less, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def less(a, b, layout, y):
    """y = (a < b). ``a > b`` is ``less(b, a)``."""
    launch(_less, a, b, layout, y)


@device
def _is_less_equal(a, b):
    return uint8(a <= b)


@typed(_TEST, *NUMBERS)
def _less_equal(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_is_less_equal, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def less_equal(a, b, layout, y):
    """y = (a <= b). ``a >= b`` is ``less_equal(b, a)``."""
    launch(_less_equal, a, b, layout, y)


@device
def _is_logical_and(a, b):
    return uint8(a & b)


@typed(_TEST, "uint8")
def _logical_and(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_is_logical_and, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def logical_and(a, b, layout, y):
    """y = a and b, all bool."""
    launch(_logical_and, a, b, layout, y)


@device
def _is_logical_or(a, b):
    return uint8(a | b)


@typed(_TEST, "uint8")
def _logical_or(a, b, axes, sizes, steps_a, steps_b, y, n, wide):
    pairs(_is_logical_or, a, b, axes, sizes, steps_a, steps_b, y, n, wide)


def logical_or(a, b, layout, y):
    """y = a or b, all bool."""
    launch(_logical_or, a, b, layout, y)


@words(f"uint8* T* T* int32 {WALK} {WALK} {WALK} {WALK} T* int32 int32")
def _select(condition, a, b, axes, sizes, steps_c, steps_a, steps_b, y, n, wide):
    if wide != int32(0):
        first = first_element()
        if uint32(first + uint32(EACH)) <= uint32(n):
            p, q, r, s = four(condition, first, steps_c[5])
            left, right = four(a, first, steps_a[5]), four(b, first, steps_b[5])
            low = left[0] if p else right[0], left[1] if q else right[1]
            store4(y, first, (low[0], low[1], left[2] if r else right[2], left[3] if s else right[3]))
        else:
            for k in range(EACH):
                i = uint32(first + uint32(k))
                if i < uint32(n):
                    chosen = condition[uint32(i * uint32(steps_c[5]))]
                    y[i] = a[uint32(i * uint32(steps_a[5]))] if chosen else b[uint32(i * uint32(steps_b[5]))]
    else:
        for k in range(EACH):
            i = element(k)
            if i < uint32(n):
                p, q = two_places(i, axes, sizes, steps_a, steps_b)
                chosen, _ = two_places(i, axes, sizes, steps_c, steps_c)
                y[i] = a[p] if condition[chosen] else b[q]


def select(condition, a, b, layout, y):
    """y = a where condition holds, else b. condition: flat, bool; layout: of three operands. a, b, y: of any dtype."""
    arrays, walk, wide = prepared((condition, a, b), columns_of((condition, a, b), layout, y), y)
    _select.of_size(y.dtype.itemsize)(blocks(y), *arrays, *walk, y, y.size, wide)
