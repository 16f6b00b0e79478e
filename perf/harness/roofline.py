"""The roofline model: no kernel is faster than its arithmetic at the peak, nor than its bytes at full bandwidth.

Williams, Waterman and Patterson, "Roofline: An Insightful Visual Performance Model", 2009. The bandwidth is that of the
smallest level of memory that holds all arrays of the row.
"""

import numpy as np

LEAST_MOVED = 1 << 24  # bytes: the loop that moves a row's bytes is timed over so many at least


def peak(case, roofs):
    """FLOP/s at most."""
    return roofs["flops"]["float64" if np.dtype(case.dtype).itemsize == 8 else "float32"]


def bandwidth(case, roofs, figures=None):
    """Bytes/s at most: of a loop that only moves the row's bytes, measured beside it, else of a copy in general."""
    beside = (figures or {}).get("roof", {})
    if "min" in beside:
        return case.bytes * passes(case.bytes) / beside["min"]
    _, _, copy, read = level(case, roofs)
    return max(copy, read) if case.reads_only else copy


def passes(size):
    """How often ``size`` bytes are moved in one measured call."""
    return max(1, LEAST_MOVED // max(1, size))


def level(case, roofs):
    """[name, bytes that it holds, copy bytes/s, read bytes/s] of the memory that the row works in."""
    *within, memory = roofs["levels"]
    return next((found for found in within if case.footprint <= found[1] and not case.cold), memory)


def least_seconds(case, roofs, figures=None):
    """No call can take less; Winograd's convolutions can, because ``flops`` counts the direct algorithm.

    None for tensor cores, whose peak is not measured.
    """
    if case.tf32:
        return None
    return max(case.flops / peak(case, roofs), case.bytes / bandwidth(case, roofs, figures))
