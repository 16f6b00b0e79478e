"""Sums of parts: what comes after products whose depth was cut so that all of the GPU has work.

The parts lie one after another in scratch memory, and are added in an order that depends on their number alone: results
have the same bits in every run.
"""

from .epilogue import relu_of_window
from .launch import THREADS, ceildiv, kernel
from .scalar import ZERO
from .target import cuda, device, float32, int32, int64, uint8, uint32

FEW = 8  # parts that one thread adds up
WIDE, DEEP = 32, 8  # elements of a block, and threads that share an element's parts: THREADS together


@device
def _finish(value, bias, column, has_bias, relu):
    if has_bias != int32(0):
        value = value + bias[column]
    if relu != int32(0) and value < ZERO:
        value = ZERO
    return value


_ARGUMENTS = "float32* float32* float32* int32 int32 int32 int32 int32"


@kernel(_ARGUMENTS)
def _join_few(parts, bias, y, count, size, columns, has_bias, relu):
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(size):
        total, part = ZERO, uint32(0)
        while part < uint32(count):
            total = total + parts[int64(part) * int64(size) + int64(i)]
            part = uint32(part + uint32(1))
        y[i] = _finish(total, bias, uint32(i % uint32(columns)), has_bias, relu)


@kernel(_ARGUMENTS)
def _join(parts, bias, y, count, size, columns, has_bias, relu):
    sums = cuda.shared.array(THREADS, float32)
    t = uint32(cuda.threadIdx.x)
    x, share = uint32(t % uint32(WIDE)), uint32(t // uint32(WIDE))
    i, total, part = uint32(uint32(cuda.blockIdx.x) * uint32(WIDE) + x), ZERO, share
    if i < uint32(size):
        while part < uint32(count):
            total = total + parts[int64(part) * int64(size) + int64(i)]
            part = uint32(part + uint32(DEEP))
    sums[t] = total
    cuda.syncthreads()
    if share == uint32(0) and i < uint32(size):
        for k in range(1, DEEP):
            total = total + sums[uint32(uint32(k * WIDE) + x)]
        y[i] = _finish(total, bias, uint32(i % uint32(columns)), has_bias, relu)


def join(parts, bias, relu, y):
    """y = the sum of all parts[k], + bias if there is one, of that max(0, .) if ``relu``, in which NaN stays NaN.

    parts: (count, *y.shape), read. bias: (y's last size,) or None, read. relu: a bool. y: written. float32.
    """
    count, columns = parts.shape[0], max(1, y.shape[-1])
    few = count <= FEW
    blocks = ceildiv(y.size, THREADS if few else WIDE)
    (_join_few if few else _join)(blocks, parts, bias, y, count, y.size, columns, int(bias is not None), int(relu))


@device
def _pixel(parts, bias, at, columns, column, count, size):
    total, part = ZERO, uint32(0)
    while part < uint32(count):
        total = total + parts[int64(part) * int64(size) + int64(at)]
        part = uint32(part + uint32(1))
    return total + bias[column]


@kernel("float32* float32* float32* uint8* int32 int32 int32")
def _join_windows(parts, bias, y, winner, count, size, columns):
    i = uint32(uint32(cuda.blockIdx.x) * uint32(THREADS) + uint32(cuda.threadIdx.x))
    if i < uint32(size):
        window, column, whole = uint32(i // uint32(columns)), uint32(i % uint32(columns)), int64(size) * int64(4)
        at = uint32(window * uint32(4) * uint32(columns) + column)
        one = _pixel(parts, bias, at, columns, column, count, whole)
        two = _pixel(parts, bias, uint32(at + uint32(columns)), columns, column, count, whole)
        three = _pixel(parts, bias, uint32(at + uint32(2) * uint32(columns)), columns, column, count, whole)
        four = _pixel(parts, bias, uint32(at + uint32(3) * uint32(columns)), columns, column, count, whole)
        y[i], place = relu_of_window(one, two, three, four)
        winner[i] = uint8(place)


def join_windows(parts, bias, y, winner):
    """y, winner = the maximum of 0 and each window of 2 x 2 of the sum of all parts + bias, and where it is.

    parts: (count, 4 * windows, outputs), pixels window by window, read. bias: (outputs,), read. y: (windows, outputs),
    winner: uint8, as y, 4 for none: written.
    """
    columns = max(1, y.shape[-1])
    _join_windows(ceildiv(y.size, THREADS), parts, bias, y, winner, parts.shape[0], y.size, columns)
