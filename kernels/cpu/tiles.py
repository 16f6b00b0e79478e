"""Register tiles: small matrices of accumulators that live in vector registers.

    tile = zeros(a, ROWS, 2)                             # ROWS x (2 vectors), of a's dtype
    for k in range(depth):
        tile = outer(tile, a, rows, at, k, b, k * width)  # a row: one broadcast, and one FMA for each vector
    store(tile, c, targets, at, 0, width)

A loop like this compiles to a straight run of FMAs, because a tile is a Numba type of its own: a plain LLVM value (an
array of vectors) that never touches memory. Where its rows lie stands in tables of offsets (``rows``, ``targets``, from
entry ``at`` on): all that sets a matrix product apart from a convolution.

Functions come in pairs. The body of the public one says what it computes, and is what runs when Numba's JIT is off; its
twin with an underscore emits the same as LLVM IR. Arrays are C-contiguous and flat; offsets count elements.

Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008, is the source of the scheme.
"""

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import models, register_model

from .simd import CACHE_LINE, VECTOR_BYTES, WIDEST_BYTES, address_of, compiled_as
from .vectors import call

ROWS = 6  # with 2 vectors a row: 12 accumulators hide the latency of FMA, and fit the 16 registers of AVX2


class Tile(types.Type):
    """``rows`` x ``vectors`` vectors of ``size`` bytes of ``dtype``."""

    def __init__(self, dtype, rows, vectors, size=VECTOR_BYTES):
        self.dtype, self.rows, self.vectors = dtype, rows, vectors
        self.lanes = size * 8 // dtype.bitwidth
        super().__init__(f"Tile({dtype}, {rows}, {vectors}, {size})")

    @property
    def vector(self):
        return ir.VectorType(ir.FloatType() if self.dtype == types.float32 else ir.DoubleType(), self.lanes)


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager, tile):
        super().__init__(manager, tile, ir.ArrayType(tile.vector, tile.rows * tile.vectors))


def _zeros(typing, like, rows, vectors):
    tile = Tile(like.dtype, rows.literal_value, vectors.literal_value)
    return tile(like, rows, vectors), lambda context, builder, signature, args: _constant(tile)


