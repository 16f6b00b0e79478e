"""JAX on a GPU: the whole step as one function compiled by XLA, in float32 without tf32."""

import functools
import os

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # or it takes three quarters of the GPU's memory

import jax  # pyright: ignore[reportMissingImports]
import jax.numpy as jnp  # pyright: ignore[reportMissingImports]
import numpy as np
from harness.case import Missing
from harness.gpu.clock import NoClock, WaitingClock, is_emulated

from .. import jax_side
from ..step import Step


def start(threads):
    jax.config.update("jax_default_matmul_precision", "highest")
    if jax.default_backend() != "gpu" and not is_emulated():
        raise Missing(f"JAX {jax.__version__} finds no GPU")
    return {"JAX": jax.__version__}


def wait():
    """The GPU's work is done in its order, so a new number comes after all else."""
    (jnp.zeros(()) + 1).block_until_ready()


def make_clock():
    return NoClock() if is_emulated() else WaitingClock(wait)


def ways(row, how):
    return {"": functools.partial(_build, row)}


def _build(row, rate):
    step = jax_side.build(row, rate, waits=False)
    return step if row.training else Step(lambda: np.asarray(step.run()), step.shapes)
