"""Ops and a training on ``/gpu:0`` beside the CPU's: what can be checked where there is no pytest.

python perf/offline/selftest.py
"""

import sys

import numpy as np

import microdl as tf

BOUND = 2e-4  # of the largest number; sums of some hundred products in float32, added up in another order
STEPS = 10


def ops(x, image, weights, labels):
    """Name -> results of an op, with its gradients where it has some."""
    matrix = tf.constant(x)
    yield "matmul", [tf.matmul(matrix, matrix, transpose_b=True)]
    yield "sum", [tf.reduce_sum(matrix, 0), tf.reduce_max(matrix, 1)]
    yield "elementwise", [tf.exp(-matrix * matrix) + tf.tanh(matrix)]
    pixels, filters = tf.constant(image), tf.constant(weights)
    with tf.GradientTape() as tape:
        tape.watch([pixels, filters])
        pooled = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(pixels, filters, 1, "SAME")), 2, 2, "VALID")
        loss = tf.reduce_sum(pooled * pooled)
    yield "convolution, pooling", [pooled, *tape.gradient(loss, [pixels, filters])]
    with tf.GradientTape() as tape:
        tape.watch(matrix)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, matrix)
    yield "softmax cross entropy", [losses, tape.gradient(losses, matrix)]


def losses(image, labels):
    """Of a small CNN, trained with a traced step."""
    tf.keras.utils.set_random_seed(1)
    layers = tf.keras.layers
    model = tf.keras.Sequential(
        [
            tf.keras.Input(image.shape[1:]),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10),
        ]
    )
    optimizer = tf.keras.optimizers.Adam(1e-2)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, model(x, training=True)))
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    x, y = tf.constant(image), tf.constant(labels)
    return np.array([float(step(x, y)) for _ in range(STEPS)])


def results(device):
    """Name -> arrays."""
    generator = np.random.default_rng(0)
    x, image = generator.normal(size=(33, 70)).astype("f4"), generator.normal(size=(33, 12, 12, 3)).astype("f4")
    weights, labels = generator.normal(size=(3, 3, 3, 8)).astype("f4"), generator.integers(0, 10, 33, np.int32)
    with tf.device(device):
        found = {name: [y.numpy() for y in tensors] for name, tensors in ops(x, image, weights, labels)}
        found["losses of a training"] = [losses(image, labels)]
    return found


def main():
    if not tf.config.list_physical_devices("GPU"):
        sys.exit("there is no GPU that microdl can use; python -m microdl.doctor says what is missing")
    print(tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])["device_name"])
    expected, found, wrong = results("/cpu:0"), results("/gpu:0"), 0
    for name, arrays in expected.items():
        pairs = zip(arrays, found[name], strict=True)
        far = max(float(np.abs(ours - theirs).max() / np.abs(theirs).max()) for theirs, ours in pairs)
        wrong += not far < BOUND
        print(f"{name:<24}{far:9.1e} {'ok' if far < BOUND else 'WRONG'}")
    if wrong:
        sys.exit(f"{wrong} of {len(expected)} differ from the CPU by more than {BOUND}")


if __name__ == "__main__":
    main()
