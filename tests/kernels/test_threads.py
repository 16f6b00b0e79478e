"""Kernels in forked processes and in several Python threads, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from microdl.core.kernels import support

threads = support("threads")

ROOT = Path(__file__).parents[2]
LINE = (
    "microdl: this process was forked from one that had run kernels, so its own run on one thread; "
    'multiprocessing\'s start method "spawn" avoids that'
)

FORK = """
import os, sys
import numpy as np
import microdl as tf
x = tf.constant(np.linspace(-3, 3, 200_000, dtype=np.float32))
def work():
    return tf.reduce_sum(tf.tanh(tf.matmul(tf.reshape(x, (400, 500)), tf.reshape(x, (500, 400))))).numpy().tobytes()
before = work()
child = os.fork()
if child == 0:
    same = work() == before and work() == before
    sys.stderr.flush()
    os._exit(0 if same else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), work() == before)
"""

TOGETHER = """
import threading
import numpy as np
import microdl as tf
x = tf.constant(np.linspace(-3, 3, 100_000, dtype=np.float32))
expected = tf.nn.relu(x).numpy()
right = []
def work():
    right.append(all(np.array_equal(tf.nn.relu(x).numpy(), expected) for _ in range(200)))
workers = [threading.Thread(target=work) for _ in range(3)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(right)
"""


def run(script, **settings):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MICRODL_QUIET": "", "NUMBA_DISABLE_JIT": "0", **settings}
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_runs_kernels_serially_with_the_same_bits_and_says_so():
    process = run(FORK, NUMBA_THREADING_LAYER="omp")
    if "No threading layer could be loaded" in process.stderr:
        pytest.skip("Numba's OpenMP layer cannot be loaded here")
    assert process.stdout.split() == ["0", "True"]
    assert [line for line in process.stderr.splitlines() if "compiled" not in line] == [LINE]


@pytest.mark.parametrize("layer", ["workqueue", "omp"])
def test_python_threads_may_run_kernels_at_once(layer):
    process = run(TOGETHER, NUMBA_THREADING_LAYER=layer)
    if "No threading layer could be loaded" in process.stderr:
        pytest.skip(f"Numba's {layer} layer cannot be loaded here")
    assert (process.returncode, process.stdout.strip()) == (0, "[True, True, True]")


def test_the_number_of_threads_can_be_set_within_what_there_is():
    before = threads.threads()
    try:
        threads.set_threads(1)
        assert threads.threads() == 1
    finally:
        threads.set_threads(before)
    assert 1 <= before <= threads.available_threads()


@pytest.fixture
def system(tmp_path):
    """Files of a made-up system: its maker takes /proc/self/cgroup and {file below /sys/fs/cgroup: contents}."""

    def make(own, files):
        (tmp_path / "own").write_text(own)
        for name, contents in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(contents)
        return tmp_path, tmp_path / "own"

    return make


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, float("inf")),
        ("0::/\n", {"cpu.max": "250000 100000\n"}, 2.5),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "150000 100000\n"}, 1.5),  # the parent's counts
        ("0::/not/here\n", {"cpu.max": "50000 100000\n"}, 0.5),  # seen from inside of a container
        (
            "4:cpu,cpuacct:/a\n",
            {"cpu,cpuacct/a/cpu.cfs_quota_us": "300000", "cpu,cpuacct/a/cpu.cfs_period_us": "100000"},
            3,
        ),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, float("inf")),
        ("3:cpuset:/\n", {"cpu.max": "50000 100000\n"}, float("inf")),
        ("0::/\n", {"cpu.max": "nonsense\n"}, float("inf")),
    ],
)
def test_the_quota_is_the_least_that_any_control_group_grants(system, own, files, expected):
    assert threads.quota(*system(own, files)) == expected


def test_a_system_without_control_groups_sets_no_quota(tmp_path):
    assert threads.quota(tmp_path, tmp_path / "none") == float("inf")


@pytest.mark.parametrize(("granted", "expected"), [(0.5, 1), (1.9, 1), (1e9, threads.numba_config.NUMBA_NUM_THREADS)])
def test_kernels_get_the_whole_cores_of_the_quota(monkeypatch, granted, expected):
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "quota", lambda: granted)
    assert threads._limit() == expected


def test_the_users_number_of_threads_beats_the_quota(monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", str(threads.numba_config.NUMBA_NUM_THREADS))
    monkeypatch.setattr(threads, "quota", lambda: 0.5)
    assert threads._limit() == threads.numba_config.NUMBA_NUM_THREADS
