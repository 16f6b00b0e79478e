"""Python's control flow in traced functions: the same results as without tracing, whatever it depends on."""

import numpy as np
import pytest

import microdl as tf
from microdl.core import nest
from microdl.errors import OperatorNotAllowedInGraphError


def agrees(f, *args, traces=1):
    """Values and gradients, traced and not, for all ``args`` with one trace for each kind of them."""
    traced = tf.function(f)
    for values in args:
        inputs = [tf.constant(x) for x in (values if isinstance(values, tuple) else (values,))]
        results = []
        for call in (f, traced):
            with tf.GradientTape() as tape:
                sources = [x for x in inputs if x.dtype.is_floating]
                tape.watch(sources)
                returned = nest.flatten(call(*inputs))
                loss = tf.add_n([tf.zeros(())] + [tf.reduce_sum(tf.sin(y)) for y in returned if _is_float(y)])
            dxs = tape.gradient(loss, sources, unconnected_gradients="zero")
            results.append([*returned, *dxs])
        eager, replayed = results
        assert len(eager) == len(replayed)
        for e, r in zip(eager, replayed, strict=True):
            np.testing.assert_allclose(np.asarray(r), np.asarray(e), rtol=2e-6, atol=1e-6)
    assert traced.experimental_get_tracing_count() == traces


def _is_float(y):
    return isinstance(y, tf.Tensor) and y.dtype.is_floating


# if


def test_if_else_assigns():
    def f(x):
        y = x
        if x > 0.0:
            y = x * x
            z = y + 1.0
        else:
            z = -x
        return y, z

    agrees(f, 2.0, -3.0)


def test_if_without_else_and_augmented_assignment():
    def f(x):
        total = x
        if x > 1.0:
            total += x
            total *= 3.0
        return total

    agrees(f, 2.0, 0.5)


def test_elif_chains_and_nesting():
    def f(x, y):
        if x > 2.0:
            z = x * y
        elif x > 1.0:
            z = x + y
            if y > 0.0:
                z = z * z
        else:
            z = x - y
        return z

    agrees(f, (3.0, 1.0), (1.5, 1.0), (1.5, -1.0), (0.0, 1.0))


def test_early_returns():
    def f(x):
        if x > 2.0:
            return x * x
        y = x + 1.0
        if x > 1.0:
            if x > 1.5:
                return y
            else:
                return -y
        elif x > 0.0:
            return 3.0 * y
        y = y * 2.0
        return y

    agrees(f, 3.0, 1.7, 1.2, 0.5, -1.0)


def test_a_return_inside_of_with():
    def f(x):
        with tf.device("/cpu:0"):
            if x > 2.0:
                return x * x
            return x + 1.0

    agrees(f, 3.0, 1.0)


def test_python_conditions_stay_pythons():
    calls = []

    def f(x, mode, items):
        if mode == "double":
            found = 2.0
            if items:
                calls.append(len(items))
        else:
            raise ValueError(mode)
        for item in items:
            if item is None:
                continue
            if item > 5:
                break
            found += item
        while len(calls) < 3:
            calls.append(0)
        name = (mode and items and "both") or "none"
        return x * found if not calls[0] > 9 else x, name == "both"

    traced = tf.function(f)
    assert traced(tf.constant(2.0), "double", (1, None, 2, 9, 4))[0].numpy() == 10.0
    assert calls == [5, 0, 0]
    with pytest.raises(ValueError, match="half"):
        traced(tf.constant(2.0), "half", ())


def test_unbound_variables_stay_unbound():
    def f(x):
        if x > 0.0:
            temporary = x * 2.0
            y = temporary + 1.0
        else:
            y = x
        return y + temporary

    line = f.__code__.co_firstlineno + 1
    match = rf"test_autograph.py:{line}: 'temporary' must also be initialized in the `else` branch"
    with pytest.raises(ValueError, match=match):
        tf.function(f)(tf.constant(1.0))

    def g(x, known):
        if known:
            y = x
        return y

    with pytest.raises(NameError, match="'y'"):
        tf.function(g)(tf.constant(1.0), False)


def test_values_that_do_not_depend_on_the_branch_stay_python_values():
    def f(x):
        if x > 0.0:
            axis, name, y = 0, "a", tf.stack([x, x])
        else:
            axis, name, y = 0, "a", tf.stack([x, -x])
        return tf.reduce_sum(y, axis=axis), name == "a"

    agrees(f, 2.0, -1.0)


