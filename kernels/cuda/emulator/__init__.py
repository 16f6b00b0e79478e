"""A GPU on the CPU: kernels are typed and lowered as for a GPU, and what comes out is run here.

    translate.py    from a kernel's IR to machine code of this CPU
    runtime.py      what a GPU gives a thread, as IR: indices, barriers, shuffles, atomics
    checks.py       what stands before each access to memory
    switch.py       threads as fibers: the twenty instructions that leave one and go on with another
    scheduler.py    whose turn it is; what barriers and operations of a warp give
    machine.py      memory, launches, and messages
    accesses.py     how well a kernel's lines use memory, by the rules in requests.py

What it finds: accesses out of bounds (with block, thread and source line), wrong alignment, missing barriers (set a
seed: threads then run in random order), hanging barriers, lanes that do not take part in a shuffle, shared memory that
is read before it is written (NaN); and, if asked, how well each line uses memory. What it cannot: races between blocks,
which run one after the other; a missing wait for cp.async, whose copies are made at once; an index that falls into
another array of the kernel, or out of one of the thread's own (cuda.local.array); how fast a kernel is. Functions such
as exp are the C library's, not NVIDIA's.
"""

from .accesses import accesses as accesses
from .machine import Barrier as Barrier, Emulator as Emulator, KernelFault as KernelFault