def _wide_zeros(typing, like, rows, vectors):
    across = vectors.literal_value * VECTOR_BYTES
    size = VECTOR_BYTES if across % WIDEST_BYTES else WIDEST_BYTES
    tile = Tile(like.dtype, rows.literal_value, across // size, size)
    return tile(like, rows, vectors), lambda context, builder, signature, args: _constant(tile)


def _constant(tile):
    return ir.Constant(ir.ArrayType(tile.vector, tile.rows * tile.vectors), None)


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
        right = [load_vector(builder, vector_at(builder, b_first, v, tile), tile) for v in range(tile.vectors)]
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
            masks = [lane_mask(builder, columns_value, v, tile) for v in range(tile.vectors)]
            for r in range(tile.rows):
                offset = builder.load(builder.gep(offsets, [ir.IntType(64)(r)]))
                with builder.if_then(builder.icmp_signed(">=", offset, offset.type(0))):
                    row = builder.gep(first, [offset])
                    for v, mask in enumerate(masks):
                        value = builder.extract_value(sums, r * tile.vectors + v)
                        place = vector_at(builder, row, v, tile)
                        if accumulate:
                            value = builder.fadd(masked(builder, "load", place, mask, tile), value)
                        masked(builder, "store", place, mask, tile, value)
            return context.get_dummy_value()

        return types.void(tile, out, targets, types.intp, types.intp, types.intp), emit

    return definition


def _plus(typing, tile, c, targets, at, j, columns):
    def emit(context, builder, signature, args):
        sums, c_array, target_offsets, at_value, j_value, columns_value = args
        first = address_of(context, builder, c, c_array, j_value)
        offsets = address_of(context, builder, targets, target_offsets, at_value)
        for r in range(tile.rows):
            offset = builder.load(builder.gep(offsets, [ir.IntType(64)(r)]))
            used = builder.select(builder.icmp_signed(">=", offset, offset.type(0)), columns_value, offset.type(0))
            row = builder.gep(first, [offset])
            for v in range(tile.vectors):
                place = r * tile.vectors + v
                old = masked(builder, "load", vector_at(builder, row, v, tile), lane_mask(builder, used, v, tile), tile)
                sums = builder.insert_value(sums, builder.fadd(old, builder.extract_value(sums, place)), place)
        return sums

    return tile(tile, c, targets, types.intp, types.intp, types.intp), emit


def _prefetch(typing, x, i):
    def emit(context, builder, signature, args):
        _ask(builder, address_of(context, builder, x, *args))
        return context.get_dummy_value()

    return types.void(x, types.intp), emit


def _prefetch_rows(typing, tile, out, targets, at, j):
    def emit(context, builder, signature, args):
        _, out_array, target_offsets, at_value, j_value = args
        first = address_of(context, builder, out, out_array, j_value)
        offsets = address_of(context, builder, targets, target_offsets, at_value)
        step = max(1, CACHE_LINE * 8 // (tile.lanes * tile.dtype.bitwidth))
        for r in range(tile.rows):
            row = builder.gep(first, [builder.load(builder.gep(offsets, [ir.IntType(64)(r)]))])
            for v in range(0, tile.vectors, step):
                _ask(builder, vector_at(builder, row, v, tile))
        return context.get_dummy_value()

    return types.void(tile, out, targets, types.intp, types.intp), emit


def _ask(builder, address):
    """Prefetches the cache line of an address, to read, into all caches."""
    byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
    call(builder, "llvm.prefetch.p0", ir.VoidType(), [builder.bitcast(address, byte), flag(0), flag(3), flag(1)])


def vector_at(builder, address, index, tile):
    """Where vector ``index`` from ``address`` on lies."""
    return builder.bitcast(builder.gep(address, [ir.IntType(64)(index * tile.lanes)]), tile.vector.as_pointer())


def load_vector(builder, address, tile):
    """One whole vector, from an address without any alignment."""
    vector = builder.load(address)
    vector.align = tile.dtype.bitwidth // 8
    return vector


def lane_mask(builder, columns, index, tile):
    """One bit a lane: is the lane's column below ``columns``?"""
    integers = ir.VectorType(ir.IntType(64), tile.lanes)
    lanes = ir.Constant(integers, [index * tile.lanes + lane for lane in range(tile.lanes)])
    first = builder.insert_element(ir.Constant(integers, ir.Undefined), columns, ir.IntType(32)(0))
    zero_lane = ir.Constant(ir.VectorType(ir.IntType(32), tile.lanes), None)
    return builder.icmp_signed("<", lanes, builder.shuffle_vector(first, first, zero_lane))


def masked(builder, verb, address, mask, tile, value=None):
    """``llvm.masked.load`` or ``llvm.masked.store`` of one vector."""
    align = ir.IntType(32)(tile.dtype.bitwidth // 8)
    name = f"llvm.masked.{verb}.v{tile.lanes}f{tile.dtype.bitwidth}.p0"
    if verb == "store":
        result, args = ir.VoidType(), [value, address, align, mask]
    else:
        result, args = tile.vector, [address, align, mask, ir.Constant(tile.vector, None)]
    return call(builder, name, result, args)


def _noinline(typing):
    return types.void(), lambda context, builder, signature, args: builder.function.attributes.add("noinline")


@compiled_as(_zeros)
def zeros(like, rows, vectors):
    """A tile of ``rows`` x ``vectors`` (compile-time constants) vectors of zeros in the dtype of array ``like``."""
    return np.zeros((rows, vectors * VECTOR_BYTES // like.itemsize), like.dtype)


@compiled_as(_wide_zeros)
def wide_zeros(like, rows, vectors):
    """The same as ``zeros`` in the widest registers that divide its rows: fewer instructions for as many numbers."""
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


@compiled_as(_plus)
def plus(tile, c, targets, at, j, columns):
    """tile[r, i] + c[targets[at + r] + j + i] for i < ``columns``, where the target is not negative."""
    result = tile.copy()
    for target, sums in zip(targets[at : at + len(tile)], result[:, :columns], strict=True):
        if target >= 0:
            sums += c[target + j : target + j + sums.size]
    return result


@compiled_as(_prefetch)
def prefetch(x, i):
    """Asks for the cache line of x[i], which may lie beyond the end, to have it sooner."""


@compiled_as(_prefetch_rows)
def prefetch_rows(tile, out, targets, at, j):
    """``prefetch`` of out[targets[at + r] + j + i] for every entry of a tile: what ``plus`` and ``store`` touch."""


@compiled_as(_noinline)
def own_registers():
    """Keeps the calling function out of its own callers: a tile needs all registers, and a large function has none."""
