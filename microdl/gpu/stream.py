"""The order of work on a GPU: streams, events, and memory of the host that the GPU reads and writes by itself.

All computing goes to one stream, so work needs no further order. Threads issue it under the stream's lock: a capture
holds that lock from its beginning to its end, or what others issue meanwhile would get into its graph.
"""

import contextlib
import ctypes
import math
import threading
import time
import weakref
from collections import deque
from typing import Any

import numpy as np

from microdl.core.locks import new_lock
from microdl.gpu.errors import CaptureError


class Stream:
    """Work for a GPU, done in the order in which it is issued.

    Where a method takes the place of something on the GPU, that is an address or an array there. An array may be moved
    (``array.Lent``), but not while somebody has the lock: its address is read when the work is issued.

    Args:
        driver: the Driver. beside: the Stream that computes, for one that only copies: whoever makes its calls that
            came ``later`` makes this one's too, and a capture of it holds for both.

    Attributes:
        driver: the Driver. handle: the stream as ``driver`` knows it. lock: held while work is issued.
        step: the name of the step that is being captured, or None.
        waits: while a profile is on, (thread, start, end) of each time that the host waited, by ``perf_counter``.
    """

    def __init__(self, driver, beside=None):
        self.driver, self.handle = driver, driver.create_stream()
        self.lock = new_lock()
        self.step, self.waits, self._capturing_thread = None, None, None
        self._local, self._main = _Local(), beside or self
        # (function, args): calls that a capture forbids and that need not be made now
        self._later: deque[Any] = deque() if beside is None else beside._later
        # (Event, function, args): calls that wait for the Event
        self._unfinished: deque[Any] = deque() if beside is None else beside._unfinished

    @contextlib.contextmanager
    def capture(self):
        """What this thread issues on the stream inside is noted down. Yields itself; ``step`` is for the caller to set.

        The caller begins and ends the capture of the driver; this is its bookkeeping.
        """
        self.run_later()
        with self.lock:
            try:
                self.step, self._capturing_thread = "the function", threading.get_ident()
                yield self
            finally:
                self.step = self._capturing_thread = None

    @property
    def capturing(self):
        """Whether this thread captures the stream."""
        return self._main._capturing_thread == threading.get_ident()

    def forbid_in_capture(self, what):
        """Raises CaptureError if this thread captures the stream: ``what`` a step does cannot be part of a graph."""
        if self.capturing:
            raise CaptureError(self._main.step, what)

    def synchronize(self):
        """Waits until all work that was issued is done."""
        self.forbid_in_capture("waits for the GPU")
        self.run_later()
        self._wait()
        self.run_later()

    def write(self, target, array):
        """Copies a C-contiguous array of the host to the GPU, and waits for that."""
        self.forbid_in_capture("copies from an array of the host, whose values a graph would not read again")
        if array.nbytes:
            with self.lock:
                self.driver.copy_in(located(target), array.ctypes.data, array.nbytes, self.handle)
            self._wait()

    def read(self, source, array):
        """Fills a C-contiguous array of the host from the GPU."""
        self.forbid_in_capture("reads values on the host")
        if array.nbytes:
            with self.lock:
                self.driver.copy_out(array.ctypes.data, located(source), array.nbytes, self.handle)
            self._wait()

    def _wait(self):
        """Waits for an Event of this thread's own, at the end of what was issued so far.

        That does not spoil the capture of another thread, as to wait for the stream would.
        """
        if self._local.event is None:
            self._local.event = Event(self)
        self._local.event.record(self)
        if self.waits is None:
            self._local.event.synchronize()
            return
        start = time.perf_counter()
        self._local.event.synchronize()
        self.waits.append((threading.get_ident(), start, time.perf_counter()))

    def copy(self, target, source, nbytes):
        """Copies within the GPU's memory."""
        if nbytes:
            with self.lock:
                self.driver.copy(located(target), located(source), nbytes, self.handle)

    def clear(self, target, nbytes):
        """Sets bytes of the GPU's memory to zero."""
        if nbytes:
            with self.lock:
                self.driver.fill(located(target), 0, nbytes, self.handle)

    def follow_others(self):
        """What is issued from now on waits for what other libraries have issued on CUDA's default stream.

        That is where they work unless they were told otherwise; streams that wait for it, as those of
        ``cudaStreamCreate`` do, are waited for too.
        """
        event = Event(self)
        self.driver.record(event.handle, self.driver.default_stream())
        event.hold(self)

    def later(self, function, *args):
        """Calls ``function(*args)`` when no capture forbids it: for what finalizers do, which may run at any time."""
        self._later.append((function, args))

    def after_work(self, function, *args):
        """``later``, when the GPU has done all that was issued on this stream; nobody waits for that."""
        self.later(self._note_end, function, args)

    def _note_end(self, function, args):
        event = Event(self)
        event.record(self)
        self._unfinished.append((event, function, args))

    def run_later(self):
        """Makes the calls that wait, unless this thread is capturing."""
        while self._later and not self.capturing:
            try:
                function, args = self._later.popleft()
            except IndexError:  # another thread was faster
                break
            function(*args)
        while self._unfinished and not self.capturing:
            try:
                event, function, args = self._unfinished.popleft()
            except IndexError:
                break
            if not event.happened:
                self._unfinished.appendleft((event, function, args))
                break
            function(*args)


class _Local(threading.local):
    event: Any = None  # the Event that this thread waits for


class Event:
    """A point in a stream's work, which the host and other streams can wait for."""

    def __init__(self, stream, timing=False):
        self.driver = stream.driver
        self.handle = self.driver.create_event(timing)
        weakref.finalize(self, stream.later, self.driver.destroy_event, self.handle).atexit = False

    def record(self, stream):
        """Stands for the end of what was issued on the stream so far."""
        with stream.lock:
            self.driver.record(self.handle, stream.handle)

    def note(self, stream):
        """``record``; in a capture it becomes a node of the graph, which records the event whenever the graph runs."""
        if stream.capturing:
            self.driver.record_in_graph(self.handle, stream.handle)
        else:
            self.record(stream)

    def hold(self, stream):
        """Work that is issued on the stream from now on waits for the event."""
        with stream.lock:
            self.driver.wait(stream.handle, self.handle)

    def synchronize(self):
        """Waits for the event; returns at once if it was never recorded."""
        self.driver.synchronize_event(self.handle)

    @property
    def happened(self):
        return self.driver.happened(self.handle)


def pinned(stream, shape, dtype):
    """A new array in pinned memory of the host: the GPU copies it while the host does other things.

    stream: the Stream that copies it; the memory of an array that is dropped is freed when that has been done.
    """
    stream.forbid_in_capture("allocates memory of the host")
    stream.run_later()
    nbytes = max(math.prod(shape) * np.dtype(dtype).itemsize, 1)
    address = stream.driver.allocate_host(nbytes)
    memory: Any = (ctypes.c_ubyte * nbytes).from_address(address)  # lives as long as views of it do
    weakref.finalize(memory, stream.after_work, stream.driver.free_host, address).atexit = False
    return np.ndarray(shape, dtype, memory)


def located(place):
    """The address of what is an address or an array on the GPU; None is 0."""
    return place if type(place) is int else 0 if place is None else getattr(place, "address", place)
