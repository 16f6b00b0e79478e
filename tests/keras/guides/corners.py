"""What happens where features meet: masks, metrics of one name, validation in parts, dropout within cells."""

import random

import numpy as np

from tests.keras.guides.common import data, give_weights

MASKED = data(1, 6, 4, 2)
MASKED[:3, 2:] = 0
MASKED[5, 1] = 0


def history(model, *args, **kwargs):
    return dict(sorted(model.fit(*args, verbose=0, shuffle=False, **kwargs).history.items()))


def normalization_of_masked_steps(tf, keras):
    normalization = keras.layers.BatchNormalization(momentum=0.5)
    x = tf.constant(data(2, 2, 3, 4))
    mask = np.array([[1, 1, 0], [1, 0, 0]], bool)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = normalization(x, training=True, mask=mask)
        loss = tf.reduce_sum(y**3)
    across = keras.layers.BatchNormalization(axis=1)
    return {
        "y": y,
        "weights": normalization.get_weights(),
        "gradient": tape.gradient(loss, x),
        "inference": normalization(x, mask=mask),
        "another axis": [across(x, training=True, mask=mask), *across.get_weights()],
    }


def normalization_behind_masking(tf, keras):
    layers = keras.layers
    model = keras.Sequential(
        [layers.Masking(0.0), layers.Dense(3), layers.BatchNormalization(momentum=0.5), layers.Dense(1)]
    )
    model(MASKED)
    give_weights(model, 3)
    model.compile("sgd", "mse")
    losses = history(model, MASKED, data(4, 6, 4, 1), epochs=2, batch_size=3)
    return {"history": losses, "weights": model.get_weights()}


def _line(keras, **options):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    give_weights(model, 5)
    model.compile("sgd", "mse", **options)
    return model


def metrics_of_one_name(tf, keras):
    x, y, weights = data(6, 6, 3), data(7, 6, 1), np.arange(6.0)
    model = _line(keras, metrics=["mae", "mse"], weighted_metrics=["mae", "mse"])
    twice = _line(keras, metrics=["mae", "mae"], weighted_metrics=["mse"])
    inputs = keras.Input((3,))
    outputs = [keras.layers.Dense(1, name="a")(inputs), keras.layers.Dense(2, name="b")(inputs)]
    both = keras.Model(inputs, outputs)
    give_weights(both, 8)
    both.compile("sgd", ["mse", "mae"], metrics=[["mae"], ["mse"]], weighted_metrics=[["mae"], ["mse"]])
    targets, of_both = [y, data(9, 6, 2)], [weights, weights[::-1].copy()]
    return [
        history(model, x, y, sample_weight=weights, epochs=2, batch_size=4),
        history(twice, x, y, sample_weight=weights, batch_size=4),
        history(both, x, targets, sample_weight=of_both, epochs=2, batch_size=4),  # losses of outputs: batches alike
    ]


def validation_of_the_first_batches(tf, keras):
    x, y = data(10, 10, 3), data(11, 10, 1)
    batches = tf.data.Dataset.from_tensor_slices((x, y)).batch(2)
    return [
        history(
            _line(keras), batches.repeat(), steps_per_epoch=3, epochs=3, validation_data=batches, validation_steps=2
        ),
        history(_line(keras), x, y, epochs=3, validation_data=(x, y), validation_batch_size=2, validation_steps=2),
    ]


def dropout_in_cells(tf, keras):
    x, found = np.ones((2, 3, 2), np.float32), {}
    for kind in ("SimpleRNN", "LSTM", "GRU"):
        for rates in ({"dropout": 0.5}, {"recurrent_dropout": 0.5}, {"dropout": 0.4, "recurrent_dropout": 0.3}):
            layer = getattr(keras.layers, kind)(3, seed=3, **rates)
            layer(x)
            give_weights(layer, 12)
            found[f"{kind} {rates}"] = [layer(x, training=True), layer(x), layer(x, training=True)]
    layer = keras.layers.GRU(3, seed=3, reset_after=False, dropout=0.4, recurrent_dropout=0.3)
    layer(x)
    give_weights(layer, 13)
    return {**found, "reset before": [layer(x, training=True), layer(x, training=True)]}


