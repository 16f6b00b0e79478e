"""Running sums, products and the like along one axis, on a GPU. Twin: in ``kernels/cpu/scan.py`` and ``scatter.py``.

Arrays have the form (outer, reduced, inner). A part of a line is walked along from what lies before that part: that is
a running sum too, of the parts' sums. Where inner is 1, so that a line's elements are neighbours in memory, the lanes
of a warp take 32 of them at a time, and each adds up what stands before its own in five steps (W. D. Hillis, G. L.
Steele, "Data parallel algorithms", 1986). Else a thread has a column.
"""

from .launch import THREADS, ceildiv, device as gpu
from .reduction import ALL_LANES, WARP, WARPS, add, column_part, multiply, row_part
from .scalar import HALF, INFINITY, exp_of, log1p_of
from .target import cuda, device, int32, int64, uint32
from .typed import NO_UINT64, signed, typed

ROW_PART, COLUMN_PART = 512, 256  # elements of a part, where neighbours lie along the axis and where across it
LOG_2 = HALF.dtype.type(0.6931472)
_KINDS = tuple(kind for kind in NO_UINT64 if kind != "uint32")
_ROW_TOTALS, _ROW_RUNS = "T T* T* int32 int32 int32 int32", "T T* T* T* int32 int32 int32 int32 int32 int32"
_TOTALS, _RUNS = _ROW_TOTALS + " int32", _ROW_RUNS + " int32"


@device
def _run_row(function, empty, x, starts, y, exclusive, backwards, lines, reduced, parts, length):
    """One part of one row, by a warp. starts: (outer, parts), what comes before it; with one part nothing does."""
    t = uint32(cuda.threadIdx.x)
    line, lane = uint32(uint32(cuda.blockIdx.x) * uint32(WARPS) + t // uint32(WARP)), int32(t % uint32(WARP))
    if line < uint32(lines):
        first = int32(line % uint32(parts)) * length
        count = min(length, reduced - first)
        row = int64(line // uint32(parts)) * int64(reduced) + int64(first)
        before = starts[line] if parts > int32(1) else empty
        for k in range(0, count, WARP):
            i = int32(k + lane)
            at = row + int64(count - 1 - i if backwards != int32(0) else i)
            value = x[at] if i < count else empty
            step = 1
            while step < WARP:
                other = cuda.shfl_up_sync(ALL_LANES, value, step)
                if lane >= step:
                    value = function(other, value)
                step = step * 2
            value = function(before, value)
            other = cuda.shfl_up_sync(ALL_LANES, value, 1)
            if i < count:
                y[at] = (other if lane > 0 else before) if exclusive != int32(0) else value
            before = cuda.shfl_sync(ALL_LANES, value, WARP - 1)


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


@typed(_ROW_TOTALS, *_KINDS)
def _row_sums(empty, x, y, reduced, lines, parts, length):
    row_part(add, empty, x, y, reduced, lines, parts, length)


@typed(_ROW_RUNS, *_KINDS)
def _running_row_sums(empty, x, starts, y, exclusive, backwards, lines, reduced, parts, length):
    _run_row(add, empty, x, starts, y, exclusive, backwards, lines, reduced, parts, length)


@typed(_TOTALS, *_KINDS)
def _sums(empty, x, y, reduced, inner, parts, length, n):
    column_part(add, empty, x, y, reduced, inner, parts, length, n)


@typed(_RUNS, *_KINDS)
def _running_sums(empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length):
    _run(add, empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length)


@typed(_ROW_TOTALS, *_KINDS)
def _row_products(empty, x, y, reduced, lines, parts, length):
    row_part(multiply, empty, x, y, reduced, lines, parts, length)


@typed(_ROW_RUNS, *_KINDS)
def _running_row_products(empty, x, starts, y, exclusive, backwards, lines, reduced, parts, length):
    _run_row(multiply, empty, x, starts, y, exclusive, backwards, lines, reduced, parts, length)


@typed(_TOTALS, *_KINDS)
def _products(empty, x, y, reduced, inner, parts, length, n):
    column_part(multiply, empty, x, y, reduced, inner, parts, length, n)


@typed(_RUNS, *_KINDS)
def _running_products(empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length):
    _run(multiply, empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length)


@typed(_ROW_TOTALS, "float32")
def _row_logarithms(empty, x, y, reduced, lines, parts, length):
    row_part(_log_of_both, empty, x, y, reduced, lines, parts, length)


@typed(_ROW_RUNS, "float32")
def _running_row_logarithms(empty, x, starts, y, exclusive, backwards, lines, reduced, parts, length):
    _run_row(_log_of_both, empty, x, starts, y, exclusive, backwards, lines, reduced, parts, length)


@typed(_TOTALS, "float32")
def _logarithms(empty, x, y, reduced, inner, parts, length, n):
    column_part(_log_of_both, empty, x, y, reduced, inner, parts, length, n)


@typed(_RUNS, "float32")
def _running_logarithms(empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length):
    _run(_log_of_both, empty, x, starts, y, exclusive, backwards, lines, reduced, inner, parts, length)


SUMS = _row_sums, _running_row_sums, _sums, _running_sums
PRODUCTS = _row_products, _running_row_products, _products, _running_products
LOGARITHMS = _row_logarithms, _running_row_logarithms, _logarithms, _running_logarithms


def _along(chosen, empty, x, exclusive, reverse, y):
    """y = what runs along x. chosen: four kernels, such as SUMS. empty: what comes before the first."""
    row_totals, row_runs, totals, runs = (each.of(x) for each in chosen)
    outer, reduced, inner = x.shape
    length = ROW_PART if inner == 1 else COLUMN_PART
    parts, starts = max(1, ceildiv(reduced, length)), x
    lines = outer * parts * inner
    if parts > 1:
        sums, starts = (gpu().empty((outer, parts, inner), x.dtype) for _ in range(2))
        if inner == 1:
            row_totals(ceildiv(lines, WARPS), empty, x, sums, reduced, lines, parts, length)
        else:
            totals(ceildiv(lines, THREADS), empty, x, sums, reduced, inner, parts, length, lines)
        _along(chosen, empty, sums, True, reverse, starts)
    flags = int(exclusive), int(reverse)
    if inner == 1:
        row_runs(ceildiv(lines, WARPS), empty, x, starts, y, *flags, lines, reduced, parts, length)
    else:
        runs(ceildiv(lines, THREADS), empty, x, starts, y, *flags, lines, reduced, inner, parts, length)


def running_sum(x, exclusive, reverse, y):
    """y[o, r, i] = sum of x[o, q, i] over q <= r; exclusive (bool): q < r; reverse (bool): q >= r, q > r."""
    x, y = signed(x, y)
    _along(SUMS, x.dtype.type(0), x, exclusive, reverse, y)


def running_product(x, exclusive, reverse, y):
    """y[o, r, i] = product of x[o, q, i] over the q of ``running_sum``."""
    x, y = signed(x, y)
    _along(PRODUCTS, x.dtype.type(1), x, exclusive, reverse, y)


def running_logarithm(x, exclusive, reverse, y):
    """y[o, r, i] = log of the sum of exp(x[o, q, i]) over the q of ``running_sum``; -inf for none."""
    _along(LOGARITHMS, -INFINITY, x, exclusive, reverse, y)
