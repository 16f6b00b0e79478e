"""``tape.explain`` follows the path: it never denies a gradient that exists, and names the place that cuts one."""

import sys

import pytest

import microdl as tf

EXISTS = "the gradient is not None: recorded ops lead from the source to the target"


def here(back=0):
    frame = sys._getframe(1)
    return f"{__file__}:{frame.f_lineno - back}"


def cut(cause):
    return f"the path from source to target is cut: {cause}"


@pytest.mark.parametrize("persistent", [True, False])
def test_a_gradient_that_exists_is_never_denied(persistent):
    x, z = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape(persistent=persistent) as tape:
        y = x * x
        assert tape.explain(y, x) == EXISTS
        w = tf.stop_gradient(x) * z + y * tf.floor(x)
    assert tape.explain(y, x) == tape.explain(w, x) == tape.explain(w, z) == EXISTS
    assert float(tape.gradient(w, x)) == 2.0
    assert tape.explain(y, x) == tape.explain(w, x) == tape.explain(w, z) == EXISTS


def test_asking_does_not_use_up_the_tape():
    x = tf.Variable(3.0)
    with tf.GradientTape() as outer, tf.GradientTape() as tape:
        y = x * x
        nodes = len(outer._nodes)
        assert tape.explain(y, x) == EXISTS
        assert len(outer._nodes) == nodes
    assert float(tape.gradient(y, x)) == 6.0


def test_of_several_targets_each_is_explained():
    x, z = tf.Variable(1.0), tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y, u = x * x, z * z
    assert float(tape.gradient([y, u], x)) == 2.0
    assert tape.explain(y, x) == EXISTS
    assert tape.explain(u, x) == (
        "the target does not depend on the source: no recorded op leads from one to the other"
    )


def test_several_sources_are_explained_in_their_structure():
    x, n = tf.Variable(1.0), tf.constant(1)
    with tf.GradientTape() as tape:
        y = x * x
    integer = "the source has dtype int32; only floating tensors have gradients: use tf.cast first"
    assert tape.explain(y, [x, {"n": n}]) == [EXISTS, {"n": integer}]


@pytest.mark.parametrize("watched", [True, False])
def test_a_target_that_is_the_source(watched):
    x = tf.Variable(2.0)
    with tf.GradientTape(persistent=True, watch_accessed_variables=watched) as tape:
        target = x
    text = "the gradient is not None: the target is the source"
    assert tape.explain(target, x) == text
    assert float(tape.gradient(target, x)) == 1.0
    assert tape.explain(target, x) == text


def test_a_target_that_is_the_source_has_the_gradient_one():
    c, v = tf.constant([3.0, 4.0]), tf.Variable(2.0, trainable=False)
    with tf.GradientTape(persistent=True) as tape:
        y = c * tf.Variable(2.0)
    assert tape.gradient(c, c).numpy().tolist() == [1.0, 1.0]
    assert float(tape.gradient(v, v)) == 1.0
    assert float(tape.gradient(v, [v], output_gradients=[tf.constant(5.0)])[0]) == 5.0
    assert tape.gradient(y, c) is None


@pytest.mark.parametrize("method", ["assign", "assign_add", "assign_sub"])
def test_an_assignment_cuts_the_path(method):
    op = {"assign": "Assign", "assign_add": "AssignAdd", "assign_sub": "AssignSub"}[method]
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        getattr(b, method)(a * 2.0)
        place = here(1)
        y = b**2
    da, db = tape.gradient(y, [a, b])
    assert (da, float(db)) == (None, 2.0 * float(b))
    assert tape.explain(y, a) == cut(f"the op {op}VariableOp at {place} has no gradient")
    assert tape.explain(y, b) == EXISTS


def test_an_assignment_after_the_target_is_not_to_blame():
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = b**2
        b.assign_add(a)
    assert tape.gradient(y, a) is None
    assert tape.explain(y, a) == (
        "the target does not depend on the source: no recorded op leads from one to the other"
    )


def test_an_assignment_to_a_variable_that_no_tape_follows():
    a, mean = tf.Variable(1.0), tf.Variable(2.0, trainable=False)
    with tf.GradientTape() as tape:
        mean.assign(a)
        place = here(1)
        y = mean * 3.0
    assert tape.gradient(y, a) is None
    assert tape.explain(y, a) == cut(f"the op AssignVariableOp at {place} has no gradient")


def test_of_two_cuts_the_first_is_named():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = tf.floor(tf.stop_gradient(x * 2.0) + 1.0)
        place = here(1)
        z = y * x
    assert float(tape.gradient(z, x)) == 7.0
    assert tape.explain(y, x) == cut(f"the op StopGradient at {place} has no gradient")


def test_a_variable_that_was_read_while_the_tape_was_paused():
    v, w = tf.Variable(2.0, name="v"), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        with tape.stop_recording():
            y = v * v
            place = here(1)
        z = y * w
    assert tape.gradient(z, v) is None
    assert tape.explain(z, v) == (
        f"the variable v:0 was read at {place}, while the tape was paused, and not when it recorded"
    )


def test_an_op_that_ran_while_the_tape_was_paused():
    v, u = tf.Variable(2.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        tape.watch(u)
        x = v * u
        with tape.stop_recording():
            y = x * 3.0
            place = here(1)
        z = y * v
    assert float(tape.gradient(z, v)) == 12.0
    assert tape.explain(z, u) == cut(f"the op Mul at {place} ran while the tape was paused")


def test_what_is_read_while_paused_is_not_followed():
    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        with tape.stop_recording():
            v * v
        assert tape.watched_variables() == ()
        y = 3.0 * v
    assert float(tape.gradient(y, v)) == 3.0
    assert tape.explain(y, v) == EXISTS


@pytest.mark.parametrize("persistent", [True, False])
def test_a_custom_gradient_that_gives_none(persistent):
    @tf.custom_gradient
    def first(x, y):
        return x * y, lambda dy: (dy, None)

    x, y = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape(persistent=persistent) as tape:
        z = first(x, y)
    expected = cut("the gradient of the op CustomGradient(first) gives None for args")
    assert tape.explain(z, y) == expected
    dx, dy = tape.gradient(z, [x, y])
    assert (float(dx), dy) == (1.0, None)
    assert tape.explain(z, y) == expected
    assert tape.explain(z, x) == EXISTS
