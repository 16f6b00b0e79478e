"""This project's side on a GPU: the calls of a case as they stand in the table, straight to the kernels."""

import numba

import microdl
from microdl.core.errors import NoDeviceError
from microdl.core.placement import the_gpu

from .. import microdl_side
from ..case import Missing
from . import roofs
from .clock import COPIED, EventClock, NoClock, is_emulated

MILLISECOND = 1e-3


def start(threads):
    gpu = find_gpu()
    seen = gpu.driver.properties()
    return {
        "GPU": f"{seen.name}, {seen.multiprocessors} multiprocessors",
        "CUDA driver": "{}.{}".format(*seen.driver),
        "microdl": microdl.__version__,
        "Numba": numba.__version__,
    }


def find_gpu():
    """The GPU. Raises: Missing."""
    try:
        return the_gpu()
    except NoDeviceError as error:
        raise Missing(str(error)) from None


def make_clock():
    if is_emulated():
        return NoClock()
    gpu = the_gpu()
    stream, driver = gpu.stream, gpu.driver

    def mark():
        event = driver.create_event(timing=True)
        with stream.lock:
            driver.record(event, stream.handle)
        return event

    def between(begun, done):
        driver.synchronize_event(done)
        seconds = driver.milliseconds(begun, done) * MILLISECOND
        for event in (begun, done):
            driver.destroy_event(event)
        return seconds

    half = gpu.empty((COPIED,), "uint8"), gpu.empty((COPIED,), "uint8")
    return EventClock(mark, between, lambda: gpu.copy(*half))


def measure(threads):
    """What ``roofs.measure`` finds; nothing of an emulated GPU."""
    return None if is_emulated() else roofs.measure(the_gpu(), make_clock())


def variants(case, arrays):
    gpu = the_gpu()
    microdl.config.experimental.enable_tensor_float_32_execution(case.tf32)
    there = {name: gpu.array(array) for name, array in arrays.items()}
    ways = microdl_side.variants(case, there, gpu.kernels)
    return {
        name: (call, lambda outputs=outputs: {key: array.numpy() for key, array in outputs().items()})
        for name, (call, outputs) in ways.items()
    }
