"""Rewritten functions: what else they are stays the same, and where they come from can still be seen."""

import ast
import difflib
import functools
import inspect
import linecache
import textwrap
import traceback
from inspect import isfunction

import pytest

import microdl as tf
from microdl.compile.source import convert_function


def test_closures_defaults_globals_and_methods_are_kept():
    count = 0
    scale = tf.constant(3.0)

    def f(x, *, power=2, **others):
        nonlocal count
        count += 1
        if x > 0.0:
            x = x**power
        return x * scale + sum(others.values())

    traced = tf.function(f)
    assert traced(tf.constant(2.0)).numpy() == 12.0
    assert traced(tf.constant(2.0), power=1, more=1.0).numpy() == 7.0
    assert count == 2

    class Base:
        def shift(self, x):
            return x + 1.0

    class Model(Base):
        @tf.function
        def __call__(self, x):
            y = super().shift(x)
            if y > 2.0:
                y = y * 10.0
            return y

    assert [Model()(tf.constant(x)).numpy() for x in (1.5, 0.5)] == [25.0, 1.5]
    method = tf.function(Model.__call__.python_function.__get__(Model()))
    assert method(tf.constant(1.5)).numpy() == 25.0


def test_tracebacks_show_the_lines_of_the_users_file():
    def f(x):
        y = x
        if x > 0.0:
            y = tf.reshape(x, (3,))
        return y

    with pytest.raises(ValueError, match="Reshape") as info:
        tf.function(f)(tf.constant(1.0))
    shown = [frame for frame in traceback.extract_tb(info.tb) if frame.filename == __file__]
    line = f.__code__.co_firstlineno + 3
    assert shown[-1].lineno == line
    assert shown[-1].line == linecache.getline(__file__, line).strip()


def test_functions_without_control_flow_and_calls_are_not_touched():
    def f(x):
        return [y * 2.0 for y in (x, x)]

    traced = tf.function(f)
    traced(tf.constant(1.0))
    assert traced._rewritten is f


latest = 0


def counted(x):
    global latest
    if x > 10:
        latest = x
        return x
    return counted(x + 4)


def first_common(rows, other):
    for row in rows:
        for x in row:
            if x in other:
                break
        else:
            continue
        break
    else:
        return None
    return x


def test_globals_recursion_and_jumps_out_of_loops_stay_pythons():
    @tf.function
    def f(x, n):
        return x * counted(n) * first_common([(1, 2), (3, 4, 5)], (4, 5))

    assert f(tf.constant(1.0), 0).numpy() == 48.0
    assert latest == 12


def test_the_standard_library_can_be_rewritten():
    functions = [f for module in (ast, difflib, inspect, textwrap) for f in vars(module).values() if isfunction(f)]
    rewritten = {f.__name__: convert_function(f) for f in functions}
    assert sum(rewritten[f.__name__] is not f for f in functions) > 50
    text = textwrap.__doc__ * 9
    assert rewritten["fill"](text, 30) == textwrap.fill(text, 30)
    lines = text.split(" ")
    assert list(rewritten["ndiff"](lines[:9], lines[4:])) == list(difflib.ndiff(lines[:9], lines[4:]))


def test_wrappers_partials_and_objects_that_are_called():
    def doubled(function):
        @functools.wraps(function)
        def wrapper(*args):
            y = function(*args)
            if y > 1.0:
                y = y * 2.0
            return y

        return wrapper

    class Layer:
        def __call__(self, x):
            return x + 1.0 if x > 0.0 else x

        def scaled(self, x, factor):
            if x > 0.0:
                return x * factor
            return x

    class Other(Layer):
        def scaled(self, x, factor):
            return super().scaled(x, factor) + 1.0

    layer, other = Layer(), Other()
    tripled = functools.partial(layer.scaled, factor=3.0)

    @doubled
    def decorated(x):
        return layer(x) if x < 3.0 else x

    @tf.function
    def f(x):
        return decorated(x) + tripled(x) + other.scaled(x, 2.0)

    for x, expected in ((2.0, 6.0 + 6.0 + 5.0), (4.0, 8.0 + 12.0 + 9.0), (-1.0, -1.0 - 1.0 + 0.0)):
        assert f(tf.constant(x)).numpy() == expected
