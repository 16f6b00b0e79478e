"""Runs the threads of one block: whose turn it is, and what barriers and the operations of a warp give.

A thread runs until it ends or waits for others. It then has left in ``waiting`` what for, and in its row of
``operands`` what it brings along. When nobody can run on, whoever waits for something that has come about gets its
result and may run again: a warp's operation when all lanes that its mask names are there, a barrier when all threads
are. If nobody can be helped, the block hangs, as it would on a GPU.
"""

import numpy as np
from llvmlite import ir
from numba.core import types

from ...cpu.simd import compiled_as
from ...jit import inner, kernel
from .switch import MOST_FIBERS

# What a thread waits for.
READY, DONE, FAULT, BARRIER, SYNC_WARP, SHUFFLE, VOTE, MATRIX = range(8)
# How a block was left; AT_BARRIER: it goes on when called again.
FINISHED, AT_BARRIER, FAULTY, HANGS, BAD_WARP = range(5)
STATUS, RANDOM, BARRIERS, STEPPING, WHO = range(5)  # entries of ``control``
NO_VALUE, COUNT, AND, OR = range(4)  # kinds of barriers
FROM_LANE, UP, DOWN, BUTTERFLY = range(4)  # kinds of shuffles
ALL, ANY, EQUAL, BALLOT = range(4)  # kinds of votes
WARP = 32


def _switch(typing, function, save, to):
    def emit(context, builder, _, args):
        address = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [address, address])
        entry, *stacks = (builder.inttoptr(value, address) for value in args)
        builder.call(builder.bitcast(entry, kind.as_pointer()), stacks)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), emit


@compiled_as(_switch)
def switch(function, save, to):
    """Leaves this stack, whose address goes to address ``save``, for the one at address ``to``."""


@inner
def _shuffled(order, control):
    """Another order of threads, by xorshift (G. Marsaglia, "Xorshift RNGs", 2003)."""
    x = np.uint64(control[RANDOM])
    for i in range(order.size - 1, 0, -1):
        x ^= x << np.uint64(13)
        x ^= x >> np.uint64(7)
        x ^= x << np.uint64(17)
        j = np.int64(x >> np.uint64(11)) % (i + 1)
        order[i], order[j] = order[j], order[i]
    control[RANDOM] = np.int64(x)


@inner
def _barrier(waiting, operands, results):
    """Lets all threads pass the barrier at which those wait that have not ended; false if one is elsewhere."""
    count, arrived = 0, 0
    for t in range(waiting.size):
        if waiting[t] == BARRIER:
            arrived += 1
            count += operands[t, 1] != 0
        elif waiting[t] != DONE:
            return False
    for t in range(waiting.size):
        if waiting[t] == BARRIER:
            kind = operands[t, 0]
            result = count if kind == COUNT else np.int64(count == arrived if kind == AND else count > 0)
            results[t, 0] = result
            waiting[t] = READY
    return arrived > 0


@inner
def _source(lane, kind, amount, clamp):
    """(lane that a shuffle reads, whether it lies in the segment): PTX ISA, shfl.sync."""
    bound, segment = clamp & 31, (clamp >> 8) & 31
    last = (lane & segment) | (bound & ~segment)
    if kind == UP:
        return lane - amount, lane - amount >= last
    if kind == DOWN:
        return lane + amount, lane + amount <= last
    if kind == BUTTERFLY:
        return lane ^ amount, (lane ^ amount) <= last
    chosen = (lane & segment) | (amount & ~segment & 31)
    return chosen, chosen <= last


@inner
def _shuffle(first, mask, waiting, operands, results):
    """Each lane gets the value of the lane that it names; false if that one does not take part."""
    for lane in range(WARP):
        if mask >> lane & 1 and waiting[first + lane] == SHUFFLE:
            mine = operands[first + lane]
            other, inside = _source(lane, mine[1], np.int64(mine[3]) & 31, np.int64(mine[4]))
            other = other if inside else lane
            if not mask >> other & 1 or first + other >= waiting.size or waiting[first + other] != SHUFFLE:
                return False
            results[first + lane, 0] = operands[first + other, 2]
            results[first + lane, 1] = inside
    return True


