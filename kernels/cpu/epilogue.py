"""What is done to a register tile between its last multiply-add and memory: bias, relu, the maximum of 2 x 2 pixels.

As in ``tiles.py`` functions come in pairs: the body of the public one says what it computes, its twin with an
underscore emits the same as LLVM IR.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from .simd import VECTOR_BYTES, address_of, compiled_as
from .tiles import Tile, lane_mask, load_vector, masked, vector_at
from .vectors import call

NO_WINNER = 4  # of a window of 2 x 2 in which nothing is above zero


def _tile_of(typing, like, shape):
    rows, vectors = (part.count for part in shape)
    tile = Tile(like.dtype, rows, vectors)
    return tile(like, shape), lambda context, builder, signature, args: ir.Constant(
        ir.ArrayType(tile.vector, rows * vectors), None
    )


def _rows_of(typing, tile):
    return types.intp(tile), lambda context, builder, signature, args: ir.IntType(64)(tile.rows)


def _columns_of(typing, tile):
    width = tile.vectors * tile.lanes
    return types.intp(tile), lambda context, builder, signature, args: ir.IntType(64)(width)


def _add_products(typing, tile, a, rows, at, k, b, j, columns):
    whole = isinstance(columns, types.NoneType)

    def emit(context, builder, signature, args):
        sums, a_array, row_offsets, at_value, k_value, b_array, j_value, columns_value = args
        a_first = address_of(context, builder, a, a_array, k_value)
        b_first = address_of(context, builder, b, b_array, j_value)
        offsets = address_of(context, builder, rows, row_offsets, at_value)
        masks = [None if whole else lane_mask(builder, columns_value, v, tile) for v in range(tile.vectors)]
        right = [_load(builder, b_first, v, tile, mask) for v, mask in enumerate(masks)]
        kind = ir.FunctionType(tile.vector, [tile.vector] * 3)
        name = f"llvm.fmuladd.v{tile.lanes}f{tile.dtype.bitwidth}"
        multiply_add = cgutils.get_or_insert_function(builder.module, kind, name)
        for r in range(tile.rows):
            row = builder.gep(a_first, [builder.load(builder.gep(offsets, [ir.IntType(64)(r)]))])
            for v, mask in enumerate(masks):
                left = _load(builder, row, v, tile, mask)
                place = r * tile.vectors + v
                total = builder.call(multiply_add, [left, right[v], builder.extract_value(sums, place)])
                sums = builder.insert_value(sums, total, place)
        return sums

    return tile(tile, a, rows, types.intp, types.intp, b, types.intp, columns if whole else types.intp), emit


def _load(builder, first, v, tile, mask):
    """Vector ``v`` from ``first`` on; the lanes of ``mask`` only, unless it is None."""
    address = vector_at(builder, first, v, tile)
    return load_vector(builder, address, tile) if mask is None else masked(builder, "load", address, mask, tile)


def _kept(verb):
    """The intrinsic of ``load_tile`` or ``store_tile``."""

    def definition(typing, tile, array, at):
        def emit(context, builder, signature, args):
            sums, array_value, at_value = args
            first = address_of(context, builder, array, array_value, at_value)
            for place in range(tile.rows * tile.vectors):
                address = vector_at(builder, first, place, tile)
                if verb == "load":
                    sums = builder.insert_value(sums, _load(builder, first, place, tile, None), place)
                else:
                    _store(builder, builder.extract_value(sums, place), address)
            return sums if verb == "load" else context.get_dummy_value()

        return (tile if verb == "load" else types.void)(tile, array, types.intp), emit

    return definition


def _add_row(typing, tile, row, j, columns):
    def emit(context, builder, signature, args):
        sums, row_array, j_value, columns_value = args
        first = address_of(context, builder, row, row_array, j_value)
        for v in range(tile.vectors):
            mask = lane_mask(builder, columns_value, v, tile)
            addend = masked(builder, "load", vector_at(builder, first, v, tile), mask, tile)
            for place in range(v, tile.rows * tile.vectors, tile.vectors):
                total = builder.fadd(builder.extract_value(sums, place), addend)
                sums = builder.insert_value(sums, total, place)
        return sums

    return tile(tile, row, types.intp, types.intp), emit


def _rectify(typing, tile):
    def emit(context, builder, signature, args):
        (values,) = args
        zero = ir.Constant(tile.vector, None)
        for place in range(tile.rows * tile.vectors):
            value = builder.extract_value(values, place)
            positive = builder.select(builder.fcmp_ordered("<", value, zero), zero, value)
            values = builder.insert_value(values, positive, place)
        return values

    return tile(tile), emit


def _store_pooled(typing, tile, out, winner, targets, at, j, columns):
    def emit(context, builder, signature, args):
        values, out_array, winner_array, target_offsets, at_value, j_value, columns_value = args
        first = address_of(context, builder, out, out_array, j_value)
        first_winner = address_of(context, builder, winner, winner_array, j_value)
        offsets = address_of(context, builder, targets, target_offsets, at_value)
        for r in range(0, tile.rows - 3, 4):
            offset = builder.load(builder.gep(offsets, [ir.IntType(64)(r)]))
            with builder.if_then(builder.icmp_signed(">=", offset, offset.type(0))):
                for v in range(tile.vectors):
                    window = [builder.extract_value(values, (r + tap) * tile.vectors + v) for tap in range(4)]
                    highest, place = _maximum(builder, window, tile)
                    column = builder.add(offset, offset.type(v * tile.lanes))
                    pointers = [builder.gep(pointer, [column]) for pointer in (first, first_winner)]
                    mask = lane_mask(builder, columns_value, v, tile)
                    full = builder.icmp_signed("<=", offset.type((v + 1) * tile.lanes), columns_value)
                    with builder.if_else(full) as (whole, part):
                        with whole:  # the common case: a store with a mask is slow on some CPUs
                            _store(builder, highest, pointers[0])
                            _store(builder, place, pointers[1])
                        with part:
                            _store(builder, highest, pointers[0], mask)
                            _store(builder, place, pointers[1], mask)
        return context.get_dummy_value()

    return types.void(tile, out, winner, targets, types.intp, types.intp, types.intp), emit


def _maximum(builder, window, tile):
    """max(0, maximum of the vectors in ``window``), and where it is as bytes: the body of ``store_pooled``."""
    integers = ir.VectorType(ir.IntType(tile.dtype.bitwidth), tile.lanes)
    highest, place, zero = window[0], ir.Constant(integers, None), ir.Constant(tile.vector, None)
    for tap, value in enumerate(window[1:], 1):
        higher = builder.fcmp_unordered("<", highest, value)  # or one of them is NaN
        better = builder.and_(higher, builder.fcmp_ordered("ord", value, value))
        highest = builder.select(better, value, highest)
        place = builder.select(better, ir.Constant(integers, [tap] * tile.lanes), place)
    nowhere = ir.Constant(integers, [NO_WINNER] * tile.lanes)
    place = builder.select(builder.fcmp_ordered(">", highest, zero), place, nowhere)
    highest = builder.select(builder.fcmp_ordered("<", highest, zero), zero, highest)
    return highest, builder.trunc(place, ir.VectorType(ir.IntType(8), tile.lanes))


def _store(builder, value, address, mask=None):
    """One vector, to an address without any alignment; the lanes of ``mask`` only."""
    element = value.type.element
    size = 1 if element == ir.IntType(8) else 4 if element == ir.FloatType() else 8
    if mask is None:
        builder.store(value, builder.bitcast(address, value.type.as_pointer())).align = size
    else:
        letter = "i" if size == 1 else "f"
        name = f"llvm.masked.store.v{value.type.count}{letter}{8 * size}.p0"
        place = builder.bitcast(address, value.type.as_pointer())
        call(builder, name, ir.VoidType(), [value, place, ir.IntType(32)(size), mask])


@compiled_as(_tile_of)
def tile_of(like, shape):
    """A tile of zeros in the dtype of array ``like``: as many rows and vectors as ``shape``'s two tuples are long."""
    return np.zeros((len(shape[0]), len(shape[1]) * VECTOR_BYTES // like.itemsize), like.dtype)


@compiled_as(_rows_of)
def rows_of(tile):
    """Number of rows of a tile."""
    return len(tile)


@compiled_as(_columns_of)
def columns_of(tile):
    """Number of columns of a tile."""
    return tile.shape[1]


@compiled_as(_add_products)
def add_products(tile, a, rows, at, k, b, j, columns):
    """The tile to go on with: tile[r, i] + a[rows[at + r] + k + i] * b[j + i] for i < ``columns``; None: for all."""
    result, count = tile.copy(), min(tile.shape[1] if columns is None else columns, tile.shape[1])
    for offset, sums in zip(rows[at : at + len(tile)] + k, result[:, :count], strict=True):
        sums += a[offset : offset + count] * b[j : j + count]
    return result


@compiled_as(_kept("load"))
def load_tile(tile, array, at):
    """A tile like ``tile`` of the numbers that ``store_tile`` put at array[at:]."""
    return array[at : at + tile.size].reshape(tile.shape)


@compiled_as(_kept("store"))
def store_tile(tile, array, at):
    """array[at:] = the whole tile, row after row."""
    array[at : at + tile.size] = tile.ravel()


@compiled_as(_add_row)
def add_row(tile, row, j, columns):
    """tile[r, i] + row[j + i] for i < ``columns``, other columns as they are."""
    width = min(columns, tile.shape[1])
    result = tile.copy()
    result[:, :width] += row[j : j + width]
    return result


@compiled_as(_rectify)
def rectify(tile):
    """max(tile, 0); NaN stays NaN."""
    return np.where(tile < 0, tile.dtype.type(0), tile)


@compiled_as(_store_pooled)
def store_pooled(tile, out, winner, targets, at, j, columns):
    """Rows 4q to 4q + 3 are a window: out[targets[at + 4q] + j + i] = max(0, its maximum), winner[...] = where it is.

    i < ``columns``. winner: uint8, the first row that holds the maximum, less 4q; NO_WINNER if that is not above zero.
    NaN is passed over, if not all four are. targets: int64; a negative one skips its window.
    """
    for q in range(len(tile) // 4):
        start = targets[at + 4 * q] + j
        if targets[at + 4 * q] >= 0:
            window = tile[4 * q : 4 * q + 4, :columns]
            place = np.where(np.isnan(window), -np.inf, window).argmax(0)
            highest = np.take_along_axis(window, place[None], 0)[0]
            place[np.isnan(window).all(0)] = 0
            out[start : start + highest.size] = np.where(highest < 0, tile.dtype.type(0), highest)
            winner[start : start + highest.size] = np.where(highest > 0, place, NO_WINNER)
