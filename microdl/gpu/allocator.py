"""Memory of the GPU for arrays: blocks that arrays have given back serve the next ones.

Asking the driver for memory takes far longer than most ops, and giving memory back to it waits for the GPU. So blocks
of a few sizes are kept in lists. That a block's last reader may still be running is no hindrance: whatever uses the
block next is issued later on the same stream. Blocks are not split and not joined: a training step asks for the same
sizes again and again.
"""

import gc
import weakref
from collections import Counter, deque

from microdl.core.errors import ResourceExhaustedError
from microdl.core.locks import new_lock
from microdl.gpu.errors import OUT_OF_MEMORY, DriverError

ALIGNMENT = 512  # bytes: sizes and addresses are multiples
CLASSES = 4  # sizes between a power of two and the next, so at most a quarter more than asked for is taken
SHOWN = 8  # kinds of blocks that the message about exhausted memory lists


class Block:
    """A piece of the GPU's memory, given back when nobody holds it any more.

    Attributes:
        address: int. nbytes: of its size, at least what was asked for. what: what it is for, in words.
    """

    __slots__ = ("_returned", "address", "nbytes", "what")

    def __init__(self, address, nbytes, what, returned):
        self.address, self.nbytes, self.what, self._returned = address, nbytes, what, returned

    def __del__(self):
        if self.nbytes:
            self._returned.append(self.address)

    def __repr__(self):
        return f"<Block of {in_words(self.nbytes)} at {self.address:#x}: {self.what}>"


