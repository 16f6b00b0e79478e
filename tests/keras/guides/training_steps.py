"""What happens in ``fit``: steps of training and testing of one's own."""

import warnings

import numpy as np

from tests.keras.guides.common import data, give_weights


def _regression(keras, cls, **kwargs):
    inputs = keras.Input(shape=(6,))
    model = cls(inputs, keras.layers.Dense(1)(inputs), **kwargs)
    give_weights(model, 1)
    return model


X, Y = data(2, 24, 6), data(3, 24, 1)


def fitted(model, **kwargs):
    return dict(sorted(model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0, **kwargs).history.items()))


def step_of_ones_own(tf, keras):
    class Own(keras.Model):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred)
            variables = self.trainable_variables
            self.optimizer.apply(tape.gradient(loss, variables), variables)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {metric.name: metric.result() for metric in self.metrics}

    model = _regression(keras, Own)
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    return {"history": fitted(model), "weights": model.get_weights()}


def everything_by_hand(tf, keras):
    class ByHand(keras.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.loss_tracker = keras.metrics.Mean(name="loss")
            self.mae_metric = keras.metrics.MeanAbsoluteError(name="mae")
            self.loss_fn = keras.losses.MeanSquaredError()

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.loss_fn(y, y_pred)
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            self.loss_tracker.update_state(loss)
            self.mae_metric.update_state(y, y_pred)
            return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

        @property
        def metrics(self):
            return [self.loss_tracker, self.mae_metric]

    model = _regression(keras, ByHand)
    model.compile(optimizer="adam")
    return {"history": fitted(model), "weights": model.get_weights()}


def sample_weights(tf, keras):
    class Weighted(keras.Model):
        def train_step(self, data):
            if len(data) == 3:
                x, y, sample_weight = data
            else:
                sample_weight = None
                x, y = data
            with tf.GradientTape() as tape:
                y_pred = self(x, training=True)
                loss = self.compute_loss(y=y, y_pred=y_pred, sample_weight=sample_weight)
            self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred, sample_weight=sample_weight)
            return {metric.name: metric.result() for metric in self.metrics}

    model = _regression(keras, Weighted)
    model.compile(optimizer="sgd", loss="mse", weighted_metrics=["mae"])
    weight = np.abs(data(4, 24))
    return {"with": fitted(model, sample_weight=weight), "without": fitted(model)}


def test_step_of_ones_own(tf, keras):
    class Tested(keras.Model):
        def test_step(self, data):
            x, y = data
            y_pred = self(x, training=False)
            loss = self.compute_loss(y=y, y_pred=y_pred)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred)
            return {metric.name: metric.result() for metric in self.metrics}

    model = _regression(keras, Tested)
    model.compile(loss="mse", metrics=["mae"])
    return {"evaluated": model.evaluate(X, Y, batch_size=24, verbose=0, return_dict=True)}


def two_optimizers(tf, keras):
    layers, ops = keras.layers, keras.ops

    class Adversaries(keras.Model):
        def __init__(self, discriminator, generator, latent):
            super().__init__()
            self.discriminator, self.generator, self.latent = discriminator, generator, latent
            self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
            self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
            self.built = True

        @property
        def metrics(self):
            return [self.d_loss_tracker, self.g_loss_tracker]

        def compile(self, d_optimizer, g_optimizer, loss_fn):
            super().compile()
            self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

        def train_step(self, real):
            if isinstance(real, tuple):
                real = real[0]
            size = tf.shape(real)[0]
            drawn = ops.tanh(real[:, : self.latent])  # random in the guide; here the same everywhere
            generated = self.generator(drawn)
            together = tf.concat([generated, real], axis=0)
            labels = tf.concat([tf.ones((size, 1)), tf.zeros((size, 1))], axis=0)
            with tf.GradientTape() as tape:
                d_loss = self.loss_fn(labels, self.discriminator(together))
            gradients = tape.gradient(d_loss, self.discriminator.trainable_weights)
            self.d_optimizer.apply(gradients, self.discriminator.trainable_weights)
            with tf.GradientTape() as tape:
                g_loss = self.loss_fn(tf.zeros((size, 1)), self.discriminator(self.generator(drawn)))
            gradients = tape.gradient(g_loss, self.generator.trainable_weights)
            self.g_optimizer.apply(gradients, self.generator.trainable_weights)
            self.d_loss_tracker.update_state(d_loss)
            self.g_loss_tracker.update_state(g_loss)
            return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}

    discriminator = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8), layers.LeakyReLU(negative_slope=0.2), layers.Dense(1)],
        name="discriminator",
    )
    generator = keras.Sequential([keras.Input((3,)), layers.Dense(8, "relu"), layers.Dense(6)], name="generator")
    give_weights(discriminator, 5)
    give_weights(generator, 6)
    gan = Adversaries(discriminator, generator, 3)
    gan.compile(
        d_optimizer=keras.optimizers.Adam(3e-3),
        g_optimizer=keras.optimizers.Adam(3e-3),
        loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
    )
    history = gan.fit(X, batch_size=8, epochs=3, shuffle=False, verbose=0).history
    return {"history": dict(sorted(history.items())), "made": generator(X[:2, :3])}


