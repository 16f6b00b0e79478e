"""keras.ops: values as NumPy has them, eagerly and as operations of a functional model."""

import numpy as np
import pytest

import microdl as tf
from microdl import keras
from microdl.keras import ops

X = np.random.default_rng(0).uniform(0.1, 0.9, (4, 6)).astype(np.float32)
Z = X - 0.5
IMAGES = np.random.default_rng(1).normal(size=(2, 6, 6, 3)).astype(np.float32)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def windows(x, reduce):
    return reduce(reduce(x.reshape(2, 3, 2, 3, 2, 3), 4), 2)


CASES = {  # name -> (function, its value by NumPy, input)
    "absolute": (ops.absolute, np.abs, Z),
    "all": (lambda x: ops.all(x > 0, axis=1), lambda x: (x > 0).all(1), Z),
    "any": (lambda x: ops.any(x > 0, axis=1), lambda x: (x > 0).any(1), Z),
    "append": (lambda x: ops.append(x, x, axis=1), lambda x: np.append(x, x, axis=1), X),
    "argmax": (lambda x: ops.argmax(x, axis=1), lambda x: x.argmax(1), X),
    "argmin": (lambda x: ops.argmin(x, axis=-1, keepdims=True), lambda x: x.argmin(1)[:, None], X),
    "average": (
        lambda x: ops.average(x, 1, np.arange(1.0, 7.0, dtype=np.float32)),
        lambda x: np.average(x, 1, np.arange(1.0, 7.0)),
        X,
    ),
    "average_pool": (lambda x: ops.average_pool(x, 2), lambda x: windows(x, np.mean), IMAGES),
    "broadcast_to": (lambda x: ops.broadcast_to(x, (3, 4, 6)), lambda x: np.broadcast_to(x, (3, 4, 6)), X),
    "cast": (lambda x: ops.cast(x, "int32"), lambda x: x.astype(np.int32), X * 9),
    "clip": (lambda x: ops.clip(x, -0.1, 0.2), lambda x: np.clip(x, -0.1, 0.2), Z),
    "concatenate": (lambda x: ops.concatenate([x, x], axis=-1), lambda x: np.concatenate([x, x], -1), X),
    "count_nonzero": (lambda x: ops.count_nonzero(x > 0.5, axis=1), lambda x: np.count_nonzero(x > 0.5, 1), X),
    "cumsum": (lambda x: ops.cumsum(x, axis=1), lambda x: np.cumsum(x, 1), X),
    "dot": (lambda x: ops.dot(x, np.ones((6, 2), np.float32)), lambda x: x @ np.ones((6, 2)), X),
    "exp2": (ops.exp2, np.exp2, X),
    "expand_dims": (lambda x: ops.expand_dims(x, (1, 3)), lambda x: np.expand_dims(x, (1, 3)), X),
    "flip": (lambda x: ops.flip(x, axis=1), lambda x: np.flip(x, 1), X),
    "floor_divide": (lambda x: ops.floor_divide(x, 0.2), lambda x: x // np.float32(0.2), X),
    "full_like": (lambda x: ops.full_like(x, 3), lambda x: np.full_like(x, 3), X),
    "get_item": (lambda x: ops.get_item(x, (slice(None), 2)), lambda x: x[:, 2], X),
    "hstack": (lambda x: ops.hstack([x, x]), lambda x: np.hstack([x, x]), X),
    "isclose": (lambda x: ops.isclose(x, x + 1e-9), lambda x: np.ones_like(x, bool), X),
    "log10": (ops.log10, np.log10, X),
    "log2": (ops.log2, np.log2, X),
    "log_sigmoid": (ops.log_sigmoid, lambda x: -np.log1p(np.exp(-x)), Z),
    "log_softmax": (ops.log_softmax, lambda x: np.log(softmax(x)), Z),
    "logaddexp": (lambda x: ops.logaddexp(x, 0.3), lambda x: np.logaddexp(x, 0.3), Z),
    "logsumexp": (lambda x: ops.logsumexp(x, axis=1), lambda x: np.log(np.exp(x).sum(1)), Z),
    "matmul": (lambda x: ops.matmul(x, np.ones(6, np.float32)), lambda x: x @ np.ones(6), X),
    "max": (lambda x: ops.max(x, axis=1, keepdims=True), lambda x: x.max(1, keepdims=True), X),
    "max_pool": (lambda x: ops.max_pool(x, 2), lambda x: windows(x, np.max), IMAGES),
    "mean": (lambda x: ops.mean(x, axis=(1,)), lambda x: x.mean(1), X),
    "min": (lambda x: ops.min(x, axis=1), lambda x: x.min(1), X),
    "mod": (lambda x: ops.mod(x, 0.3), lambda x: np.mod(x, np.float32(0.3)), X),
    "moveaxis": (lambda x: ops.moveaxis(x, 1, -1), lambda x: np.moveaxis(x, 1, -1), IMAGES),
    "norm": (lambda x: ops.norm(x, axis=1), lambda x: np.linalg.norm(x, axis=1), X),
    "normalize": (ops.normalize, lambda x: x / np.linalg.norm(x, axis=1, keepdims=True), X),
    "one_hot": (lambda x: ops.one_hot(ops.argmax(x, 1), 6), lambda x: np.eye(6)[x.argmax(1)], X),
    "outer": (lambda x: ops.outer(x, [1.0, 2.0]), lambda x: np.outer(x, [1, 2]), X),
    "pad": (lambda x: ops.pad(x, [(0, 0), (1, 2)]), lambda x: np.pad(x, [(0, 0), (1, 2)]), X),
    "power": (lambda x: ops.power(x, 2.5), lambda x: x**2.5, X),
    "prod": (lambda x: ops.prod(x, axis=1), lambda x: x.prod(1), X),
    "relu": (ops.relu, lambda x: np.maximum(x, 0), Z),
    "repeat": (lambda x: ops.repeat(x, 2, axis=1), lambda x: np.repeat(x, 2, 1), X),
    "reshape": (lambda x: ops.reshape(x, (-1, 3, 2)), lambda x: x.reshape(-1, 3, 2), X),
    "roll": (lambda x: ops.roll(x, 2, axis=1), lambda x: np.roll(x, 2, 1), X),
    "round": (lambda x: ops.round(x, 1), lambda x: np.round(x, 1), X),
    "slice": (lambda x: ops.slice(x, (0, 1), (4, 2)), lambda x: x[:4, 1:3], X),
    "softmax": (ops.softmax, softmax, Z),
    "split": (lambda x: ops.split(x, [2, 3], axis=1)[2], lambda x: x[:, 3:], X),
    "squeeze": (lambda x: ops.squeeze(x[:, None], axis=1), lambda x: x, X),
    "stack": (lambda x: ops.stack([x, x], axis=1), lambda x: np.stack([x, x], 1), X),
    "std": (lambda x: ops.std(x, axis=1), lambda x: x.std(1), X),
    "sum": (lambda x: ops.sum(x, axis=-1), lambda x: x.sum(1), X),
    "swapaxes": (lambda x: ops.swapaxes(x, 1, 3), lambda x: np.swapaxes(x, 1, 3), IMAGES),
    "take": (lambda x: ops.take(x, [0, -1], axis=1), lambda x: x[:, [0, -1]], X),
    "tile": (lambda x: ops.tile(x, (1, 2)), lambda x: np.tile(x, (1, 2)), X),
    "transpose": (lambda x: ops.transpose(x, (0, 3, 1, 2)), lambda x: x.transpose(0, 3, 1, 2), IMAGES),
    "true_divide": (lambda x: ops.true_divide(x, 4.0), lambda x: x / 4, X),
    "unstack": (lambda x: ops.unstack(x, axis=1)[3], lambda x: x[:, 3], X),
    "var": (lambda x: ops.var(x, axis=1), lambda x: x.var(1), X),
    "vstack": (lambda x: ops.vstack([x, x]), lambda x: np.vstack([x, x]), X),
    "where": (lambda x: ops.where(x > 0, x, 0.5), lambda x: np.where(x > 0, x, 0.5), Z),
}


@pytest.mark.parametrize("name", CASES)
def test_value_eagerly_in_a_function_and_in_a_model(name):
    function, by_numpy, x = CASES[name]
    expected = by_numpy(x.astype(np.float64) if name not in ("floor_divide", "mod", "cast") else x)
    eager = function(tf.constant(x)).numpy()
    np.testing.assert_allclose(eager, expected, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(tf.function(function)(tf.constant(x)), eager, rtol=1e-6, atol=1e-7)
    if name in ("vstack", "slice", "outer", "broadcast_to"):  # which take the batch for one of many axes
        return
    inputs = keras.Input(x.shape[1:])
    outputs = function(inputs)
    assert outputs.shape == (None, *expected.shape[1:])
    model = keras.Model(inputs, outputs)
    np.testing.assert_allclose(model(x), eager, rtol=1e-6, atol=1e-7)
    again = keras.models.model_from_json(model.to_json())
    np.testing.assert_array_equal(again(x), model(x))


def test_operations_are_called_as_keras_calls_them():
    x = keras.Input((4,))
    made = {
        "add": x + 1.0, "subtract": 1.0 - x, "multiply": x * x, "true_divide": x / 2.0, "floor_divide": x // 2.0,
        "mod": x % 2.0, "power": x**2.0, "negative": -x, "absolute": abs(x), "greater": x > 0.0, "less": x < 0.0,
        "greater_equal": x >= 0.0, "less_equal": x <= 0.0, "not_equal": x != 0.0, "get_item": x[:, 0],
        "concatenate": ops.concatenate([x, x]), "mean": ops.mean(x, 1), "relu": ops.relu(x), "matmul": x @ tf.eye(4),
    }  # fmt: skip
    for name, y in made.items():
        operation = y._keras_history.operation
        assert operation.keras_name == name, name
        assert operation.name.rstrip("0123456789").rstrip("_") == name


def test_makers_and_conversions():
    assert ops.arange(3).numpy().tolist() == [0, 1, 2]
    assert ops.arange(1, 7, 2).numpy().tolist() == [1, 3, 5]
    assert ops.zeros((2, 2)).dtype.name == ops.ones((2,)).dtype.name == "float32"
    assert ops.full((2,), 3).numpy().tolist() == [3, 3]
    assert ops.identity(2).numpy().tolist() == [[1, 0], [0, 1]]
    assert ops.shape(keras.Input((3,))) == (None, 3)
    assert ops.shape(np.ones((2, 3))) == (2, 3)
    assert ops.convert_to_numpy(ops.array([1.0])).tolist() == [1.0]
    assert ops.convert_to_tensor([1.5], "int32").numpy().tolist() == [1]
    assert ops.mean(np.array([1, 2])).numpy() == 1.5
    assert ops.nn.relu is ops.relu


def test_causal_attention_weighs_what_came_before():
    q = np.random.default_rng(2).normal(size=(1, 3, 2, 4)).astype(np.float32)
    logits = np.einsum("bqhd,bkhd->bhqk", q, q) / 2
    logits[..., *np.triu_indices(3, 1)] = -1e9
    expected = np.einsum("bhqk,bkhd->bqhd", softmax(logits), q)
    np.testing.assert_allclose(ops.dot_product_attention(q, q, q, is_causal=True), expected, rtol=1e-5, atol=1e-6)


def test_losses_of_elements():
    t, p = np.array([[0.0, 1.0]], np.float32), np.array([[0.2, 0.7]], np.float32)
    np.testing.assert_allclose(ops.binary_crossentropy(t, p), -np.log([[0.8, 0.7]]), rtol=1e-6)
    np.testing.assert_allclose(ops.categorical_crossentropy(t, p), -np.log([0.7 / 0.9]), rtol=1e-6)
    np.testing.assert_allclose(ops.sparse_categorical_crossentropy([1], p), -np.log([0.7 / 0.9]), rtol=1e-6)


def test_names_that_are_missing_are_said_to_be():
    with pytest.raises(AttributeError, match="did you mean 'softmax'"):
        ops.sotfmax  # noqa: B018
    with pytest.raises(NotImplementedError, match="sparse"):
        ops.one_hot([1], 2, sparse=True)
