"""The network of ``mnist_cnn.py``, trained with a loop of one's own: the tape, the gradients, the optimizer.

python examples/mnist_tape.py
"""

import argparse
import math
import sys
import time

import numpy as np

import microdl as tf


class Network(tf.keras.Model):
    """Two convolutions with pooling, then two dense layers. Images (N, 28, 28, 1) to logits (N, 10)."""

    def __init__(self):
        super().__init__()
        self.conv1 = tf.keras.layers.Conv2D(16, 5, padding="same")
        self.conv2 = tf.keras.layers.Conv2D(36, 5, padding="same")
        self.hidden = tf.keras.layers.Dense(128, activation="relu")
        self.out = tf.keras.layers.Dense(10)

    def call(self, images):
        x = tf.nn.relu(tf.nn.max_pool2d(self.conv1(images), 2, 2, "VALID"))  # (N, 14, 14, 16)
        x = tf.nn.relu(tf.nn.max_pool2d(self.conv2(x), 2, 2, "VALID"))  # (N, 7, 7, 36)
        x = tf.reshape(x, (x.shape[0], -1))  # (N, 1764)
        return self.out(self.hidden(x))


def train_step(network, optimizer, images, labels):
    """One step of gradient descent. Returns the loss, a scalar Tensor."""
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=network(images))
        loss = tf.reduce_mean(losses)
    gradients = tape.gradient(loss, network.trainable_variables)
    optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
    return loss


def accuracy(network, images, labels, batch_size=500):
    """The fraction of images whose largest logit is that of the label."""
    right = 0
    for start in range(0, len(images), batch_size):
        logits = network(images[start : start + batch_size])
        right += np.sum(tf.argmax(logits, axis=-1).numpy() == labels[start : start + batch_size])
    return right / len(images)


def main():
    options = parse_options()
    tf.random.set_seed(options.seed)
    parts = tf.keras.datasets.mnist.load_data()
    (x_train, y_train), (x_test, y_test) = (
        (images[: options.limit, ..., np.newaxis] / np.float32(255), labels[: options.limit].astype(np.int32))
        for images, labels in parts
    )

    network = Network()
    steps = math.ceil(len(x_train) / options.batch_size)
    schedule = tf.keras.optimizers.schedules.CosineDecay(options.learning_rate, steps * options.epochs)
    optimizer = tf.keras.optimizers.Adam(schedule)
    live = sys.stdout.isatty()
    for epoch in range(options.epochs):
        name = f"epoch {epoch + 1}/{options.epochs}"
        started, total = time.perf_counter(), 0.0
        order = tf.random.shuffle(tf.range(len(x_train))).numpy()
        for step in range(steps):
            rows = order[step * options.batch_size : (step + 1) * options.batch_size]
            loss = train_step(network, optimizer, x_train[rows], y_train[rows])
            total += float(loss) * len(rows)
            if live and step % 20 == 0:
                print(f"\r{name}  step {step:4d}/{steps}  loss {loss:.4f}", end="", flush=True)
        seconds = time.perf_counter() - started
        line = f"{name}  {seconds:.1f} s  {len(x_train) / seconds:,.0f} images per second"
        print("\r" * live + f"{line}  loss {total / len(x_train):.4f}")
    print(f"test accuracy: {100 * accuracy(network, x_test, y_test):.2f} %")


def positive(text):
    """A positive int from the command line."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=positive, default=5, help="passes over the training images (default: 5)")
    parser.add_argument("--batch-size", type=positive, default=64, help="images per step (default: 64)")
    parser.add_argument("--learning-rate", type=float, default=2e-3, help="Adam's, at the start (default: 0.002)")
    parser.add_argument("--seed", type=int, default=42, help="decides weights and order of images (default: 42)")
    parser.add_argument("--limit", type=positive, help="use only the first images of each part, for a quick look")
    return parser.parse_args()


if __name__ == "__main__":
    main()
