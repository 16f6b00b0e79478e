"""fit, evaluate and predict: what they compute, report and refuse."""

import io
import re

import numpy as np
import pytest

import microdl as tf
from microdl import config
from microdl.keras import callbacks, layers, losses, metrics, optimizers
from microdl.keras.layers import Dense, Input
from microdl.keras.models import Model, Sequential

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(10, 4)).astype(np.float32)
Y = (X @ np.array([[1.0], [-2.0], [0.5], [0.0]], np.float32)).astype(np.float32)
CLASSES = np.arange(10) % 3


def compiled(loss="mse", metrics=None, rate=0.0, units=1, **kwargs):
    """A dense layer; with a learning rate of zero it stays as it is."""
    model = Sequential([Input((4,)), Dense(units)])
    model.compile(optimizers.SGD(rate), loss, metrics, **kwargs)
    return model


def squared_errors(model):
    return ((model(X).numpy().astype(np.float64) - Y) ** 2).mean(axis=1)


# What fit computes.


def test_fit_learns():
    tf.random.set_seed(1)
    history = compiled(rate=0.1).fit(X, Y, batch_size=5, epochs=60, verbose=0).history
    assert history["loss"][-1] < 1e-3 < history["loss"][0]
    assert len(history["loss"]) == 60


def test_reported_loss_is_the_mean_over_samples_not_over_batches():
    model = compiled(metrics=["mae"])
    history = model.fit(X, Y, batch_size=4, verbose=0).history  # batches of 4, 4 and 2
    errors = model(X).numpy().astype(np.float64) - Y
    assert np.allclose(history["loss"], [(errors**2).mean()], rtol=1e-5)
    assert np.allclose(history["mae"], [abs(errors).mean()], rtol=1e-5)
    assert list(history) == ["loss", "mae"]


def test_sample_weights_count_in_the_loss_and_in_weighted_metrics():
    model = compiled(metrics=["mse"], weighted_metrics=[metrics.MeanSquaredError(name="weighted")])
    weight = RANDOM.uniform(size=10)
    history = model.fit(X, Y, batch_size=4, sample_weight=weight, verbose=0).history
    errors = squared_errors(model)
    assert np.allclose(history["loss"], (errors * weight).sum() / 10, rtol=1e-5)
    assert np.allclose(history["mse"], errors.mean(), rtol=1e-5)
    assert np.allclose(history["weighted"], (errors * weight).sum() / weight.sum(), rtol=1e-5)


@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weights_multiply_the_loss(one_hot):
    y = np.eye(3, dtype=np.float32)[CLASSES] if one_hot else CLASSES
    loss = losses.CategoricalCrossentropy if one_hot else losses.SparseCategoricalCrossentropy
    model = compiled(loss(from_logits=True), units=3)
    history = model.fit(X, y, class_weight={0: 2.0, 1: 0.5}, verbose=0).history
    logits = model(X).numpy().astype(np.float64)
    values = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(10), CLASSES]
    assert np.allclose(history["loss"], (values * np.array([2.0, 0.5, 1.0])[CLASSES]).mean(), rtol=1e-5)


@pytest.mark.parametrize("shape", [(10,), (10, 1)])
def test_class_and_sample_weights_multiply(shape):
    model = compiled(losses.SparseCategoricalCrossentropy(from_logits=True), units=3)
    weight = RANDOM.uniform(size=10).astype(np.float32)
    options = {"sample_weight": weight.reshape(shape), "class_weight": {0: 2.0, 1: 0.5}}
    history = model.fit(X, CLASSES, verbose=0, **options).history
    combined = weight * np.array([2.0, 0.5, 1.0], np.float32)[CLASSES]
    expected = model.fit(X, CLASSES, verbose=0, shuffle=False, sample_weight=combined).history
    assert np.allclose(history["loss"], expected["loss"], rtol=1e-5)


def test_validation_split_takes_the_last_samples():
    model = compiled()
    history = model.fit(X, Y, validation_split=0.3, verbose=0).history
    errors = squared_errors(model)
    assert np.allclose(history["loss"], errors[:7].mean(), rtol=1e-5)
    assert np.allclose(history["val_loss"], errors[7:].mean(), rtol=1e-5)


