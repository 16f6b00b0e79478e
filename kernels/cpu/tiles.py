"""Register tiles, small matrices of accumulators that live in vector registers, and the product of panels made of them.

    tile = zeros(a, ROWS, 2)                             # ROWS x (2 vectors), of a's dtype
    for k in range(depth):
        tile = outer(tile, a, rows, at, k, b, k * width)  # a row: one broadcast, and one FMA for each vector
    store(tile, c, targets, at, 0, width)

A loop like this compiles to a straight run of FMAs, because a tile is a Numba type of its own: a plain LLVM value (an
array of vectors) that never touches memory. Where its rows lie stands in tables of offsets (``rows``, ``targets``, from
entry ``at`` on): all that sets a matrix product apart from a convolution, so that both are calls of ``multiply_panel``.

Functions come in pairs. The body of the public one says what it computes, and is what runs when Numba's JIT is off; its
twin with an underscore emits the same as LLVM IR. Arrays are C-contiguous and flat; offsets count elements.

Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008, is the source of the scheme.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import models, register_model

from ..jit import inner
from .simd import VECTOR_BYTES, address_of, compiled_as

ROWS = 6  # with 2 vectors a row: 12 accumulators hide the latency of FMA, and fit the 16 registers of AVX2


class Tile(types.Type):
    """``rows`` x ``vectors`` vectors of ``dtype``."""

    def __init__(self, dtype, rows, vectors):
        self.dtype, self.rows, self.vectors = dtype, rows, vectors
        self.lanes = VECTOR_BYTES * 8 // dtype.bitwidth
        super().__init__(f"Tile({dtype}, {rows}, {vectors})")

    @property
    def vector(self):
        return ir.VectorType(ir.FloatType() if self.dtype == types.float32 else ir.DoubleType(), self.lanes)


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager, tile):
        super().__init__(manager, tile, ir.ArrayType(tile.vector, tile.rows * tile.vectors))


def _zeros(typing, like, rows, vectors):
    tile = Tile(like.dtype, rows.literal_value, vectors.literal_value)
    return tile(like, rows, vectors), lambda context, builder, signature, args: ir.Constant(
        ir.ArrayType(tile.vector, tile.rows * tile.vectors), None
    )


def _outer(typing, tile, a, rows, at, k, b, j):
    def emit(context, builder, signature, args):
        sums, a_array, row_offsets, at_value, k_value, b_array, j_value = args
        # An empty instruction that "changes" k: else the compiler keeps a running pointer for every row (and unrolled
        # copy of the loop), more than there are registers, instead of one index k beside fixed pointers.
        k_value = builder.asm(ir.FunctionType(k_value.type, [k_value.type]), "", "=r,0", [k_value], side_effect=False)
        a_first, b_first = (
            address_of(context, builder, a, a_array, k_value),
            address_of(context, builder, b, b_array, j_value),
        )
        offsets = address_of(context, builder, rows, row_offsets, at_value)
        right = [_load(builder, _vector_at(builder, b_first, v, tile), tile) for v in range(tile.vectors)]
        zero_lane = ir.Constant(ir.VectorType(ir.IntType(32), tile.lanes), None)
        undefined = ir.Constant(tile.vector, ir.Undefined)
        multiply_add = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(tile.vector, [tile.vector] * 3),
            f"llvm.fmuladd.v{tile.lanes}f{tile.dtype.bitwidth}",
        )
        for r in range(tile.rows):
            offset = builder.load(builder.gep(offsets, [ir.IntType(64)(r)]))
            scalar = builder.load(builder.gep(a_first, [offset]))
            lane = builder.insert_element(undefined, scalar, ir.IntType(32)(0))
            left = builder.shuffle_vector(lane, undefined, zero_lane)
            for v in range(tile.vectors):
                place = r * tile.vectors + v
                total = builder.call(multiply_add, [left, right[v], builder.extract_value(sums, place)])
                sums = builder.insert_value(sums, total, place)
        return sums

    return tile(tile, a, rows, types.intp, types.intp, b, types.intp), emit


def _write(accumulate):
    """The intrinsic of ``add`` (``accumulate``) or ``store``."""

    def definition(typing, tile, out, targets, at, j, columns):
        def emit(context, builder, signature, args):
            sums, out_array, target_offsets, at_value, j_value, columns_value = args
            first = address_of(context, builder, out, out_array, j_value)
            offsets = address_of(context, builder, targets, target_offsets, at_value)
            masks = [_mask(builder, columns_value, v, tile) for v in range(tile.vectors)]
            for r in range(tile.rows):
                offset = builder.load(builder.gep(offsets, [ir.IntType(64)(r)]))
                with builder.if_then(builder.icmp_signed(">=", offset, offset.type(0))):
                    row = builder.gep(first, [offset])
                    for v, mask in enumerate(masks):
                        value, place = (
                            builder.extract_value(sums, r * tile.vectors + v),
                            _vector_at(builder, row, v, tile),
                        )
                        if accumulate:
                            value = builder.fadd(_masked(builder, "load", place, mask, tile), value)
                        _masked(builder, "store", place, mask, tile, value)
            return context.get_dummy_value()

        return types.void(tile, out, targets, types.intp, types.intp, types.intp), emit

    return definition


def _vector_at(builder, address, index, tile):
    return builder.bitcast(builder.gep(address, [ir.IntType(64)(index * tile.lanes)]), tile.vector.as_pointer())


def _load(builder, address, tile):
    vector = builder.load(address)
    vector.align = tile.dtype.bitwidth // 8
    return vector


def _mask(builder, columns, index, tile):
    """One bit a lane: is the lane's column below ``columns``?"""
    integers = ir.VectorType(ir.IntType(64), tile.lanes)
    lanes = ir.Constant(integers, [index * tile.lanes + lane for lane in range(tile.lanes)])
    first = builder.insert_element(ir.Constant(integers, ir.Undefined), columns, ir.IntType(32)(0))
    zero_lane = ir.Constant(ir.VectorType(ir.IntType(32), tile.lanes), None)
    return builder.icmp_signed("<", lanes, builder.shuffle_vector(first, first, zero_lane))


