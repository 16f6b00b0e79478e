"""This project's side: the calls of a case as they stand in the table, straight to the kernels."""

import functools

import numba
import numpy as np

import microdl
from microdl.core.kernels import cpu
from microdl.ops import broadcast

from .case import Layout, Missing, Table

# Newer revisions have a shorter form for two operands.
LAYOUTS = {2: getattr(broadcast, "layout_of_two", broadcast.layout)}


def start(threads):
    """Numba reads the number of threads from the environment, and starts them with the first kernel, as for users."""
    return {"microdl": microdl.__version__, "Numba": numba.__version__}


def variants(case, arrays, kernels=cpu):
    real = np.dtype(case.dtype).type

    def value(argument):
        if isinstance(argument, str):
            return arrays.get(argument, argument)
        if isinstance(argument, Layout):
            return LAYOUTS.get(len(argument.shapes), broadcast.layout)(*argument.shapes)
        if isinstance(argument, Table):
            return kernels.optimizer.table_of(*([arrays[name] for name in kind] for kind in argument.lists))
        return real(argument) if isinstance(argument, float) else argument

    calls = [functools.partial(_kernel(kernels, name), *map(value, arguments)) for name, arguments in case.calls]
    call = calls[0] if len(calls) == 1 else _sequence(calls)
    return {"": (call, lambda: {name: arrays[name] for name in case.outputs})}


def _kernel(kernels, name):
    family, _, function = name.partition(".")
    try:
        return getattr(getattr(kernels, family), function)
    except (ImportError, AttributeError, NotImplementedError):
        raise Missing(f"no kernel {name}") from None


def _sequence(calls):
    def run():
        for call in calls:
            call()

    return run
