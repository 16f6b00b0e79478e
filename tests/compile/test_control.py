"""Branches and loops: in a traced function they give what plain Python gives, values and gradients."""

import sys

import numpy as np
import pytest

import microdl as tf
from microdl.core import nest
from microdl.core.node import Graph


def same(actual, expected):
    actual, expected = nest.flatten(actual), nest.flatten(expected)
    assert len(actual) == len(expected)
    for y, e in zip(actual, expected, strict=True):
        assert (y is None) == (e is None)
        if e is not None:
            assert y.dtype == e.dtype
            np.testing.assert_allclose(np.asarray(y), np.asarray(e), rtol=2e-6, atol=1e-6)


def gradients(f, args, variables=()):
    """Of the sum of squares of all that ``f`` returns, for floating arguments and variables."""
    sources = [x for x in args if x.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        losses = [tf.reduce_sum(y * y) for y in nest.flatten(f(*args)) if y.dtype.is_floating]
        loss = tf.add_n(losses)
    return tape.gradient(loss, [*sources, *variables], unconnected_gradients="zero")


def second(f, args, variables=()):
    sources = [x for x in args if x.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        loss = tf.add_n([tf.reduce_sum(tf.sin(dx)) for dx in gradients(f, args, variables)])
    return tape.gradient(loss, [*sources, *variables], unconnected_gradients="zero")


def agrees(f, *args, variables=(), twice=True):
    """Eager, traced, differentiated inside and through the call."""
    args = [tf.constant(x) for x in args]
    traced = tf.function(f, autograph=False)
    same(traced(*args), f(*args))
    expected = gradients(f, args, variables)
    same(gradients(traced, args, variables), expected)
    same(tf.function(lambda *xs: gradients(f, xs, variables))(*args), expected)
    if twice:
        expected = second(f, args, variables)
        same(second(traced, args, variables), expected)
        same(tf.function(lambda *xs: second(f, xs, variables))(*args), expected)


X = np.array([0.5, -1.0, 2.0], np.float32)
M = np.array([[0.5, -1.0, 2.0], [1.0, 0.3, -0.2]], np.float32)


# cond


@pytest.mark.parametrize("p", [True, False])
def test_cond_runs_the_branch_that_the_predicate_names(p):
    w = tf.Variable([1.0, 2.0, 3.0])
    agrees(lambda x, p: tf.cond(p, lambda: (x * w, x), lambda: (x + w * w, 2.0 * x)), X, p, variables=[w])


def test_cond_with_a_known_predicate_traces_one_branch():
    called = []
    f = tf.function(lambda x: tf.cond(True, lambda: x, lambda: called.append(1)))
    same(f(tf.constant(X)), tf.constant(X))
    assert called == []


def test_cond_may_return_structures_numbers_and_none():
    f = tf.function(lambda p: tf.cond(p, lambda: {"a": [1, None]}, lambda: {"a": [2, None]}))
    result = f(tf.constant(False))
    assert result["a"][0].numpy() == 2
    assert result["a"][1] is None


def test_cond_of_tensors_that_both_branches_ignore_has_zero_gradient():
    f = tf.function(lambda x, p: tf.cond(p, lambda: tf.ones(3), lambda: x))
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x, tf.constant(True))
    same(tape.gradient(y, x), tf.zeros(3))


@pytest.mark.parametrize("p", [True, False])
def test_cond_follows_constants_that_a_tape_outside_watches(p):
    x, factor = tf.constant(X), tf.constant(2.0)

    @tf.function
    def f(p, factor):
        return tf.cond(p, lambda: x * factor, lambda: x)

    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(tf.constant(p), factor)
    same(tape.gradient(y, x), factor * tf.ones(3) if p else tf.ones(3))


def test_conds_nest():
    def f(x, p, q):
        return tf.cond(p, lambda: tf.cond(q, lambda: x * x, lambda: x * 3.0), lambda: tf.cond(q, lambda: x, lambda: -x))

    for p in (True, False):
        for q in (True, False):
            agrees(f, X, p, q)


def test_branches_that_disagree_are_named():
    f = tf.function(lambda x, p: tf.cond(p, lambda: x, lambda: (x, x[0])))
    message = (
        r"cond: all branches must return the same structure, shapes and dtypes; true_fn returns float32\[3\], "
        r"false_fn returns \(float32\[3\], float32\[\]\)"
    )
    with pytest.raises(TypeError, match=message):
        f(tf.constant(X), tf.constant(True))


def test_a_branch_must_return_tensors():
    f = tf.function(lambda p: tf.cond(p, lambda: object(), lambda: object()))
    with pytest.raises(TypeError, match=r"cond: true_fn must return tensors"):
        f(tf.constant(True))


def test_a_predicate_is_a_bool_of_one_element():
    with pytest.raises(TypeError, match="a predicate is a bool, got int32"):
        tf.cond(tf.constant(1), lambda: 1, lambda: 2)
    with pytest.raises(ValueError, match=r"a predicate is a scalar, got shape \(2,\)"):
        tf.cond(tf.constant([True, False]), lambda: 1, lambda: 2)
    with pytest.raises(TypeError, match="false_fn must be a function"):
        tf.cond(tf.constant(True), lambda: 1)


# Variables and random numbers in branches


@pytest.mark.parametrize("p", [True, False])
def test_a_branch_writes_to_variables_and_reads_them_again(p):
    def f(v, x, p):
        def write():
            before = v + 0.0
            v.assign_add(x)
            v.assign(v * 2.0)
            return before, v * x

        read = v.read_value()
        return read, tf.cond(p, write, lambda: (v * 3.0, -x)), v * 1.0

    v, u = tf.Variable(X), tf.Variable(X)
    traced = tf.function(f, autograph=False)
    for _ in range(3):
        same(traced(v, tf.constant(X), tf.constant(p)), f(u, tf.constant(X), tf.constant(p)))
        same(v, u)


@pytest.mark.parametrize("p", [True, False])
def test_gradients_reach_variables_that_a_branch_writes_to(p):
    def f(v, x, p):
        def write():
            y = v * v * x
            v.assign(v * 2.0)
            return y + v * x

        return tf.cond(p, write, lambda: v * x)

    def run(wrap):
        v = tf.Variable(X)
        call = wrap(lambda x, p: f(v, x, p))
        return [*gradients(call, [tf.constant(X + 1), tf.constant(p)], [v]), v.read_value()]

    expected = run(lambda g: g)
    same(run(tf.function), expected)


def test_a_value_read_before_a_branch_writes_stays():
    v = tf.Variable(X)

    @tf.function
    def f(p):
        before = tf.identity(v)
        after = tf.cond(p, lambda: (v.assign(v + 1.0), before * 1.0)[1], lambda: before * 1.0)
        return before, after

    before, after = f(tf.constant(True))
    same([before, after], [tf.constant(X), tf.constant(X)])
    same(v, tf.constant(X + 1))


def test_a_branch_that_only_writes_is_run():
    v = tf.Variable(0.0)

    @tf.function
    def f(p):
        tf.cond(p, lambda: (v.assign_add(1.0), None)[1], lambda: None)
        return v * 1.0

    assert [f(tf.constant(p)).numpy() for p in (True, False, True)] == [1.0, 1.0, 2.0]


def test_random_numbers_in_a_branch_are_drawn_as_eager_ones_and_its_gradient_sees_the_same():
    def f(x, p):
        return tf.cond(p, lambda: tf.nn.dropout(x, 0.5) * x, lambda: x * tf.random.normal((3,)))

    def run(call):
        tf.random.set_seed(1)
        return [gradients(call, [tf.constant(X), tf.constant(p)]) for p in (True, False, True)]

    expected = run(f)
    same(run(tf.function(f)), expected)
    inside = tf.function(lambda x, p: gradients(f, (x, p)))
    tf.random.set_seed(1)
    same([inside(tf.constant(X), tf.constant(p)) for p in (True, False, True)], expected)


# switch_case, case


@pytest.mark.parametrize("index", [-1, 0, 1, 2, 7])
def test_switch_case_falls_back_to_the_last_branch_or_the_default(index):
    branches = [lambda x: x, lambda x: x * x, lambda x: x * 3.0]
    agrees(lambda x, k: tf.switch_case(k, [lambda b=b: b(x) for b in branches]), X, index)
    agrees(lambda x, k: tf.switch_case(k, {0: lambda: x, 2: lambda: x * x}, default=lambda: -x), X, index)


def test_case_takes_the_first_that_holds():
    def f(x):
        return tf.case([(x > 1.0, lambda: x * x), (x > 0.0, lambda: x * 3.0)], default=lambda: -x)

    for x in (2.0, 0.5, -1.0):
        agrees(f, np.float32(x))
    with pytest.raises(tf.errors.InvalidArgumentError, match="no predicate holds"):
        tf.case([(tf.constant(False), lambda: 1)])
    with pytest.raises(ValueError, match="needs a default"):
        tf.function(lambda x: tf.case([(x > 1.0, lambda: x)]))(tf.constant(1.0))


# while_loop


@pytest.mark.parametrize("n", [0, 1, 4])
def test_while_loop_runs_until_the_condition_fails(n):
    w = tf.Variable([1.0, 0.5, 0.25])

    def f(x, n):
        return tf.while_loop(lambda i, y, z: i < n, lambda i, y, z: (i + 1, y * w + x, z + y), (0, x, x * w))

    agrees(f, X, n, variables=[w], twice=False)


def test_while_loop_keeps_the_structure_of_its_variables():
    def f(x):
        return tf.while_loop(
            lambda state: tf.reduce_sum(state["x"]) < 100.0, lambda state: {"x": state["x"] * 2.0, "n": state["n"] + 1},
            [{"x": x, "n": tf.constant(0)}],
        )  # fmt: skip

    (traced,), (eager,) = tf.function(f)(tf.constant(X)), f(tf.constant(X))
    assert sorted(traced) == ["n", "x"]
    same(traced, eager)


def test_while_loop_swaps_its_variables():
    agrees(
        lambda x, y: tf.while_loop(lambda i, *_: i < 3, lambda i, a, b: (i + 1, b, a), (0, x, y)), X, X * X, twice=False
    )


def test_while_loop_stops_after_maximum_iterations():
    def f(x, n):
        return tf.while_loop(lambda x: True, lambda x: x * 2.0, [x], maximum_iterations=n)

    agrees(f, X, 3, twice=False)
    same(f(tf.constant(X), 2), [tf.constant(X * 4)])


def test_while_loops_nest_with_conds():
    def f(x, n):
        def body(i, y):
            y = tf.while_loop(lambda j, z: j < i, lambda j, z: (j + 1, z * x + 0.1), (0, y))[1]
            return i + 1, tf.cond(i > 1, lambda: y * y, lambda: y + x)

        return tf.while_loop(lambda i, y: i < n, body, (0, x))[1]

    agrees(f, X, 3, twice=False)


def test_while_loop_reads_and_writes_variables():
    def f(v, n):
        def body(i, total):
            v.assign_add(1.0)
            return i + 1, total + v * v

        return tf.while_loop(lambda i, t: (i < n) & (v < 5.0), body, (0, 0.0)), v * 1.0

    v, u = tf.Variable(0.5), tf.Variable(0.5)
    traced = tf.function(f, autograph=False)
    for n in (3, 0, 2):
        same(traced(v, tf.constant(n)), f(u, tf.constant(n)))
        same(v, u)


def test_a_loop_variable_must_keep_its_shape_and_dtype():
    f = tf.function(lambda x: tf.while_loop(lambda y: True, lambda y: tf.concat([y, y], 0), [x]))
    message = (
        r"while_loop: loop variable number 0 must keep its shape and dtype: it is float32\[3\] before and float32\[6\]"
    )
    with pytest.raises(ValueError, match=message):
        f(tf.constant(X))
    with pytest.raises(ValueError, match="there are 1 loop variables, the body returns 2 values"):
        tf.function(lambda x: tf.while_loop(lambda y: True, lambda y: (y, y), [x]))(tf.constant(X))
    with pytest.raises(TypeError, match=r"cond must return one bool, a tensor of shape \(\), got float32\[3\]"):
        tf.function(lambda x: tf.while_loop(lambda y: y, lambda y: y, [x]))(tf.constant(X))


def test_what_a_while_loop_cannot_differentiate_is_said():
    x, n = tf.constant(X), tf.constant(3)
    drops = lambda x, n: tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, tf.nn.dropout(y, 0.5)), (0, x))  # noqa: E731
    with pytest.raises(RuntimeError, match="while_loop: the gradient runs the body again, which gives something else"):
        gradients(tf.function(drops), [x, n])
    loop = lambda x, n: tf.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * y), (0, x))  # noqa: E731
    with pytest.raises(RuntimeError, match="while_loop: the gradient of its gradient is not available"):
        second(tf.function(loop), [x, n])


