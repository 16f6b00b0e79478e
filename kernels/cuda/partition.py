"""How a matrix product is cut into the work of blocks of threads: which tiles of C, and parts of the depth."""

import functools

from .intrinsics import advance
from .launch import ceildiv
from .target import cuda, device, int64, uint32

WIDE_A, WIDE_B, WIDE_C = 1, 2, 16  # which matrices may be accessed by 16 bytes: ``flags``, beside those of epilogue.py

# What ``plan`` estimates with, in cycles. Nobody has measured them; they need only tell good choices from bad ones.
MULTIPROCESSORS = 132  # of an H100 or H200. A constant: bits must not depend on the GPU
LATENCY = 700  # of memory: a block's slab takes no less
LAUNCH = 4000
BYTES = 2500  # that go to or from memory in a cycle
SPLITS = 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256
LEAST_DEPTH = 64  # of a part
MOST_ELEMENTS = 2**32 - 1  # of a matrix, which kernels count by uint32; of a batch there may be more

# Of each kind of tile: steps of a slab, cycles of a slab (two for each instruction of a thread that ptxas writes for
# sm_90), blocks that a multiprocessor has room for. "tf32": by tensor cores.
KINDS = {
    (16, 16): (16, 200, 8),
    (64, 64): (8, 580, 4),
    (128, 64): (8, 920, 3),
    (128, 128): (8, 1440, 2),
    (128, 128, "tf32"): (16, 600, 2),
}


def countable(m, n, depth):
    """Raises ValueError for a matrix with more elements than kernels here can count: they would read wrong ones."""
    for rows, columns in ((m, depth), (depth, n), (m, n)):
        if rows * columns > MOST_ELEMENTS:
            raise ValueError(
                f"a matrix of a product on a GPU has up to {MOST_ELEMENTS} elements, got {rows} x {columns}; split it "
                "into several"
            )


@functools.lru_cache(maxsize=4096)
def plan(batch, m, n, depth, tensor):
    """(tile, parts): the kind of tile and the number of parts of which the estimate is least.

    tensor: whether tensor cores are allowed.
    """
    countable(m, n, depth)
    tiles = [tile for tile in KINDS if tensor or "tf32" not in tile]
    return min(
        ((tile, parts) for tile in tiles for parts in SPLITS if parts == 1 or depth >= parts * LEAST_DEPTH),
        key=lambda choice: _cycles(*choice, batch, m, n, depth),
    )


def _cycles(tile, parts, batch, m, n, depth):
    """How long a product takes, roughly."""
    steps, cycles, room = KINDS[tile]
    blocks = max(1, ceildiv(batch * parts * ceildiv(m, tile[0]) * ceildiv(n, tile[1]), MULTIPROCESSORS))
    together = min(room, blocks)
    slabs = ceildiv(depth, steps * parts)
    total = LAUNCH + ceildiv(blocks, together) * slabs * max(LATENCY, cycles * together)
    return total if parts == 1 else total + LAUNCH + 8 * parts * batch * m * n // BYTES


@device
def place(a, b, c, sizes, tall, wide):
    """(first row, first column, first k, k to end before; a, b and c of the image) of a block's tile, tall x wide."""
    m, n, depth, length, batch, _, down, right, own_a, own_b, _ = sizes
    block = uint32(cuda.blockIdx.x)
    column, block = uint32(block % uint32(right)), uint32(block // uint32(right))
    row, block = uint32(block % uint32(down)), uint32(block // uint32(down))
    image, part = uint32(block % uint32(batch)), uint32(block // uint32(batch))
    first = uint32(part * uint32(length))
    end = uint32(min(uint32(first + uint32(length)), uint32(depth)))
    a = advance(a, int64(uint32(image * uint32(own_a))) * int64(uint32(m) * uint32(depth)))
    b = advance(b, int64(uint32(image * uint32(own_b))) * int64(uint32(depth) * uint32(n)))
    c = advance(c, int64(block) * int64(m) * int64(n))
    return uint32(row * uint32(tall)), uint32(column * uint32(wide)), first, end, a, b, c
