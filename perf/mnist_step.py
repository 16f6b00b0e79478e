"""Seconds per epoch of the MNIST CNN in microdl and in PyTorch, measured in one run, interleaved.

    python perf/mnist_step.py --torch-python /path/to/python/with/torch [--rounds 5] [--steps 200] [--json FILE]

Both sides train the same network (5x5x16, pool, relu, 5x5x36, pool, relu, dense 128 relu, dense 10, softmax cross
entropy, Adam) on the same images in the same order, each in a process of its own that stays alive; rounds alternate.
PyTorch runs in its faster memory layout for this network on CPUs, which it tries first. Threads are equal.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import numpy as np

IMAGES = 60_000  # in an epoch


def microdl_step(images, labels, batch):
    """A training step with an explicit tape, as a function of the batch's number."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    import microdl as tf

    tf.random.set_seed(1)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            tf.keras.Input((28, 28, 1)),
            layers.Conv2D(16, 5, padding="same"),
            layers.MaxPooling2D(2),
            layers.ReLU(),
            layers.Conv2D(36, 5, padding="same"),
            layers.MaxPooling2D(2),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10),
        ]
    )
    optimizer = tf.keras.optimizers.Adam(1e-3)

    def step(i):
        x, y = tf.constant(images[i * batch : (i + 1) * batch]), tf.constant(labels[i * batch : (i + 1) * batch])
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x, training=True))
            loss = tf.reduce_mean(losses)
        optimizer.apply_gradients(
            zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True)
        )

    return step


def torch_step(images, labels, batch):
    """The same in PyTorch, eager."""
    import torch
    from torch import nn

    torch.manual_seed(1)
    torch.set_num_threads(int(os.environ["THREADS"]))
    x_all, y_all = torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(labels)

    def make(memory_format):
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
        ).to(memory_format=memory_format)
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        loss_function = nn.CrossEntropyLoss()

        def step(i):
            x = x_all[i * batch : (i + 1) * batch].contiguous(memory_format=memory_format)
            optimizer.zero_grad()
            loss_function(model(x), y_all[i * batch : (i + 1) * batch]).backward()
            optimizer.step()

        return step

    candidates = [make(torch.contiguous_format), make(torch.channels_last)]
    return min(candidates, key=lambda step: min(timed(step, 20) for _ in range(3)))


def timed(step, count):
    """Seconds for ``count`` steps."""
    start = time.perf_counter()
    for i in range(count):
        step(i)
    return time.perf_counter() - start


def work(side, data, batch):
    """A worker process: reads numbers of steps, answers with seconds."""
    with np.load(data) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    step = {"microdl": microdl_step, "torch": torch_step}[side](images, labels, batch)
    timed(step, 20)
    print("ready", flush=True)
    for line in sys.stdin:
        print(timed(step, int(line)), flush=True)


class Worker:
    """One side of the comparison, in a process of its own."""

    def __init__(self, python, side, data, arguments):
        threads = str(arguments.threads)
        environment = {**os.environ, "THREADS": threads, "OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads}
        command = [python, __file__, "--worker", side, "--data", data, "--batch-size", str(arguments.batch_size)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        if self._answer() != "ready":
            raise SystemExit(f"the {side} worker did not start")

    def _answer(self):
        return self._process.stdout.readline().strip()

    def seconds(self, steps):
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        return float(self._answer())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--torch-python", help="a Python with PyTorch; without it only microdl is measured")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=200, help="steps per round")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--worker", choices=["microdl", "torch"], help=argparse.SUPPRESS)
    parser.add_argument("--data", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker, arguments.data, arguments.batch_size)
        return

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from microdl.keras.datasets import mnist

    (images, labels), _ = mnist.load_data()
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder, "mnist.npz"))
        np.savez(data, images=images[..., None].astype(np.float32) / 255, labels=labels.astype(np.int64))
        pythons = {"microdl": sys.executable} | ({"torch": arguments.torch_python} if arguments.torch_python else {})
        workers = {side: Worker(python, side, data, arguments) for side, python in pythons.items()}
        rounds = {side: [] for side in workers}
        for _ in range(arguments.rounds):
            for side, worker in workers.items():
                rounds[side].append(worker.seconds(arguments.steps) / arguments.steps)
    report(rounds, arguments)


def report(rounds, arguments):
    epoch = IMAGES / arguments.batch_size
    figures = {
        side: {
            "ms_per_step_min": min(seconds) * 1e3,
            "ms_per_step_median": statistics.median(seconds) * 1e3,
            "seconds_per_epoch_min": min(seconds) * epoch,
        }
        for side, seconds in rounds.items()
    }
    print(f"batch {arguments.batch_size}, {arguments.threads} threads, {arguments.rounds} x {arguments.steps} steps")
    for side, f in figures.items():
        print(
            f"{side:>8}: {f['ms_per_step_min']:7.2f} ms per step (median {f['ms_per_step_median']:.2f}), "
            f"{f['seconds_per_epoch_min']:6.2f} s per epoch"
        )
    if "torch" in figures:
        ratio = figures["torch"]["ms_per_step_min"] / figures["microdl"]["ms_per_step_min"]
        print(f"microdl is {ratio:.2f} times as fast as PyTorch (ratio of minima)")
    if arguments.json:
        machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count()}
        settings = {"batch_size": arguments.batch_size, "threads": arguments.threads, "date": str(date.today())}
        arguments.json.write_text(json.dumps({**machine, **settings, "figures": figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
