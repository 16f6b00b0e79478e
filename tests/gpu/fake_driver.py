"""A driver without a GPU: memory of the host behind the addresses, streams that run late, capture with its rules.

What is issued on a stream waits in a queue until something waits for it; ``chance`` lets some of it run earlier, in an
order that streams and events allow and nothing else does. So code that forgets to wait reads old numbers here too. A
kernel is a Python function; a module's image is the name of one in ``kernels``, its arguments are read from where the
real driver reads them. Every call is counted; ``fail`` lets one fail.
"""

import ctypes
import random
import struct
import threading
from collections import Counter, deque

import numpy as np

from microdl.gpu.driver import Properties
from microdl.gpu.errors import DriverError

NAMES = {
    1: "CUDA_ERROR_INVALID_VALUE",
    2: "CUDA_ERROR_OUT_OF_MEMORY",
    700: "CUDA_ERROR_ILLEGAL_ADDRESS",
    900: "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
    901: "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
    904: "CUDA_ERROR_STREAM_CAPTURE_UNJOINED",
    905: "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
    907: "CUDA_ERROR_CAPTURED_EVENT",
    908: "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD",
}
GUARD = 64  # bytes after a piece of memory, which nobody may write to
FREED, FRESH, GUARDED = 0xDD, 0xCD, 0xFD  # bytes that memory is filled with


class _Stream:
    def __init__(self):
        self.queue, self.capture = deque(), None


class _Event:
    def __init__(self):
        self.recorded = self.happened = 0  # how often
        self.captured, self.stream = None, None  # the capture that it was recorded in, and the stream
        self.time = None  # when it happened, in milliseconds


class _Capture:
    def __init__(self, stream, thread):
        self.stream, self.thread, self.valid = stream, thread, True
        self.nodes, self.others = [], set()  # functions; streams that were drawn in


