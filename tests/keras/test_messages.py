"""Golden messages: what users are told about arguments, pairs, data and files that do not fit."""

import warnings

import numpy as np
import pytest

import microdl as tf
from microdl.keras import losses, optimizers
from microdl.keras.layers import Dense, Input
from microdl.keras.models import Model, Sequential

X, Y = np.ones((4, 3), np.float32), np.ones(4, np.float32)
PAIRS = "SGD: apply_gradients expects pairs (gradient, variable), as zip(gradients, variables) makes them"
VALIDATION = "fit (validation_data): (x, y), (x, y, sample_weight) or an iterable of batches is expected, got "


def variable():
    return tf.Variable([1.0, 2.0], name="w")


def model():
    made = Sequential([Input((3,)), Dense(1)], name="net")
    made.compile("sgd", "mse")
    return made


def fit(*args, **kwargs):
    return model().fit(*args, verbose=0, **kwargs)


class Forgetful(Model):
    """Its call does not return anything."""

    def __init__(self):
        super().__init__(name="forgetful")
        self.dense = Dense(1)
        self.compile("sgd", "mse", metrics=["mae"])

    def call(self, inputs):
        self.dense(inputs)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: optimizers.RMSprop(lr=0.1, monentum=0.9),
            TypeError,
            "RMSprop: unknown arguments 'lr' (did you mean 'learning_rate'?), 'monentum' (did you mean 'momentum'?); "
            "it takes centered, clipnorm, clipvalue, ema_momentum, ema_overwrite_frequency, epsilon, global_clipnorm, "
            "gradient_accumulation_steps, learning_rate, momentum, name, rho, use_ema, "
            "weight_decay",
        ),
        (
            lambda: optimizers.Optimizer(zzz=1),
            TypeError,
            "Optimizer: unknown argument 'zzz'; it takes clipnorm, clipvalue, ema_momentum, ema_overwrite_frequency, "
            "global_clipnorm, gradient_accumulation_steps, learning_rate, name, use_ema, "
            "weight_decay",
        ),
        (
            lambda: optimizers.Adam(loss_scale_factor=2.0),
            ValueError,
            "Adam: loss_scale_factor is not in microdl yet, it must be None, got 2.0",
        ),
        (
            lambda: model().compile(metric=["mae"]),
            TypeError,
            "compile: unknown argument 'metric' (did you mean 'metrics'?); it takes auto_scale_loss, "
            "jit_compile, loss, loss_weights, metrics, optimizer, run_eagerly, steps_per_execution, weighted_metrics",
        ),
        (
            lambda: model().predict(X, batch=2),
            TypeError,
            "predict: unknown argument 'batch' (did you mean 'batch_size'?); it takes batch_size, callbacks, steps, "
            "verbose, x",
        ),
    ],
)
def test_unknown_arguments(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == message


def test_epoch_is_taken_for_epochs():
    with pytest.raises(
        TypeError, match=r"^fit: unknown argument 'epoch' \(did you mean 'epochs'\?\); it takes batch_s"
    ):
        fit(X, Y, epoch=5)


def test_arguments_that_change_nothing_are_taken():
    optimizers.AdamW(use_ema=False, gradient_accumulation_steps=None)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda o: o.apply_gradients([tf.ones(2)]), TypeError, f"{PAIRS}; got a Tensor of shape (2,)"),
        (lambda o: o.apply_gradients([(tf.ones(2),)]), TypeError, f"{PAIRS}; got a tuple of 1"),
        (
            lambda o: o.apply_gradients([(tf.ones(2), [1.0])]),
            TypeError,
            f"{PAIRS}, with a tf.Variable second; got (a Tensor of shape (2,), a list of 1)",
        ),
        (
            lambda o: o.apply_gradients([(variable(), None)]),
            TypeError,
            f"{PAIRS}, with a tf.Variable second; got (a Variable of shape (2,), None): they are swapped",
        ),
        (
            lambda o: o.apply_gradients([tf.ones(2)], [variable()]),
            TypeError,
            "SGD: apply_gradients takes pairs, apply_gradients(zip(gradients, variables)); "
            "two lists go to apply(gradients, variables)",
        ),
        (
            lambda o: o.apply([tf.ones(2)]),
            ValueError,
            "SGD: apply needs trainable_variables, or build(variables) first",
        ),
        (
            lambda o: o.apply([tf.ones(2)], [variable(), variable()]),
            ValueError,
            "SGD: apply got 1 gradients for 2 variables",
        ),
    ],
)
def test_what_is_no_pair(call, error, message):
    with pytest.raises(error) as raised:
        call(optimizers.SGD(0.5))
    assert str(raised.value) == message