def _masked(builder, verb, address, mask, tile, value=None):
    """``llvm.masked.load`` or ``llvm.masked.store`` of one vector."""
    align = ir.IntType(32)(tile.dtype.bitwidth // 8)
    name = f"llvm.masked.{verb}.v{tile.lanes}f{tile.dtype.bitwidth}.p0"
    if verb == "store":
        result, args = ir.VoidType(), [value, address, align, mask]
    else:
        result, args = tile.vector, [address, align, mask, ir.Constant(tile.vector, None)]
    signature = ir.FunctionType(result, [argument.type for argument in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), args)


def _noinline(typing):
    return types.void(), lambda context, builder, signature, args: builder.function.attributes.add("noinline")


@compiled_as(_zeros)
def zeros(like, rows, vectors):
    """A tile of ``rows`` x ``vectors`` (compile-time constants) vectors of zeros in the dtype of array ``like``."""
    return np.zeros((rows, vectors * VECTOR_BYTES // like.itemsize), like.dtype)


@compiled_as(_outer)
def outer(tile, a, rows, at, k, b, j):
    """The tile to go on with: tile[r, i] + a[rows[at + r] + k] * b[j + i]. rows: int64, an offset for each row."""
    return tile + a[rows[at : at + len(tile)] + k][:, None] * b[j : j + tile.shape[1]]


@compiled_as(_write(accumulate=False))
def store(tile, out, targets, at, j, columns):
    """out[targets[at + r] + j + i] = tile[r, i] for i < ``columns``. targets: int64; a negative one skips its row."""
    for target, sums in zip(targets[at : at + len(tile)], tile[:, :columns], strict=True):
        if target >= 0:
            out[target + j : target + j + sums.size] = sums


@compiled_as(_write(accumulate=True))
def add(tile, out, targets, at, j, columns):
    """out[targets[at + r] + j + i] += tile[r, i] for i < ``columns``. targets: int64; a negative one skips its row."""
    for target, sums in zip(targets[at : at + len(tile)], tile[:, :columns], strict=True):
        if target >= 0:
            out[target + j : target + j + sums.size] += sums


@compiled_as(_noinline)
def own_registers():
    """Keeps the calling function out of its own callers: a tile needs all registers, and a large function has none."""


@inner
def panel_width(columns, wide):
    """Columns of the panel in front of the last ``columns``: two vectors (``wide``), or one if that is enough."""
    return wide if 2 * columns > wide else wide // 2


@inner
def multiply_panel(a, rows, first, last, origin, runs, length, step, b, panel, accumulate, c, targets, place, columns):
    """c[targets[p] + place + j] (+)= sum over runs and k < length of a[rows[p] + start of run + k * step] * b[., j].

    A run r starts at origin + runs[r, 0] in a and at row runs[r, 1] of b, whose rows have ``panel_width`` columns and
    begin at b[panel]. Pixels (or rows of a matrix) p: first <= p < last; the tables go on for ROWS unused entries.
    Columns j: those of the panel, and fewer than ``columns``. c is written, or added to if ``accumulate``.
    """
    wide = 2 * VECTOR_BYTES // a.itemsize
    width = panel_width(columns, wide)
    if width == wide:
        _tiles(
            zeros(a, ROWS, 2), a, rows, first, last, origin, runs, length, step,
            b, panel, width, accumulate, c, targets, place, columns,
        )  # fmt: skip
    else:
        _tiles(
            zeros(a, ROWS, 1), a, rows, first, last, origin, runs, length, step,
            b, panel, width, accumulate, c, targets, place, columns,
        )  # fmt: skip


@inner
def _tiles(
    zero, a, rows, first, last, origin, runs, length, step, b, panel, width, accumulate, c, targets, place, columns
):  # fmt: skip
    """``multiply_panel`` for tiles like ``zero``."""
    own_registers()
    for at in range(first, last, ROWS):
        tile = zero
        for run in range(runs.shape[0]):
            k, j = origin + runs[run, 0], panel + runs[run, 1] * width
            for _ in range(length):
                tile = outer(tile, a, rows, at, k, b, j)
                k += step
                j += width
        if accumulate:
            add(tile, c, targets, at, place, columns)
        else:
            store(tile, c, targets, at, place, columns)
