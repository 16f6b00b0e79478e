"""Kernels: arrays in, arrays out. ``cpu`` holds Numba functions for the CPU, ``cuda`` their twins for GPUs.

Installed as ``microdl.kernels``; under a second name every kernel would be compiled and cached twice.
"""

if __name__ != "microdl.kernels":
    raise ImportError(f"this package is microdl.kernels, not {__name__}: write `from microdl import kernels`")
