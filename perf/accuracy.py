"""Seconds until the MNIST CNN knows 99 % of the test images, from the start of the process: microdl and PyTorch.

    python perf/accuracy.py [--torch-python PATH] [--device gpu] [--seeds 3] [--target 0.99] [--threads N] [--json FILE]

Both train the network of ``examples/mnist_cnn.py`` from Glorot-uniform weights with Adam, the learning rate falling
from 0.002 to zero along a half cosine of five epochs, batches of 64 in a new random order each epoch. Every 200 steps
they classify the 10,000 test images and stop when the target is reached; that time counts for both, as do imports,
reading the data (one uncompressed file for both) and, in microdl, loading compiled kernels from the cache, which a
first, uncounted run fills. Sides alternate, each run in a process of its own, with equal threads; PyTorch runs in
channels_last, its faster layout for this network on CPUs.

With ``--device gpu`` the images lie in the GPU's memory on both sides, and a step gets the numbers of its rows. Seconds
of training are told apart there and on the CPU: those after the first three steps, in which kernels are compiled.
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
from harness import machine

ROOT = Path(__file__).parents[1]
BATCH, EPOCHS, RATE, EVERY = 64, 5, 0.002, 200
EVALUATED = {"cpu": 500, "gpu": 2500}  # images at once
FIRST = 3  # steps, in which a side compiles, and notes down what it replays
TRIED = 256  # images of a dry run, with an evaluation after every fourth step


def load(options):
    """(x_train, y_train), (x_test, y_test): float32 in [0, 1], (N, 28, 28, 1), and int32."""
    used = slice(TRIED if options.dry_run else None)
    with np.load(options.data) as arrays:
        return [
            (arrays[f"x_{part}"][used, ..., None] / np.float32(255), arrays[f"y_{part}"][used].astype(np.int32))
            for part in ("train", "test")
        ]


def pieces(x_test, options):
    """The test images as they are classified, some at once."""
    return [x_test[i : i + EVALUATED[options.device]] for i in range(0, len(x_test), EVALUATED[options.device])]


def write_data(path):
    """MNIST as both sides read it."""
    script = (
        "import sys, numpy, microdl\n"
        "(a, b), (c, d) = microdl.keras.datasets.mnist.load_data()\n"
        "numpy.savez(sys.argv[1], x_train=a, y_train=b, x_test=c, y_test=d)"
    )
    subprocess.run([sys.executable, "-c", script, path], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})


def search(train_step, predict, images, y_test, options):
    """Trains until the test accuracy is ``target``. Returns {"steps", "accuracy", "training": seconds}.

    train_step: (numbers of rows, learning rate) -> None. images: how many there are.
    predict: () -> logits of all test images, an array for each of their pieces.
    """
    order, steps = np.random.default_rng(options.seed), math.ceil(images / BATCH) * EPOCHS
    step, accuracy, start = 0, 0.0, time.perf_counter()
    for _ in range(EPOCHS):
        rows = order.permutation(images)
        for first in range(0, images, BATCH):
            train_step(rows[first : first + BATCH], 0.5 * RATE * (1 + math.cos(math.pi * step / steps)))
            step += 1
            if step == FIRST:
                start = time.perf_counter()
            if step % (4 if options.dry_run else EVERY) == 0:
                logits = np.concatenate(list(predict()))
                accuracy = float(np.mean(logits.argmax(-1) == y_test))
                if accuracy >= options.target:
                    return {"steps": step, "accuracy": accuracy, "training": time.perf_counter() - start}
    return {"steps": step, "accuracy": accuracy, "training": time.perf_counter() - start}


def microdl_side(options):
    sys.path[:0] = [str(ROOT), str(ROOT / "examples")]
    import microdl as tf
    from mnist_cnn import build_model

    (x, y), (x_test, y_test) = load(options)
    on_gpu, here = options.device == "gpu", f"/{options.device}:0"
    tf.random.set_seed(options.seed)
    with tf.device(here):
        model, rate = build_model(), tf.Variable(RATE)
        optimizer = tf.keras.optimizers.Adam(rate)
        tests = [tf.constant(piece) for piece in pieces(x_test, options)]
        images, labels = (tf.constant(x), tf.constant(y)) if on_gpu else (None, None)

    @tf.function
    def step(x, y, learning_rate):
        optimizer.learning_rate.assign(learning_rate)
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x, training=True))
            loss = tf.reduce_mean(losses)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

    @tf.function
    def step_of(rows, learning_rate):
        step(tf.gather(images, rows), tf.gather(labels, rows), learning_rate)

    def train(rows, learning_rate):
        if on_gpu:
            step_of(rows.astype(np.int32), np.float32(learning_rate))
        else:
            step(x[rows], y[rows], np.float32(learning_rate))

    logits = tf.function(lambda x: model(x, training=False))
    return search(train, lambda: (logits(test).numpy() for test in tests), len(x), y_test, options)


def torch_side(options):
    import torch
    from torch import nn

    (x, y), (x_test, y_test) = load(options)
    device = "cpu"
    if options.device == "gpu":
        from harness.gpu.torch_side import DEVICE as device, prepare_gpu

        prepare_gpu()
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
    model = model.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), RATE, eps=1e-7, fused=True)
    criterion = nn.CrossEntropyLoss()

    def images(x):
        return torch.from_numpy(x).to(device).permute(0, 3, 1, 2)

    all_images, labels = images(x), torch.from_numpy(y).to(device).long()
    tests = [images(piece) for piece in pieces(x_test, options)]

    def step(rows, rate):
        rows = torch.from_numpy(rows).to(device)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        criterion(model(all_images[rows]), labels[rows]).backward()
        optimizer.step()

    @torch.inference_mode()
    def predict():
        return [model(test).cpu().numpy() for test in tests]

    return search(step, predict, len(x), y_test, options)


SIDES = {"microdl": microdl_side, "torch": torch_side}


def run(python, side, seed, options, folder):
    """One process: {"seconds", "steps", "accuracy", "training"}."""
    threads = str(options.threads)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads, "MICRODL_CACHE_DIR": folder}
    command = [python, __file__, "--side", side, "--seed", str(seed), "--target", str(options.target)]
    command += ["--data", str(Path(folder, "mnist.npz")), "--device", options.device]
    command += ["--dry-run"] if options.dry_run else []
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{side} failed:\n{done.stderr}")
    return {"seconds": seconds, **json.loads(done.stdout)}


def compare(options):
    pythons = {"microdl": sys.executable} | ({"torch": options.torch_python} if options.torch_python else {})
    found = {side: [] for side in pythons}
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder, "mnist.npz"))
        if not options.dry_run:
            run(sys.executable, "microdl", 0, options, folder)  # compiles
        for seed in range(1, options.seeds + 1):
            for side, python in pythons.items():
                found[side].append(run(python, side, seed, options, folder))
                one = found[side][-1]
                took = f"{one['seconds']:6.2f} s  training {one['training']:6.2f} s  "
                print(
                    f"seed {seed}  {side:8}  {'' if options.dry_run else took}{one['steps']:5d} steps  "
                    f"{100 * one['accuracy']:.2f} %",
                    flush=True,
                )
    if options.dry_run:
        return
    for what in ("seconds", "training"):
        for measure in (min, statistics.median):
            figures = {side: measure(one[what] for one in ones) for side, ones in found.items()}
            times = figures.get("torch", 0) / figures["microdl"]
            print(
                f"{what:9}{measure.__name__:7}", ", ".join(f"{side} {value:.2f} s" for side, value in figures.items()),
                f": {times:.2f} times sooner" if times else "",
            )  # fmt: skip
    if options.json:
        Path(options.json).write_text(json.dumps(found, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", choices=["cpu", "gpu"], default="cpu", help="where (%(default)s)")
    parser.add_argument("--torch-python", help="a Python that has PyTorch; without it microdl trains alone")
    parser.add_argument("--seeds", type=int, default=3, help="how many runs of each side")
    parser.add_argument("--target", type=float, default=0.99, help="fraction of the test images")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", help="file for all figures")
    parser.add_argument("--dry-run", action="store_true", help=argparse.SUPPRESS)  # a few steps, without figures
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    options = parser.parse_args()
    machine.refuse_emulated_gpu(options)
    if options.side:
        print(json.dumps(SIDES[options.side](options)))
    else:
        compare(options)


if __name__ == "__main__":
    main()
