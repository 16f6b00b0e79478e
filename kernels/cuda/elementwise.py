"""Operators of two arrays with NumPy's broadcasting on a GPU. Twin: ``kernels/cpu/elementwise.py``.

a, b: flat, float32, read. layout: the CPU's table that says which of their elements meet, from
``kernels/cpu/broadcast.py``, or None: a and b have y's size or one element. y: flat, float32, written.
"""

from .elements import EACH, blocks, first_element, of_two, vectors
from .launch import device as gpu, kernel
from .reduction import larger, smaller
from .target import device, int32, uint32

_ARGUMENTS = "float32* float32* int64* int32 int32 int32 float32* int32 int32"


@device
def _place(layout, axes, operand, i):
    """Where the element of an operand lies that meets element i of y: sizes are in row 0 of the table, steps below."""
    place = uint32(0)
    for back in range(axes):
        axis = uint32(uint32(axes) - uint32(1) - uint32(back))
        size, step = uint32(layout[axis]), uint32(layout[uint32(uint32(operand) * uint32(axes) + axis)])
        place = uint32(place + (i % size) * step)
        i = uint32(i // size)
    return place


@device
def _pairs(function, a, b, layout, axes, step_a, step_b, y, n, wide):
    if wide != int32(0):
        of_two(function, (), a, b, y, n, wide)
    else:
        first = first_element()
        for k in range(EACH):
            i = uint32(first + uint32(k))
            if i < uint32(n):
                if axes == int32(0):
                    y[i] = function(a[uint32(i * uint32(step_a))], b[uint32(i * uint32(step_b))])
                else:
                    y[i] = function(a[_place(layout, axes, 1, i)], b[_place(layout, axes, 2, i)])


def _launch(chosen, a, b, layout, y):
    """Elements that lie side by side everywhere are read by fours; others one by one, as the table says."""
    plain = layout is None and a.size == b.size == y.size
    table, axes = (None, 0) if layout is None else (gpu().array(layout), layout.shape[1])
    wide = vectors(a, b, y) if plain else 0
    chosen(blocks(y), a, b, table, axes, int(a.size == y.size), int(b.size == y.size), y, y.size, wide)


@device
def _sum(a, b):
    return a + b


@kernel(_ARGUMENTS)
def _add(a, b, layout, axes, step_a, step_b, y, n, wide):
    _pairs(_sum, a, b, layout, axes, step_a, step_b, y, n, wide)


def add(a, b, layout, y):
    """y = a + b."""
    _launch(_add, a, b, layout, y)


@device
def _difference(a, b):
    return a - b


@kernel(_ARGUMENTS)
def _subtract(a, b, layout, axes, step_a, step_b, y, n, wide):
    _pairs(_difference, a, b, layout, axes, step_a, step_b, y, n, wide)


def subtract(a, b, layout, y):
    """y = a - b."""
    _launch(_subtract, a, b, layout, y)


@device
def _product(a, b):
    return a * b


@kernel(_ARGUMENTS)
def _multiply(a, b, layout, axes, step_a, step_b, y, n, wide):
    _pairs(_product, a, b, layout, axes, step_a, step_b, y, n, wide)


def multiply(a, b, layout, y):
    """y = a * b."""
    _launch(_multiply, a, b, layout, y)


@device
def _quotient(a, b):
    return a / b


@kernel(_ARGUMENTS)
def _divide(a, b, layout, axes, step_a, step_b, y, n, wide):
    _pairs(_quotient, a, b, layout, axes, step_a, step_b, y, n, wide)


def divide(a, b, layout, y):
    """y = a / b; infinite or NaN where b is 0, as IEEE 754 says."""
    _launch(_divide, a, b, layout, y)


@kernel(_ARGUMENTS)
def _maximum(a, b, layout, axes, step_a, step_b, y, n, wide):
    _pairs(larger, a, b, layout, axes, step_a, step_b, y, n, wide)


def maximum(a, b, layout, y):
    """y = the greater of a and b; NaN if one of them is."""
    _launch(_maximum, a, b, layout, y)


@kernel(_ARGUMENTS)
def _minimum(a, b, layout, axes, step_a, step_b, y, n, wide):
    _pairs(smaller, a, b, layout, axes, step_a, step_b, y, n, wide)


def minimum(a, b, layout, y):
    """y = the smaller of a and b; NaN if one of them is."""
    _launch(_minimum, a, b, layout, y)


@device
def _square_of_difference(a, b):
    return (a - b) * (a - b)


@kernel(_ARGUMENTS)
def _squared_difference(a, b, layout, axes, step_a, step_b, y, n, wide):
    _pairs(_square_of_difference, a, b, layout, axes, step_a, step_b, y, n, wide)


def squared_difference(a, b, layout, y):
    """y = (a - b)**2."""
    _launch(_squared_difference, a, b, layout, y)
