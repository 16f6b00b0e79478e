"""This project, eager and as a ``function``."""

import functools

import numba

import microdl

from . import keras_steps

WRAPS = {"eager": lambda step: step, "function": microdl.function}


def start(threads):
    """Numba reads the number of threads from the environment."""
    return {"microdl": microdl.__version__, "Numba": numba.__version__}


def ways(row, how):
    return {"": functools.partial(keras_steps.build, microdl, row, WRAPS[how])}
