"""The transforms of Winograd's convolutions: products of small constant matrices and vectors, as straight-line code.

A convolution of ``outputs`` results with ``taps`` taps needs size = outputs + taps - 1 products (Toom and Cook): take
the polynomials with the coefficients g (taps) and t (outputs) at ``size`` points, multiply, interpolate. Turned round
(Winograd's transposition) that is, for data d (size) and results y (outputs),

    y = OUTPUT @ ((FILTER @ g) * (DATA @ d))        DATA: (size, size), FILTER: (size, taps), OUTPUT: (outputs, size)

The matrices are exact fractions made from the points, and ``transform`` emits code for them: rows of opposite points
share their even and odd halves, which leaves 27 operations of 64 for DATA of size 8. Points decide the error. (Rows
scaled by powers of two balance the matrices to the eye, but change no bit of the result.) Largest error of float32 in
y, dx and dw, in units of the result's root mean square, for 16 channels of random images and filters; and the worst of
40 pairs of positive, constant, chequered, sparse and badly scaled ones:

    F(2, 3)  0, 1, -1                       1e-6    1e-5
    F(4, 3)  0, 3/4, -3/4, 3/2, -3/2        5e-6    2e-5 (0, 1, -1, 2, -2, the usual ones: four times that)
    F(2, 5)  the same                       8e-6    4e-5
    F(4, 5)  0, 1, -1, 1/2, -1/2, 2, -2     3.5e-5  4.5e-5, or 2.8e-4 where results are of very different size

The last is for one channel 1e6 times another, or one pixel in 50 unlike zero: what the mean hardly knows of then weighs
little. It is below 2.5e-5 of the largest result always. Of 24 fractions from 1/4 to 5/2 no three are clearly better.
Direct sums have 3e-6. Where results cancel to far less than their terms, all are within 8 * 2**-23 times sum |x| |w|.

Barabasz, Anderson, Soodhalter and Gregg, "Error analysis and improving the accuracy of Winograd convolution for deep
neural networks", 2018, arXiv:1803.10986, is the guide to points.
"""

import functools
import math
from fractions import Fraction

import numpy as np
from llvmlite import ir
from numba.core import types

from .simd import VECTOR_BYTES, address_of, compiled_as
from .vectors import Vector, _first_lanes as first_lanes, call

# Points come as 0, then pairs of opposite sign; the last is infinity.
POINTS = {
    4: (0, 1, -1),
    6: (0, Fraction(3, 4), Fraction(-3, 4), Fraction(3, 2), Fraction(-3, 2)),
    8: (0, 1, -1, Fraction(1, 2), Fraction(-1, 2), 2, -2),
}


@functools.cache
def matrix(kind, outputs, taps):
    """The matrix as rows of fractions. kind: "data", "filter", "output" or "spread", which is "output" transposed."""
    points = [Fraction(point) for point in POINTS[outputs + taps - 1]]
    if kind == "data":
        rows = [_product([q for q in points if q != p]) for p in points] + [_product(points)]
        return [row + [Fraction(0)] * (len(points) + 1 - len(row)) for row in rows]
    count = taps if kind == "filter" else outputs
    rows = [[p**k for k in range(count)] for p in points] + [[Fraction(k == count - 1) for k in range(count)]]
    if kind == "filter":
        scales = [math.prod((p - q for q in points if q != p), start=Fraction(1)) for p in points] + [Fraction(1)]
        return [[entry / scale for entry in row] for row, scale in zip(rows, scales, strict=True)]
    return rows if kind == "spread" else [list(row) for row in zip(*rows, strict=True)]