@inner
def _vote(first, mask, waiting, operands, results):
    ballot, present = np.int64(0), np.int64(0)
    for lane in range(min(WARP, waiting.size - first)):
        if mask >> lane & 1 and waiting[first + lane] == VOTE:
            present |= np.int64(1) << lane
            ballot |= np.int64(operands[first + lane, 2] != 0) << lane
    for lane in range(min(WARP, waiting.size - first)):
        if present >> lane & 1:
            kind = operands[first + lane, 1]
            if kind == BALLOT:
                results[first + lane, 0] = np.int32(np.uint32(ballot))
            else:
                every, some = ballot == present, ballot != 0
                holds = every if kind == ALL else some if kind == ANY else every or not some
                results[first + lane, 0] = holds
            results[first + lane, 1] = results[first + lane, 0] != 0


@inner
def _matrix(first, operands, numbers, results):
    """mma.m16n8k8: D = A B + C, of which every lane holds four entries of A, two of B, four of C and of D.

    PTX ISA, "Matrix fragments for mma.m16n8k8": lane = 4 group + member. The tensor core reads 19 bits of A and B.
    """
    a, b = np.empty((16, 8), np.float32), np.empty((8, 8), np.float32)
    for lane in range(WARP):
        group, member = lane >> 2, lane & 3
        for k in range(6):
            operands[first + lane, 1 + k] &= -8192  # numbers is the same memory
        mine = numbers[first + lane]
        a[group, member], a[group + 8, member] = mine[1], mine[2]
        a[group, member + 4], a[group + 8, member + 4] = mine[3], mine[4]
        b[member, group], b[member + 4, group] = mine[5], mine[6]
    for lane in range(WARP):
        group, member = lane >> 2, lane & 3
        for i in range(4):
            row, column = group + 8 * (i >> 1), 2 * member + (i & 1)
            total = numbers[first + lane, 7 + i]
            for k in range(8):
                total += a[row, k] * b[k, column]
            results[first + lane, i] = total


@inner
def _warp(first, waiting, operands, numbers, results, number_results):
    """Operations of one warp that all their lanes have reached. Returns -1 if one is wrong, else how many."""
    settled, lanes = 0, min(WARP, waiting.size - first)
    for leader in range(lanes):
        kind = waiting[first + leader]
        if kind < SYNC_WARP:
            continue
        mask = np.int64(np.uint32(operands[first + leader, 0]))
        if not mask >> leader & 1:
            return -1
        complete = True
        for lane in range(lanes):
            if mask >> lane & 1 and waiting[first + lane] != DONE:
                same = waiting[first + lane] == kind and operands[first + lane, 0] == operands[first + leader, 0]
                complete = complete and same
        if not complete:
            continue
        if kind == SHUFFLE and not _shuffle(first, mask, waiting, operands, results):
            return -1
        if kind == VOTE:
            _vote(first, mask, waiting, operands, results)
        if kind == MATRIX:
            if mask != 0xFFFFFFFF or lanes < WARP:
                return -1
            _matrix(first, operands, numbers, number_results)
        for lane in range(lanes):
            if mask >> lane & 1 and waiting[first + lane] == kind:
                waiting[first + lane] = READY
        settled += 1
    return settled


@kernel
def run_block(function, stacks, current, waiting, operands, numbers, results, number_results, order, control):
    """Runs a block on until it ends, or, if ``control[STEPPING]``, until all threads are at a barrier.

    function: int64, address of ``switch``. stacks: int64 (MOST_FIBERS + 1,), of the fibers and of this function.
    current: int32 (1,), the thread that runs. waiting: int32 (threads,). operands, results: int32, a row a thread;
    numbers, number_results: the same memory as float32. order: int32 (threads,). control: int64, see above.
    """
    back = stacks.ctypes.data + MOST_FIBERS * 8
    while True:
        if control[RANDOM] != 0:
            _shuffled(order, control)
        ran = False
        for i in range(order.size):
            t = order[i]
            if waiting[t] == READY:
                current[0] = t
                switch(function, back, stacks[t])
                ran = True
                if waiting[t] == FAULT:
                    control[STATUS] = FAULTY
                    return
        settled = 0
        for first in range(0, waiting.size, WARP):
            count = _warp(first, waiting, operands, numbers, results, number_results)
            if count < 0:
                control[STATUS], control[WHO] = BAD_WARP, first
                return
            settled += count
        if settled:
            continue
        if _barrier(waiting, operands, results):
            control[BARRIERS] += 1
            if control[STEPPING]:
                control[STATUS] = AT_BARRIER
                return
        elif not ran:
            alive = 0
            for t in range(waiting.size):
                alive += waiting[t] != DONE
            control[STATUS] = HANGS if alive else FINISHED
            return
