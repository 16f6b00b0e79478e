"""Fibers: functions that stop in the middle, each on a stack of its own, and go on later. A CUDA thread is one.

To switch is to save the registers that a function must not change on the stack, to save the stack's address, and to do
the same backwards with another stack: twenty instructions of machine code, for each processor in its own language.
LLVM has an assembler, so no compiler is needed. The function is "naked": LLVM adds nothing to what is written here.

    switch(save, to)        save: where the address of the stack that is left goes; to: the stack to go on with

A new fiber's stack is made to look as if ``switch`` had left it at the first instruction of the fiber's function.
"""

import mmap
import platform

import numpy as np

from ...jit import config

STACK_BYTES = 1 << 16  # of one fiber; the system gives it memory when it is used
MOST_FIBERS = 1024  # threads of a block

X86_64 = """
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    retq
"""

AARCH64 = """
    stp x19, x20, [sp, #-160]!
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x19, x20, [sp], #160
    ret
"""

# Words of the picture of registers on a stack, the one that holds the address to go on at, and words above the picture
# (on x86-64 a function begins 8 bytes off a multiple of 16).
X86_64_PICTURE, AARCH64_PICTURE = (7, 6, 1), (20, 11, 0)
PROCESSORS = {"x86_64": (X86_64, X86_64_PICTURE), "amd64": (X86_64, X86_64_PICTURE)} | dict.fromkeys(
    ("aarch64", "arm64"), (AARCH64, AARCH64_PICTURE)
)


def processor():
    """(assembly of ``switch``, picture of registers) for this machine."""
    machine, system = platform.machine().lower(), platform.system()
    if machine not in PROCESSORS or system == "Windows":
        raise NotImplementedError(
            f"microdl: the emulated GPU switches between threads on x86-64 and aarch64, not under Windows; this is "
            f"{machine} under {system}"
        )
    if config.DISABLE_JIT:
        raise NotImplementedError("microdl: the emulated GPU needs Numba's JIT; unset NUMBA_DISABLE_JIT")
    return PROCESSORS[machine]


def switch_ir(assembly):
    """LLVM IR of ``switch``."""
    text = "\\0A".join(line.strip() for line in assembly.strip().splitlines())
    return f"""
define void @microdl_switch(ptr %save, ptr %to) naked noinline {{
  call void asm sideeffect "{text}", "~{{memory}}"()
  unreachable
}}
"""


class Stacks:
    """Memory for the stacks of all fibers of a block, used again for each."""

    def __init__(self):
        self._memory = mmap.mmap(-1, STACK_BYTES * MOST_FIBERS)
        self._words = np.frombuffer(self._memory, np.uint64).reshape(MOST_FIBERS, -1)
        self.address = self._words.__array_interface__["data"][0]
        self._picture, self._resume, self._above = processor()[1]

    def prepare(self, count, function, pointers):
        """Lets ``count`` fibers begin at address ``function``. pointers: int64 (fibers,), written: their stacks."""
        # The two words left over keep the addresses' remainder by 16.
        first = self._words.shape[1] - self._picture - self._above - 2
        self._words[:count, first:] = 0
        self._words[:count, first + self._resume] = function
        rows = np.arange(count, dtype=np.int64)
        pointers[:count] = self.address + rows * STACK_BYTES + first * 8
