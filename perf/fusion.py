"""What one generated kernel saves: formulas of elementwise ops, traced with fusion and without.

    python perf/fusion.py [--size 16777216] [--rounds 9]

A row: milliseconds of both (minimum and median, rounds interleaved), how many times as fast, and the GB/s at which the
fused kernel moves what has to be moved: every array once. The last row copies an array, for scale. What a function
returns is new memory in every call; above 32 MiB the system hands it out page by page, which takes both sides longer.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

import microdl as tf
from microdl.compile import elementwise

CHANNELS = 64


def gelu(x):
    """Gelu's approximation by tanh, from primitive ops: 9 of them."""
    return 0.5 * x * (1.0 + tf.tanh(0.7978845608 * (x + 0.044715 * x * x * x)))


def adam(gradient, mean, square, weights, rate):
    """Adam's update without bias correction: new mean, square and weights."""
    mean = 0.9 * mean + 0.1 * gradient
    square = 0.999 * square + 0.001 * gradient * gradient
    return mean, square, weights - rate * mean / (tf.sqrt(square) + 1e-7)


def bias_swish(x, bias):
    """A bias along the last axis, swish, and a residual."""
    y = x + bias
    return x + y * tf.sigmoid(y)


def cases(size):
    """name -> (function, arguments, arrays of ``size`` that have to be moved)."""
    arrays = [tf.random.uniform((size // CHANNELS, CHANNELS)) for _ in range(4)]
    rate, bias = tf.constant(0.01), tf.random.normal((CHANNELS,))
    return {
        "gelu": (gelu, arrays[:1], 2),
        "adam": (adam, [*arrays, rate], 7),
        "bias, swish, residual": (bias_swish, [arrays[0], bias], 2),
    }


def traced(function, arguments, fuse):
    """A call of the traced function, and the number of steps of its plan."""
    usual = elementwise.LEAST_SAVED
    elementwise.LEAST_SAVED = usual if fuse else sys.maxsize
    try:
        concrete = tf.function(function).get_concrete_function(*arguments)
        return lambda: concrete(*arguments), len(concrete.plan.steps)
    finally:
        elementwise.LEAST_SAVED = usual


def milliseconds(calls, rounds):
    """For each call (minimum, median)."""
    times = [[] for _ in calls]
    for _ in range(rounds + 2):
        for call, found in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            found.append(1e3 * (time.perf_counter() - start))
    return [(min(found[2:]), statistics.median(found[2:])) for found in times]


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=1 << 24, help="elements of float32, a multiple of 64")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    print(f"{'formula':<24}{'steps':>6}{'ms, op by op':>18}{'ms, fused':>18}{'times':>8}{'GB/s':>8}")
    for name, (function, arguments, moves) in cases(options.size).items():
        (alone, steps), (fused, _) = (traced(function, arguments, fuse) for fuse in (False, True))
        apart, one = milliseconds([alone, fused], options.rounds)
        speed = 4e-6 * moves * options.size / one[0]
        texts = [f"{low:.3g} ({median:.3g})" for low, median in (apart, one)]
        print(f"{name:<24}{steps:>6}{texts[0]:>18}{texts[1]:>18}{apart[0] / one[0]:>8.2f}{speed:>8.1f}")
    x, y = np.ones(options.size, np.float32), np.empty(options.size, np.float32)
    ((least, _),) = milliseconds([lambda: np.copyto(y, x)], options.rounds)
    print(f"{'NumPy copies an array':<74}{8e-6 * options.size / least:>8.1f}")


if __name__ == "__main__":
    main()
