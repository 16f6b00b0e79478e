"""Steps through a tiled matrix product on the emulated GPU: what lies in shared memory at every barrier, what an access
out of bounds looks like, and how well the kernel uses memory.

    MICRODL_GPU=emulate python examples/cuda_emulator.py

A block of 4 x 4 threads computes a tile of C = A B, a number each. To read A and B from memory for every product would
keep the memory busy; so the threads copy a slab of each to shared memory, wait for each other (the first barrier), read
what they need from there, and wait again (the second), before anybody writes the next slab over this one.
"""

import os

import numpy as np

from microdl.core.kernels import support

os.environ.setdefault("MICRODL_GPU", "emulate")  # read at the first launch
launch, target, accesses = support("cuda.launch"), support("cuda.target"), support("cuda.emulator").accesses
cuda, float32 = target.cuda, target.float32  # names by which kernels know them

TILE = 4


@launch.kernel("float32* float32* float32* int32", threads=(TILE, TILE))
def tiled(a, b, c, n):
    """C = A B for matrices of n x n numbers, n a multiple of TILE."""
    left = cuda.shared.array((TILE, TILE), float32)
    right = cuda.shared.array((TILE, TILE), float32)
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    row, column = cuda.blockIdx.y * TILE + y, cuda.blockIdx.x * TILE + x
    total = float32(0)
    for k in range(0, n, TILE):
        left[y, x] = a[row * n + k + x]
        right[y, x] = b[(k + y) * n + column]
        cuda.syncthreads()
        for j in range(TILE):
            total += left[y, j] * right[j, x]
        cuda.syncthreads()
    c[row * n + column] = total


@launch.kernel("float32* float32* int32", threads=32)
def careless(x, y, n):
    """Copies n + 1 numbers, of which there are n."""
    i = cuda.grid(1)
    if i <= n:
        y[i] = x[i]


def show(barrier):
    """Prints both slabs whenever they have been filled in the first block."""
    if barrier.block == (0, 0, 0) and barrier.number % 2 == 1:
        left, right = (slab.reshape(TILE, TILE) for slab in barrier.shared)
        print(f"block {barrier.block}, barrier {barrier.number}: A's slab beside B's")
        for rows in zip(left, right, strict=True):
            print("   ", "   |   ".join(" ".join(f"{number:4.0f}" for number in row) for row in rows))


def main():
    gpu, n = launch.device(), 2 * TILE
    a, b = gpu.array(np.arange(n * n, dtype=np.float32)), gpu.array(np.eye(n, dtype=np.float32).ravel())
    c = gpu.empty(n * n, np.float32)
    with gpu.watch(show):
        tiled((n // TILE, n // TILE), a, b, c, n)
    print("A times the unit matrix is A:", bool((a == c).all()))
    try:
        careless(1, a, gpu.empty(n, np.float32), np.int32(n))
    except RuntimeError as error:
        print(f"\n{error}\n")
    with accesses() as seen:  # rows of 4 numbers are half a sector; with TILE = 8 nothing is wasted
        tiled((n // TILE, n // TILE), a, b, c, n)
    seen.print()


if __name__ == "__main__":
    main()
