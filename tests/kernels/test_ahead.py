"""Kernels that a second process compiles, while this one compiles others."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from microdl.core.kernels import support

ahead, jit, recording = support("ahead"), support("jit"), support("recording")

ROOT = Path(__file__).parents[2]
KERNELS = {"cpu.bias._bias_add", "cpu.pooling._max_pool2d", "cpu.activation.elu"}
RUN = """
import json, os, sys, time
import numpy as np
import microdl as tf
from microdl.core.kernels import support
ahead, jit = support("ahead"), support("jit")
ahead.FEWEST = 1
{before}

@tf.function
def several(x):
    return tf.nn.elu(tf.nn.max_pool2d(tf.nn.bias_add(x, [1., 2., 3.]), 2, 2, "VALID"))

value = several(tf.constant(np.linspace(-9, 1, 1200, dtype=np.float32).reshape(4, 10, 10, 3))).numpy()
deadline = time.monotonic() + 30
while ahead._helper is not None and time.monotonic() < deadline:
    time.sleep(0.01)
names = [[name.partition("(")[0] for name, _ in kernels] for kernels in (jit.compiles, jit.loads)]
json.dump([*names, value.tolist(), ahead._helper is not None], sys.stdout)
"""

SLOWLY = """
def claim_later(folder, name, claim=ahead._claim):
    while os.path.isdir(folder) and len(os.listdir(folder)) < 2:  # only the job: nobody has claimed anything
        time.sleep(0.01)
    return claim(folder, name)

ahead._claim = claim_later
"""

pytestmark = pytest.mark.skipif(jit.config.DISABLE_JIT, reason="the JIT is off: nothing is compiled")


def run(cache, before="", threads=2):
    """(kernels compiled here, kernels that were found, value, whether the second process is still there)."""
    settings = {"NUMBA_NUM_THREADS": str(threads), "MICRODL_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, "-c", RUN.format(before=before)],
        env=os.environ | settings, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_two_processes_share_the_kernels_of_a_plan(tmp_path):
    compiled, found, value, remains = run(tmp_path / "two", SLOWLY)
    assert set(compiled) | set(found) == KERNELS
    assert len(compiled) + len(found) == len(KERNELS), "a kernel was compiled twice"
    assert found, "the second process compiled nothing"
    assert not remains
    compiled, found, again, _ = run(tmp_path / "two")
    assert not compiled
    assert again == value
    compiled, found, alone, _ = run(tmp_path / "one", threads=1)
    assert set(compiled) == KERNELS
    assert alone == value


@pytest.mark.parametrize(
    "failure",
    [
        "ahead.COMMAND = 'raise SystemExit(1)'",
        "ahead.COMMAND = 'import os, sys; os.kill(os.getpid(), 9)'",
        "ahead.subprocess.Popen = lambda *_, **__: open('/nowhere/at/all')",
        "sys.executable = ''",
    ],
)
def test_without_a_second_process_all_is_compiled_here(tmp_path, failure):
    compiled, found, value, remains = run(tmp_path, failure)
    assert set(compiled) == KERNELS
    assert not found
    assert not remains
    assert np.isfinite(value).all()


def test_the_second_process_ends_with_the_first(tmp_path):
    """Its standard input is a pipe that the first holds; what it is at is dropped."""
    job = tmp_path / "claims" / "job"
    job.parent.mkdir()
    job.write_bytes(jit.serialize.dumps(("folder", [("file", ("module", "name", ()))])))
    busy = "import time; ahead.jit.cache_folder = lambda: time.sleep(100); ahead.serve"
    command = [sys.executable, "-c", ahead.COMMAND.replace("ahead.serve", busy), str(job), str(ROOT), *sys.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin
        process.stdin.close()
        assert process.wait(timeout=50) == 0
    assert not job.parent.exists()


def test_listing_runs_no_kernel():
    softmax = import_module("microdl.kernels.cpu.softmax").softmax
    x, y = np.ones((4, 3), np.float32), np.full((4, 3), 7, np.float32)

    def fails():
        softmax(x, y)
        raise ValueError

    def nested():
        assert recording.recorded(softmax, x, y) == []

    listed = recording.listed([fails, nested, lambda: recording.call(y.fill, 0), lambda: softmax(x[:0], y[:0])])
    assert [kernel for kernel, _ in listed] == [softmax, softmax]
    assert (y == 7).all()
    softmax(x, y)
    np.testing.assert_allclose(y, 1 / 3, rtol=1e-6)
