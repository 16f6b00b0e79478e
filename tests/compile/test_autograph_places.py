"""Attributes and elements assigned where a tensor decides; ``assert``; what gets out of a loop, and what does not."""

import pytest

import microdl as tf
from microdl.errors import InvalidArgumentError, OperatorNotAllowedInGraphError


class Settings:
    def __init__(self, scale):
        self.scale = scale

    only_here: tf.Tensor


def test_an_attribute_assigned_in_a_branch():
    settings = Settings(tf.constant(1.0))

    @tf.function
    def f(x):
        if x > 0.0:
            settings.scale = x * 2.0
            settings.only_here = x
        return x * settings.scale, hasattr(settings, "only_here")

    y, is_there = f(tf.constant(3.0))
    assert (y.numpy(), is_there.numpy()) == (18.0, False)
    assert f(tf.constant(-3.0))[0].numpy() == -3.0


def test_elements_assigned_in_branches_and_loops():
    @tf.function
    def f(x):
        table = {"a": x, 1: tf.zeros(())}
        counts = [0, 0]
        for i in tf.range(4):
            table["a"] = table["a"] * 2.0
            if x > 1.0:
                table[1] += tf.cast(i, tf.float32)
                counts[-1] += 1
            else:
                counts[0] += 1
        return table["a"], table[1], counts

    y, total, counts = f(tf.constant(2.0))
    assert (y.numpy(), total.numpy(), [c.numpy() for c in counts]) == (32.0, 6.0, [0, 4])
    y, total, counts = f(tf.constant(0.5))
    assert (y.numpy(), total.numpy(), [c.numpy() for c in counts]) == (8.0, 0.0, [4, 0])


def test_an_attribute_assigned_in_a_branch_that_returns():
    class Counter:
        def __init__(self):
            self.state = tf.constant(0.0)

        def step(self, x):
            if x > 0.0:
                self.state = self.state + x
                return x
            self.state = self.state - 1.0
            return -x

        @tf.function
        def run(self, x, y):
            self.state = tf.constant(0.0)
            return self.step(x) + self.step(y), self.state

    counter = Counter()
    assert [v.numpy() for v in counter.run(tf.constant(2.0), tf.constant(-3.0))] == [5.0, 1.0]


def test_gradients_pass_through_attributes():
    settings = Settings(None)

    @tf.function
    def f(x):
        settings.scale = x
        while settings.scale < 10.0:
            settings.scale = settings.scale * x
        return settings.scale

    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert (y.numpy(), tape.gradient(y, x).numpy()) == (27.0, 27.0)


def test_elements_that_the_block_itself_chooses_are_refused():
    @tf.function
    def f(x):
        table = {}
        if x > 0.0:
            key = "a"
            table[key] = x
        return x

    with pytest.raises(OperatorNotAllowedInGraphError, match=r"it assigns table\[key\], and computes in itself which"):
        f(tf.constant(1.0))


def test_assert_on_a_tensor_is_checked_in_every_run():
    @tf.function
    def f(x, limit=None):
        assert limit is None or limit > 0, "no limit"
        assert x > 0.0, "x must be positive"
        return x * 2.0

    assert f(tf.constant(2.0)).numpy() == 4.0
    with pytest.raises(InvalidArgumentError, match=r"x must be positive \(.*test_autograph_places.py:\d+\)"):
        f(tf.constant(-2.0))
    with pytest.raises(AssertionError, match="no limit"):
        f(tf.constant(2.0), limit=-1)


def test_conditional_expressions_and_chained_comparisons():
    @tf.function
    def f(x):
        return (x * 2.0 if 0.0 < x <= 3.0 else -x) + (1.0 if not x >= 2.0 or x > 2.0 else 0.0)

    assert [f(tf.constant(v)).numpy() for v in (1.0, 2.0, 3.0, 4.0, -1.0)] == [3.0, 4.0, 7.0, -3.0, 2.0]


def test_a_list_filled_in_a_loop_over_tensors_hints_at_tensor_arrays():
    @tf.function
    def f(x):
        found = []
        for i in tf.range(3):
            y = x * tf.cast(i, tf.float32)
            found.append(y)
        return tf.stack(found)

    line = f.python_function.__code__.co_firstlineno + 3
    with pytest.raises(TypeError, match=rf"`for` at .*places.py:{line}.*not through list.append: use tf.TensorArray"):
        f(tf.constant(1.0))


def test_none_in_one_branch_alone():
    @tf.function
    def variable(x):
        y = None
        if x > 0.0:
            y = x
        return y

    @tf.function
    def returns(x):
        if x > 0.0:
            return x * 2.0

    with pytest.raises(ValueError, match=r"'y' is <tf.Tensor.*after the `if` branch and None after the `else` branch"):
        variable(tf.constant(1.0))
    with pytest.raises(ValueError, match="the `else` branch must also return a value, not None"):
        returns(tf.constant(1.0))
