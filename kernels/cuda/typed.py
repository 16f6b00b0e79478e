"""Kernels for several types of numbers, of which an array's dtype chooses one.

    @typed("T* T* int32", "float32", "int32")   # T stands for each of these types
    def _negative(x, y, n):
        ...

    _negative.of(x)(blocks, x, y, x.size)

Bools are uint8 here, 0 and 1. A letter without a star is a number: of one or two bytes it is passed as int32.
"""

import re

from .launch import THREADS, kernel

UNSIGNED = {1: "uint8", 2: "uint16", 4: "uint32", 8: "uint64"}  # by bytes
REALS, INDICES = ("float32", "float64"), ("int32", "int64")
INTEGERS = (*INDICES, "uint8", "int8", "int16", "uint16", "uint32", "uint64")
NUMBERS = ("float32", *INTEGERS, "float64")
NO_UINT64 = tuple(name for name in NUMBERS if name != "uint64")  # what int64 or a float holds
_SHORT = ("uint8", "int8", "uint16", "int16")


def signed(*arrays):
    """The arrays; unsigned integers of 32 and 64 bits as signed ones, whose sums and products have the same bits."""
    return tuple(x.view(f"int{8 * x.dtype.itemsize}") if x.dtype.name in ("uint32", "uint64") else x for x in arrays)


class Typed:
    """A function of one thread as one Kernel for each of some tuples of types' names."""

    def __init__(self, function, signature, kinds, threads, blocks_at_once, shared):
        self.name = f"{function.__module__.rpartition('.')[2]}.{function.__name__}"
        self.variants = {}
        for names in kinds:
            text = signature
            for letter, name in zip("TUV", names, strict=False):
                text = re.sub(rf"{letter}(?!\*)", "int32" if name in _SHORT else name, text).replace(letter, name)
            self.variants[names] = kernel(text, threads, blocks_at_once, shared)(function)
            self.variants[names].name = f"{self.name}[{', '.join(names)}]"

    def of(self, *arrays):
        """The Kernel for the dtypes of ``arrays``: T is the first one's, U the second's.

        Raises: NotImplementedError if there is none for them.
        """
        return self.named(*("uint8" if array.dtype.kind == "b" else array.dtype.name for array in arrays))

    def named(self, *names):
        """The Kernel for these types' names. Raises: NotImplementedError if there is none for them."""
        found = self.variants.get(names)
        if found is None:
            raise NotImplementedError(f"{self.name.replace('._', '.')} of {', '.join(names)}")
        return found

    def __repr__(self):
        return f"<Typed {self.name}>"


def typed(signature, *kinds, threads=THREADS, blocks_at_once=None, shared=0):
    """Declares the decorated function a kernel for each of ``kinds``: a type's name for T, or a tuple for T and U.

    The other arguments are those of ``launch.kernel``.
    """
    kinds = [names if isinstance(names, tuple) else (names,) for names in kinds]
    return lambda function: Typed(function, signature, kinds, threads, blocks_at_once, shared)


class Words(Typed):
    """Kernels that only move numbers, and so have one for each size instead of each type."""

    def of_size(self, nbytes):
        """The Kernel for numbers of that many bytes."""
        return self.named(UNSIGNED[nbytes])


def words(signature, *sizes, threads=THREADS, blocks_at_once=None, shared=0):
    """Declares the decorated function a kernel for numbers of each of these sizes, in bytes; T is unsigned."""
    kinds = [(UNSIGNED[size],) for size in sizes or UNSIGNED]
    return lambda function: Words(function, signature, kinds, threads, blocks_at_once, shared)
