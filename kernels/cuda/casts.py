"""Numbers as numbers of another type, on a GPU."""

import itertools

from .elements import blocks, of_one, vectors
from .strides import copy
from .target import device
from .typed import NUMBERS, typed

KINDS = (*NUMBERS, "uint8")
_PAIRS = [pair for pair in itertools.product(KINDS, KINDS) if pair[0] != pair[1]]


@device
def _same(x):
    return x


@device
def _holds(x):
    return x != 0


@typed("T* U* int32 int32", *_PAIRS)
def _cast(x, y, n, wide):
    of_one(_same, (), x, y, n, wide)


@typed("T* uint8* int32 int32", *KINDS)
def _to_bool(x, y, n, wide):
    of_one(_holds, (), x, y, n, wide)


def cast(x, y):
    """y = x in y's dtype. Floats become integers by dropping the fraction; what does not fit is undefined, as in C."""
    same = x.dtype == y.dtype or (x.dtype.kind == "b" and y.dtype.name == "uint8")
    if same:
        copy(x, y, (x.size,), (1,), (1,))
    else:
        chosen = _to_bool.of(x) if y.dtype.kind == "b" else _cast.of(x, y)
        chosen(blocks(y), x, y, y.size, vectors(x, y))
