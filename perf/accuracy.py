"""Seconds until the MNIST CNN knows 99 % of the test images, from the start of the process: microdl and PyTorch.

    python perf/accuracy.py --torch-python PATH [--seeds 3] [--target 0.99] [--threads N] [--json FILE]

Both train the network of ``examples/mnist_cnn.py`` from Glorot-uniform weights with Adam, the learning rate falling
from 0.002 to zero along a half cosine of five epochs, batches of 64 in a new random order each epoch. Every 200 steps
they classify the 10,000 test images and stop when the target is reached; that time counts for both, as do imports,
reading the data (one uncompressed file for both) and, in microdl, loading compiled kernels from the cache, which a
first, uncounted run fills. Sides alternate, each run in a process of its own, with equal threads; PyTorch runs in
channels_last, its faster layout for this network on CPUs.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
BATCH, EPOCHS, RATE, EVERY, EVALUATED = 64, 5, 0.002, 200, 500


def load(path):
    """(x_train, y_train), (x_test, y_test): float32 in [0, 1], (N, 28, 28, 1), and int32."""
    with np.load(path) as arrays:
        return [
            (arrays[f"x_{part}"][..., None] / np.float32(255), arrays[f"y_{part}"].astype(np.int32))
            for part in ("train", "test")
        ]


def write_data(path):
    """MNIST as both sides read it."""
    script = (
        "import sys, numpy, microdl\n"
        "(a, b), (c, d) = microdl.keras.datasets.mnist.load_data()\n"
        "numpy.savez(sys.argv[1], x_train=a, y_train=b, x_test=c, y_test=d)"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def search(train_step, predict, options):
    """Trains until the test accuracy is ``target``. Returns (steps, accuracy).

    train_step: (images, labels, learning rate) -> None. predict: images -> logits as an array.
    """
    (x, y), (x_test, y_test) = load(options.data)
    order, steps = np.random.default_rng(options.seed), math.ceil(len(x) / BATCH) * EPOCHS
    step, accuracy = 0, 0.0
    for _ in range(EPOCHS):
        rows = order.permutation(len(x))
        for start in range(0, len(x), BATCH):
            chosen = rows[start : start + BATCH]
            train_step(x[chosen], y[chosen], 0.5 * RATE * (1 + math.cos(math.pi * step / steps)))
            step += 1
            if step % EVERY == 0:
                right = sum(
                    np.sum(predict(x_test[i : i + EVALUATED]).argmax(-1) == y_test[i : i + EVALUATED])
                    for i in range(0, len(x_test), EVALUATED)
                )
                accuracy = float(right / len(x_test))
                if accuracy >= options.target:
                    return step, accuracy
    return step, accuracy


def microdl_side(options):
    sys.path[:0] = [str(ROOT), str(ROOT / "examples")]
    import microdl as tf
    from mnist_cnn import build_model

    tf.random.set_seed(options.seed)
    model, rate = build_model(), tf.Variable(RATE)
    optimizer = tf.keras.optimizers.Adam(rate)

    @tf.function
    def step(x, y, learning_rate):
        optimizer.learning_rate.assign(learning_rate)
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x, training=True))
            loss = tf.reduce_mean(losses)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    predict = tf.function(lambda x: model(x, training=False))
    return search(lambda x, y, r: step(x, y, np.float32(r)), lambda x: predict(x).numpy(), options)


def torch_side(options):
    import torch
    from torch import nn

    torch.manual_seed(options.seed)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Conv2d(16, 36, 5, padding=2),
        nn.MaxPool2d(2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(36 * 7 * 7, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    for layer in model:
        if hasattr(layer, "weight"):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), RATE, eps=1e-7)
    criterion = nn.CrossEntropyLoss()

    def images(x):
        return torch.from_numpy(x).permute(0, 3, 1, 2)

    def step(x, y, rate):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        criterion(model(images(x)), torch.from_numpy(y).long()).backward()
        optimizer.step()

    def predict(x):
        with torch.inference_mode():
            return model(images(x)).numpy()

    return search(step, predict, options)


SIDES = {"microdl": microdl_side, "torch": torch_side}


def run(python, side, seed, options, folder):
    """One process: {"seconds", "steps", "accuracy"}."""
    threads = str(options.threads)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads, "MICRODL_CACHE_DIR": folder}
    command = [python, __file__, "--side", side, "--seed", str(seed), "--target", str(options.target)]
    command += ["--data", str(Path(folder, "mnist.npz"))]
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr}")
    return {"seconds": seconds, **json.loads(done.stdout)}


def compare(options):
    found = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder, "mnist.npz"))
        run(sys.executable, "microdl", 0, options, folder)  # compiles
        for seed in range(1, options.seeds + 1):
            for side, python in (("microdl", sys.executable), ("torch", options.torch_python)):
                found[side].append(run(python, side, seed, options, folder))
                one = found[side][-1]
                print(
                    f"seed {seed}  {side:8}  {one['seconds']:6.2f} s  {one['steps']:5d} steps  "
                    f"{100 * one['accuracy']:.2f} %",
                    flush=True,
                )
    for measure in (min, statistics.median):
        ours, theirs = (measure(one["seconds"] for one in found[side]) for side in SIDES)
        print(f"{measure.__name__:6}  microdl {ours:.2f} s, torch {theirs:.2f} s: {theirs / ours:.2f} times sooner")
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--torch-python", help="a Python that has PyTorch")
    parser.add_argument("--seeds", type=int, default=3, help="how many runs of each side")
    parser.add_argument("--target", type=float, default=0.99, help="fraction of the test images")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", help="file for all figures")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        steps, accuracy = SIDES[options.side](options)
        print(json.dumps({"steps": steps, "accuracy": accuracy}))
    elif not options.torch_python:
        parser.error("--torch-python is needed")
    else:
        compare(options)


if __name__ == "__main__":
    main()
