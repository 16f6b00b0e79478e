"""Arrays of the host on their way to a place on the GPU, through pinned memory, without waiting for the copies."""

import contextlib

import numpy as np

from microdl.core.errors import ResourceExhaustedError
from microdl.gpu.stream import Event, pinned

AHEAD_FROM = 1 << 20  # bytes: about 20 us of copying, against some 5 us for the calls that keep the order


def inlet(gpu, target):
    """What ``send``s arrays to ``target``, a DeviceArray: large ones while the GPU computes, if there is room."""
    if target.nbytes >= AHEAD_FROM:
        with contextlib.suppress(ResourceExhaustedError):
            return InletAhead(gpu.stream, gpu.copying, gpu.allocator, target)
    return Inlet(gpu.stream, target)


class Inlet:
    """Copies arrays to a place on the GPU, one after the other, in the order of the work that reads them.

    Args: stream: the Stream that computes. target: the DeviceArray.
    """

    def __init__(self, stream, target):
        self.stream, self._target = stream, target
        self._pinned = [pinned(stream, target.shape, target.dtype) for _ in range(2)]
        self._read = [Event(stream) for _ in range(2)]  # when the GPU has read the pinned array
        self._turn = 0

    def send(self, array):
        """Copies ``array``, which may change as soon as this returns."""
        host, read = self._pinned[self._turn], self._read[self._turn]
        self._turn = 1 - self._turn
        read.synchronize()
        np.copyto(host, array)
        with self.stream.lock:
            self.stream.driver.copy_in(self._target.address, host.ctypes.data, host.nbytes, self.stream.handle)
        read.record(self.stream)


class InletAhead:
    """The same for large arrays: a stream of its own copies the next one while the GPU computes with this one.

    Each goes to one of two waiting places on the GPU, and from there, which is some twenty times faster, to the target
    when the work before has been done.

    Args: stream: the Stream that computes. copying: the Stream that copies. target: the DeviceArray.
    """

    def __init__(self, stream, copying, allocator, target):
        self.stream, self._copying, self._target = stream, copying, target
        self._waiting = [_Waiting(stream, copying, allocator, target) for _ in range(2)]

    def send(self, array):
        """Copies ``array``, which may change as soon as this returns."""
        self._waiting.append(waiting := self._waiting.pop(0))
        waiting.arrived.synchronize()  # the pinned array has been read
        np.copyto(waiting.host, array)
        waiting.read.hold(self._copying)
        nbytes = waiting.host.nbytes
        with self._copying.lock:
            address = waiting.host.ctypes.data
            self._copying.driver.copy_in(waiting.block.address, address, nbytes, self._copying.handle)
        waiting.arrived.record(self._copying)
        waiting.arrived.hold(self.stream)
        self.stream.copy(self._target.address, waiting.block.address, nbytes)
        waiting.read.record(self.stream)


class _Waiting:
    """A pinned array and the place on the GPU that it is copied to.

    Attributes:
        arrived: the Event that it is there. read: that the target has it.
    """

    def __init__(self, stream, copying, allocator, target):
        self.host = pinned(copying, target.shape, target.dtype)
        self.block = allocator.allocate(self.host.nbytes, "a batch under way")
        self.arrived, self.read = Event(copying), Event(stream)
        self.read.record(stream)  # whatever used the block before