def test_without_back_prop_there_is_no_gradient():
    def f(x):
        return tf.while_loop(lambda y: y < 10.0, lambda y: y * y, [x], back_prop=False)[0]

    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.function(f)(x)
    assert tape.gradient(y, x) is None


# map_fn, scan, foldl, foldr


def test_map_fn_stacks_what_the_function_gives():
    w = tf.Variable([1.0, 2.0, 3.0])
    agrees(lambda m: tf.map_fn(lambda row: row * w + tf.reduce_sum(row), m), M, variables=[w])
    agrees(lambda m, x: tf.map_fn(lambda e: (e[0] * e[1], e[1]), (m, x)), M, X[:2])


def test_map_fn_changes_dtypes_as_told():
    def f(m):
        return tf.map_fn(lambda row: tf.argmax(row), m, fn_output_signature=tf.int64)

    same(tf.function(f)(tf.constant(M)), f(tf.constant(M)))
    assert f(tf.constant(M)).numpy().tolist() == [2, 0]
    with pytest.raises(TypeError, match=r"fn_output_signature says \['float32'\], fn returns \['int64'\]"):
        tf.map_fn(lambda row: tf.argmax(row), tf.constant(M), dtype=tf.float32)


def test_map_fn_of_nothing_has_the_right_shape():
    for f in (tf.map_fn, tf.function(tf.map_fn)):
        assert f(lambda row: row[:2] * 2.0, tf.zeros((0, 3))).shape == (0, 2)


