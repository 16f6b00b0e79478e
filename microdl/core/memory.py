"""Keeps memory that arrays have given back, for the arrays of the next step.

A training step allocates the same arrays each time. The GNU C library hands large ones back to the system as soon as
they are freed, and the system clears and maps each page again when the next step first touches it: more work than
many an op does with the page. Two of its settings change that (``man mallopt``). They hold for the process, so whoever
has chosen their own in the environment keeps them.
"""

import ctypes
import os
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names of the settings in malloc.h
KEPT_BYTES = 1 << 29  # free memory at the heap's end beyond which it is given back
LARGE_BYTES = 1 << 25  # arrays that are given back each for itself: from the largest size on that the library takes
CHOSEN = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES"}


def keep_freed_memory():
    """Lets this process keep freed memory, where the C library is GNU's and nobody has set it up otherwise: True."""
    if CHOSEN & os.environ.keys() or platform.libc_ver()[0] != "glibc":
        return False
    library = ctypes.CDLL(None)
    return bool(library.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES) and library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))
