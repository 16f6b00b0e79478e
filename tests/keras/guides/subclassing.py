"""Layers and models as subclasses: weights, layers in layers, losses and metrics of their own, a variational model."""

import numpy as np

from tests.keras.guides.common import data, give_weights, plain, totals


def _linear(keras):
    class Linear(keras.layers.Layer):
        def __init__(self, units=32, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.kernel = self.add_weight(
                shape=(input_shape[-1], self.units), initializer="random_normal", name="kernel"
            )
            self.bias = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True, name="bias")

        def call(self, inputs):
            return keras.ops.matmul(inputs, self.kernel) + self.bias

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Linear


def weights_of_layers(tf, keras):
    class Adding(keras.layers.Layer):
        def __init__(self, size):
            super().__init__()
            self.total = self.add_weight(initializer="zeros", shape=(size,), trainable=False)

        def call(self, inputs):
            self.total.assign(self.total + keras.ops.sum(inputs, axis=0))
            return self.total + 0.0

    linear, adding = _linear(keras)(3), Adding(2)
    built = [linear.built, len(linear.weights)]
    linear(data(1, 2, 4))
    x = np.ones((2, 2), np.float32)
    after = [linear.built, [list(w.shape) for w in linear.weights]]
    names = [w.name.partition(":")[0].rpartition("/")[2] for w in linear.weights]
    counts = [len(adding.weights), len(adding.trainable_weights), len(adding.non_trainable_weights)]
    return {"built": built, "after": after, "names": names, "counts": counts, "sums": [plain(adding(x)) for _ in "ab"]}


def layers_in_layers(tf, keras):
    Linear = _linear(keras)

    class Block(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [Linear(4, name="one"), Linear(4, name="two")]
            self.last = Linear(1, name="last")

        def call(self, inputs):
            x = inputs
            for part in self.parts:
                x = keras.ops.relu(part(x))
            return self.last(x)

    block = Block()
    y = block(np.ones((3, 5), np.float32))
    give_weights(block, 2)
    return {"shape": list(y.shape), "weights": [list(w.shape) for w in block.weights], "y": block(data(3, 3, 5))}


def added_losses(tf, keras):
    class Penalty(keras.layers.Layer):
        def __init__(self, rate=1e-2):
            super().__init__()
            self.rate = rate

        def call(self, inputs):
            self.add_loss(self.rate * keras.ops.mean(inputs))
            return inputs

    class Outer(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.penalty = Penalty()

        def call(self, inputs):
            return self.penalty(inputs)

    layer = Outer()
    counts = [len(layer.losses)]
    layer(np.zeros((1, 1), np.float32))
    counts.append(len(layer.losses))
    layer(np.zeros((1, 1), np.float32))
    counts.append(len(layer.losses))
    regularized = keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(1e-3))
    regularized(np.ones((1, 4), np.float32))
    give_weights(regularized, 4)
    inputs = keras.Input(shape=(3,))
    model = keras.Model(inputs, Penalty(0.1)(keras.layers.Dense(2)(inputs)))
    give_weights(model, 5)
    x = data(6, 8, 3)
    model.compile("sgd")
    alone = model.fit(x, np.zeros((8, 2)), verbose=0).history
    model.compile("sgd", "mse")
    both = model.fit(x, np.zeros((8, 2)), verbose=0, epochs=2).history
    return {"counts": counts, "regularized": regularized.losses[0], "alone": alone, "both": both}


def metric_in_a_layer(tf, keras):
    class Watched(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.seen = keras.metrics.Mean(name="seen")

        def call(self, inputs):
            self.seen.update_state(keras.ops.mean(inputs))
            return inputs

    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(1)(Watched()(inputs)))
    give_weights(model, 7)
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = data(8, 12, 3), data(9, 12, 1)
    history = model.fit(x, y, batch_size=4, shuffle=False, verbose=0).history
    return {"history": dict(sorted(history.items())), "evaluated": model.evaluate(x, y, verbose=0)}


def described_and_made_again(tf, keras):
    Linear = _linear(keras)
    layer = Linear(7, name="mine")
    again = Linear.from_config(layer.get_config())
    config = layer.get_config()
    return {"units": again.units, "name": again.name, "keys": sorted(set(config) & {"name", "trainable", "units"})}


def told_to_train(tf, keras):
    class Noisy(keras.layers.Layer):
        def call(self, inputs, training=None):
            return inputs * 2.0 if training else inputs

    inputs = keras.Input((2,))
    model = keras.Model(inputs, Noisy()(inputs))
    x = np.ones((1, 2), np.float32)
    fixed = keras.Model(inputs, Noisy()(inputs, training=True))
    return {
        "plain": model(x),
        "training": model(x, training=True),
        "fixed": fixed(x),
        "predicted": model.predict(x, verbose=0),
    }


def variational(tf, keras):
    layers, ops = keras.layers, keras.ops

    class Sampling(layers.Layer):
        def call(self, inputs):
            mean, log_variance = inputs
            return mean + ops.exp(0.5 * log_variance) * 0.25  # a draw that is the same everywhere

    class Encoder(layers.Layer):
        def __init__(self, latent, hidden, name="encoder"):
            super().__init__(name=name)
            self.hidden = layers.Dense(hidden, activation="relu")
            self.mean, self.log_variance = layers.Dense(latent), layers.Dense(latent)
            self.sampling = Sampling()

        def call(self, inputs):
            x = self.hidden(inputs)
            mean, log_variance = self.mean(x), self.log_variance(x)
            return mean, log_variance, self.sampling((mean, log_variance))

    class Decoder(layers.Layer):
        def __init__(self, original, hidden, name="decoder"):
            super().__init__(name=name)
            self.hidden = layers.Dense(hidden, activation="relu")
            self.out = layers.Dense(original, activation="sigmoid")

        def call(self, inputs):
            return self.out(self.hidden(inputs))

    class Autoencoder(keras.Model):
        def __init__(self, original, hidden, latent, name="autoencoder"):
            super().__init__(name=name)
            self.encoder, self.decoder = Encoder(latent, hidden), Decoder(original, hidden)

        def call(self, inputs):
            mean, log_variance, z = self.encoder(inputs)
            self.add_loss(-0.5 * ops.mean(log_variance - ops.square(mean) - ops.exp(log_variance) + 1))
            return self.decoder(z)

    model = Autoencoder(10, 6, 2)
    x = np.abs(data(10, 24, 10)) / 3
    model(x[:1])
    give_weights(model, 11)
    model.compile(keras.optimizers.Adam(1e-2), loss=keras.losses.MeanSquaredError())
    history = model.fit(x, x, epochs=3, batch_size=8, shuffle=False, verbose=0).history

    by_hand = Autoencoder(10, 6, 2)
    by_hand(x[:1])
    give_weights(by_hand, 11)
    optimizer, mse, losses = keras.optimizers.Adam(1e-2), keras.losses.MeanSquaredError(), []
    for start in range(0, 24, 8):
        batch = tf.constant(x[start : start + 8])
        with tf.GradientTape() as tape:
            loss = mse(batch, by_hand(batch)) + sum(by_hand.losses)
        optimizer.apply(tape.gradient(loss, by_hand.trainable_weights), by_hand.trainable_weights)
        losses.append(float(loss))
    return {"history": history, "by_hand": losses, "totals": totals(model)}


PROGRAMS = (
    weights_of_layers, layers_in_layers, added_losses, metric_in_a_layer, described_and_made_again, told_to_train,
    variational,
)  # fmt: skip
