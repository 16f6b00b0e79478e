"""What surrounds ops: names, modes, values known beforehand, gradients that compute again."""

import pytest

import microdl as tf


def test_name_scopes_add_up_in_the_names_of_variables():
    with tf.name_scope("encoder") as outer:
        assert (outer, tf.Variable(1.0, name="scale").name) == ("encoder/", "encoder/scale:0")
        with tf.name_scope("block"):
            assert tf.Variable(1.0).name == "encoder/block/Variable:0"
        with tf.name_scope(outer):
            assert tf.Variable(1.0, name="again").name == "encoder/again:0"
    assert tf.Variable(1.0, name="outside").name == "outside:0"
    with pytest.raises(ValueError, match="must be a string"):
        tf.name_scope(None)


def test_modes():
    assert tf.executing_eagerly()
    assert not tf.inside_function()
    found, x = [], tf.constant(1.0)
    tf.function(lambda x: found.append((tf.executing_eagerly(), tf.inside_function(), tf.is_symbolic_tensor(x))))(x)
    assert found == [(False, True, True)]
    assert not tf.is_symbolic_tensor(x)


def test_static_values():
    found = []

    @tf.function
    def f(x):
        found.append((tf.get_static_value(x), tf.get_static_value(tf.shape(x)).tolist()))

    f(tf.ones([2, 3]))
    assert found == [(None, [2, 3])]
    assert tf.get_static_value(tf.constant([1, 2])).tolist() == [1, 2]
    assert tf.get_static_value(tf.Variable(1.0)) is None
    assert tf.get_static_value(3) == 3


def test_identity_n_and_dependencies():
    x, y = tf.identity_n([tf.constant(1), 2.0])
    assert (x.numpy(), y.numpy()) == (1, 2.0)
    v = tf.Variable(1.0)

    @tf.function
    def f():
        with tf.control_dependencies([v.assign(5.0), tf.no_op()]):
            return tf.identity(v)

    assert f().numpy() == 5.0
    assert tf.group(v.assign(1.0)) is None
    assert [x if x is None else x.numpy() for x in tf.tuple([1.0, None])] == [1.0, None]


def test_recompute_grad_calls_again_and_agrees():
    calls, w = [], tf.Variable(3.0)

    def block(x, scale=1.0):
        calls.append(1)
        return tf.tanh(x * w) * scale, x * x

    def loss(x, f):
        y, z = f(x, scale=2.0)
        return y * z

    for call in (loss, tf.function(loss)):
        found = []
        for f in (block, tf.recompute_grad(block)):
            x = tf.constant(0.3)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = call(x, f)
            found.append([y.numpy(), *(dx.numpy() for dx in tape.gradient(y, [x, w]))])
        assert found[0] == pytest.approx(found[1], rel=1e-6)
    assert len(calls) >= 3


def test_do_not_convert_leaves_control_flow_to_python():
    @tf.autograph.experimental.do_not_convert
    def sign(x):
        if x > 0.0:
            return 1.0
        return -1.0

    with pytest.raises(TypeError, match="cannot decide an `if`"):
        tf.function(lambda x: sign(x))(tf.constant(1.0))

    def caller(x):
        if x > 0.0:
            return sign(x) * x
        return x

    with pytest.raises(TypeError, match="cannot decide an `if`"):
        tf.function(caller)(tf.constant(1.0))
    assert sign(tf.constant(-2.0)) == -1.0


def test_to_code_and_loop_options():
    def f(x):
        for _ in tf.range(3):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            if x > 2.0:
                break
            x = x + 1.0
        return x

    assert "ag__.for_loop" in tf.autograph.to_code(f)
    assert tf.autograph.to_code(tf.function(f)) == tf.autograph.to_code(f)
    assert tf.function(f)(tf.constant(0.5)).numpy() == 2.5
    with pytest.raises(NotImplementedError, match="maximum_iterations is not supported"):
        tf.function(lambda: tf.autograph.experimental.set_loop_options(maximum_iterations=3))()
