"""The roofs of this machine, and how near an op comes to them."""

import functools
from typing import NamedTuple

from microdl.core.kernels import support


class Roofs(NamedTuple):
    """flops: FLOP/s at most, in float32. levels: (name, bytes that it holds, bytes/s), fastest first, memory last."""

    flops: float
    levels: list

    def least_seconds(self, flops, moved):
        """No call can take less, if its bytes come from the smallest cache that holds them all.

        Two do: Winograd's convolutions (``flops`` counts the direct algorithm), and ops that find their inputs in a
        nearer cache.
        """
        return max(flops / self.flops, moved / self.bandwidth(moved))

    def bandwidth(self, moved):
        return next((speed for _, size, speed in self.levels[:-1] if moved <= size), self.levels[-1][2])


@functools.cache
def roofs():
    """The Roofs, measured once in a process: takes about a second."""
    return Roofs(*support("roofs").measure())