def test_conditional_expressions_and_logic():
    def f(x, y):
        z = x if x > y and not y > 1.0 else y * y
        inside = 0.0 < x <= 2.0
        return z, (x > 1.0 or y > 1.0), inside

    agrees(f, (2.0, 0.5), (0.5, 2.0), (-1.0, 0.0), (3.0, 2.0))


def test_an_integer_is_true_unless_it_is_zero():
    def f(n):
        if n:
            return 1.0
        return 2.0

    agrees(f, 0, 3)


def test_variables_are_written_in_the_branch_that_runs():
    v = tf.Variable(1.0)

    @tf.function
    def f(x):
        if x > 0.0:
            v.assign_add(x)
        else:
            v.assign(0.0)
        return v * 2.0

    assert [f(tf.constant(x)).numpy() for x in (1.0, 2.0, -1.0, 3.0)] == [4.0, 8.0, 0.0, 6.0]


# while


def test_while_carries_what_it_assigns():
    def f(x, n):
        i = 0
        y = x
        while i < n and tf.reduce_sum(y) < 100.0:
            step = y * 0.5
            y = y + step
            i += 1
        return y, i

    agrees(f, (np.float32([1, 2]), 3), (np.float32([1, 2]), 0), (np.float32([90, 2]), 5))


def test_a_while_in_python_becomes_one_on_tensors_when_its_test_does():
    def f(x):
        limit = 3
        while limit > 0:
            limit = limit - 1 if limit > 1 else tf.cast(x, tf.int32)
            x = x - 1.0
        return x

    agrees(f, 5.0, 2.0)


def test_newton_with_structures():
    def f(x):
        state = {"guess": x, "history": [x, x]}
        while tf.abs(state["guess"] * state["guess"] - x) > 1e-3:
            guess = 0.5 * (state["guess"] + x / state["guess"])
            state = {"guess": guess, "history": [guess, state["history"][0]]}
        return state["guess"], state["history"][1]

    agrees(f, 2.0, 9.0)


# for


def test_for_over_a_tensor_runs_the_body_for_each_row():
    w = tf.Variable([0.5, 2.0])

    def f(m):
        total = tf.zeros(2)
        largest = -1e9
        for row in m:
            total = tf.tanh(total * w + row)
            if row[0] > largest:
                largest = row[0]
        return total, largest

    agrees(f, np.float32([[1, 2], [3, 4], [0, 1]]), np.float32([[1, 2], [0, 4], [5, 1]]))
    m = tf.ones((50, 2))
    assert len(tf.function(f).get_concrete_function(m).graph.nodes) < 10


def test_for_over_ranges():
    def f(x, n):
        for i in tf.range(3):
            x = x + tf.cast(i, tf.float32) * x
        for _ in range(2):
            x = x * 1.5
        for _ in range(n):
            x = x + 1.0
        for i in tf.range(n, 0, -1):
            x = x * tf.cast(i, tf.float32)
        return x

    agrees(f, (1.0, 0), (1.0, 3))


def test_loops_nest():
    def f(m, n):
        total = 0.0
        for row in m:
            i = 0
            while i < n:
                for x in row:
                    if x > 0.0:
                        total += x * x
                i += 1
        return total

    agrees(f, (np.float32([[1, -2], [3, 4]]), 2))


def test_a_training_loop_inside_of_a_function():
    def run(wrap):
        w = tf.Variable([0.0, 0.0])
        optimizer = tf.optimizers.SGD(0.1, momentum=0.9)
        optimizer.build([w])
        x, target = tf.constant([[1.0, 2.0], [3.0, -1.0]]), tf.constant([1.0, 2.0])

        def train(steps):
            loss = 0.0
            for _ in tf.range(steps):
                with tf.GradientTape() as tape:
                    error = tf.reduce_sum(x * w, axis=1) - target
                    loss = tf.reduce_mean(error * error)
                if loss > 1e-4:
                    optimizer.apply_gradients([(tape.gradient(loss, w), w)])
            return loss

        return wrap(train)(tf.constant(20)).numpy(), w.numpy()

    for eager, traced in zip(run(lambda f: f), run(tf.function), strict=True):
        np.testing.assert_allclose(traced, eager, rtol=1e-5)


def test_a_for_over_python_values_builds_one_graph_of_all():
    layers = [lambda x: x * 2.0, lambda x: x + 1.0, tf.tanh]

    def f(x):
        outputs = []
        for k, layer in enumerate(layers):
            x = layer(x)
            outputs.append(x)
            if k > 5:
                x = x * 0.0
        return outputs

    agrees(f, 0.3)


