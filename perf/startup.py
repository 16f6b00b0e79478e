"""Seconds from the start of a process to `import microdl` done and to the first training step of the MNIST CNN.

    python perf/startup.py [--rounds 5]

The first step is measured with the kernels in the disk cache (warm), and with an empty cache, where everything that the
step needs is compiled (cold). Each figure comes from processes of their own; the minimum and the median are printed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORT = "import microdl"
FIRST_STEP = """
import sys
import numpy as np
import microdl as tf
sys.path.insert(0, "examples")
from mnist_cnn import build_model
model = build_model()
optimizer = tf.keras.optimizers.Adam(1e-3)
(images, labels), _ = tf.keras.datasets.mnist.load_data()
x, y = tf.constant(images[:64, ..., np.newaxis] / np.float32(255)), tf.constant(labels[:64].astype(np.int32))
with tf.GradientTape() as tape:
    logits = model(x, training=True)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
gradients = tape.gradient(loss, model.trainable_variables)
optimizer.apply_gradients(zip(gradients, model.trainable_variables))
"""


def seconds(code, cache):
    """Wall time of a process that runs ``code``."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "MICRODL_CACHE_DIR": cache, "MICRODL_QUIET": "1", "PYTHONPATH": path}
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    cold = []
    for _ in range(max(1, rounds // 2)):
        with tempfile.TemporaryDirectory() as empty:
            cold.append(seconds(FIRST_STEP, empty))
    with tempfile.TemporaryDirectory() as cache:
        seconds(FIRST_STEP, cache)
        bare, imported, warm = [], [], []
        for _ in range(rounds):
            bare.append(seconds("pass", cache))
            imported.append(seconds(IMPORT, cache))
            warm.append(seconds(FIRST_STEP, cache))
    for what, times in (
        ("python alone", bare),
        ("import microdl", imported),
        ("first step, warm cache", warm),
        ("first step, empty cache", cold),
    ):
        print(f"{what:>24}: {min(times):6.2f} s (median {statistics.median(times):.2f})")


if __name__ == "__main__":
    main()
