"""Register tiles that add up scaled runs of memory: what a product with a sparse matrix needs.

    tile = tile_of(x, shape)
    for k in range(count):                                   # what is not zero in a row of the sparse matrix
        tile = add_scaled(tile, values[k], x, rows, at, places[k])

``outer`` of ``tiles.py`` has a scalar for each row of the tile and one run of vectors for all; here all rows share one
scalar, and each reads a run of its own. Functions come in pairs as there.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types

from .epilogue import NO_WINNER
from .simd import address_of, compiled_as
from .tiles import Tile, lane_mask, load_vector, masked, vector_at
from .vectors import call, spread

BITS = 64  # outputs that one mask tells about


def _wide_tile(typing, like, shape):
    rows, vectors, lanes, *_ = (part.count for part in shape)
    tile = Tile(like.dtype, rows, vectors, lanes * like.dtype.bitwidth // 8)
    return tile(like, shape), lambda context, builder, signature, args: ir.Constant(
        ir.ArrayType(tile.vector, rows * vectors), None
    )


def _add_scaled(typing, tile, value, x, rows, at, place):
    def emit(context, builder, signature, args):
        sums, scalar, array, row_offsets, at_value, place_value = args
        first = address_of(context, builder, x, array, place_value)
        offsets = address_of(context, builder, rows, row_offsets, at_value)
        left = spread(builder, scalar, tile.vector)
        name = f"llvm.fmuladd.v{tile.lanes}f{tile.dtype.bitwidth}"
        for r in range(tile.rows):
            row = builder.gep(first, [builder.load(builder.gep(offsets, [ir.IntType(64)(r)]))])
            for v in range(tile.vectors):
                number = r * tile.vectors + v
                right = load_vector(builder, vector_at(builder, row, v, tile), tile)
                total = call(builder, name, tile.vector, [left, right, builder.extract_value(sums, number)])
                sums = builder.insert_value(sums, total, number)
        return sums

    return tile(tile, tile.dtype, x, rows, types.intp, types.intp), emit


def _add_first(typing, tile, count, out, targets, at, place):
    def emit(context, builder, signature, args):
        sums, _, array, offsets_array, at_value, place_value = args
        first = address_of(context, builder, out, array, place_value)
        offsets = address_of(context, builder, targets, offsets_array, at_value)
        for r in range(tile.rows):
            offset = builder.load(builder.gep(offsets, [ir.IntType(64)(r)]))
            with builder.if_then(builder.icmp_signed(">=", offset, offset.type(0))):
                row = builder.gep(first, [offset])
                for v in range(count.count):
                    address = vector_at(builder, row, v, tile)
                    old = load_vector(builder, address, tile)
                    total = builder.fadd(old, builder.extract_value(sums, r * tile.vectors + v))
                    builder.store(total, address, align=tile.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(tile, count, out, targets, types.intp, types.intp), emit


def _without_first(typing, tile, count):
    def emit(context, builder, signature, args):
        moved = ir.Constant(ir.ArrayType(tile.vector, tile.rows * tile.vectors), None)
        for r in range(tile.rows):
            for v in range(tile.vectors - count.count):
                value = builder.extract_value(args[0], r * tile.vectors + v + count.count)
                moved = builder.insert_value(moved, value, r * tile.vectors + v)
        return moved

    return tile(tile, count), emit


def _add_window(typing, tile, dy, winner, at, count, x, place, pitch, shape):
    def emit(context, builder, signature, args):
        sums, dy_array, winner_array, at_value, number, array, place_value, pitch_value, _ = args
        share, taken = _share_of(context, builder, dy, dy_array, winner, winner_array, at_value, number, tile)
        lower, right = [builder.icmp_unsigned("!=", builder.and_(taken, taken.type([bit] * tile.lanes)),
                                              taken.type(None)) for bit in (2, 1)]  # fmt: skip
        first = address_of(context, builder, x, array, place_value)
        name = f"llvm.fmuladd.v{tile.lanes}f{tile.dtype.bitwidth}"
        above, row = [], first
        for r in range(tile.rows + 1):
            columns = [builder.load(builder.gep(row, [ir.IntType(64)(v)])) for v in range(tile.vectors + 1)]
            wide = [spread(builder, value, tile.vector) for value in columns]
            here = [builder.select(right, wide[v + 1], wide[v]) for v in range(tile.vectors)]
            for v, value in enumerate(above):
                number = (r - 1) * tile.vectors + v
                chosen = builder.select(lower, here[v], value)
                total = call(builder, name, tile.vector, [share, chosen, builder.extract_value(sums, number)])
                sums = builder.insert_value(sums, total, number)
            above, row = here, builder.gep(row, [pitch_value])
        return sums

    integers = (types.intp,) * 2
    return tile(tile, dy, winner, *integers, x, *integers, shape), emit


def _add_share(typing, tile, dy, winner, at, count):
    def emit(context, builder, signature, args):
        sums, dy_array, winner_array, at_value, number = args
        share, _ = _share_of(context, builder, dy, dy_array, winner, winner_array, at_value, number, tile)
        return builder.insert_value(sums, builder.fadd(builder.extract_value(sums, 0), share), 0)

    return tile(tile, dy, winner, types.intp, types.intp), emit


def _share_of(context, builder, dy, dy_array, winner, winner_array, at, count, tile):
    """LLVM values: dy[at:] of the outputs that live, zero for others; their winners as bytes."""
    mask = lane_mask(builder, count, 0, tile)
    values = masked(builder, "load", vector_at(builder, address_of(context, builder, dy, dy_array, at), 0, tile),
                    mask, tile)  # fmt: skip
    kind = ir.VectorType(ir.IntType(8), tile.lanes)
    address = builder.bitcast(address_of(context, builder, winner, winner_array, at), kind.as_pointer())
    nowhere = ir.Constant(kind, [NO_WINNER] * tile.lanes)
    taken = call(builder, f"llvm.masked.load.v{tile.lanes}i8.p0", kind, [address, ir.IntType(32)(1), mask, nowhere])
    alive = builder.icmp_unsigned("<", taken, nowhere)
    return builder.select(alive, values, ir.Constant(tile.vector, None)), taken


def _mask_of(typing, x, i, value, count):
    def emit(context, builder, signature, args):
        array, offset, wanted, number = args
        kind, bits = ir.VectorType(ir.IntType(8), BITS), ir.IntType(BITS)
        address = builder.bitcast(address_of(context, builder, x, array, offset), kind.as_pointer())
        found = builder.load(address, align=1)
        equal = builder.icmp_unsigned("==", found, spread(builder, builder.trunc(wanted, ir.IntType(8)), kind))
        mask, rest = builder.bitcast(equal, bits), builder.sub(bits(BITS), number)
        used = builder.lshr(bits(-1), builder.select(builder.icmp_signed(">", rest, bits(0)), rest, bits(0)))
        return builder.and_(mask, used)

    return types.uint64(x, types.intp, types.intp, types.intp), emit


def _lowest(typing, mask):
    def emit(context, builder, signature, args):
        bits = ir.IntType(BITS)
        kind = ir.FunctionType(bits, [bits, ir.IntType(1)])
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.cttz.i{BITS}")
        return builder.call(function, [args[0], ir.IntType(1)(1)])

    return types.int64(types.uint64), emit


def _without_lowest(typing, mask):
    def emit(context, builder, signature, args):
        return builder.and_(args[0], builder.sub(args[0], args[0].type(1)))

    return types.uint64(types.uint64), emit


@compiled_as(_wide_tile)
def tile_of(like, shape):
    """A tile of zeros in the dtype of array ``like``. The first three tuples of ``shape`` are as long as it has rows,
    vectors in a row, and lanes in a vector.
    """
    return np.zeros((len(shape[0]), len(shape[1]) * len(shape[2])), like.dtype)


@compiled_as(_add_scaled)
def add_scaled(tile, value, x, rows, at, place):
    """The tile to go on with: tile[r, i] + value * x[rows[at + r] + place + i]. rows: int64, an offset for each row."""
    starts = rows[at : at + len(tile)] + place
    return tile + value * x[starts[:, None] + np.arange(tile.shape[1])]


@compiled_as(_add_first)
def add_first(tile, first, out, targets, at, place):
    """out[targets[at + r] + place + i] += tile[r, i] for the first vectors of each row: one for each element of the
    tuple ``first``, which says how many lanes it has. targets: int64; a negative one skips its row.
    """
    for target, sums in zip(targets[at : at + len(tile)], tile, strict=True):
        if target >= 0:
            out[target + place : target + place + sum(first)] += sums[: sum(first)]


@compiled_as(_without_first)
def without_first(tile, first):
    """The tile whose rows have lost their first vectors (as in ``add_first``), with as many of zeros at their ends."""
    moved = np.zeros_like(tile)
    moved[:, : tile.shape[1] - sum(first)] = tile[:, sum(first) :]
    return moved


@compiled_as(_add_window)
def add_window(tile, dy, winner, at, count, x, place, pitch, shape):
    """The tile to go on with, one window of 2 x 2 and a vector of outputs later: a row of it is a row of the filter, a
    vector of the row one tap (r, v), and a lane o the sum of one output. With winner[at + o] = 2*i + j below 4:

        tile[r, v, o] + dy[at + o] * x[place + (r + i) * pitch + v + j]

    and else, or for o >= ``count``, what it was. Without a branch: of four neighbours one is taken. shape: ``tile_of``.
    """
    sums, (rows, taps) = tile.reshape(len(tile), len(shape[1]), -1).copy(), map(np.arange, map(len, shape[:2]))
    for o in range(min(count, sums.shape[2])):
        if winner[at + o] < NO_WINNER:
            i, j = divmod(int(winner[at + o]), 2)
            sums[:, :, o] += dy[at + o] * x[place + (rows[:, None] + i) * pitch + taps + j]
    return sums.reshape(tile.shape)


@compiled_as(_add_share)
def add_share(tile, dy, winner, at, count):
    """The tile of one vector to go on with: tile[0, o] + dy[at + o] for o < ``count`` where winner[at + o] < 4."""
    shares = np.zeros_like(tile)
    some = slice(at, at + min(count, tile.size))
    shares[0, : min(count, tile.size)] = np.where(winner[some] < NO_WINNER, dy[some], 0)
    return tile + shares


@compiled_as(_mask_of)
def mask_of(x, i, value, count):
    """A uint64 whose bit k says whether x[i + k] == value, for k < ``count``, at least 1. x: uint8; x[i : i + BITS] is
    read, whatever ``count`` is.
    """
    return sum(1 << k for k in range(min(count, BITS)) if x[i + k] == value)


@compiled_as(_lowest)
def lowest(mask):
    """The number of the lowest bit that is set in ``mask``, a uint64 other than 0."""
    return (int(mask) & -int(mask)).bit_length() - 1


@compiled_as(_without_lowest)
def without_lowest(mask):
    """``mask`` without the lowest bit that is set in it."""
    return int(mask) & (int(mask) - 1)
