"""Names that people type: aliases, small helpers, and what is said of those that are not there."""

import importlib
import random

import numpy as np
import pytest

import microdl as tf
from microdl.keras import backend, initializers, later, losses, metrics, utils
from microdl.keras.preprocessing import image, sequence

PLANNED = {
    "": later.KERAS,
    ".layers": later.LAYERS,
    ".callbacks": later.CALLBACKS,
    ".optimizers": later.OPTIMIZERS,
    ".losses": later.LOSSES,
    ".metrics": later.METRICS,
    ".initializers": later.INITIALIZERS,
    ".utils": later.UTILS,
    ".datasets": later.DATASETS,
}


@pytest.mark.parametrize("module", PLANNED)
def test_planned_names_are_said_to_be_planned_and_no_other(module):
    found = importlib.import_module(f"microdl.keras{module}")
    assert [name for name in PLANNED[module] if hasattr(found, name)] == []
    for name in PLANNED[module]:
        with pytest.raises(AttributeError, match=rf"^module 'microdl\.keras{module}': '{name}' is not in microdl yet$"):
            getattr(found, name)


@pytest.mark.parametrize(
    ("look_up", "message"),
    [
        (
            lambda: tf.keras.layers.Desne,
            "module 'microdl.keras.layers' has no attribute 'Desne'; did you mean 'Dense'?",
        ),
        (lambda: tf.keras.model, "module 'microdl.keras' has no attribute 'model'; did you mean 'Model'?"),
        (lambda: tf.keras.backend.epsilom, "module 'microdl.keras.backend' has no attribute 'epsilom'; did you mean"),
    ],
)
def test_other_names_are_met_with_a_guess(look_up, message):
    with pytest.raises(AttributeError) as raised:
        look_up()
    assert str(raised.value).startswith(message)


def test_aliases():
    assert losses.mse is losses.MSE is losses.mean_squared_error
    assert losses.mae is losses.MAE is metrics.mae is metrics.mean_absolute_error
    assert metrics.mse is metrics.MSE is losses.mse
    assert type(initializers.get("uniform")) is initializers.random_uniform is initializers.RandomUniform
    assert type(initializers.get("normal")) is initializers.random_normal
    assert (backend.epsilon(), backend.floatx(), backend.image_data_format()) == (1e-7, "float32", "channels_last")
    assert tf.keras.layers.GlobalAvgPool2D is tf.keras.layers.GlobalAveragePooling2D
    assert (tf.keras.Optimizer, tf.keras.Loss, tf.keras.Metric) == (
        tf.keras.optimizers.Optimizer,
        losses.Loss,
        metrics.Metric,
    )


# Values of Keras 3.15.


@pytest.mark.parametrize(
    ("x", "num_classes", "shape"),
    [
        ([0, 2, 1], None, (3, 3)),
        ([[0], [2]], 4, (2, 4)),
        ([[0, 1], [2, 0]], None, (2, 2, 3)),
        (2, 3, (3,)),
        ([], 3, (0, 3)),
    ],
)
def test_to_categorical_is_one_where_the_class_is(x, num_classes, shape):
    y = utils.to_categorical(x, num_classes)
    assert (y.shape, y.dtype) == (shape, np.float64)
    assert np.array_equal(y.argmax(-1).ravel(), np.ravel(x))
    assert np.array_equal(y.sum(-1), np.ones(shape[:-1]))


def test_to_categorical_takes_tensors_and_whole_floats():
    assert utils.to_categorical(tf.constant([1.0, 0.0])).tolist() == [[0.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: utils.to_categorical([0, 5], 3),
            ValueError,
            "to_categorical: class numbers must be whole, from 0 to 2 (num_classes=3), got 5",
        ),
        (
            lambda: utils.to_categorical([0, -1]),
            ValueError,
            "to_categorical: class numbers must be whole, from 0 to 0 (num_classes=1), got -1",
        ),
        (
            lambda: utils.to_categorical([0.5, 1.0]),
            ValueError,
            "to_categorical: class numbers must be whole, from 0 to 1 (num_classes=2), got 0.5",
        ),
        (lambda: utils.to_categorical([]), ValueError, "to_categorical: x is empty, so num_classes must be given"),
        (
            lambda: utils.to_categorical(["a"]),
            TypeError,
            "to_categorical: x must hold class numbers, got an array of dtype <U1",
        ),
        (
            lambda: utils.set_random_seed(-1),
            ValueError,
            "set_random_seed: seed must be an int in [0, 2**32), got -1",
        ),
    ],
)
def test_misuse_of_helpers_is_explained(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value) == message


def test_one_seed_for_everything():
    drawn = []
    for _ in range(2):
        utils.set_random_seed(7)
        drawn.append((random.random(), np.random.rand(), float(tf.random.uniform(()))))
    assert drawn[0] == drawn[1]


def test_root_mean_squared_error():
    metric = metrics.RootMeanSquaredError()
    metric.update_state([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]])
    assert float(metric.result()) == 0.5
    metric.reset_state()
    metric.update_state([[0.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]], sample_weight=[1.0, 0.0])
    assert float(metric.result()) == pytest.approx(0.70710678)
    assert metric.name == "root_mean_squared_error"


def test_keras_2_had_helpers_for_data_in_modules_of_their_own():
    assert sequence.pad_sequences is utils.pad_sequences
    assert image.img_to_array is utils.img_to_array
    for path, advice in {
        "text.Tokenizer": "keep a dict from words to numbers",
        "image.ImageDataGenerator": "use tf.data.Dataset.map",
        "sequence.TimeseriesGenerator": "use keras.utils.timeseries_dataset_from_array",
    }.items():
        module, name = path.split(".")
        with pytest.raises(AttributeError, match=f"'{name}' is not in microdl: {advice}"):
            getattr(getattr(tf.keras.preprocessing, module), name)
