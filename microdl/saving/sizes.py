"""Sizes as expressions: what an open trace computes of the sizes of its tensors, told from samples, and computed again.

    {"size": [offset, divisor, [[factor, [[tensor, axis], ...]], ...]]}     (offset + sum of factor * sizes) // divisor
    {"ratio": [number, size]}                                              number / size
    {"sizes": [kind, dtype, shape, [number or expression, ...]]}           a small array of such numbers
    {"steps": [kind, dtype, shape, [first, step]]}                         a long one, in which all steps are equal

An expression is what fits all samples, exactly; ``open_traces.py`` tries it on further ones.
"""

import itertools
import math
from fractions import Fraction

import numpy as np

MOST_FACTORS = 4  # sizes that are multiplied: batch, height, width, channels
LARGEST_DIVISOR = 16
LARGEST_DENOMINATOR = 1000
LARGEST_ARRAY = 64  # elements that are told one by one


class Sizes:
    """The sizes that differ between samples, as far as a call can know them.

    Attributes: places: for the sizes in each sample, a tuple of ints: [tensor, axis] where they stood first.
    """

    def __init__(self, places=()):
        self.places = dict(places)

    def add(self, number, shapes):
        """A tensor of these shapes, one in each sample. Returns the tuples of its sizes that differ."""
        found = [sizes for sizes in zip(*shapes, strict=True) if len(set(sizes)) > 1]
        for axis, sizes in enumerate(zip(*shapes, strict=True)):
            if len(set(sizes)) > 1:
                self.places.setdefault(sizes, [number, axis])
        return found

    def expression(self, values, near=()):
        """What gives ``values``, one number for each sample; None if nothing is found.

        near: the sizes of the call's own tensors, which are tried first, and in longer products.
        """
        if all(isinstance(x, float) for x in values):
            return self._of_floats(values, near)
        for sizes, base in self._products(near):
            if (found := _line(values, base)) is not None:
                factor, offset, divisor = found
                return self._written(offset, divisor, [(factor, sizes)])
        for one, other in itertools.combinations(self.places, 2):
            for sign in (1, -1):
                left = {value - x - sign * y for value, x, y in zip(values, one, other, strict=True)}
                if len(left) == 1:
                    return self._written(left.pop(), 1, [(1, [one]), (sign, [other])])
        return None

    def _of_floats(self, values, near):
        """A whole number, or a ratio: the reciprocal of a mean, say."""
        if all(x.is_integer() for x in values):
            return self.expression([int(x) for x in values], near)
        for sizes, base in self._products(near):
            number = float(Fraction(values[0] * base[0]).limit_denominator(LARGEST_DENOMINATOR)) if base[0] else 0.0
            if number and all(
                n and x in (number / n, float(np.float32(number / n))) for x, n in zip(values, base, strict=True)
            ):
                return {"ratio": [number, self._written(0, 1, [(1, sizes)])]}
        return None

    def _products(self, near):
        """(sizes, their product in each sample)"""
        near = list(dict.fromkeys(near))
        of_near = (itertools.combinations_with_replacement(near, count) for count in range(2, MOST_FACTORS + 1))
        pairs = itertools.combinations_with_replacement(self.places, 2)
        for sizes in itertools.chain(([one] for one in self.places), *of_near, pairs):
            yield sizes, tuple(math.prod(n) for n in zip(*sizes, strict=True))

    def _written(self, offset, divisor, terms):
        return {"size": [offset, divisor, [[factor, [self.places[n] for n in sizes]] for factor, sizes in terms]]}


def _line(values, base):
    """(factor, offset, divisor) with value = (factor * base + offset) // divisor for all; None if there are none."""
    low, high = min(range(len(base)), key=base.__getitem__), max(range(len(base)), key=base.__getitem__)
    slope = Fraction(values[high] - values[low], base[high] - base[low]).limit_denominator(LARGEST_DIVISOR)
    factor, divisor = slope.numerator, slope.denominator
    if not factor:
        return None
    pairs = list(zip(values, base, strict=True))
    least = max(divisor * value - factor * n for value, n in pairs)
    most = min(divisor * value - factor * n for value, n in pairs) + divisor - 1
    return (factor, min(max(0, least), most), divisor) if least <= most else None


def size_of(content, tensors):
    """The number that an expression ``{"size": content}`` stands for. tensors: number -> Tensor."""
    offset, divisor, terms = content
    total = offset + sum(
        factor * math.prod(tensors[number].spec.shape[axis] for number, axis in places) for factor, places in terms
    )
    return total // divisor


def progression(array):
    """(first, step) of whole numbers in equal steps along one axis; None for another array."""
    flat = array.ravel()
    if array.dtype.kind not in "iu" or flat.size < 2 or flat.size != max(array.shape):
        return None
    first, step = int(flat[0]), int(flat[1]) - int(flat[0])
    return (first, step) if np.array_equal(flat, first + step * np.arange(flat.size)) else None


def in_steps(dtype, shape, first, step):
    """The array of which that is true."""
    return (first + step * np.arange(math.prod(shape))).astype(dtype).reshape(shape)
