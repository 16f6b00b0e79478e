"""Trains a convolutional network to read handwritten digits, in a minute or two on two cores.

    python examples/mnist_cnn.py --out out

The last 5,000 training images are held back for the validation curves; the 10,000 test images are looked at once, after
the last epoch. With ``--out`` the weights and pictures of what was learned are written to that folder.
"""

import importlib.util
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import microdl as tf
from command_line import mnist_options, run

CLASSES = 10
WEIGHTS = "mnist_cnn.npz"


def load_data(limit=None):
    """MNIST: ``(x_train, y_train), (x_test, y_test)``; images float32 in [0, 1], (N, 28, 28, 1), labels 0 to 9."""
    parts = tf.keras.datasets.mnist.load_data()
    return [(images[:limit, ..., np.newaxis] / np.float32(255), labels[:limit]) for images, labels in parts]


def build_model():
    """Two convolutions with pooling, then two dense layers: 242,062 weights. Gives logits, (N, 10)."""
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input((28, 28, 1)),
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


def compile_model(model, learning_rate):
    model.compile(
        optimizer=tf.keras.optimizers.Adam(learning_rate),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


class Stopwatch(tf.keras.callbacks.Callback):
    """Seconds spent on training steps, validation left out."""

    def __init__(self):
        super().__init__()
        self.seconds = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.perf_counter()

    def on_test_begin(self, logs=None):
        self.seconds += time.perf_counter() - self.started


def train(model, x, y, options):
    """Trains with a learning rate that falls to zero along a half cosine. Returns the history and images per second."""
    held_back = max(len(x) // 12, 1)  # 5,000 of 60,000
    images = len(x) - held_back
    steps = math.ceil(images / options.batch_size) * options.epochs
    compile_model(model, tf.keras.optimizers.schedules.CosineDecay(options.learning_rate, steps))
    stopwatch = Stopwatch()
    history = model.fit(
        x[:images],
        y[:images],
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=(x[images:], y[images:]),
        validation_batch_size=500,
        callbacks=[stopwatch],
    )
    return history.history, images * options.epochs / stopwatch.seconds


def verify_saved(model, folder, x, y, accuracy):
    """Saves the weights, loads them into a fresh model, and raises unless that one is exactly as accurate."""
    path = folder / WEIGHTS
    model.save_weights(path)
    fresh = build_model()
    fresh.load_weights(path)
    compile_model(fresh, learning_rate=0.0)  # it is not trained, only evaluated
    again = fresh.evaluate(x, y, batch_size=500, verbose=0, return_dict=True)["accuracy"]
    if again != accuracy:
        raise RuntimeError(f"{path}: a fresh model with the saved weights has accuracy {again}, not {accuracy}")
    print(f"weights saved, loaded into a fresh model and verified ({path.stat().st_size / 1024:.0f} KiB)")


def main():
    options = mnist_options(__doc__.splitlines()[0], out=True)
    tf.random.set_seed(options.seed)
    train_data, test_data = load_data(options.limit)
    model = build_model()
    model.summary()
    try:
        history, images_per_second = train(model, *train_data, options)
        print(f"trained {images_per_second:,.0f} images per second")
        finish(model, history, *test_data, options.out)
    except KeyboardInterrupt:
        keep_weights(model, options)
        raise


def finish(model, history, x, y, out):
    """Evaluates the trained model, verifies its weights and draws the pictures."""
    accuracy = model.evaluate(x, y, batch_size=500, verbose=0, return_dict=True)["accuracy"]
    with tempfile.TemporaryDirectory() as scratch:
        verify_saved(model, out or Path(scratch), x, y, accuracy)
    if out:
        draw(model, history, x, y, out)
    print(f"test accuracy: {100 * accuracy:.2f} %")


def keep_weights(model, options):
    """After Ctrl-C: saves the weights reached so far, if there is a folder for them, and says so."""
    epochs = len(model.history.epoch) if model.history else 0
    text = f"stopped after {epochs} of {options.epochs} epochs"
    if options.out:
        model.save_weights(options.out / WEIGHTS)
        text += f"; the weights reached so far are in {options.out / WEIGHTS}"
    print(text, file=sys.stderr)


def draw(model, history, x, y, folder):
    """Writes the pictures, if matplotlib is there."""
    if importlib.util.find_spec("matplotlib") is None:
        print("no pictures: they need matplotlib (pip install matplotlib)")
        return
    import plots  # beside this file

    logits = model.predict(x, batch_size=500, verbose=0)
    for path in plots.draw_all(history, model, x[..., 0], y, logits, folder):
        print(f"wrote {path}")


if __name__ == "__main__":
    run(main)