def test_scan_and_folds_go_from_element_to_element():
    w = tf.Variable([1.0, 0.5, -0.3])
    step = lambda state, x: tf.tanh(state * w + x)  # noqa: E731
    for reverse in (False, True):
        agrees(lambda m, x, r=reverse: tf.scan(step, m, initializer=x, reverse=r), M, X, variables=[w])
        agrees(lambda m, r=reverse: tf.scan(step, m, reverse=r), M, variables=[w])
    agrees(lambda m, x: tf.foldl(step, m, initializer=x), M, X, variables=[w])
    agrees(lambda m: tf.foldr(step, m), M, variables=[w])


def test_folds_are_those_of_tensorflow():
    x = tf.constant([1.0, 2.0, 3.0, 4.0])
    for f in (lambda g: g, tf.function):
        assert f(lambda x: tf.foldl(lambda a, e: a - e, x))(x).numpy() == 1 - 2 - 3 - 4
        assert f(lambda x: tf.foldr(lambda a, e: a - e, x))(x).numpy() == 4 - 3 - 2 - 1
        assert f(lambda x: tf.scan(lambda a, e: a - e, x))(x).numpy().tolist() == [1, -1, -4, -8]
        assert f(lambda x: tf.scan(lambda a, e: a - e, x, reverse=True))(x).numpy().tolist() == [-2, -1, 1, 4]


