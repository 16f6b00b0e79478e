"""Seeds, and how far every random stream has been read: what ``tf.random.set_seed`` resets.

TensorFlow's rules. A random op runs under two seeds, (global, op):

    set_seed(g) called, op has no seed     (g, next of random.Random(g))
    set_seed(g) called, op has seed s      (g, s)
    no global seed, op has seed s          (87654321, s)
    neither                                a stream from the system's entropy

Ops of one kind with the same dtype and seeds share one stream and read it one after the other. ``set_seed`` starts all
streams anew. The state belongs to the process, not to a thread.

TensorFlow 1's rules differ: each op of a graph has a ``Stream`` of its own in each session, and an op without a seed
takes the number of such ops before it in the graph.
"""

import os
import random
from typing import Any, NamedTuple

import numpy as np

from microdl.core.context import context
from microdl.core.locks import new_lock

DEFAULT_GLOBAL_SEED = 87654321
LARGEST_SEED = 2**31 - 1
LARGEST_DRAWN_SEED = 10**9  # Keras 3 draws seeds from 1 to this
UNSEEDED = (0, 0)  # TensorFlow's mark for a stream from the system's entropy

_HALF = 2**64


class Calls(NamedTuple):
    """Seeds of an op with numbers of its own: those of its n-th run follow from ``(seed, n)`` alone, from n = 0.

    So Keras 3's layers draw (``SeedGenerator``). ``owner``: the layer's name; layers do not share their counts.
    """

    owner: str
    seed: int


class Stream:
    """What one op alone reads, on and on. seeds: (global, op)."""

    def __init__(self, seeds):
        self._lock = new_lock()
        self._key, self._counter = _start(seeds)

    def reserve(self, blocks):
        """The next ``blocks`` Philox blocks: key, low and high, as ``RandomState.reserve`` gives them."""
        with self._lock:
            counter, self._counter = self._counter, self._counter + blocks
        return np.uint64(self._key), np.uint64(counter % _HALF), np.uint64(counter // _HALF % _HALF)


class RandomState:
    """One global seed, the op seeds that follow from it, and the position of each stream.

    Attributes:
        initializer_seeds: None, then initializers draw from these streams as TensorFlow 2's do; or what gives each
            initializer a seed of its own (``randint``), as Python's ``random`` does in Keras 3.
    """

    initializer_seeds: Any

    def __init__(self):
        self._lock = new_lock()
        self.set_seed(None)

    def set_seed(self, seed):
        """Starts over from ``seed``: an int, or None for no global seed."""
        seed = None if seed is None else int(seed)
        with self._lock:
            self._seed, self._op_seeds = seed, random.Random(seed)
            self.initializer_seeds = None
            self._positions = {}  # (kind, dtype, seeds) -> key, counter
            # Pairs that can come again: a user's own. One drawn for a single run of an op does not, and to remember it
            # would take memory at every step of a long training.
            self._lasting: set[tuple[int, int]] = {UNSEEDED}

    @property
    def seed(self):
        """The global seed, or None."""
        return self._seed

    def drawn_seed(self, seed=None):
        """``seed``, or if it is None the one that Keras 3 would give now to an initializer or layer that draws numbers.

        Returns: int, or None where initializers draw as TensorFlow 2's do.
        """
        if seed is None and self.initializer_seeds is not None:
            return self.initializer_seeds.randint(1, LARGEST_DRAWN_SEED)
        return seed

    def op_seeds(self, seed=None):
        """The pair (global seed, op seed) under which an op with its own ``seed`` (or None) runs now.

        In a graph a pair (None, seed), for which ``reserve`` asks anew whenever the op runs: so a traced function
        draws what the same ops draw one by one; or a Stream. ``Calls`` are a pair already.
        """
        if isinstance(seed, Calls):
            return seed
        if context.graph is not None:
            return (None, seed) if context.seeds_of is None else context.seeds_of(seed)
        with self._lock:
            global_seed, op_seed = self._seed, seed
            if op_seed is None:
                if global_seed is None:
                    return UNSEEDED
                op_seed = self._op_seeds.randint(0, LARGEST_SEED)
            pair = seed_pair(global_seed, op_seed)
            if seed is not None:
                self._lasting.add(pair)
        return pair

    def reserve(self, kind, dtype, seeds, blocks):
        """The next ``blocks`` Philox blocks (16 bytes each) of a stream, for this caller alone.

        Args:
            kind: name of the op; dtype: of its output. With ``seeds`` they name the stream, unless that is one itself.

        Returns: key, low and high as the kernels take them: uint64s.
        """
        if isinstance(seeds, Stream):
            return seeds.reserve(blocks)
        if seeds[0] is None:
            seeds = self.op_seeds(seeds[1])
        with self._lock:
            name = kind, dtype, seeds
            key, counter = self._positions.get(name) or _start(seeds)
            if seeds in self._lasting:
                self._positions[name] = key, counter + blocks
        return np.uint64(key), np.uint64(counter % _HALF), np.uint64(counter // _HALF % _HALF)

    def next_run(self, calls):
        """The seed pair ``(seed, n)`` of the next run of an op under ``Calls``."""
        name = "Calls", calls.owner, (calls.seed,)
        with self._lock:
            key, run = self._positions.get(name, (0, 0))
            self._positions[name] = key, run + 1
        return calls.seed, run

    def state(self):
        """Where all streams stand, as numbers, text and lists, for ``restore``."""
        with self._lock:
            return {
                "seed": self._seed,
                "op_seeds": self._op_seeds.getstate(),
                "from_python": self.initializer_seeds is not None,
                "lasting": sorted(self._lasting),
                "positions": [[*name, *where] for name, where in sorted(self._positions.items())],
            }

    def restore(self, state):
        """Goes where ``state()`` was."""
        version, numbers, spare = state["op_seeds"]
        with self._lock:
            self._seed = state["seed"]
            self._op_seeds.setstate((version, tuple(numbers), spare))
            self.initializer_seeds = random if state["from_python"] else None
            self._lasting = {(first, second) for first, second in state["lasting"]}
            self._positions = {
                (kind, dtype, tuple(seeds)): (key, counter) for kind, dtype, seeds, key, counter in state["positions"]
            }


def seed_pair(global_seed, op_seed):
    """The two seeds, of which ``global_seed`` may be None, as TensorFlow's kernels take them."""
    if global_seed is None:
        global_seed = DEFAULT_GLOBAL_SEED
    pair = int(global_seed) % LARGEST_SEED, int(op_seed) % LARGEST_SEED  # modulo 2^31 - 1 (not 2^31) in TensorFlow
    return (0, LARGEST_SEED) if pair == UNSEEDED else pair


def _start(seeds: tuple) -> tuple[int, int]:
    """Key and 128-bit counter where the stream of a pair of seeds begins."""
    if seeds == UNSEEDED:
        seeds = (int.from_bytes(os.urandom(8), "little"), int.from_bytes(os.urandom(8), "little"))
    return seeds[0], seeds[1] * _HALF


random_state = RandomState()
