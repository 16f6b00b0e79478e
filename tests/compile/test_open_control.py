"""Control flow in traces with open sizes; functions among the arguments keep what their closures held."""

import pytest

import microdl as tf

from .test_open import agree

VECTOR = [tf.TensorSpec([None])]
CALLS = [tf.range(3.0)], [tf.range(5.0)]


def test_cond_keeps_what_a_name_stood_for():
    def function(x):
        y = x + 1
        y = tf.cond(tf.reduce_sum(x) > 5, lambda: y * 2, lambda: y - 1)
        return y

    agree(function, VECTOR, *CALLS)


def test_if_with_variables():
    def function(x):
        y = x
        if tf.reduce_sum(x) > 5:
            y = y * 2
            z = tf.reduce_max(y)
        else:
            z = tf.reduce_min(y) + 1
        return y, z

    agree(function, VECTOR, *CALLS)


def test_if_with_returns():
    def function(x):
        if tf.reduce_sum(x) > 5:
            return x * 3
        return x

    agree(function, VECTOR, *CALLS)


def test_while():
    def function(x):
        rounds = tf.constant(0)
        while tf.reduce_sum(x) < 50:
            x = x + 1
            rounds += 1
        return x, rounds

    agree(function, VECTOR, *CALLS)


def test_for_over_rows_with_break():
    def function(x):
        total = tf.constant(0.0)
        for row in x:
            if row > 2:
                break
            total += row
        return total

    agree(function, VECTOR, *CALLS)


def test_for_over_a_range_that_is_open():
    def function(x):
        total = tf.zeros([])
        for i in tf.range(tf.shape(x)[0]):
            total += x[i] * tf.cast(i, tf.float32)
        return total

    agree(function, VECTOR, *CALLS)


def test_tensor_array():
    def function(x):
        n = tf.shape(x)[0]
        doubled = tf.TensorArray(tf.float32, size=n)
        for i in tf.range(n):
            doubled = doubled.write(i, x[i] * 2)
        return doubled.stack()

    agree(function, VECTOR, *CALLS)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.map_fn(lambda row: row * row, x),
        lambda x: tf.scan(lambda total, row: total + row, x),
        lambda x: tf.foldl(lambda total, row: total + row, x),
        lambda x: tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * 2), [tf.constant(0), x])[1],
        lambda x: tf.switch_case(tf.shape(x)[0] - 3, [lambda: x * 2, lambda: x * 3, lambda: x]),
        lambda x: tf.case([(tf.reduce_sum(x) > 5, lambda: x * 2), (x[0] > 1, lambda: x * 3)], default=lambda: x),
    ],
    ids=["map_fn", "scan", "foldl", "while_loop", "switch_case", "case"],
)
def test_functions(function):
    agree(function, VECTOR, *CALLS)


def test_gradients_through_loops_and_branches():
    def function(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in tf.range(3):
                y = y * 1.5 if tf.reduce_sum(y) > 5 else y * y
            loss = tf.reduce_sum(y)
        return tape.gradient(loss, x)

    agree(function, VECTOR, *CALLS, rtol=1e-6)


def test_variables_in_a_branch():
    count = tf.Variable(0.0)

    @tf.function(input_signature=VECTOR)
    def function(x):
        if tf.reduce_sum(x) > 5:
            count.assign_add(1.0)
        return count * 1.0

    assert [function(x).numpy() for x in (tf.range(3.0), tf.range(5.0), tf.range(5.0))] == [0.0, 1.0, 2.0]


def test_positions_that_are_tensors():
    x = tf.reshape(tf.range(120.0), [2, 3, 4, 5])
    for pick in (
        lambda x, i, j: x[i],
        lambda x, i, j: x[:, i],
        lambda x, i, j: x[..., j],
        lambda x, i, j: x[i, ..., j],
        lambda x, i, j: x[0, i, 1:3, j],
        lambda x, i, j: x[None, i, ::2, -1, j],
        lambda x, i, j: x[i - 2, ..., None, j - 2],
    ):
        signature = [tf.TensorSpec([None] * 4), tf.TensorSpec([], tf.int32), tf.TensorSpec([], tf.int32)]
        calls = [[x, tf.constant(0), tf.constant(1)], [x, tf.constant(1), tf.constant(2)]]
        agree(pick, signature, *calls)
        assert tf.function(pick)(*calls[0]).shape == pick(*calls[0]).shape


def test_attributes_and_elements():
    class Counter:
        total = None

        def __call__(self, x):
            self.total = tf.zeros([])
            for row in x:
                self.total = self.total + row
            if self.total > 1.0:
                self.total = self.total * 2.0
            return self.total

    def elements(x):
        sums = {"all": tf.zeros([]), "none": 5.0}
        for row in x:
            sums["all"] = sums["all"] + row
        if tf.reduce_sum(x) > 1.0:
            sums["all"] += tf.reduce_max(x)
        return sums["all"], sums["none"] + x

    calls = (tf.constant([1.0, 2.0, 3.0]),), (tf.constant([0.5]),)
    agree(Counter().__call__, [tf.TensorSpec([None])], *calls)
    agree(elements, [tf.TensorSpec([None])], *calls)


def test_lists_and_dicts_that_change_after_a_call():
    def f(x):
        kept, hundred = [x], {"x": x * 100.0}
        first = tf.cond(tf.reduce_sum(x) > 1.0, lambda: kept[-1] * 2.0, lambda: kept[-1])
        kept.append(first)
        second = tf.cond(tf.reduce_sum(x) > 1.0, lambda: kept[-1] * 3.0 + kept[0], lambda: kept[0])
        kept[:] = [hundred["x"]] * 3
        return first, second, tf.map_fn(lambda row: row + tf.reduce_sum(kept[1]), x)

    agree(f, VECTOR, (tf.constant([1.0, 2.0, 3.0]),), (tf.constant([0.5]),))