def _product(roots):
    """Coefficients of the product of (x - root), from that of x**0 on."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *coefficients], [-root * c for c in coefficients] + [Fraction(0)]
        coefficients = [a + b for a, b in zip(shifted, scaled, strict=True)]
    return coefficients


def as_array(kind, outputs, taps):
    """``matrix`` in float64."""
    return np.array([[float(entry) for entry in row] for row in matrix(kind, outputs, taps)])


@functools.cache
def filter_matrix(outputs, taps, dtype):
    """(1, size * size, taps * taps): FILTER for rows and columns at once."""
    one = as_array("filter", outputs, taps)
    return np.kron(one, one).astype(dtype)[None]


def _transform(typing, kind, outputs, taps, source, i, step, target, j, pitch):
    def emit(context, builder, signature, args):
        for place, result in _results(context, builder, signature, args):
            builder.store(result, place, align=source.dtype.bitwidth // 8)
        return context.get_dummy_value()

    ints = [types.intp] * 2
    return types.void(kind, outputs, taps, source, *ints, target, *ints), emit


def _transform_part(typing, kind, outputs, taps, source, i, step, target, j, pitch, valid, lanes):
    def emit(context, builder, signature, args):
        *args, valid_value, lanes_value = args
        vector, align = Vector(source.dtype), ir.IntType(32)(source.dtype.bitwidth // 8)
        mask, name = first_lanes(builder, lanes_value, vector.lanes), f"llvm.masked.store.{vector.suffix}.p0"
        for p, (place, result) in enumerate(_results(context, builder, signature, args)):
            with builder.if_then(builder.icmp_signed("<", ir.IntType(64)(p), valid_value)):
                call(builder, name, ir.VoidType(), [result, place, align, mask])
        return context.get_dummy_value()

    ints = [types.intp] * 2
    return types.void(kind, outputs, taps, source, *ints, target, *ints, *ints), emit


def _results(context, builder, signature, args):
    """(address, vector) of the transform's results, as LLVM values."""
    kind, outputs, taps, source, _, _, target, *_ = signature.args
    source_array, i, step, target_array, j, pitch = args[3:]
    rows = matrix(kind.literal_value, outputs.count, taps.count)
    vector = Vector(source.dtype).llvm

    def place(array_type, array, first, distance, count):
        at = builder.add(first, builder.mul(distance, ir.IntType(64)(count)))
        return builder.bitcast(address_of(context, builder, array_type, array, at), vector.as_pointer())

    align = source.dtype.bitwidth // 8
    inputs = [builder.load(place(source, source_array, i, step, k), align=align) for k in range(len(rows[0]))]
    for p, result in enumerate(list(_combined(builder, rows, inputs))):
        yield place(target, target_array, j, pitch, p), result


def _combined(builder, rows, inputs):
    """rows @ inputs. Rows, or columns, of opposite points share their even and odd parts."""
    if len(rows) < len(inputs):  # y = OUTPUT @ m: the columns of p and -p agree in even rows, and differ in sign in odd
        pairs = range(1, len(inputs) - 1, 2)
        sums = [builder.fadd(inputs[k], inputs[k + 1]) for k in pairs]
        differences = [builder.fsub(inputs[k], inputs[k + 1]) for k in pairs]
        for number, row in enumerate(rows):
            middle = differences if number % 2 else sums
            yield _dot(builder, [row[0], *row[1:-1:2], row[-1]], [inputs[0], *middle, inputs[-1]])
        return
    yield _dot(builder, rows[0], inputs)
    for row in rows[1:-1:2]:
        even, odd = _dot(builder, row[::2], inputs[::2]), _dot(builder, row[1::2], inputs[1::2])
        yield builder.fadd(even, odd)
        yield builder.fsub(even, odd)
    yield _dot(builder, rows[-1], inputs)


def _dot(builder, row, inputs):
    """Sum of entry * input: additions for entries of 1 and -1, fused multiply-adds for others."""
    terms = [(entry, x) for entry, x in zip(row, inputs, strict=True) if entry]
    terms.sort(key=lambda term: (abs(term[0]) != 1, term[0] < 0))
    (entry, total), *terms = terms
    vector = total.type
    if entry != 1:
        total = builder.fmul(_constant(vector, entry), total)
    multiply_add = f"llvm.fmuladd.v{vector.count}{vector.element.intrinsic_name}"
    for entry, x in terms:
        if abs(entry) == 1:
            total = (builder.fadd if entry == 1 else builder.fsub)(total, x)
        else:
            total = call(builder, multiply_add, vector, [_constant(vector, entry), x, total])
    return total


def _constant(vector, value):
    return ir.Constant(vector, [float(value)] * vector.count)


@compiled_as(_transform)
def transform(kind, outputs, taps, source, i, step, target, j, pitch):
    """target[j + p * pitch + c] = sum over k of matrix[p, k] * source[i + k * step + c], for one vector of c.

    kind: which ``matrix``, a constant. outputs, taps: tuples of that length, for which the code is made.
    """
    transform_part(kind, outputs, taps, source, i, step, target, j, pitch, len(POINTS) * 4, VECTOR_BYTES)


@compiled_as(_transform_part)
def transform_part(kind, outputs, taps, source, i, step, target, j, pitch, valid, lanes):
    """``transform``, written where p < valid and c < lanes."""
    width = VECTOR_BYTES // source.itemsize
    rows = as_array(kind, len(outputs), len(taps)).astype(source.dtype)
    vectors = np.stack([source[i + k * step : i + k * step + width] for k in range(rows.shape[1])])
    for p, result in enumerate((rows @ vectors)[:valid]):
        target[j + p * pitch : j + p * pitch + min(lanes, width)] = result[:lanes]