def dropout_in_cells_trained(tf, keras):
    layers = keras.layers
    options = {"dropout": 0.3, "recurrent_dropout": 0.2, "seed": 1, "return_sequences": True}
    model = keras.Sequential(
        [keras.Input((4, 2)), layers.LSTM(3, **options), layers.GRU(2, dropout=0.3, seed=2), layers.Dense(1)]
    )
    give_weights(model, 14)
    model.compile("sgd", "mse")
    x, y = data(15, 6, 4, 2), data(16, 6, 1)
    return [history(model, x, y, epochs=2, batch_size=3, validation_data=(x[:3], y[:3])) for _ in range(2)]


def batches_by_their_numbers(tf, keras):
    class Numbered(keras.utils.PyDataset):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.ends = 0

        def __len__(self):
            return 3

        def __getitem__(self, index):
            return data(17, 2, 3) + index, data(18, 2, 1)

        def on_epoch_end(self):
            self.ends += 1

    batches, model = Numbered(), _line(keras)
    found = [history(model, batches, epochs=2), batches.ends, history(model, batches, steps_per_epoch=1, epochs=4)]
    random.seed(3)
    shuffled = model.fit(batches, epochs=2, verbose=0, validation_data=batches).history
    return [*found, dict(sorted(shuffled.items())), model.predict(batches, verbose=0)]


def functions_with_defaults(tf, keras):
    adapted = keras.layers.Normalization()
    adapted.adapt(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32))
    return {
        "gelu": keras.ops.gelu(data(19, 2, 3)),
        "linspace": [keras.ops.linspace(0, 1, 3), keras.ops.linspace(0.0, 1.0, 4, endpoint=False)],
        "dtypes": [
            keras.utils.standardize_dtype(x.dtype)
            for x in (keras.ops.linspace(0, 1, 3), keras.ops.divide(np.array([1]), 2), keras.ops.full((2,), 3))
        ],
        "normalized": [keras.utils.normalize(np.array([3.0, 4.0])), keras.utils.normalize(np.array([[3.0, 4.0]]))],
        "constant": keras.initializers.Constant([1.0, 2.0])((2, 2)),
        "adapted": [adapted.mean, adapted.variance, adapted(np.ones((1, 2)))],
    }


def order_and_axes(tf, keras):
    ops, x = keras.ops, data(20, 2, 3)
    inputs = keras.Input((3, 3))
    outlined = keras.Model(inputs, [ops.einsum("bij,bjk->bik", inputs, inputs), ops.tril(inputs), ops.sort(inputs, 1)])
    return {
        "sums": [ops.einsum("ij,kj->ik", x, x), ops.einsum("ij->ji", x), ops.tensordot(x, x, 2)],
        "order": [ops.sort(x), ops.sort(x, axis=0), ops.argsort(x), ops.argsort(-x, axis=0), *ops.top_k(x, 2)],
        "places": [ops.searchsorted([1.0, 2.0], [1.5, 2.0]), ops.searchsorted([1.0, 2.0], [2.0], side="right")],
        "found": ops.in_top_k([1, 0], [[0.1, 0.9], [0.1, 0.9]], 1),
        "triangles": [function(x, k) for function in (ops.tril, ops.triu) for k in (-1, 0, 1)],
        "diagonals": [ops.diag([1.0, 2.0], 1), ops.diag(x), ops.diag(x, -1)],
        "numbers": [ops.nan_to_num([np.nan, 2.0]), ops.nan_to_num([-np.inf, np.inf], posinf=1.0, neginf=-2.0)],
        "outlined": outlined(data(21, 2, 3, 3)),
    }


PROGRAMS = (
    normalization_of_masked_steps, normalization_behind_masking, metrics_of_one_name, validation_of_the_first_batches,
    dropout_in_cells, dropout_in_cells_trained, batches_by_their_numbers, functions_with_defaults,
    order_and_axes,
)  # fmt: skip