@pytest.mark.parametrize("data", [(X, Y), [X, Y], (X, Y, np.ones(10)), [(X[:5], Y[:5]), (X[5:], Y[5:])]])
def test_validation_data_come_as_arrays_or_batches(data):
    if isinstance(data, list) and isinstance(data[0], tuple):
        data = iter(data)
    model = compiled(metrics=["mae"])
    history = model.fit(X, Y, verbose=0, validation_data=data).history
    assert np.allclose(history["val_loss"], squared_errors(model).mean(), rtol=1e-5)
    assert list(history) == ["loss", "mae", "val_loss", "val_mae"]


@pytest.mark.parametrize(("frequency", "count"), [(1, 4), (2, 2), ([1, 4], 2)])
def test_validation_can_be_rarer(frequency, count):
    history = compiled().fit(X, Y, epochs=4, validation_data=(X, Y), validation_freq=frequency, verbose=0)
    assert len(history.history["val_loss"]) == count


def test_evaluate_gives_loss_and_metrics():
    model = compiled(metrics=["mae"])
    errors = model(X).numpy().astype(np.float64) - Y
    expected = [(errors**2).mean(), abs(errors).mean()]
    assert np.allclose(model.evaluate(X, Y, batch_size=4, verbose=0), expected, rtol=1e-5)
    named = model.evaluate(X, Y, verbose=0, return_dict=True)
    assert list(named) == model.metrics_names == ["loss", "mae"]
    assert isinstance(compiled().evaluate(X, Y, verbose=0), float)


def test_predict_joins_batches():
    model = compiled(units=3)
    assert np.allclose(model.predict(X, batch_size=4, verbose=0), model(X).numpy(), rtol=1e-6)
    assert model.predict(iter([X[:6], X[6:]]), verbose=0).shape == (10, 3)


def test_predict_keeps_the_structure_of_outputs():
    class Both(Model):
        def call(self, inputs):
            return {"twice": inputs * 2.0, "minus": -inputs}

    outputs = Both().predict(X, batch_size=3, verbose=0)
    assert np.array_equal(outputs["twice"], 2 * X)
    assert np.array_equal(outputs["minus"], -X)


def test_batch_methods():
    model = compiled(metrics=["mae"], rate=0.1)
    before = squared_errors(model).mean()
    loss, _ = model.train_on_batch(X, Y)
    assert np.isclose(loss, before, rtol=1e-5)
    assert model.test_on_batch(X, Y, return_dict=True)["loss"] < before
    assert np.array_equal(model.predict_on_batch(X), model(X).numpy())


def test_accuracy_fits_the_labels():
    for y, units in ((CLASSES, 3), (np.eye(3)[CLASSES], 3), (CLASSES % 2, 1)):
        model = compiled("mse" if units == 1 else "ce", ["accuracy"], units=units)
        model.compile("sgd", loss=model.loss, metrics=["accuracy"])
        model.add(layers.Softmax() if units == 3 else layers.Activation("sigmoid"))
        p = model(X).numpy()
        expected = np.mean((p.argmax(1) == CLASSES) if units == 3 else ((p[:, 0] > 0.5) == CLASSES % 2))
        assert np.isclose(model.evaluate(X, y, verbose=0, return_dict=True)["accuracy"], expected)


def test_train_step_of_an_own():
    class Custom(Sequential):
        def __init__(self):
            super().__init__([Dense(1)])
            self.loss_tracker = metrics.Mean(name="distance")

        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.abs(self(x, training=True) - y))
            variables = self.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
            self.loss_tracker.update_state(loss)
            return {"distance": self.loss_tracker.result()}

        @property
        def metrics(self):
            return [self.loss_tracker]

    model = Custom()
    model.compile(optimizer=optimizers.Adam(0.05))
    history = model.fit(X, Y, epochs=30, verbose=0).history
    assert history["distance"][-1] < history["distance"][0]


