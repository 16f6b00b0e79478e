"""The network of mnist_cnn.py, trained with a loop of one's own: the tape, the gradients, the optimizer.

python examples/mnist_tape.py
"""

import math
import sys
import time

import numpy as np

import microdl as tf
from command_line import mnist_options, run

LIVE = sys.stdout.isatty()  # whether a line can be written over while an epoch runs


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


@tf.function
def train_step(network, optimizer, images, labels):
    """One step of gradient descent, traced once and replayed. Returns the loss, a scalar Tensor."""
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


def train_epoch(network, optimizer, images, labels, batch_size, name):
    """Shows the network every image once, in random order. Returns the mean loss, in nats per image."""
    order = tf.random.shuffle(tf.range(len(images))).numpy()
    steps = math.ceil(len(images) / batch_size)
    total = 0.0
    for step in range(steps):
        rows = order[step * batch_size : (step + 1) * batch_size]
        loss = train_step(network, optimizer, images[rows], labels[rows])
        total += float(loss) * len(rows)
        if LIVE and step % 20 == 0:
            print(f"\r{name}  step {step:4d}/{steps}  loss {loss:.4f}", end="", flush=True)
    return total / len(images)


def train(network, images, labels, options):
    """Trains with a learning rate that falls to zero along a half cosine. Ctrl-C says how far it came."""
    steps = math.ceil(len(images) / options.batch_size) * options.epochs
    schedule = tf.keras.optimizers.schedules.CosineDecay(options.learning_rate, steps)
    optimizer = tf.keras.optimizers.Adam(schedule)
    done = 0
    try:
        for epoch in range(1, options.epochs + 1):
            name = f"epoch {epoch}/{options.epochs}"
            started = time.perf_counter()
            loss = train_epoch(network, optimizer, images, labels, options.batch_size, name)
            seconds = time.perf_counter() - started
            line = f"{name}  {seconds:.1f} s  {len(images) / seconds:,.0f} images per second"
            print("\r" * LIVE + f"{line}  loss {loss:.4f}", flush=True)
            done = epoch
    except KeyboardInterrupt:
        print("\n" * LIVE + f"stopped after {done} of {options.epochs} epochs", file=sys.stderr)
        raise


def main():
    options = mnist_options(__doc__.splitlines()[0])
    tf.random.set_seed(options.seed)
    (x_train, y_train), (x_test, y_test) = (
        (images[: options.limit, ..., np.newaxis] / np.float32(255), labels[: options.limit].astype(np.int32))
        for images, labels in tf.keras.datasets.mnist.load_data()
    )
    network = Network()
    train(network, x_train, y_train, options)
    print(f"test accuracy: {100 * accuracy(network, x_test, y_test):.2f} %")


if __name__ == "__main__":
    run(main)