def loss_of_ones_own(tf, keras):
    class Sided(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return keras.ops.mean(keras.ops.maximum(0.7 * (y - y_pred), -0.3 * (y - y_pred)))

        def compute_metrics(self, x, y, y_pred, sample_weight=None):
            results = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**results, "largest": keras.ops.max(keras.ops.abs(y_pred))}

    model = _regression(keras, Sided)
    model.compile("sgd", metrics=["mae"])
    return {"history": fitted(model)}


def by_the_batch(tf, keras):
    model = _regression(keras, keras.Model)
    model.compile("sgd", "mse", metrics=["mae"])
    trained = [model.train_on_batch(X[:8], Y[:8], return_dict=True), model.train_on_batch(X[8:16], Y[8:16])]
    return {"trained": trained, "tested": model.test_on_batch(X, Y), "predicted": model.predict_on_batch(X[:3])}


def weighted_classes(tf, keras):
    inputs = keras.Input((6,))
    model = keras.Model(inputs, keras.layers.Dense(3, "softmax")(inputs))
    give_weights(model, 8)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    labels = (np.arange(24) * 7) % 3
    history = model.fit(
        X,
        labels,
        batch_size=8,
        epochs=3,
        initial_epoch=1,
        class_weight={0: 0.5, 1: 2.0, 2: 1.0},
        shuffle=False,
        verbose=0,
    )
    return {"losses": history.history["loss"], "epochs": history.epoch}


def losses_per_output(tf, keras):
    def model():
        a, b = keras.Input((6,), name="a"), keras.Input((2,), name="b")
        x = keras.layers.Concatenate()([a, b])
        outputs = [keras.layers.Dense(1, name="price")(x), keras.layers.Dense(2, name="place")(x)]
        result = keras.Model([a, b], outputs)
        give_weights(result, 9)
        return result

    x, y = [X, data(10, 24, 2)], [Y, data(11, 24, 2)]
    found = {}
    for name, options in {
        "one": {"loss": "mse"},
        "list": {"loss": ["mse", "mae"], "loss_weights": [2.0, 0.5]},
        "dict": {"loss": {"price": "mse", "place": "mae"}, "metrics": {"place": ["mse", "mae"]}},
        "metrics": {"loss": "mse", "metrics": [["mae"], ["mse"]]},
        "weighted": {"loss": ["mse", "mae"], "weighted_metrics": [["mae"], ["mse"]]},
        "partly": {"loss": ["mse", None]},
    }.items():
        one = model()
        one.compile("sgd", **options)
        weights = {"sample_weight": [np.abs(data(12, 24)), np.abs(data(13, 24))]} if name == "weighted" else {}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Gradients do not exist")  # for an output without a loss
            history = one.fit(x, y, batch_size=12, shuffle=False, verbose=0, **weights).history
        found[name] = [dict(sorted(history.items())), one.evaluate(x, y, verbose=0)]
    return found


PROGRAMS = (
    step_of_ones_own, everything_by_hand, sample_weights, test_step_of_ones_own, two_optimizers, loss_of_ones_own,
    by_the_batch, weighted_classes, losses_per_output,
)  # fmt: skip