class _Memory:
    """Pieces of memory by address: their bytes, with a guard behind each."""

    def __init__(self):
        self.pieces = {}

    def new(self, nbytes):
        raw = np.full(nbytes + GUARD + 512, GUARDED, np.uint8)
        address = -(-raw.ctypes.data // 512) * 512
        start = address - raw.ctypes.data
        raw[start : start + nbytes] = FRESH
        self.pieces[address] = raw, start, nbytes
        return address

    def drop(self, address):
        raw, start, nbytes = self.pieces.pop(address)
        assert (raw[start + nbytes : start + nbytes + GUARD] == GUARDED).all(), "something wrote behind its memory"
        raw[start : start + nbytes] = FREED

    def bytes_at(self, address, nbytes):
        """A view of memory, or None if it is not all in one piece."""
        for begin, (raw, start, size) in self.pieces.items():
            if begin <= address and address + nbytes <= begin + size:
                return raw[start + address - begin :][:nbytes]
        return None


class FakeDriver:
    """See ``microdl.gpu.driver.Driver``.

    Args:
        nbytes: int, of the GPU's memory. kernels: name -> (struct format of its arguments, function), called as
            function(view, *arguments) with ``view(address, count, dtype)``, an array of the GPU's memory.
        chance: Random, which decides what runs before it must; None: nothing does.

    Attributes:
        calls: Counter of the calls. waited_for: numbers of streams of others.
        launches: (name, grid, threads, shared, arguments) of those that ran.
    """

    ordinal = 0

    def __init__(self, nbytes=1 << 24, kernels=None, chance=None):
        self.total, self.kernels = nbytes, kernels or {}
        self.chance = random.Random(chance) if isinstance(chance, int) else chance
        self.calls, self.launches, self.shared_limits = Counter(), [], {}
        self.waited_for = []
        self.device, self.host = _Memory(), _Memory()
        self._streams, self._captures, self._failures, self._lost = [], {}, {}, None
        self._default = None
        self._clock = 0  # milliseconds: each piece of work takes one

    def fail(self, call, code, after=0):
        """The call after the next ``after`` ones fails with ``code``, a number of cuda.h."""
        self._failures[call] = [after, code]

    # Rules

    def _enter(self, call, unsafe=False):
        """Counts a call. ``unsafe``: one that the thread must not make while it captures."""
        self.calls[call] += 1
        if call in self._failures:
            self._failures[call][0] -= 1
            if self._failures[call][0] < 0:
                raise self._error(call, self._failures.pop(call)[1])
        if self._lost is not None:
            raise self._error(call, self._lost)
        capture = self._captures.get(threading.get_ident())
        if unsafe and capture is not None:
            capture.valid = False
            raise self._error(call, 900)

    @staticmethod
    def _error(call, code):
        return DriverError(f"cu{call}", code, NAMES.get(code, "CUDA_ERROR_UNKNOWN"))

    def _issue(self, call, stream, work):
        """Has ``work`` done on a stream, or noted down."""
        if stream.capture is not None:
            if not stream.capture.valid:
                raise self._error(call, 901)
            stream.capture.nodes.append(work)
            return
        stream.queue.append((work, None))
        self._run_some()

    def _run_some(self):
        while self.chance is not None and self.chance.random() < 0.5:
            ready = [stream for stream in self._streams if stream.queue and self._is_ready(stream)]
            if not ready:
                return
            self._run_one(self.chance.choice(ready))

    @staticmethod
    def _is_ready(stream):
        event = stream.queue[0][1]
        return event is None or event[0].happened >= event[1]

    def _run_one(self, stream):
        work, _ = stream.queue.popleft()
        if work is not None:
            self._do(work)

    def _do(self, work):
        self._clock += 1
        work()

    def _finish(self, stream, until=lambda: False):
        """Runs what is on a stream, and on others what it waits for."""
        while stream.queue and not until():
            if not self._is_ready(stream):
                event, count = stream.queue[0][1]
                for other in self._streams:
                    if other is not stream:
                        self._finish(other, lambda event=event, count=count: event.happened >= count)
            self._run_one(stream)

    # The GPU

    def properties(self):
        return Properties("a fake GPU", (9, 0), 132, self.total, 227 << 10, (13, 0))

    # Memory

    def _used(self):
        return sum(nbytes for *_, nbytes in self.device.pieces.values())

    def memory(self):
        self._enter("MemGetInfo")
        return self.total - self._used(), self.total

    def allocate(self, nbytes):
        self._enter("MemAlloc", unsafe=True)
        if self._used() + nbytes > self.total:
            raise self._error("MemAlloc", 2)
        return self.device.new(nbytes)

    def free(self, address):
        self._enter("MemFree", unsafe=True)
        for stream in self._streams:
            self._finish(stream)
        self.device.drop(address)

    def allocate_host(self, nbytes):
        self._enter("MemHostAlloc", unsafe=True)
        return self.host.new(nbytes)

    def free_host(self, address):
        self._enter("MemFreeHost", unsafe=True)
        self.host.drop(address)

    def view(self, address, count, dtype):
        """An array of the GPU's memory; reading it waits for nothing."""
        found = self.device.bytes_at(address, count * np.dtype(dtype).itemsize)
        if found is None:
            self._lost = 700
            raise self._error("EventSynchronize", 700)
        return found.view(dtype)

    # Copies

    def _copy(self, call, stream, source, target, host):
        """``source``, ``target``: functions that give the bytes. host: (address, nbytes) of the host's part."""
        self._enter(call)
        paged = host is not None and self.host.bytes_at(*host) is None
        if paged and stream.capture is not None:
            stream.capture.valid = False
            raise self._error(call, 900)
        self._issue(call, stream, lambda: target().__setitem__(slice(None), source()))
        if paged:
            self._finish(stream)

    def copy_in(self, address, host, nbytes, stream):
        def target():
            return self.view(address, nbytes, np.uint8)

        self._copy("MemcpyHtoDAsync", stream, lambda: _raw(host, nbytes), target, (host, nbytes))

    def copy_out(self, host, address, nbytes, stream):
        def source():
            return self.view(address, nbytes, np.uint8)

        self._copy("MemcpyDtoHAsync", stream, source, lambda: _raw(host, nbytes), (host, nbytes))

    def copy(self, target, source, nbytes, stream):
        views = (lambda: self.view(source, nbytes, np.uint8)), (lambda: self.view(target, nbytes, np.uint8))
        self._copy("MemcpyDtoDAsync", stream, *views, None)

    def fill(self, address, byte, nbytes, stream):
        self._enter("MemsetD8Async")
        self._issue("MemsetD8Async", stream, lambda: self.view(address, nbytes, np.uint8).fill(byte))

    # Streams and events

    def create_stream(self):
        self._enter("StreamCreate")
        self._streams.append(_Stream())
        return self._streams[-1]

    def default_stream(self):
        if self._default is None:
            self._default = self.create_stream()
        return self._default

    def stream_number(self, stream):
        return 0x1000 + self._streams.index(stream)

    def synchronize_number(self, number):
        self._enter("StreamSynchronize")
        self.waited_for.append(number)

    def create_event(self, timing=False):
        self._enter("EventCreate")
        return _Event()

    def destroy_event(self, event):
        self._enter("EventDestroy")

    def record(self, event, stream):
        self._enter("EventRecord")
        event.captured, event.stream = stream.capture, stream
        if stream.capture is None:
            event.recorded += 1
            count = event.recorded
            stream.queue.append((lambda: self._happen(event, count), None))
            self._run_some()

    def _happen(self, event, count):
        event.happened, event.time = max(event.happened, count), self._clock

    def record_in_graph(self, event, stream):
        self._enter("EventRecordWithFlags")
        if stream.capture is None:
            raise self._error("EventRecordWithFlags", 1)

        def record():
            event.stream, event.captured = stream, None
            event.recorded += 1
            self._happen(event, event.recorded)

        stream.capture.nodes.append(record)

    def wait(self, stream, event):
        self._enter("StreamWaitEvent")
        if event.captured is not None and event.captured.stream.capture is event.captured:
            capture = event.captured
            if stream is capture.stream:
                capture.others.discard(event.stream)
            else:
                capture.others.add(stream)
            stream.capture = capture
        elif stream.capture is not None:
            stream.capture.valid = False
            raise self._error("StreamWaitEvent", 905)
        else:
            stream.queue.append((None, (event, event.recorded)))
            self._run_some()

    def synchronize_event(self, event):
        self._enter("EventSynchronize")
        if event.captured is not None:
            event.captured.valid = False
            raise self._error("EventSynchronize", 907)
        if event.recorded:
            self._finish(event.stream, lambda: event.happened >= event.recorded)

    def happened(self, event):
        self._enter("EventQuery")
        return event.happened >= event.recorded

    def milliseconds(self, start, end):
        self._enter("EventElapsedTime")
        if not (start.happened and end.happened):
            raise self._error("EventElapsedTime", 400)
        return float(end.time - start.time)

    # Kernels

    def load(self, image):
        self._enter("ModuleLoadData", unsafe=True)
        return image.decode()

    def function(self, module, name):
        self._enter("ModuleGetFunction")
        return name

    def allow_shared(self, function, nbytes):
        self._enter("FuncSetAttribute")
        self.shared_limits[function] = nbytes

    def launch(self, function, grid, threads, shared, stream, extra):
        self._enter("LaunchKernel")
        if threads[0] * threads[1] * threads[2] > 1024 or max(grid[1:]) > 65535 or min(grid) < 1:
            raise self._error("LaunchKernel", 1)
        if shared > self.shared_limits.get(function, 48 << 10):
            raise self._error("LaunchKernel", 1)
        layout, body = self.kernels[function]
        packed = _arguments(extra)  # copied now: the caller may use its buffer again
        arguments = struct.unpack(layout, packed)

        def run():
            self.launches.append((function, tuple(grid), tuple(threads), shared, arguments))
            body(self.view, *arguments)

        self._issue("LaunchKernel", stream, run)

    # Graphs

    def begin_capture(self, stream):
        self._enter("StreamBeginCapture")
        thread = threading.get_ident()
        assert stream.capture is None
        stream.capture = self._captures[thread] = _Capture(stream, thread)

    def is_capturing(self, stream):
        self._enter("StreamIsCapturing")
        return stream.capture is not None and stream.capture.valid

    def end_capture(self, stream):
        self._enter("StreamEndCapture")
        capture = stream.capture
        if capture is None:
            raise self._error("StreamEndCapture", 1)
        if capture.thread != threading.get_ident():
            raise self._error("StreamEndCapture", 908)
        del self._captures[capture.thread]
        for each in self._streams:
            each.capture = None if each.capture is capture else each.capture
        if not capture.valid:
            raise self._error("StreamEndCapture", 901)
        if capture.others:
            raise self._error("StreamEndCapture", 904)
        return capture.nodes

    def instantiate(self, graph):
        self._enter("GraphInstantiate")
        return list(graph)

    def destroy_graph(self, graph):
        self._enter("GraphDestroy")

    def destroy_executable(self, executable):
        self._enter("GraphExecDestroy")

    def launch_graph(self, executable, stream):
        self._enter("GraphLaunch")
        self._issue("GraphLaunch", stream, lambda: [self._do(work) for work in executable])


def _raw(address, nbytes):
    return np.frombuffer((ctypes.c_ubyte * nbytes).from_address(address), np.uint8)


def _arguments(extra):
    """The packed arguments that the list at address ``extra`` tells of, read as the driver reads it."""
    entries, found = (ctypes.c_void_p * 16).from_address(extra), {}
    for key, value in zip(entries[0::2], entries[1::2], strict=True):
        if key is None:
            break
        found[key] = value
    return ctypes.string_at(found[1], ctypes.c_size_t.from_address(found[2]).value)
