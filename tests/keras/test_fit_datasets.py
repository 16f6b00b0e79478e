"""``fit``, ``evaluate`` and ``predict`` on Datasets."""

import numpy as np
import pytest

import microdl as tf

Dataset = tf.data.Dataset
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(20, 4)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.int64)
W = RANDOM.uniform(0.5, 2, 20).astype(np.float32)


def model():
    tf.keras.utils.set_random_seed(1)
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(2)])
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, metrics=["accuracy"])
    return model


def history(*args, **kwargs):
    fitted = model()
    result = fitted.fit(*args, epochs=2, verbose=0, **kwargs).history
    return result, fitted.get_weights()


def assert_same(one, other):
    assert one[0] == other[0]
    for a, b in zip(one[1], other[1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("parts", [(X, Y), (X, Y, W)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_dataset_trains_as_its_arrays_do(parts, dtype):
    x, *rest = parts
    dataset = Dataset.from_tensor_slices((x.astype(dtype), *rest)).batch(8)
    names = ("x", "y", "sample_weight")
    arrays = dict(zip(names, parts, strict=False))
    assert_same(history(dataset), history(**arrays, batch_size=8, shuffle=False))
    weights = {0: 0.5, 1: 2.0}
    assert_same(
        history(dataset, class_weight=weights), history(**arrays, batch_size=8, shuffle=False, class_weight=weights)
    )


def test_validation_data():
    dataset = Dataset.from_tensor_slices((X, Y)).batch(8)
    expected = history(X, Y, batch_size=8, shuffle=False, validation_data=(X, Y), validation_batch_size=8)
    assert_same(history(dataset, validation_data=dataset), expected)
    endless = history(dataset, validation_data=dataset.repeat(), validation_steps=3)
    assert endless[0]["loss"] == expected[0]["loss"]
    assert endless[0]["val_loss"][0] == expected[0]["val_loss"][0]


def test_steps_go_on_through_a_dataset_that_repeats():
    seen = []

    def look(x, y):
        seen.append(x[:, 0].numpy().tolist())
        return x, y

    dataset = Dataset.from_tensor_slices((X, Y)).batch(8).repeat().map(look)
    history(dataset, steps_per_epoch=2)
    assert seen == [X[:8, 0].tolist(), X[8:16, 0].tolist(), X[16:, 0].tolist(), X[:8, 0].tolist()]


def test_a_pass_is_shuffled_anew_each_epoch_and_follows_from_the_seed():
    def orders():
        seen = []
        tf.keras.utils.set_random_seed(1)
        dataset = Dataset.from_tensor_slices((X, Y)).shuffle(20).batch(20)
        history(dataset.map(lambda x, y: seen.append(x.numpy().tolist()) or (x, y)))
        return seen

    first, second = orders()
    assert first != second
    assert [first, second] == orders()


def test_evaluate_and_predict():
    dataset = Dataset.from_tensor_slices((X, Y)).batch(8)
    trained = model()
    assert trained.evaluate(dataset, verbose=0) == trained.evaluate(X, Y, batch_size=8, verbose=0)
    expected = trained.predict(X, batch_size=8, verbose=0)
    np.testing.assert_array_equal(trained.predict(dataset, verbose=0), expected)
    np.testing.assert_array_equal(trained.predict(Dataset.from_tensor_slices(X).batch(8), verbose=0), expected)
    assert trained.predict(dataset.repeat(), steps=4, verbose=0).shape == (28, 2)


def test_the_number_of_steps_is_known_from_the_start():
    steps = []

    class Watch(tf.keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            steps.append(self.params["steps"])

    dataset = Dataset.from_tensor_slices((X, Y)).batch(8)
    for data, arguments in (
        (dataset, {}),
        (dataset.filter(lambda x, y: True), {}),
        (dataset.repeat(), {"steps_per_epoch": 2}),
    ):
        model().fit(data, verbose=0, callbacks=[Watch()], **arguments)
    assert steps == [3, None, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": Dataset.from_tensors((X, Y)).repeat()}, "fit: the data set has no end; give the number of steps"),
        ({"x": Dataset.from_tensors((X, Y)), "y": Y}, "fit: y cannot be given where x, a Dataset, yields batches"),
        ({"x": Dataset.from_tensors((X, Y)), "validation_split": 0.5}, "validation_split needs arrays, not Dataset"),
        (
            {"x": X, "y": Y, "validation_data": Dataset.from_tensors((X, Y)).repeat()},
            r"fit \(validation_data\): the data set has no end",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        model().fit(verbose=0, **arguments)


def test_as_many_steps_as_batches_are_a_pass_each():
    dataset = Dataset.from_tensor_slices((X, Y)).batch(8)
    assert_same(history(dataset, steps_per_epoch=len(dataset)), history(dataset))


def test_a_shuffled_dataset_is_seen_in_the_order_of_keras():
    """Losses of Keras 3.15 with TensorFlow 2.21 for this model, set_random_seed(7) and these data."""
    random = np.random.default_rng(0)
    x = random.normal(size=(100, 4)).astype(np.float32)
    y = (x.sum(axis=1) > 0).astype(np.int64)
    tf.keras.utils.set_random_seed(7)
    layers = [tf.keras.Input((4,)), tf.keras.layers.Dense(8, "relu"), tf.keras.layers.Dense(2)]
    model = tf.keras.Sequential(layers)
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    shuffled = Dataset.from_tensor_slices((x, y)).shuffle(100).map(lambda a, b: (a * 2, b)).batch(16)
    ordered = Dataset.from_tensor_slices((x, y)).batch(16)
    first = model.fit(shuffled, epochs=3, validation_data=ordered, verbose=0).history
    again = model.fit(shuffled.repeat(), epochs=2, steps_per_epoch=5, verbose=0).history
    assert first["loss"] == pytest.approx([0.8942363262, 0.8713464141, 0.8469235301], abs=2e-6)
    assert first["val_loss"] == pytest.approx([0.7656068206, 0.7542078495, 0.7429362535], abs=2e-6)
    assert again["loss"] == pytest.approx([0.8055933118, 0.8209619522], abs=2e-6)


def test_a_dataset_that_ends_early_is_told():
    dataset = Dataset.from_tensor_slices((X, Y)).batch(8)
    with pytest.warns(UserWarning, match="ended after 3 of 5 batches"):
        model().fit(dataset, steps_per_epoch=5, verbose=0)