def test_compute_loss_of_an_own():
    class Custom(Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return tf.reduce_sum(tf.square(y - y_pred))

    model = Custom([Dense(1)])
    model.compile(optimizers.SGD(0.0))
    history = model.fit(X, Y, batch_size=10, verbose=0).history
    assert np.allclose(history["loss"], squared_errors(model).sum(), rtol=1e-5)


# Callbacks.


class Log(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_begin(self, logs=None):
        self.seen.append("train")

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append(f"epoch {epoch}")

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(f"batch {batch} {sorted(logs)}")

    def on_test_end(self, logs=None):
        self.seen.append(f"test {sorted(logs)}")

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append(f"end {epoch} {sorted(logs)}")
        logs["extra"] = epoch

    def on_train_end(self, logs=None):
        self.seen.append("trained")


def test_callbacks_are_called_in_keras_order_and_may_add_to_the_logs():
    log = Log()
    history = compiled().fit(
        X, Y, batch_size=5, epochs=2, initial_epoch=1, callbacks=[log], validation_data=(X, Y), verbose=0
    )
    assert log.seen == [
        "train",
        "epoch 1",
        "batch 0 ['loss']",
        "batch 1 ['loss']",
        "test ['loss']",
        "end 1 ['loss', 'val_loss']",
        "trained",
    ]
    assert history.history["extra"] == [1]
    assert log.params["steps"] == 2
    assert history.model.history is history


def test_callback_can_stop_training():
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    history = compiled().fit(X, Y, batch_size=2, epochs=3, callbacks=Stop(), verbose=0)
    assert history.epoch == [0]
    assert history.model.optimizer.iterations.numpy() == 2


def test_prediction_callbacks_get_outputs():
    class Keep(callbacks.Callback):
        def on_predict_batch_end(self, batch, logs=None):
            self.shape = logs["outputs"].shape

    keep = Keep()
    compiled().predict(X, verbose=0, callbacks=[keep])
    assert keep.shape == (10, 1)


# What it prints.


def test_verbose_0_prints_nothing(capsys):
    model = compiled()
    model.fit(X, Y, verbose=0, validation_data=(X, Y))
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_not_on_a_terminal_each_epoch_is_a_line(capsys, verbose):
    compiled().fit(X, Y, epochs=2, verbose=verbose, validation_data=(X, Y))
    text = capsys.readouterr().out
    counts = r"1/1 - \d+s - " if verbose == 2 else r"1/1 ━{{20}} \d+s "
    line = r"Epoch {}/2\n" + counts + r"\d+[mu]?s/step - loss: [\d.]+ - val_loss: [\d.]+\n"
    assert re.fullmatch(line.format(1) + line.format(2), text)


def test_evaluate_and_predict_print_a_line(capsys):
    model = compiled()
    model.evaluate(X, Y)
    model.predict(X, batch_size=3)
    assert re.fullmatch(r"1/1 ━{20} \S+ \S+ - loss: [\d.]+\n4/4 ━{20} \S+ \S+\n", capsys.readouterr().out)


def test_interrupted_training_ends_its_line(monkeypatch):
    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self):
            return True

    class Impatient(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    stream = Terminal()
    monkeypatch.setattr("sys.stdout", stream)
    with pytest.raises(KeyboardInterrupt):
        compiled().fit(X, Y, callbacks=[Impatient()])
    assert re.fullmatch(r"\r1/1 .*\n", stream.getvalue())


# What it refuses.


def endless():
    while True:
        yield X, Y


@pytest.mark.parametrize(
    ("do", "error", "message"),
    [
        (lambda: Sequential([Dense(1)]).fit(X, Y), RuntimeError, r"is not compiled: call compile\(optimizer="),
        (lambda: compiled(loss=None).fit(X, Y, verbose=0), ValueError, r"has no loss: call compile\(loss=...\) first"),
        (lambda: compiled().fit(X, Y[:9]), ValueError, "x has 10 samples but y has 9"),
        (lambda: compiled().fit(X, Y, sample_weight=np.ones(3)), ValueError, "but sample_weight has 3"),
        (lambda: compiled().fit(None, Y), ValueError, "fit: x is None"),
        (lambda: compiled().fit(X, verbose=0), ValueError, "the loss needs targets, but no y was given"),
        (lambda: compiled().fit(X[:0], Y[:0]), ValueError, "x has no samples"),
        (lambda: compiled().fit(X, Y, batch_size=0), ValueError, "batch_size must be at least 1, got 0"),
        (lambda: compiled().fit(X, Y, steps_per_epoch=0), ValueError, "number of steps must be at least 1, got 0"),
        (lambda: compiled().fit(X, Y, validation_split=1.5), ValueError, r"validation_split is a fraction in \[0, 1\)"),
        (lambda: compiled().fit(X, Y, validation_split=0.95), ValueError, "leaves one part empty"),
        (
            lambda: compiled().fit(endless(), Y),
            ValueError,
            "y cannot be given where x, a generator, yields batches",
        ),
        (lambda: compiled().fit(iter([]), verbose=0), ValueError, "x yields no batches"),
        (lambda: compiled().fit(7, Y), TypeError, "x must be arrays or an iterable of batches"),
        (lambda: compiled().fit(np.array(["a"]), Y), TypeError, "fit: x must hold numbers"),
        (lambda: compiled().fit(X, Y, callbacks=[callbacks.History]), TypeError, "make an instance of it"),
        (lambda: compiled().fit(X, Y, verbose=5), ValueError, "verbose is"),
        (lambda: compiled().evaluate(X, Y[:3]), ValueError, "evaluate: x has 10 samples but y has 3"),
        (lambda: compiled("mean_squared_eror"), ValueError, "mean_squared_error"),
        (lambda: compiled(metrics="mae"), TypeError, "metrics are given as a list"),
    ],
)
def test_misuse_is_explained(do, error, message):
    with pytest.raises(error, match=message):
        do()


class Forgetful(Model):
    """Uses one of its layers, or only NumPy's copy of what both give."""

    def __init__(self, leaves_tape=False):
        super().__init__()
        self.used, self.unused, self.leaves_tape = Dense(1, name="used"), Dense(1, name="unused"), leaves_tape
        self.unused.build((None, 4))

    def call(self, inputs):
        return tf.constant(self.used(inputs).numpy()) if self.leaves_tape else self.used(inputs)


def test_fit_says_why_a_gradient_is_missing_and_points_to_its_call():
    model = Forgetful()
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="Gradients do not exist for variables") as caught:
        model.fit(X, X[:, :1], verbose=0)
    assert caught[0].filename == __file__
    reason = f"unused/kernel:0: the variable unused/kernel:0 was not read inside the tape opened at {__file__}:"
    assert reason in str(caught[0].message)


def test_fit_says_why_all_gradients_are_missing():
    model = Forgetful(leaves_tape=True)
    model.compile("sgd", "mse", run_eagerly=True)
    reason = rf"(?s)No gradients provided.*used/kernel:0.* read as a NumPy array at {re.escape(__file__)}:"
    with pytest.raises(ValueError, match=reason):
        model.fit(X, X[:, :1], verbose=0)


def test_what_is_frozen_or_thawed_within_fit_counts_from_the_next_step_on():
    model = Sequential([Input((4,)), Dense(3), Dense(1)])
    model.compile(optimizers.SGD(0.1), "mse")
    first, last = model.layers
    moved = []

    class Thaw(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            first.trainable, last.trainable = batch in (0, 2, 3), batch != 2
            self.before = [w.copy() for w in model.get_weights()]

        def on_train_batch_end(self, batch, logs=None):
            moved.append([not np.array_equal(a, b) for a, b in zip(self.before, model.get_weights(), strict=True)])

    model.fit(X, X[:, :1], batch_size=2, shuffle=False, verbose=0, callbacks=[Thaw()])
    expected = [(True, True), (False, True), (True, False), (True, True), (False, True)]
    assert moved == [[a, a, b, b] for a, b in expected]


def test_trainable_variables_of_an_own_are_asked_for_in_each_step():
    class Alternating(Model):
        def __init__(self):
            super().__init__()
            self.both, self.step = [Dense(1), Dense(1)], -1

        def call(self, inputs):
            return sum(dense(inputs) for dense in self.both)

        @property
        def trainable_variables(self):
            self.step += 1
            return self.both[self.step % 2].trainable_variables

    model = Alternating()
    model.compile(optimizers.SGD(0.1), "mse")
    model(X)
    model.optimizer.build(model.weights)
    start = model.get_weights()
    model.fit(X, Y, batch_size=5, verbose=0)
    assert not any(np.array_equal(a, b) for a, b in zip(start, model.get_weights(), strict=True))


def test_an_optimizers_own_apply_gradients_is_used():
    class Counting(tf.keras.optimizers.SGD):
        steps = 0

        def apply_gradients(self, grads_and_vars, name=None):
            self.steps += 1
            return super().apply_gradients(grads_and_vars, name)

    model, optimizer = Forgetful(), Counting()
    model.compile(optimizer, "mse", run_eagerly=True)  # a trace would count once for all steps
    model.unused.trainable = False
    model.fit(X, X[:, :1], batch_size=5, verbose=0)
    assert optimizer.steps == 2


def test_two_outputs_want_two_targets():
    class Both(Model):
        def __init__(self):
            super().__init__()
            self.dense = Dense(1)

        def call(self, inputs):
            return self.dense(inputs), self.dense(inputs)

    model = Both()
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"there are 2 outputs \(output_1, output_2\) but 1 targets"):
        model.fit(X, Y, verbose=0)


# The same bits.


def train_small_cnn(threads):
    """Large enough for every kernel but those of the loss to run on several threads."""
    config.threading.set_intra_op_parallelism_threads(threads)
    tf.random.set_seed(3)
    random = np.random.default_rng(1)
    images = random.uniform(size=(64, 20, 20, 1)).astype(np.float32)
    labels = random.integers(0, 10, 64)
    model = Sequential(
        [
            Input((20, 20, 1)),
            layers.Conv2D(16, 5, padding="same"),
            layers.MaxPooling2D(2),
            layers.ReLU(),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dropout(0.3),
            Dense(32, activation="relu"),
            Dense(10),
        ]
    )
    model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), ["accuracy"])
    history = model.fit(images, labels, batch_size=32, epochs=2, verbose=0).history
    return history, model.get_weights()


