"""``break``, ``continue`` and ``return`` in loops, in traced functions as in Python."""

import itertools

import numpy as np
import pytest

import microdl as tf
from microdl.errors import InvalidArgumentError
from tests.compile.test_autograph import agrees


def test_break_in_a_while_over_tensors():
    def f(x):
        total = x
        while total < 100.0:
            total = total * 2.0
            if total > 20.0:
                break
            total = total + 1.0
        return total

    agrees(f, 1.0, 3.0, 15.0, 200.0)


def test_break_out_of_an_endless_while():
    def f(x):
        rounds = 0
        while True:
            x = x * 2.0
            rounds += 1
            if x > 20.0:
                break
        return x, rounds

    agrees(f, 1.0, 9.0, 30.0)


def test_continue_and_break_in_a_for_over_a_range():
    def f(x):
        for i in tf.range(10):
            if x > 20.0:
                break
            if i % 2 == 0:
                continue
            x = x + tf.cast(i, tf.float32)
        return x

    agrees(f, 1.0, 19.5, 25.0, -100.0)


def test_break_in_a_for_over_rows_and_its_gradient():
    def f(x):
        total = tf.zeros(())
        for row in x:
            if row[0] < 0.0:
                break
            total += row[0] * row[1]
        return total

    agrees(
        f,
        np.array([[1, 2], [3, 4], [-1, 5], [6, 7]], np.float32),
        np.array([[1, 2], [3, 4], [1, 5], [6, 7]], np.float32),
    )


def test_break_in_a_python_loop_where_a_tensor_decides():
    def f(x):
        total = x
        for k in range(4):
            if total > 3.0:
                break
            total += k * x
        return total

    agrees(f, 0.5, 1.0, 2.0, 9.0)


def test_jumps_in_nested_loops_leave_their_own_loop():
    def f(x):
        count = 0
        for i in tf.range(4):
            for j in tf.range(4):
                if j > i:
                    break
                if (i + j) % 2 == 1:
                    continue
                x = x * 1.5
                count += 1
            if x > 10.0:
                break
        return x, count

    agrees(f, 1.0, 0.1, 11.0)


def test_jumps_deep_in_branches_skip_the_rest_of_the_round():
    def f(x):
        total = x
        for i in tf.range(6):
            if i > 1:
                if i == 3:
                    continue
                total += 1.0
                if total > x + 10.0:
                    break
            else:
                total += 3.0
            total = total * 1.5
        return total

    agrees(f, 0.0, 1.0, -5.0)


def test_a_return_in_a_loop():
    def first_above(x):
        for i in tf.range(10):
            if x * tf.cast(i, tf.float32) > 7.0:
                return x * x, i
        return -x, -1

    def nested(x):
        for i in tf.range(3):
            while x < 10.0:
                x = x + 1.0
                if x > 5.0:
                    return x * tf.cast(i + 1, tf.float32)
        return x

    agrees(first_above, 1.0, 2.0, 100.0, 0.1)
    agrees(nested, 1.0, 4.5, 20.0)


def test_a_return_in_a_python_loop_where_a_tensor_decides():
    def f(x):
        for k in (1.0, 2.0, 3.0):
            if x < k:
                return x * k
        return x

    agrees(f, 0.5, 1.5, 2.5, 3.5)


def test_the_else_of_a_loop_runs_unless_it_broke():
    def f(x):
        y = x
        for i in tf.range(5):
            if x > 4.0:
                y = x * 2.0
                break
            x = x + tf.cast(i, tf.float32)
        else:
            y = -x
        return y

    agrees(f, 1.0, -90.0, 10.0)


def test_jumps_that_python_decides_stay_pythons():
    seen = []

    def f(x, items):
        for item in items:
            if item is None:
                continue
            try:
                if item == "stop":
                    break
                x = x * item
            finally:
                seen.append(item)
        for k in itertools.count():
            if k == 3:
                return x + k
        return None

    assert tf.function(f)(tf.constant(2.0), (1.5, None, 2.0, "stop", 9.0)).numpy() == 9.0
    assert seen == [1.5, 2.0, "stop"]


def test_variables_that_only_a_loop_sets():
    def last(x, n):
        for i in tf.range(n):
            y = x * tf.cast(i, tf.float32)
        return y

    traced = tf.function(last)
    assert traced(tf.constant(2.0), tf.constant(4)).numpy() == 6.0
    line = last.__code__.co_firstlineno + 1
    with pytest.raises(
        InvalidArgumentError, match=rf"jumps.py:{line}: the loop must iterate at least once to init.* y"
    ):
        traced(tf.constant(2.0), tf.constant(0))

    def scratch(x, n):
        for i in tf.range(n):
            y = tf.cast(i, tf.float32)
            x = x + y
        return x

    assert tf.function(scratch)(tf.constant(2.0), tf.constant(0)).numpy() == 2.0

    def text(x):
        while x > 0.0:
            kind = "positive"
            x = x - 1.0
        return x, kind == "positive"

    with pytest.raises(ValueError, match="'kind' must be defined before the loop"):
        tf.function(text)(tf.constant(2.0))


def test_raise_in_a_loop_over_tensors_where_python_decides():
    def f(x, mode):
        for _ in tf.range(3):
            if mode == "double":
                x = x * 2.0
            else:
                raise ValueError(f"no such mode: {mode}")
        return x

    assert tf.function(f)(tf.constant(1.0), "double").numpy() == 8.0
    with pytest.raises(ValueError, match="no such mode: half"):
        tf.function(f)(tf.constant(1.0), "half")


def test_the_else_of_a_loop_that_never_breaks():
    def f(x):
        while x < 3.0:
            x += 1.0
            if x > 2.5:
                continue
            x += 0.25
        else:
            x = -x
        return x

    agrees(f, 1.0, 5.0)


def test_a_return_before_a_variable_is_assigned():
    def first_large(x):
        for _ in tf.range(3):
            if x > 4.0:
                return x
            x = x + 1.0
        return x - 100.0

    agrees(first_large, 1.0, 3.0, 9.0)

    def nested(x):
        for _ in tf.range(10):
            x = x * 1.5
            if x > 20.0:
                return x
            for j in range(3):
                if x + float(j) > 15.0:
                    return -x
        return x + 1000.0

    agrees(nested, 0.0, 1.0, 14.0, 30.0)
