"""Tasks on threads: each runs once, whatever their number, and what fails in one is an error of the call."""

import numpy as np
import pytest

from microdl.core.kernels import support

jit, threads = support("jit"), support("threads")


@jit.kernel(tasks=lambda first, counts: counts.size, serial_below=0)
def count_up(task, first, counts):
    counts[task] += first[0] + task


@jit.kernel(tasks=lambda size, y: y.size, serial_below=0)
def with_scratch(task, size, y):
    scratch = np.empty(size[task], np.int64)
    scratch[:] = task
    y[task] = scratch.sum()


@pytest.mark.parametrize("tasks", [0, 1, 2, 3, 15, 16, 17, 100, 4097])
@pytest.mark.parametrize("most", [1, threads.available_threads()])
def test_every_task_runs_once(tasks, most):
    before = threads.threads()
    try:
        threads.set_threads(most)
        counts = np.zeros(tasks, np.int64)
        count_up(np.array([5]), counts)
    finally:
        threads.set_threads(before)
    np.testing.assert_array_equal(counts, 5 + np.arange(tasks))


def test_tasks_may_allocate():
    y = np.zeros(20, np.int64)
    with_scratch(np.full(20, 3), y)
    np.testing.assert_array_equal(y, 3 * np.arange(20))


@pytest.mark.skipif(jit.config.DISABLE_JIT, reason="the JIT is off: NumPy raises the error itself")
def test_a_task_without_memory_raises_in_the_caller():
    sizes = np.full(20, 3)
    sizes[7] = 1 << 58
    with pytest.raises(MemoryError, match="with_scratch: no memory for a task's scratch arrays"):
        with_scratch(sizes, np.zeros(20, np.int64))


@jit.inner
def twice(x):
    return x + x


@jit.kernel
def quadruple(x, y):
    y[0] = twice(twice(x[0]))


def test_inner_functions_are_compiled_into_kernels_and_nowhere_else():
    y = np.zeros(1)
    quadruple(np.ones(1), y)
    assert y == 4
    if not jit.config.DISABLE_JIT:
        with pytest.raises(TypeError, match="twice is compiled into the kernels that call it"):
            twice(1.0)
