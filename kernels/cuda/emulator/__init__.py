"""A GPU on the CPU: kernels are typed and lowered as for a GPU, and what comes out is run here.

    translate.py    from a kernel's IR to machine code of this CPU
    runtime.py      what a GPU gives a thread, as IR: indices, barriers, shuffles, atomics; and checks of addresses
    switch.py       threads as fibers: the twenty instructions that leave one and go on with another
    scheduler.py    whose turn it is; what barriers and operations of a warp give
    machine.py      memory, launches, and messages

What it finds: accesses out of bounds (with block, thread and source line), wrong alignment, missing barriers (set a
seed: threads then run in random order), hanging barriers, lanes that do not take part in a shuffle, shared memory that
is read before it is written (NaN). What it cannot: races between blocks, which run one after the other; a missing
wait for cp.async, whose copies are made at once; an index that falls into another array of the kernel, or out of one of
the thread's own (cuda.local.array); how fast a kernel is. Functions such as exp are the C library's, not NVIDIA's.
"""

from .machine import Barrier as Barrier, Emulator as Emulator, KernelFault as KernelFault
