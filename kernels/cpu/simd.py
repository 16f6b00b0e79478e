"""What the CPU's vectors are, and the way to its instructions: intrinsics. Vectors as values: ``vectors.py``.

Functions come in pairs. The body of the public one says what it computes, and is what runs when Numba's JIT is off; its
twin with an underscore emits the same as LLVM IR. Arrays are C-contiguous and flat; offsets count elements.
"""

import ctypes
import os
import platform
import re
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import binding as llvm, ir
from numba.core import cgutils, types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from ..jit import config


def _features():
    """The CPU's features as LLVM names them: "+avx2,+fma,..."."""
    return llvm.get_host_cpu_features().flatten() if config.CPU_FEATURES is None else config.CPU_FEATURES


def _vector_bytes():
    """Bytes in the vectors that the CPU multiplies fastest, or what MICRODL_VECTOR_BYTES says (to test a width)."""
    forced = os.environ.get("MICRODL_VECTOR_BYTES")
    if forced is not None:
        if forced not in ("16", "32", "64"):
            raise ValueError(f"MICRODL_VECTOR_BYTES must be 16, 32 or 64 (bytes in a vector), got {forced!r}")
        return int(forced)
    name, features = config.CPU_NAME or llvm.get_host_cpu_name(), _features()
    if "+avx512f" in features and name != "znver4":  # Zen 4 executes 64 bytes as two halves: finer vectors waste less
        return 64
    return 32 if "+avx2" in features else 16


def _widest_bytes():
    """Bytes in the CPU's largest registers: the fewest instructions, where what is computed comes in such pieces."""
    return 64 if "+avx512f" in _features() and "MICRODL_VECTOR_BYTES" not in os.environ else VECTOR_BYTES


def _vector_registers():
    """How many vectors the CPU holds in registers."""
    return 32 if "+avx512vl" in _features() or platform.machine().lower() in ("aarch64", "arm64") else 16


def _last_level_bytes(caches=Path("/sys/devices/system/cpu/cpu0/cache")):
    """Bytes in the CPU's largest cache, as Linux tells; USUAL_CACHE where nobody does."""
    sizes = []
    for file in caches.glob("index*/size"):
        try:
            amount, unit = re.findall(r"^(\d+)([KMG]?)$", file.read_text().strip())[0]
        except (OSError, IndexError):
            continue
        sizes.append(int(amount) << {"": 0, "K": 10, "M": 20, "G": 30}[unit])
    return max(sizes, default=USUAL_CACHE)


USUAL_CACHE = 32 << 20
CACHE_LINE = 64  # bytes
VECTOR_BYTES = _vector_bytes()
WIDEST_BYTES = _widest_bytes()
VECTOR_REGISTERS = _vector_registers()
LAST_LEVEL_BYTES = _last_level_bytes()


def compiled_as(definition):
    """The decorated function compiles to the intrinsic ``definition``; its own body runs when the JIT is off."""

    def decorate(function):
        return function if config.DISABLE_JIT else intrinsic(prefer_literal=True)(definition)

    return decorate


