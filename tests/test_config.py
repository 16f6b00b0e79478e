"""tf.config: what the process runs on, and the switch that turns tracing off."""

import pytest

import microdl as tf
from microdl import config
from microdl.core.kernels import support


@pytest.fixture
def threads(monkeypatch):
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.delenv("NUMBA_THREADING_LAYER", raising=False)
    return support("threads")


def test_threads_tell_number_layer_and_reason(threads):
    found = tf.config.threads()
    assert 1 <= found.count <= found.available
    assert found.layer in ("omp", "tbb", "workqueue")
    assert found.reason == "the first of tbb, omp, workqueue that loads"
    assert found.quota > 0
    assert str(found).startswith(f"{found.count} of {found.available} threads (limited by ")


@pytest.mark.parametrize(
    ("quota", "limit"), [(0.5, "the container's quota"), (float("inf"), "the cores of this process")]
)
def test_threads_tell_what_limits_them(quota, limit, threads, monkeypatch):
    monkeypatch.setattr(threads, "quota", lambda: quota)
    assert tf.config.threads().limited_by == limit
    assert ("none" in str(tf.config.threads())) == (quota == float("inf"))


def test_threads_tell_what_the_environment_chose(threads, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    monkeypatch.setenv("NUMBA_THREADING_LAYER", "workqueue")
    found = tf.config.threads()
    assert (found.limited_by, found.reason) == ("NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER=workqueue")


def test_cache_tells_folder_and_size(tmp_path, monkeypatch):
    (tmp_path / "a.nbc").write_bytes(b"12345")
    (tmp_path / "other").write_bytes(b"12345")
    monkeypatch.setattr(support("jit"), "cache_folder", lambda: tmp_path)
    assert tf.config.cache() == config.Cache(tmp_path, 1, 5)
    assert str(tf.config.cache()) == f"1 compiled kernels, 0.0 MiB, in {tmp_path}"


def test_cache_without_a_folder(monkeypatch):
    monkeypatch.setattr(support("jit"), "cache_folder", lambda: None)
    assert tf.config.cache() == config.Cache(None, 0, 0)
    assert str(tf.config.cache()).startswith("no cache: ")


def test_cpu_tells_the_width_of_the_vectors():
    found = tf.config.cpu()
    assert found.vector_bytes in (16, 32, 64)
    assert found.name in str(found)
    assert found.features == tuple(sorted(found.features))


def test_there_is_one_device():
    (cpu,) = tf.config.list_physical_devices()
    assert (cpu.name, cpu.device_type) == ("/physical_device:CPU:0", "CPU")
    assert tf.config.list_physical_devices("CPU") == [cpu]
    assert tf.config.list_physical_devices("GPU") == []


def test_functions_can_run_eagerly():
    calls = []

    @tf.function
    def squared(x):
        calls.append(x)
        return x * x

    assert not tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        assert tf.config.functions_run_eagerly()
        assert [float(squared(tf.constant(3.0))) for _ in range(2)] == [9.0, 9.0]
    finally:
        tf.config.run_functions_eagerly(False)
    assert len(calls) == 2
    assert squared.experimental_get_tracing_count() == 0
