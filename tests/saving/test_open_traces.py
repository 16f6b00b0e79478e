"""Saved functions with open sizes compute what they did before, for every size; what cannot be saved is refused."""

from typing import Any

import numpy as np
import pytest

import microdl as tf
from microdl.saving import safetensors
from microdl.saving.open_traces import pattern_of
from microdl.saving.saved_model import FILE
from microdl.saving.sizes import Sizes

LINE = tf.TensorSpec([None], tf.float32)
TABLE = tf.TensorSpec([None, None], tf.float32)
RNG = np.random.default_rng(0)


def saved(folder, function, *signature, **attributes):
    """A module whose method ``f`` is the function, and what is loaded of it."""
    module: Any = tf.Module()
    for name, value in attributes.items():
        setattr(module, name, value)
    module.f = tf.function(function, input_signature=list(signature))
    tf.saved_model.save(module, folder)
    return module, tf.saved_model.load(folder)


def rows(*sizes):
    return [RNG.normal(size=n).astype(np.float32) for n in sizes]


def autograph(x):
    total = x
    for i in tf.range(tf.shape(x)[0]):
        if x[i] > 0:
            total += x[i]
        else:
            total *= 0.5
        if tf.reduce_sum(total) > 100:
            break
    return total


def until(x):
    steps = 0
    while tf.reduce_sum(tf.abs(x)) > 1:
        x, steps = x / 2, steps + 1
    return x, steps


