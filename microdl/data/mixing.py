"""Which of several data sets gives the next element: random choices by weight, TensorFlow's own."""

import bisect
import itertools
import math

import numpy as np

from microdl.compile.signature import TensorSpec
from microdl.data.node import Following, Step
from microdl.data.shuffling import Random, kernels, words


def choice_of(seeds, weights, count):
    """Numbers below ``count`` without end, each as often as its weight says (None: alike).

    Raises: ValueError if there are not as many weights, or they are no weights.
    """
    if weights is None:
        weights = [1.0] * count
    weights = [float(weight) for weight in np.asarray(weights).tolist()]
    if len(weights) != count:
        raise ValueError(f"sample_from_datasets: {count} data sets need as many weights, got {len(weights)}")
    if not all(0 <= weight < math.inf for weight in weights) or not any(weights):
        raise ValueError(f"sample_from_datasets: weights must be >= 0, and one must not be 0, got {weights}")
    return _Choice(Random(seeds), weights)


class _Choice(Step):
    """A categorical draw for each two numbers of the input: they are its seeds."""

    name = "_MapDataset"

    def __init__(self, source, weights):
        super().__init__(source)
        # As TensorFlow: probabilities become float32 logits, then exp(logit - largest) in float64, added up.
        with np.errstate(divide="ignore"):
            logits = np.log(np.asarray(weights, np.float32))
        finite = logits[np.isfinite(logits)]
        shares = [math.exp(np.float64(x) - np.float64(finite.max())) if np.isfinite(x) else 0.0 for x in logits]
        self._bounds = list(itertools.accumulate(shares))

    def find_spec(self):
        return TensorSpec((), "int64")

    def iterate(self):
        return _Choosing(self.source.iterate(), self._bounds)


class _Choosing(Following):
    def __init__(self, source, bounds):
        super().__init__(source)
        self._bounds = bounds

    def next(self):
        seed, seed2 = self.source.many(2)
        stream = np.empty(3, np.uint64)
        kernels().stateless_stream(np.uint64(seed), np.uint64(seed2), stream)
        key, _, high = stream.tolist()
        first, second = words((key, high), 0, 2)  # a float64's fraction: 20 bits of one word, all of the other
        fraction = (((first & 0xFFFFF) << 32) | second) / 2**52
        return np.array(bisect.bisect_right(self._bounds, fraction * self._bounds[-1]), np.int64)
