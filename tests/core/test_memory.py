"""Freed memory stays with the process, unless the user has set up the C library otherwise."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

FAULTS = """
import resource
import numpy as np
import microdl as tf
x = tf.ones((64, 784, 16))

def step():
    return tf.nn.relu(tf.nn.relu(x))

for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 2 * 64 * 784 * 16 * 4 // 4096  # that the two arrays of a step fill


def faults(**environment):
    """Page faults of 20 steps, in a process of its own."""
    run = subprocess.run(
        [sys.executable, "-c", FAULTS],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NUMBA_DISABLE_JIT": "0", "MICRODL_QUIET": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such settings")
def test_steps_reuse_the_memory_of_the_steps_before():
    assert faults() < PAGES  # all 20 together


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such settings")
def test_settings_of_the_user_are_kept():
    assert faults(MALLOC_MMAP_THRESHOLD_="100000") > 10 * PAGES
