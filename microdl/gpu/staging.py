"""Batches on their way to the GPU: the next one is copied while the GPU computes with this one."""

from collections import deque

import numpy as np

from microdl.gpu.stream import Event, Stream, pinned


class Staging:
    """A few places on the GPU for batches of one kind, filled by a stream of their own.

    Args:
        stream: the Stream that computes. allocator: the Allocator.
        specs: (shape, dtype) of each array of a batch. depth: int >= 2, batches that are under way at the same time.
    """

    def __init__(self, stream, allocator, specs, depth=2):
        if depth < 2:
            raise ValueError(f"Staging: with a depth of {depth} no batch is copied ahead; at least 2 is expected")
        self.stream, self._copying = stream, Stream(stream.driver)
        self._slots = [_Slot(stream, self._copying, allocator, specs) for _ in range(depth)]

    def feed(self, batches):
        """For each batch, a tuple of arrays, the addresses of its copies on the GPU.

        They hold until the next batch is asked for: what is issued before that finds them as they are.
        """
        waiting, turn = deque(), 0
        try:
            for arrays in batches:
                slot = self._slots[turn]
                slot.send(arrays, self._copying)
                waiting.append(slot)
                turn = (turn + 1) % len(self._slots)
                if len(waiting) == len(self._slots):
                    yield from waiting.popleft().lend(self.stream)
            while waiting:
                yield from waiting.popleft().lend(self.stream)
        finally:  # if nobody wants the rest, the places can serve others as soon as the copies are done
            for slot in waiting:
                slot.arrived.hold(self.stream)


class Inlet:
    """A place on the GPU that arrays of the host are copied to, one after the other, without waiting for the copies.

    Args: stream: the Stream that computes, in whose order the copies are. target: the DeviceArray.
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


class _Slot:
    """The pinned arrays of a batch and its blocks on the GPU.

    Attributes:
        arrived: the Event that a batch is there. used: that it is needed no more.
    """

    def __init__(self, stream, copying, allocator, specs):
        self._host = [pinned(copying, shape, dtype) for shape, dtype in specs]
        self._blocks = [allocator.allocate(host.nbytes, "a batch under way") for host in self._host]
        self.arrived, self.used = Event(stream), Event(stream)
        self.used.record(stream)  # whatever used the blocks before

    def send(self, arrays, copying):
        self.arrived.synchronize()  # the pinned arrays have been read
        for host, array in zip(self._host, arrays, strict=True):
            if host.shape != np.shape(array):
                raise ValueError(f"Staging: a batch of shape {host.shape} is expected, got {np.shape(array)}")
            np.copyto(host, array)
        self.used.hold(copying)
        with copying.lock:
            for host, block in zip(self._host, self._blocks, strict=True):
                if host.nbytes:
                    copying.driver.copy_in(block.address, host.ctypes.data, host.nbytes, copying.handle)
        self.arrived.record(copying)

    def lend(self, stream):
        self.arrived.hold(stream)
        try:
            yield tuple(block.address for block in self._blocks)
        finally:
            self.used.record(stream)
