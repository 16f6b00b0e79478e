"""What a GPU can do at most, measured: multiply-adds on registers, and moving bytes in its cache and its memory."""

import numpy as np

from microdl.core.kernels import support

# ``kernels`` answers to its installed name only, which ``support`` finds in a checkout too.
_intrinsics, _launch, _target = support("cuda.intrinsics"), support("cuda.launch"), support("cuda.target")
cuda, fma, float32, uint32 = _target.cuda, _intrinsics.fma, _target.float32, _target.uint32
kernel, THREADS = _launch.kernel, _launch.THREADS

CHAINS = 8  # independent sums of a thread
TURNS = 32  # multiply-adds of each that are written out
STEPS = 512  # times that
BLOCKS = 16  # for each multiprocessor
LARGE = 1 << 28  # float32 that are copied: four times as many bytes, more than any cache holds
ROUNDS = 10


@kernel("float32* float32 int32")
def _multiply_adds(sums, x, steps):
    """total = total * x + x, for CHAINS totals in registers of every thread."""
    totals = cuda.local.array(CHAINS, float32)
    for k in range(CHAINS):
        totals[k] = float32(uint32(cuda.threadIdx.x) + uint32(k))
    step = uint32(0)
    while step < uint32(steps):
        for _ in range(TURNS):
            for k in range(CHAINS):
                totals[k] = fma(totals[k], x, x)
        step = uint32(step + uint32(1))
    total = totals[0]
    for k in range(1, CHAINS):
        total = total + totals[k]
    sums[uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))] = total


def measure(gpu, clock, steps=STEPS, large=LARGE):
    """{"flops": {dtype: FLOP/s}, "levels": [[name, bytes it holds, copy bytes/s, read bytes/s], ...]}.

    Of the cache: what it gives for arrays that half fill it.
    """
    seen = gpu.driver.properties()
    sums, factor = gpu.empty((seen.multiprocessors * BLOCKS * THREADS,), np.float32), np.float32(0.5)
    seconds = _best(clock, lambda: _multiply_adds(seen.multiprocessors * BLOCKS, sums, factor, steps))
    operations = 2 * CHAINS * TURNS * steps * sums.size
    levels = [["L2", seen.l2_nbytes, seen.l2_nbytes // 16]] if seen.l2_nbytes else []
    found = [[name, held, *_bandwidths(gpu, clock, size)] for name, held, size in [*levels, ["memory", 0, large]]]
    return {"flops": {"float32": operations / seconds}, "levels": found}


def _bandwidths(gpu, clock, size):
    """Bytes/s of copying ``size`` float32 (reads and writes counted), by the better of two ways, and of reading."""
    x, y = (gpu.empty((size,), np.float32) for _ in range(2))
    gpu.clear(x)
    total = gpu.empty((1, 1), np.float32)
    rows = x.reshape((1, size, 1))
    ways = (lambda: gpu.copy(y, x), lambda: gpu.kernels.activation.relu(x, y))
    copying = min(_best(clock, way) for way in ways)
    reading = _best(clock, lambda: gpu.kernels.reduction.reduce_sum(rows, total))
    return [2 * x.nbytes / copying, max(x.nbytes / reading, x.nbytes / copying)]


def _best(clock, call):
    """Seconds of the fastest call."""
    call()
    group = clock.group_of([call])
    return min((sample for _ in range(ROUNDS) for sample in clock.batch(group, 0.0)), default=float("inf"))