def test_same_seed_gives_the_same_bits_for_any_number_of_threads():
    before = config.threading.get_intra_op_parallelism_threads()
    if before < 2:
        pytest.skip("only one thread is available: there is nothing to compare")
    try:
        runs = [train_small_cnn(threads) for threads in (1, 2, 1)]
    finally:
        config.threading.set_intra_op_parallelism_threads(before)
    for history, weights in runs[1:]:
        assert history == runs[0][0]
        assert all(np.array_equal(a, b) for a, b in zip(weights, runs[0][1], strict=True))


@pytest.mark.parametrize(
    ("threads", "error", "message"),
    [
        (0, ValueError, r"from 1 to \d+ threads are available here, got 0"),
        (100_000, ValueError, "got 100000"),
        (1.5, TypeError, "an int is expected, got 1.5"),
        (True, TypeError, "an int is expected"),
    ],
)
def test_number_of_threads_is_checked(threads, error, message):
    with pytest.raises(error, match=message):
        config.threading.set_intra_op_parallelism_threads(threads)


def test_what_changes_the_model_after_fit_counts_in_the_next():
    model = Sequential([Input((4,)), Dense(3), Dense(1)])
    model.compile(optimizers.SGD(0.1), "mse")
    model.fit(X, X[:, :1], verbose=0)
    kernel = model.layers[0].kernel
    kernel.trainable = False
    before = kernel.numpy()
    model.fit(X, X[:, :1], verbose=0)
    np.testing.assert_array_equal(kernel.numpy(), before)
    assert model.predict(X, verbose=0).shape == (len(X), 1)
    model.add(Dense(5))
    assert model.predict(X, verbose=0).shape == (len(X), 5)
    model.pop()
    assert model.predict(X, verbose=0).shape == (len(X), 1)
