"""Steps in TensorFlow's API, which two of the frameworks have."""

import functools

from .networks import IMAGE, Conv, Dense, Dropout, Flatten, Pool, Relu
from .step import Step


def build(tf, row, wrap, rate):
    """The Step of ``row``. wrap: what becomes of its Python function. rate: Adam's learning rate."""
    model = tf.keras.Sequential([tf.keras.Input(IMAGE), *(_layer(tf.keras.layers, layer) for layer in row.layers)])
    x, y = map(tf.constant, row.data())
    variables = model.trainable_variables
    optimizer = tf.keras.optimizers.Adam(rate)
    optimizer.build(variables)

    def train(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    def infer(x):
        return model(x, training=False)

    shapes = [tuple(variable.shape) for variable in variables]
    run = functools.partial(wrap(train), x, y) if row.training else functools.partial(wrap(infer), x)
    return Step(run, shapes)


def _layer(layers, layer):
    match layer:
        case Conv():
            return layers.Conv2D(layer.filters, layer.size, padding=layer.padding, activation=_activation(layer))
        case Dense():
            return layers.Dense(layer.units, activation=_activation(layer))
        case Pool():
            return layers.MaxPooling2D(2)
        case Relu():
            return layers.ReLU()
        case Dropout():
            return layers.Dropout(layer.rate)
        case Flatten():
            return layers.Flatten()


def _activation(layer):
    return "relu" if layer.relu else None
