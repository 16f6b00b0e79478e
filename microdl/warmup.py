"""``python -m microdl.warmup``: compiles what usual models need, before anybody waits for it.

Three networks are trained a step, evaluated and asked for a prediction, as functions and eagerly; each kernel that runs
is compiled and kept in the cache, unless it is there. For images of containers, for CI, and after an update.
"""

import argparse
import os
import sys
import time

import numpy as np

from microdl import config
from microdl.compile.function import function
from microdl.core.constant import constant
from microdl.core.kernels import support
from microdl.core.optional import is_there, require
from microdl.core.tape import GradientTape
from microdl.keras import Input, Sequential, layers, losses, optimizers
from microdl.ops.loss import sparse_softmax_cross_entropy_with_logits
from microdl.ops.math import reduce_mean

CLASSES = 10
BATCH = 64


def mnist_cnn():
    """The network of ``examples/mnist_cnn.py``: two 5 x 5 convolutions with pooling, two dense layers."""
    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(16, 5, padding="same", name="conv1"),
            layers.MaxPooling2D(2),
            layers.ReLU(),
            layers.Conv2D(36, 5, padding="same", name="conv2"),
            layers.MaxPooling2D(2),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(CLASSES),
        ],
        name="mnist_cnn",
    )


def small_cnn():
    """3 x 3 convolutions with 32 and 64 channels, pooling, dropout."""
    return Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(128, activation="relu"),
            layers.Dense(CLASSES),
        ],
        name="small_cnn",
    )


def perceptron():
    """784-512-512-10 with ReLU."""
    return Sequential(
        [Input((784,)), layers.Dense(512, "relu"), layers.Dense(512, "relu"), layers.Dense(CLASSES)], name="perceptron"
    )


NETWORKS = (mnist_cnn, small_cnn, perceptron)


def by_tape(model):
    """A training step as a plain Python function of a batch (images, labels), with Adam; returns the loss."""
    optimizer = optimizers.Adam(1e-3)

    def step(images, labels):
        with GradientTape() as tape:
            logits = model(images, training=True)
            loss = reduce_mean(sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return step


def batch_for(model, size=BATCH):
    """(images, labels) of a batch as arrays: float32 in [0, 1), int32."""
    rng = np.random.default_rng(0)
    shape = tuple(model.input_shape)[1:]
    return rng.random((size, *shape), np.float32), rng.integers(0, CLASSES, size).astype(np.int32)


def jobs():
    """(description, function without arguments) of all that is run."""
    for network in NETWORKS:
        for eagerly, how in ((False, "function"), (True, "eager")):
            yield f"{network.__name__}: fit, evaluate, predict ({how})", lambda n=network, e=eagerly: _fit(n(), e)
            yield f"{network.__name__}: a step with a tape ({how})", lambda n=network, e=eagerly: _step(n(), e)


def _fit(model, eagerly):
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"], run_eagerly=eagerly)
    images, labels = batch_for(model, 2 * BATCH - 1)  # the last batch is smaller
    model.fit(images, labels, batch_size=BATCH, verbose=0, validation_data=(images, labels))
    model.predict(images[:BATCH], batch_size=BATCH, verbose=0)
    model.predict(images[:1], verbose=0)


def _step(model, eagerly):
    step = by_tape(model)
    batch = tuple(map(constant, batch_for(model)))
    (step if eagerly else function(step))(*batch)


def warm_up():
    """Runs everything, and yields (how many of how many jobs are done, what comes next)."""
    everything = list(jobs())
    for done, (description, run) in enumerate(everything):
        yield done, len(everything), description
        run()
    yield len(everything), len(everything), "done"


def _with_bar():
    """``warm_up`` under a progress bar of rich."""
    progress = require("rich.progress", "the progress bar")
    with progress.Progress(*progress.Progress.get_default_columns(), progress.TimeElapsedColumn()) as bar:
        task = bar.add_task("", total=None)
        for done, total, description in warm_up():
            bar.update(task, completed=done, total=total, description=description)


def _with_lines():
    start = time.perf_counter()
    for done, total, description in warm_up():
        print(f"{time.perf_counter() - start:6.1f} s  {done:2d}/{total}  {description}", flush=True)


def main():
    """The command. Returns 1 if there is no place to keep compiled kernels."""
    argparse.ArgumentParser(
        prog="python -m microdl.warmup", description=(__doc__ or "").partition("\n")[0]
    ).parse_args()
    os.environ["MICRODL_QUIET"] = "1"  # the progress is shown here
    jit, start = support("jit"), time.perf_counter()
    print(f"threads: {config.threads()}")
    (_with_bar if is_there("rich") and sys.stdout.isatty() else _with_lines)()
    seconds = time.perf_counter() - start
    compiled = sum(taken for _, taken in jit.compiles)
    print(f"compiled {len(jit.compiles)} kernels in {compiled:.1f} s, found {len(jit.loads)}; {seconds:.1f} s in all")
    print(config.cache())
    return 0 if config.cache().folder else 1


if __name__ == "__main__":
    sys.exit(main())