def test_inner_functions_are_rewritten_and_see_later_values():
    def f(x):
        factor = 1.0

        def inner(y):
            if y > 1.0:
                return y * factor
            return y + factor

        first = inner(x)
        if x > 0.0:  # noqa: SIM108
            factor = 5.0
        else:
            factor = 7.0
        return first, inner(x)

    agrees(f, 2.0, 0.5, -1.0)


def helper(x):
    """Called by traced functions, and by itself."""
    if isinstance(x, float):
        return helper(tf.constant(x))
    if x > 0.0:
        return x * 2.0
    return -x


class Layer:
    def __init__(self, limit):
        self.limit = limit

    def forward(self, x):
        y = helper(x)
        while y < self.limit:
            y = y + 1.0
        return y


def test_functions_that_are_called_are_rewritten_too():
    layer = Layer(4.0)

    def local(x):
        return helper(x) if x < 5.0 else x

    def f(x):
        return layer.forward(x) + local(x), [helper(y) for y in (x, 1.0)]

    agrees(f, 1.0, 0.5, -3.0, 6.0)
    assert layer.forward(3.0) == 6.0


# What is refused


def refused(f, match, error=OperatorNotAllowedInGraphError):
    with pytest.raises(error, match=match) as info:
        tf.function(f)(tf.constant(2.0))
    return str(info.value)


def test_what_cannot_be_rewritten_says_why_and_where():
    def walrus(x):
        while x < 10.0:
            if (y := x * 2.0) > 5.0:
                break
            x = y
        return x

    def returns(x):
        with tf.device("/cpu:0"):
            if x > 5.0:
                return x
        return -x

    def raises(x):
        if x > 5.0:
            raise ValueError
        return x

    line = walrus.__code__.co_firstlineno
    message = refused(walrus, r"this `while` depends on a symbolic tensor, but cannot .*: it holds a `:=`")
    assert f"test_autograph.py:{line + 1}:" in message
    refused(returns, r"this `if` .*: it holds a `return`, and does not return in all cases")
    refused(raises, r"this `if` .*: it holds a `raise`, which would run while tracing")


def test_branches_and_loops_that_do_not_fit_name_the_variable():
    def branches(x):
        if x > 0.0:  # noqa: SIM108
            y = x
        else:
            y = tf.stack([x, x])
        return y

    def kinds(x):
        if x > 0.0:  # noqa: SIM108
            y = "positive"
        else:
            y = "negative"
        return x, y == "positive"

    def loop(x):
        total = 0
        while x < 10.0:
            total = x
            x = x + 1.0
        return total

    def leaves(x):
        best = None
        while x < 10.0:
            best = x
            x = x + 1.0
        return best

    refused(
        branches,
        r"the `if` branch returns {'y': float32\[\]}, the `else` branch returns {'y': float32\[2\]}",
        TypeError,
    )
    refused(kinds, r"'y' is 'positive' after the `if` branch and 'negative' after the `else` branch", TypeError)
    refused(loop, r"loop variable 'total' must keep its shape and dtype: it is int32\[\] before", ValueError)
    refused(leaves, r"'best' is None before the loop", TypeError)


def test_a_test_has_one_truth_value():
    def f(x):
        if tf.stack([x, x]) > 0.0:
            return x
        return -x

    refused(f, r"a tensor of shape \(2,\) has 2 truth values", ValueError)


def test_without_autograph_and_without_source_the_plain_error_speaks():
    def f(x):
        if x > 0.0:
            return x
        return -x

    with pytest.raises(OperatorNotAllowedInGraphError, match="cannot decide an `if`"):
        tf.function(f, autograph=False)(tf.constant(1.0))
    names = {"tf": tf}
    exec("def g(x):\n    if x > 0.0:\n        return x\n    return -x", names)
    with pytest.raises(OperatorNotAllowedInGraphError, match="cannot decide an `if`"):
        tf.function(names["g"])(tf.constant(1.0))


def test_lambdas_are_rewritten_wherever_they_stand():
    signs = [tf.function(lambda x: x if x > 0.0 else -x), tf.function(lambda x: -x if x > 0.0 else x)]
    assert [f(tf.constant(v)).numpy() for f in signs for v in (2.0, -2.0)] == [2.0, 2.0, -2.0, -2.0]

    def helper(x):
        if x > 1.0:
            return x * 2.0
        return x

    scale = 3.0
    nested = tf.function(
        lambda x, bias=1.0: (lambda y: helper(y) * scale if y > 0.0 or y < -5.0 else y)(x) + bias,
    )
    assert [nested(tf.constant(v)).numpy() for v in (2.0, 0.5, -1.0, -6.0)] == [13.0, 2.5, 0.0, -17.0]
    assert tf.function(lambda x: not x > 0.0)(tf.constant(-1.0)).numpy()