def address_of(context, builder, array_type, array, offset):
    """LLVM value: where element ``offset`` of an array lies."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [offset])


def _no_inline(typing):
    return types.void(), lambda context, builder, _, args: builder.function.attributes.add("noinline")


def _always_inline(typing):
    return types.void(), lambda context, builder, _, args: builder.function.attributes.add("alwaysinline")


def _copy(typing, source, i, target, j, count):
    def emit(context, builder, _, args):
        source_array, i_value, target_array, j_value, elements = args
        start = address_of(context, builder, source, source_array, i_value)
        goal = address_of(context, builder, target, target_array, j_value)
        itemsize = context.get_abi_sizeof(context.get_data_type(source.dtype))
        cgutils.raw_memcpy(builder, goal, start, elements, itemsize)
        return context.get_dummy_value()

    return types.void(source, types.intp, target, types.intp, types.intp), emit


def _clear(typing, target, j, count):
    def emit(context, builder, _, args):
        target_array, j_value, elements = args
        goal = address_of(context, builder, target, target_array, j_value)
        size = builder.mul(elements, elements.type(target.dtype.bitwidth // 8))
        cgutils.memset(builder, goal, size, 0)
        return context.get_dummy_value()

    return types.void(target, types.intp, types.intp), emit


def _array(context, builder, dtype, address, count):
    """LLVM value: an array of ``count`` elements from ``address`` on, which others keep alive."""
    array_type = types.Array(dtype, 1, "C")
    array = context.make_array(array_type)(context, builder)
    itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(dtype)))
    populate_array(array, data=address, shape=[count], strides=[itemsize], itemsize=itemsize, meminfo=None)
    return array._getvalue()


def _run(typing, x, i, count):
    def emit(context, builder, _, args):
        array, offset, elements = args
        return _array(context, builder, x.dtype, address_of(context, builder, x, array, offset), elements)

    return types.Array(x.dtype, 1, "C")(x, types.intp, types.intp), emit


def _words(typing, x):
    def emit(context, builder, _, args):
        array = context.make_array(x)(context, builder, args[0])
        count = builder.mul(array.nitems, ir.IntType(64)(x.dtype.bitwidth // 32))
        return _array(context, builder, types.uint32, builder.bitcast(array.data, ir.IntType(32).as_pointer()), count)

    return types.Array(types.uint32, 1, "C")(x), emit


def _array_at(typing, address, i, count, like):
    def emit(context, builder, _, args):
        first = builder.inttoptr(args[0], context.get_data_type(like).as_pointer())
        return _array(context, builder, like, builder.gep(first, [args[1]]), args[2])

    return types.Array(like, 1, "C")(types.intp, types.intp, types.intp, like), emit


def _scratch(typing, count, like):
    array_type = types.Array(like.dtype, 1, "C")

    def emit(context, builder, _, args):
        element = context.get_data_type(like.dtype)
        itemsize = context.get_constant(types.intp, context.get_abi_sizeof(element))
        align = context.get_constant(types.uint32, CACHE_LINE)
        memory = context.nrt.meminfo_alloc_aligned(builder, builder.mul(args[0], itemsize), align)
        data = builder.bitcast(context.nrt.meminfo_data(builder, memory), element.as_pointer())
        array = context.make_array(array_type)(context, builder)
        populate_array(array, data=data, shape=[args[0]], strides=[itemsize], itemsize=itemsize, meminfo=memory)
        return array._getvalue()

    return array_type(types.intp, like), emit


@compiled_as(_no_inline)
def apart():
    """Keeps the calling function out of its own callers, which stay short and are compiled faster."""


@compiled_as(_always_inline)
def into_caller():
    """Makes the calling function part of its own callers, however long it is: so it may take functions as arguments."""


@compiled_as(_run)
def run(x, i, count):
    """The elements x[i : i + count] of an array, flat if it has more axes, as an array.

    Unlike a slice it checks no limits, and counts no references: threads would wait for each other's counting.
    """
    return x.reshape(-1)[i : i + count]


@compiled_as(_words)
def words(x):
    """The memory of ``x``, whose elements have 4 or 8 bytes, as uint32; no reference to it is counted."""
    return x.view(np.uint32)


@compiled_as(_array_at)
def array_at(address, i, count, like):
    """Elements i to i + count of an array at an address, of the dtype of number ``like``; the caller keeps it alive."""
    memory: Any = (ctypes.c_char * int(count * like.itemsize)).from_address(int(address + i * like.itemsize))
    return np.frombuffer(memory, like.dtype)


@compiled_as(_scratch)
def scratch(count, like):
    """A new flat array of ``count`` numbers of the dtype of array ``like``, from the start of a cache line on.

    Compiled in a fifth of the time that np.empty takes, which is a function in five parts.
    """
    return np.empty(count, like.dtype)


@compiled_as(_copy)
def copy(source, i, target, j, count):
    """target[j : j + count] = source[i : i + count], two arrays that do not overlap."""
    target[j : j + count] = source[i : i + count]


@compiled_as(_clear)
def clear(target, j, count):
    """target[j : j + count] = 0."""
    target[j : j + count] = 0
