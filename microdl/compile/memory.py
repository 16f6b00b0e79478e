"""Where the arrays inside a plan lie: one block of memory, in which those that do not live at the same time share."""

from functools import partial
from types import FunctionType

import numpy as np

ALIGNMENT = 64  # bytes: a cache line, and the widest vector


class Life:
    """An array inside a plan: its size in bytes, and the positions of the first and the last step that touch it."""

    __slots__ = ("first", "last", "nbytes", "offset")

    def __init__(self, nbytes, first, last):
        self.nbytes, self.first, self.last = nbytes, first, last
        self.offset = 0


def lay_out(lives):
    """Gives every Life an offset such that no two that overlap in time overlap in place. Returns the bytes needed.

    Largest first, each at the lowest place that is free during its life: greedy by size, as in Pisarchyk and Lee,
    "Efficient Memory Management for Deep Neural Net Inference", 2020, section 5.
    """
    placed, total = [], 0
    for life in sorted(lives, key=lambda one: (-one.nbytes, one.first)):
        offset = 0
        for other in placed:  # by offset
            if other.first <= life.last and life.first <= other.last:
                if offset + life.nbytes <= other.offset:
                    break
                offset = max(offset, _aligned(other.offset + other.nbytes))
        life.offset = offset
        placed.append(life)
        placed.sort(key=lambda one: one.offset)
        total = max(total, offset + life.nbytes)
    return total


def _aligned(offset):
    return -(-offset // ALIGNMENT) * ALIGNMENT


def slab(nbytes):
    """A block of ``nbytes`` zeros that begins at a multiple of ALIGNMENT: uint8, (nbytes,)."""
    block = np.zeros(nbytes + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + nbytes]


def array_at(block, offset, spec):
    """The array of shape and dtype ``spec``, ``offset`` bytes into ``block``; one of objects has memory of its own."""
    if spec.dtype.as_numpy_dtype is np.object_:
        return np.full(spec.shape, b"", object)
    return block[offset : offset + spec.nbytes].view(spec.dtype.as_numpy_dtype).reshape(spec.shape)


def held_bytes(calls, known):
    """Bytes of the arrays that functions keep alive, without those whose memory one of the arrays ``known`` shows.

    Looked through are partials, what functions close over, and tuples and lists.
    """
    seen = {id(_owner(array)) for array in known}
    waiting, total = list(calls), 0
    while waiting:
        one = waiting.pop()
        one = _owner(one) if isinstance(one, np.ndarray) else one
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, np.ndarray):
            total += one.nbytes
        elif isinstance(one, (tuple, list)):
            waiting += one
        elif isinstance(one, partial):
            waiting += [one.func, one.args, *one.keywords.values()]
        elif isinstance(one, FunctionType):
            waiting += [one.__defaults__ or (), *(cell.cell_contents for cell in one.__closure__ or ())]
    return total


def _owner(array):
    """The array whose memory ``array`` shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