class Allocator:
    """The memory of one GPU, for work on one stream.

    Args:
        stream: the Stream. limit: int, bytes that are taken from the driver at most; None: no limit but the GPU's.

    Attributes:
        limit: as above; may be set at any time, and holds from the next allocation on.
        taken: int, bytes that are taken from the driver now. in_use, peak: bytes of blocks that somebody holds, now
            and at most. driver_calls: int, how often the driver was asked for memory.
    """

    def __init__(self, stream, limit=None):
        self.stream, self.driver, self.limit = stream, stream.driver, limit
        self.taken = self._in_use = self.peak = self.driver_calls = 0
        self._lock = new_lock()
        self._held = {}  # address -> (nbytes, what)
        self._free = {}  # nbytes -> addresses
        self._keepers = weakref.WeakSet()
        self._returned = deque()  # addresses: finalizers run at any time, in any thread, and so take no lock

    def allocate(self, nbytes, what="an array", exact=False):
        """A Block of at least ``nbytes``, its contents arbitrary. One of 0 bytes has the address 0.

        what: str, what for; messages say so. exact: no more than ``nbytes`` (up to ALIGNMENT): for the one large block
        in which a plan lays out its arrays.

        Raises: ResourceExhaustedError, with what is held, if there is no room. CaptureError inside a capture.
        """
        if nbytes == 0:
            return Block(0, 0, what, self._returned)
        self.stream.forbid_in_capture("allocates memory of the GPU")
        self.stream.run_later()
        size = -(-nbytes // ALIGNMENT) * ALIGNMENT if exact else size_class(nbytes)
        address = self._found(size)
        if address is None:
            address = self._after_collecting(size, what)
        with self._lock:
            self._held[address] = size, what
            self._in_use += size
            self.peak = max(self.peak, self._in_use)
        return Block(address, size, what, self._returned)

    @property
    def in_use(self):
        with self._lock:
            self._take_back()
            return self._in_use

    def info(self):
        """{"current": bytes in use, "peak": at most}, as ``tf.config.experimental.get_memory_info`` gives them."""
        return {"current": self.in_use, "peak": self.peak}

    def reset_peak(self):
        """Counts the peak anew from what is in use now."""
        self.peak = self.in_use

    def trim(self):
        """Gives all memory that nobody uses back to the driver. Returns how many bytes that were."""
        self.stream.forbid_in_capture("gives memory back to the driver")
        self.stream.run_later()
        with self._lock:
            self._take_back()
            return self._release()

    def holdings(self):
        """[(nbytes, what, count), ...] of the blocks in use, those that take most memory together first."""
        with self._lock:
            self._take_back()
            counts = Counter(self._held.values())
        found = [(nbytes, what, count) for (nbytes, what), count in counts.items()]
        return sorted(found, key=lambda kind: (-kind[0] * kind[2], kind))

    def add_keeper(self, keeper):
        """Says of an object that keeps memory which it can do without.

        When there is no room its ``let_go()`` is called, first of that whose ``used`` is least. The allocator does not
        keep it.
        """
        with self._lock:
            self._keepers.add(keeper)

    def _found(self, nbytes):
        """An address of memory that was given back, or of new memory; None if there is no room."""
        with self._lock:
            self._take_back()
            waiting = self._free.get(nbytes)
            return waiting.pop() if waiting else self._from_driver(nbytes)

    def _take_back(self):
        """Puts what was given back into the lists. Called with the lock held."""
        while self._returned:
            address = self._returned.popleft()
            nbytes, _ = self._held.pop(address)
            self._in_use -= nbytes
            self._free.setdefault(nbytes, []).append(address)

    def _from_driver(self, nbytes):
        """An address of new memory, or None if neither the GPU nor the limit has room for it."""
        if self.limit is not None and self.taken + nbytes > self.limit:
            self._release()
            if self.taken + nbytes > self.limit:
                return None
        for attempt in range(2):
            try:
                self.driver_calls += 1
                address = self.driver.allocate(nbytes)
            except DriverError as error:
                if error.code != OUT_OF_MEMORY:
                    raise
                if attempt == 0 and not self._release():
                    return None
            else:
                self.taken += nbytes
                return address
        return None

    def _after_collecting(self, nbytes, what):
        """An address, once what only cycles of Python's objects hold, or what can be done without, was given back."""
        gc.collect()
        with self._lock:
            keepers = sorted(self._keepers, key=lambda keeper: keeper.used)
        while True:
            self.stream.run_later()
            address = self._found(nbytes)
            if address is not None:
                return address
            if not keepers:
                raise ResourceExhaustedError(self._exhausted(nbytes, what))
            keepers.pop(0).let_go()

    def _release(self):
        """Gives the blocks in the lists back to the driver. Returns how many bytes that were."""
        before = self.taken
        for nbytes, addresses in self._free.items():
            while addresses:
                self.driver.free(addresses.pop())
                self.taken -= nbytes
        self._free.clear()
        return before - self.taken

    def _exhausted(self, nbytes, what):
        free, total = self.driver.memory()
        limit = "" if self.limit is None else f", the limit that was set is {in_words(self.limit)}"
        kinds = self.holdings()
        lines = [f"{count} x {in_words(size)}: {kind}" for size, kind, count in kinds[:SHOWN]]
        rest = kinds[SHOWN:]
        if rest:
            lines.append(f"{sum(c for *_, c in rest)} others: {in_words(sum(n * c for n, _, c in rest))} together")
        held = "\n  ".join(["held are", *lines]) if lines else "nothing is held here"
        return (
            f"the GPU has no room for {in_words(nbytes)} ({what}): {in_words(self.in_use)} are in use{limit}, the "
            f"driver has {in_words(free)} of {in_words(total)} free; smaller batches need less memory; {held}"
        )


def size_class(nbytes):
    """The smallest size of blocks that fits ``nbytes`` > 0: one of CLASSES per power of two, in units of ALIGNMENT."""
    units = -(-nbytes // ALIGNMENT)
    step = 1 << max((units - 1).bit_length() - CLASSES.bit_length(), 0)
    return -(-units // step) * step * ALIGNMENT


def in_words(nbytes):
    """A number of bytes for readers: ``1.5 MiB``."""
    for unit in ("bytes", "KiB", "MiB"):
        if nbytes < 1024:
            return f"{nbytes:.4g} {unit}"
        nbytes /= 1024
    return f"{nbytes:.4g} GiB"
