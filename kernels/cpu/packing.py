"""Copies of parts of matrices into the order in which register tiles read them.

A block of rows becomes compact, so that its rows lie neither a page nor a power of two apart. A panel is as wide as a
tile and holds zeros beyond the last column. Arrays are C-contiguous and flat; offsets count elements.
"""

from llvmlite import ir
from numba.core import types

from ..jit import inner
from .simd import VECTOR_BYTES, address_of, apart, clear, compiled_as
from .tiles import Tile, load_vector, prefetch, vector_at
from .vectors import lanes, load, load_some, store

AHEAD = 8  # rows: they lie too far apart for the CPU to guess which one is next


@inner
def pack(source, start, down, right, rows, columns, target, place, width):
    """target[place + r * width + i] = source[start + r * down + i * right], zero for columns <= i < width.

    r < ``rows``. down, right: distances between neighbours; one of them is 1.
    """
    apart()
    step = lanes(source)
    whole_columns = columns - columns % step
    if right == 1:
        for r in range(rows):
            i, j = start + r * down, place + r * width
            for v in range(0, whole_columns, step):
                prefetch(source, i + AHEAD * down + v)
                store(load(source, i + v), target, j + v)
            for v in range(whole_columns, width, step):
                store(load_some(source, i + v, columns - v), target, j + v)
        return
    if columns < width:
        clear(target, place, rows * width)
    whole_rows = rows - rows % step
    for i in range(0, whole_columns, step):
        for r in range(0, whole_rows, step):
            turn(source, start + i * right + r, right, target, place + r * width + i, width)
    for i in range(columns):
        for r in range(whole_rows if i < whole_columns else 0, rows):
            target[place + r * width + i] = source[start + i * right + r]


def _turn(typing, source, i, pitch, target, j, width):
    def emit(context, builder, signature, args):
        source_array, i_value, pitch_value, target_array, j_value, width_value = args
        square = Tile(source.dtype, 1, 1)
        first = address_of(context, builder, source, source_array, i_value)
        goal = address_of(context, builder, target, target_array, j_value)
        index, half = i_value.type, square.lanes // 2
        rows = [
            load_vector(
                builder,
                vector_at(builder, builder.gep(first, [builder.mul(pitch_value, index(r))]), 0, square),
                square,
            )
            for r in range(square.lanes)
        ]
        # Riffle the upper into the lower half of the rows, number by number: after log2(lanes) times they are turned.
        riffles = [
            ir.Constant(
                ir.VectorType(ir.IntType(32), square.lanes),
                [q // 2 + q % 2 * square.lanes + at for q in range(square.lanes)],
            )
            for at in (0, half)
        ]
        for _ in range(half.bit_length()):
            rows = [builder.shuffle_vector(rows[r], rows[r + half], riffle) for r in range(half) for riffle in riffles]
        for r, row in enumerate(rows):
            place = vector_at(builder, builder.gep(goal, [builder.mul(width_value, index(r))]), 0, square)
            builder.store(row, place).align = source.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp), emit


@compiled_as(_turn)
def turn(source, i, pitch, target, j, width):
    """target[j + r * width + q] = source[i + q * pitch + r] for q and r below the lanes of a vector."""
    lanes = VECTOR_BYTES // source.itemsize
    for r in range(lanes):
        target[j + r * width : j + r * width + lanes] = source[i + r : i + r + lanes * pitch : pitch][:lanes]
