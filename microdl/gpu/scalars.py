"""Numbers that change from step to step and that a CUDA graph must not hold fast: the learning rate, the step's
number, the position of the random numbers. Kernels read them from the GPU's memory.
"""

import numpy as np

from microdl.gpu.stream import Event, pinned

COPIES = 32  # of the block in pinned memory; one that is on its way to the GPU must not be written to


class Scalars:
    """A few named numbers on the GPU.

    Args:
        stream: the Stream. allocator: the Allocator. fields: name -> dtype.

    ``set`` changes them on the host, ``upload`` copies them by one asynchronous copy, if any has changed. Kernels get
    ``address("learning_rate")``.
    """

    def __init__(self, stream, allocator, fields):
        self.stream = stream
        self.dtype = np.dtype(list(fields.items()), align=True)
        self._offsets = {name: field[1] for name, field in (self.dtype.fields or {}).items()}
        self._block = allocator.allocate(self.dtype.itemsize, "scalars of a step")
        self._now, self._sent = np.zeros((), self.dtype), None  # what the host wants, and what the GPU has
        self._copies = pinned(stream, (COPIES,), self.dtype)
        self._copy = 0  # the next one to be written to
        self._halves = Event(stream), Event(stream)  # when all copies of a half have been read

    def address(self, name):
        """Where the GPU finds a number."""
        return self._block.address + self._offsets[name]

    def __getitem__(self, name):
        return self._now[name].item()

    def set(self, **numbers):
        """Changes numbers; the GPU sees that after the next ``upload``."""
        for name, number in numbers.items():
            self._now[name] = number

    def upload(self):
        """Sends the numbers to the GPU, for what is issued from now on. Returns whether any had changed."""
        now = self._now.tobytes()
        if now == self._sent:
            return False
        self.stream.forbid_in_capture("changes scalars, which a graph reads but must not set")
        half, within = divmod(self._copy, COPIES // 2)
        if within == 0:
            self._halves[half].synchronize()
        self._copies[self._copy] = self._now
        with self.stream.lock:
            source = self._copies.ctypes.data + self._copy * self.dtype.itemsize
            self.stream.driver.copy_in(self._block.address, source, self.dtype.itemsize, self.stream.handle)
            if within == COPIES // 2 - 1:
                self._halves[half].record(self.stream)
        self._copy, self._sent = (self._copy + 1) % COPIES, now
        return True
