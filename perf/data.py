"""What ``tf.data`` costs beside a plain loop over a NumPy permutation: one pass over arrays as large as MNIST.

    python perf/data.py [--batch 64] [--rounds 9]

Both shuffle, gather batches of images and labels, and do nothing with them. They take turns; the minimum of each
counts. Other rows: what ``map`` before and after ``batch`` adds, and a thread that works ahead.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # a checkout that is not installed

import microdl as tf  # noqa: E402 (after the line above)

SAMPLES, SHAPE = 60_000, (28, 28)


def by_hand(x, y, batch, random):
    """The loop that everybody writes."""
    order = random.permutation(len(x))
    for start in range(0, len(x), batch):
        rows = order[start : start + batch]
        yield x[rows], y[rows]


def pipelines(x, y, batch):
    """Datasets by name. x, y: arrays."""
    rows = tf.data.Dataset.from_tensor_slices((x, y))
    return {
        "shuffle(all).batch": rows.shuffle(len(x)).batch(batch),
        "shuffle(1024).batch": rows.shuffle(1024).batch(batch),
        "batch": rows.batch(batch),
        "shuffle(all).batch.prefetch(AUTOTUNE)": rows.shuffle(len(x)).batch(batch).prefetch(tf.data.AUTOTUNE),
        "shuffle(all).batch.prefetch(2)": rows.shuffle(len(x)).batch(batch).prefetch(2),
        "shuffle(all).batch.map": rows.shuffle(len(x)).batch(batch).map(lambda image, label: (image, label)),
        "shuffle(all).map.batch": rows.shuffle(len(x)).map(lambda image, label: (image, label)).batch(batch),
    }


def milliseconds(batches):
    """The time of a pass."""
    start = time.perf_counter()
    for _ in batches:
        pass
    return 1e3 * (time.perf_counter() - start)


def measured(dtype, batch, rounds):
    """Milliseconds of a pass by name, the loop by hand first. dtype: of the images."""
    random = np.random.default_rng(0)
    x = (255 * random.random((SAMPLES, *SHAPE), np.float32)).astype(dtype)
    y = random.integers(0, 10, SAMPLES)
    datasets = pipelines(x, y, batch)
    times = {name: [] for name in ("NumPy by hand", *datasets)}
    for _ in range(rounds):
        times["NumPy by hand"].append(milliseconds(by_hand(x, y, batch, random)))
        for name, dataset in datasets.items():
            times[name].append(milliseconds(dataset))
    return {name: min(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--batch", type=int, default=64, help="rows of a batch")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    for dtype in (np.float32, np.uint8):
        print(f"{SAMPLES} images of {SHAPE}, {np.dtype(dtype).name}, batches of {options.batch}: ms a pass, x by hand")
        results = measured(dtype, options.batch, options.rounds)
        for name, value in results.items():
            print(f"{name:>40} {value:8.1f} {value / results['NumPy by hand']:7.2f}")


if __name__ == "__main__":
    main()