def test_apply_takes_two_lists_or_the_variables_it_knows():
    w, optimizer = variable(), optimizers.SGD(0.5)
    optimizer.apply([tf.ones(2)], [w])
    optimizer.apply([tf.ones(2)])
    assert w.numpy().tolist() == [0.0, 1.0]
    built = optimizers.SGD(0.5)
    built.build([w])
    built.apply([tf.ones(2)])
    assert w.numpy().tolist() == [-0.5, 0.5]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit(X, Y, validation_data=(X,)), ValueError, f"{VALIDATION}x alone: the loss needs targets"),
        (lambda: fit(X, Y, validation_data=X), ValueError, f"{VALIDATION}x alone: the loss needs targets"),
        (lambda: fit(X, Y, validation_data=(X, Y, Y, Y)), ValueError, f"{VALIDATION}a tuple of 4"),
        (
            lambda: fit(np.array(["a", "b"]), Y[:2]),
            TypeError,
            "fit: x must hold numbers, got an array of dtype <U1 and shape (2,)",
        ),
        (
            lambda: fit(X[:2], ["a", "b"]),
            TypeError,
            "fit: y must hold numbers, got an array of dtype <U1 and shape (2,)",
        ),
        (
            lambda: fit(iter([(X, Y, np.array([None] * 4))])),
            TypeError,
            "fit: sample_weight must hold numbers, got an array of dtype object and shape (4,)",
        ),
        (
            lambda: model().predict(X, Y),
            TypeError,
            "predict: batch_size must be an int, got a value of type ndarray; it takes no y",
        ),
        (lambda: fit(X, Y, batch_size=2.5), TypeError, "fit: batch_size must be an int, got a value of type float"),
    ],
)
def test_data(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == message


def test_validation_without_targets_is_taken_where_none_are_needed():
    class OwnStep(Sequential):
        def test_step(self, data):
            return {"mean": tf.reduce_mean(self(data))}

    made = OwnStep([Dense(1)])
    made.compile("sgd", "mse")
    assert "val_mean" in made.fit(X, Y, validation_data=(X,), verbose=0).history


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.fit(X, Y, verbose=0),
        lambda m: m.evaluate(X, Y, verbose=0),
        lambda m: m.predict(X, verbose=0),
        lambda m: m.compute_metrics(X, Y, m(X)),
    ],
)
def test_a_model_whose_call_returns_nothing(call):
    with pytest.raises(ValueError) as raised:
        call(Forgetful())
    assert str(raised.value) == "model 'forgetful' (Forgetful) gave None: does call return its result?"


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        model().save_weights(tmp_path / "nodir" / "w.npz")
    path = tmp_path / "nodir"
    assert str(raised.value) == f"save_weights: {path / 'w.npz'}: there is no folder {path}; make it first"


def test_a_file_of_text_is_no_weights(tmp_path):
    path = tmp_path / "w.npz"
    path.write_text("weights")
    with pytest.raises(ValueError) as raised:
        model().load_weights(path)
    assert str(raised.value) == f"load_weights: {path} is damaged or no .npz file"
    assert raised.value.__suppress_context__


@pytest.mark.filterwarnings("always")
def test_warnings_point_to_the_line_of_the_user():
    labels = np.array([0, 1, 0, 1])
    classifier = Sequential([Dense(2, kernel_initializer="ones", bias_initializer="ones")])
    classifier.compile("sgd", "sparse_categorical_crossentropy")
    with warnings.catch_warnings(record=True) as caught:
        classifier.fit(-X, labels, verbose=0)
        losses.SparseCategoricalCrossentropy()([0], [[-1.0, 2.0]])
        classifier.fit(iter([(X, labels)]), epochs=2, verbose=0)
        classifier.fit(iter([(X, labels)]), steps_per_epoch=2, verbose=0)
        optimizers.SGD().apply_gradients([(tf.ones(2), variable()), (None, variable())])
    assert len(caught) == 5
    assert {warning.filename for warning in caught} == {__file__}
    assert len({warning.lineno for warning in caught}) == 5
