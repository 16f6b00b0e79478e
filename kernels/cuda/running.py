"""Running sums, products and the like along one axis, on a GPU. Twin: in ``kernels/cpu/scan.py`` and ``scatter.py``.

Arrays have the form (outer, reduced, inner). A thread walks along a part of a line, from what lies before that part:
that is a running sum too, of the parts' sums.
"""

from .launch import THREADS, ceildiv, device as gpu
from .reduction import add, column_part, multiply
from .scalar import HALF, INFINITY, exp_of, log1p_of
from .target import cuda, device, int32, int64, uint32
from .typed import NUMBERS, typed

ROW_PART, COLUMN_PART = 32, 256  # elements of a part, where neighbours lie along the axis and where across it
LOG_2 = HALF.dtype.type(0.6931472)
_TOTALS = "T T* T* int32 int32 int32 int32 int32"
_RUNS = "T T* T* T* int32 int32 int32 int32 int32 int32 int32"


@device
def _run(function, empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length):
    """One part of one line. starts: (outer, parts, inner), what comes before it; with one part nothing does."""
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(lines):
        line, column = uint32(i // uint32(inner)), uint32(i % uint32(inner))
        first = int32(line % uint32(parts)) * length
        count = min(length, reduced - first)
        value = starts[i] if parts > int32(1) else empty
        at, step = first, int64(inner)
        if backwards != int32(0):
            at, step = first + count - 1, -int64(inner)
        at = (int64(line // uint32(parts)) * int64(reduced) + int64(at)) * int64(inner) + int64(column)
        for _ in range(count):
            before = value
            value = function(value, x[at])
            y[at] = before if exclusive != int32(0) else value
            at += step


@device
def _log_of_both(a, b):
    """log(exp(a) + exp(b))."""
    if a == b:
        return a + LOG_2  # infinities too
    return a + log1p_of(exp_of(b - a)) if a > b else b + log1p_of(exp_of(a - b))


@typed(_TOTALS, *NUMBERS)
def _sums(empty, x, y, reduced, inner, parts, length, n):
    column_part(add, empty, x, y, reduced, inner, parts, length, n)


@typed(_RUNS, *NUMBERS)
def _running_sums(empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length):
    _run(add, empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length)


@typed(_TOTALS, *NUMBERS)
def _products(empty, x, y, reduced, inner, parts, length, n):
    column_part(multiply, empty, x, y, reduced, inner, parts, length, n)


@typed(_RUNS, *NUMBERS)
def _running_products(empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length):
    _run(multiply, empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length)


@typed(_TOTALS, "float32")
def _logarithms(empty, x, y, reduced, inner, parts, length, n):
    column_part(_log_of_both, empty, x, y, reduced, inner, parts, length, n)


@typed(_RUNS, "float32")
def _running_logarithms(empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length):
    _run(_log_of_both, empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length)


def _along(totals, runs, empty, x, exclusive, reverse, y):
    outer, reduced, inner = x.shape
    length = ROW_PART if inner == 1 else COLUMN_PART
    parts, starts = max(1, ceildiv(reduced, length)), x
    if parts > 1:
        sums, starts = (gpu().empty((outer, parts, inner), x.dtype) for _ in range(2))
        totals.of(x)(ceildiv(sums.size, THREADS), empty, x, sums, reduced, inner, parts, length, sums.size)
        _along(totals, runs, empty, sums, True, reverse, starts)
    lines = outer * parts * inner
    flags = int(exclusive), int(reverse)
    runs.of(x)(ceildiv(lines, THREADS), empty, x, starts, y, *flags, lines, reduced, inner, parts, length)


def running_sum(x, exclusive, reverse, y):
    """y[o, r, i] = sum of x[o, q, i] over q <= r; exclusive (bool): q < r; reverse (bool): q >= r, q > r."""
    _along(_sums, _running_sums, x.dtype.type(0), x, exclusive, reverse, y)


def running_product(x, exclusive, reverse, y):
    """y[o, r, i] = product of x[o, q, i] over the q of ``running_sum``."""
    _along(_products, _running_products, x.dtype.type(1), x, exclusive, reverse, y)


def running_logarithm(x, exclusive, reverse, y):
    """y[o, r, i] = log of the sum of exp(x[o, q, i]) over the q of ``running_sum``; -inf for none."""
    _along(_logarithms, _running_logarithms, -INFINITY, x, exclusive, reverse, y)