def test_random_numbers_and_variables_in_a_scan_have_gradients():
    def f(v, m):
        def step(state, x):
            v.assign(v * 0.9 + x[0])
            return tf.nn.dropout(state * x * v, 0.5)

        return tf.scan(step, m, initializer=tf.ones(3))

    def run(wrap):
        v = tf.Variable(0.5)
        tf.random.set_seed(3)
        call = wrap(lambda m: f(v, m))
        return [*gradients(call, [tf.constant(M)], [v]), v.read_value()]

    expected = run(lambda g: g)
    same(run(tf.function), expected)


def test_a_scan_keeps_its_states_for_gradients_only():
    m = tf.constant(M)
    traced = tf.function(lambda m: tf.scan(lambda a, e: a * e, m, initializer=m[0]))
    (step,) = [s for s in traced.get_concrete_function(m).plan.steps if s.node.op.name == "Scan"]
    assert len(step.node.outputs) == 2  # the last state, and all of them


# print, group


def test_print_writes_as_tensorflow_does(capsys):
    tf.print(tf.constant([1.0, 2.5, -3e-8]), "a", 3, None, {"b": tf.constant(1), "a": [True]})
    assert capsys.readouterr().err == "[1 2.5 -3e-08] a 3 None {'a': [True], 'b': 1}\n"
    tf.print(tf.range(9), tf.constant([[1, 2], [3, 4]]), sep="|", end="", output_stream=sys.stdout)
    assert capsys.readouterr().out == "[0 1 2 ... 6 7 8]|[[1 2]\n [3 4]]"
    tf.print(tf.constant([True, False]), tf.constant([1 / 3, 0.1]), tf.range(9), summarize=-1)
    assert capsys.readouterr().err == "[1 0] [0.333333343 0.1] [0 1 2 3 4 5 6 7 8]\n"


def test_print_in_a_function_prints_whenever_it_runs(capsys):
    @tf.function
    def f(x):
        tf.cond(x > 1.0, lambda: tf.print("large", x), lambda: None)
        return tf.while_loop(lambda y: y < 3.0, lambda y: (tf.print(y), y + 1.0)[1], [x])

    for x in (1.0, 2.0):
        f(tf.constant(x))
    assert capsys.readouterr().err == "1\n2\nlarge 2\n2\n"


def test_print_appends_to_a_file(tmp_path):
    for _ in range(2):
        tf.print("x", output_stream=f"file://{tmp_path / 'log'}")
    assert (tmp_path / "log").read_text() == "x\nx\n"


def test_program_order_needs_no_control_dependencies():
    v = tf.Variable(1.0)

    @tf.function
    def f():
        with tf.control_dependencies([tf.group(v.assign(3.0))]):
            assert tf.no_op() is None
            return v * 2.0

    assert f().numpy() == 6.0


def test_layers_in_a_shape_inference_graph_see_one_branch():

    with Graph() as graph:
        x = tf.zeros((4, 3))
        p = tf.reduce_sum(x) > 0.0
        assert tf.cond(p, lambda: x * 2.0, lambda: x).shape == (4, 3)
        assert tf.while_loop(lambda y: tf.reduce_sum(y) < 1.0, lambda y: y + 1.0, [x])[0].shape == (4, 3)
        assert tf.map_fn(lambda row: row[:2], x).shape == (4, 2)
    assert graph.nodes
