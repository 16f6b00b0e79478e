"""The door to numba-cuda: what it does where parts of CUDA are missing."""

import importlib

import pytest

from microdl.core.kernels import support

try:
    target = support("cuda.target")
except ImportError as error:
    pytest.skip(str(error), allow_module_level=True)


def test_numba_cuda_is_imported_without_cudas_runtime_library(monkeypatch):
    runtime = importlib.import_module("cuda.bindings.runtime")

    def not_found():
        raise RuntimeError("libcudart.so is nowhere")

    monkeypatch.setattr(runtime, "getLocalRuntimeVersion", not_found)
    with target._runtime_or_none():
        assert runtime.getLocalRuntimeVersion() == (0, 0)
    assert runtime.getLocalRuntimeVersion is not_found