def gradient(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.math.reduce_variance(x) + tf.reduce_mean(x**3)
    return tape.gradient(y, x)


LINES = {
    "map_fn": lambda x: tf.map_fn(lambda y: (y * 2, y + 1), x, fn_output_signature=(tf.float32, tf.float32)),
    "cond": lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x - 1),
    "while_loop": lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * x), [0, x])[1],
    "scan": lambda x: tf.scan(lambda a, b: a + b, x),
    "autograph": autograph,
    "until": until,
    "gradient": gradient,
    "range": lambda x: x * tf.cast(tf.range(tf.shape(x)[0]), tf.float32),
    "slices": lambda x: tf.concat([x[:-1], x[1:], x[::2], x[1:-1:3]], 0),
    "mean": lambda x: tf.reduce_sum(x) / tf.cast(tf.size(x), tf.float32),
    "random": lambda x: tf.shape(tf.random.normal(tf.shape(x))),
    "halves": lambda x: tf.pad(x[: tf.shape(x)[0] // 2], [[0, tf.shape(x)[0] - tf.shape(x)[0] // 2]]),
}

TABLES = {
    "flat": lambda x: tf.reshape(tf.transpose(x), [-1]) + tf.cast(tf.size(x), tf.float32),
    "broadcast": lambda x: tf.broadcast_to(x[:, None], [tf.shape(x)[0], 3, tf.shape(x)[1]]),
    "one_hot": lambda x: tf.one_hot(tf.argmax(x, 1), tf.shape(x)[1]),
    "einsum": lambda x: tf.einsum("ij,kj->ik", x, x),
    "triangle": lambda x: tf.linalg.band_part(x @ tf.transpose(x), -1, 0),
}


def agree(found, expected):
    for y, e in zip(tf.nest.flatten(found), tf.nest.flatten(expected), strict=True):
        assert y.dtype is e.dtype
        np.testing.assert_array_equal(y, e)


@pytest.mark.parametrize("name", LINES)
def test_lines(tmp_path, name):
    module, loaded = saved(tmp_path, LINES[name], LINE)
    for x in rows(1, 2, 5):
        agree(loaded.f(x), module.f(x))


@pytest.mark.parametrize("name", TABLES)
def test_tables(tmp_path, name):
    module, loaded = saved(tmp_path, TABLES[name], TABLE)
    for x in rows((1, 1), (2, 3), (4, 4), (1, 3)):
        agree(loaded.f(x), module.f(x))


def test_sizes_of_one_have_gradients_of_their_own(tmp_path):
    def slope(x, y):
        with tf.GradientTape() as tape:
            tape.watch([x, y])
            loss = tf.reduce_sum((x + y) ** 2)
        return tape.gradient(loss, [x, y])

    module, loaded = saved(tmp_path, slope, LINE, LINE)
    for n, m in ((3, 3), (1, 4), (4, 1), (1, 1), (1, 3)):
        x, y = rows(n, m)
        agree(loaded.f(x, y), module.f(x, y))
    with pytest.raises(ValueError, match=r"slope: the sizes \[2, 3\] do not fit: it was saved for .* \(n, n\), "):
        loaded.f(*rows(2, 3))


def test_square_matrices_of_any_number(tmp_path):
    signature = tf.TensorSpec([None, None, None], tf.float32)
    module, loaded = saved(tmp_path, lambda x: tf.linalg.expm(x), signature)
    for x in rows((3, 3, 3), (1, 4, 4), (2, 3, 3), (5, 1, 1)):
        agree(loaded.f(x), module.f(x))


def test_variables_are_written_and_gradients_reach_them(tmp_path):
    w, count = tf.Variable([2.0, 3.0]), tf.Variable(0)

    def step(x):
        count.assign_add(tf.shape(x)[0])
        return tf.reduce_mean(x[:, None] * w)

    _, loaded = saved(tmp_path, step, LINE, w=w, count=count)
    with tf.GradientTape() as tape:
        y = loaded.f([1.0, 2.0, 6.0])
    np.testing.assert_allclose(tape.gradient(y, loaded.w), [1.5, 1.5])
    assert (float(y), int(loaded.count), int(count)) == (7.5, 3, 0)


def test_what_is_loaded_can_be_saved_and_traced_again(tmp_path):
    module, loaded = saved(tmp_path / "first", autograph, LINE)
    tf.saved_model.save(loaded, tmp_path / "second")
    again = tf.saved_model.load(tmp_path / "second")
    traced = tf.function(lambda x: again.f(x) * 2, input_signature=[LINE])
    for x in rows(2, 4):
        agree(traced(x), module.f(x) * 2)
    assert again.f.get_concrete_function().structured_outputs.shape == [None]


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(ValueError, match=r"EagerPyFunc takes <function .* and cannot be saved"):
        saved(tmp_path, lambda x: tf.numpy_function(lambda y: y, [x], tf.float32), LINE)
    with pytest.raises(ValueError, match=r"GatherV2: no expression of sizes gives .* give the input_signature a size"):
        saved(tmp_path, tf.linalg.diag_part, TABLE)  # the smaller one of two sizes


def test_sizes_as_python_numbers_that_decide(tmp_path):
    """A Python function that looks at sizes when they are given: what it does depends on them in no simple way."""

    def decides(x):
        def body(y):
            return y * (2.0 if y.shape[0] % 7 else 3.0)

        return tf.cond(x[0, 0] > 0, lambda: body(x), lambda: x)

    with pytest.raises(ValueError, match=r"(depends on sizes|something else|no expression of sizes)"):
        saved(tmp_path, decides, TABLE)


def test_expressions():
    n, m = (257, 300, 411, 999), (1024, 700, 313, 802)
    sizes = Sizes()
    sizes.add(0, list(zip(n, m, strict=True)))

    def told(function):
        return sizes.expression([function(a, b) for a, b in zip(n, m, strict=True)], [n, m])

    assert told(lambda a, b: a) == {"size": [0, 1, [[1, [[0, 0]]]]]}
    assert told(lambda a, b: -(-b // 2)) == {"size": [1, 2, [[1, [[0, 1]]]]]}
    assert told(lambda a, b: 3 * a * b) == {"size": [0, 1, [[3, [[0, 0], [0, 1]]]]]}
    assert told(lambda a, b: a - b - 1) == {"size": [-1, 1, [[1, [[0, 0]]], [-1, [[0, 1]]]]]}
    assert told(lambda a, b: 2 / a) == {"ratio": [2.0, {"size": [0, 1, [[1, [[0, 0]]]]]}]}
    assert told(lambda a, b: a**3 % 17) is None
    assert pattern_of([7, 1, 7, 0, 9]) == (2, 1, 2, 0, 3)


def test_what_was_only_tried_is_not_in_the_file(tmp_path):
    saved(tmp_path, LINES["range"], LINE)
    arrays, _ = safetensors.read(tmp_path / FILE, "test")
    assert sum(array.size for array in arrays.values()) <= 4
