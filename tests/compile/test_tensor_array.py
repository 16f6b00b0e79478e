"""TensorArrays in eager code, loops and branches, with gradients."""

import numpy as np
import pytest

import microdl as tf
from microdl.errors import InvalidArgumentError, OutOfRangeError
from tests.compile.test_autograph import agrees


def test_written_elements_are_read_and_stacked():
    ta = tf.TensorArray(tf.float32, size=3)
    ta = ta.write(0, [1.0, 2.0]).write(2, tf.constant([5.0, 6.0]))
    assert ta.read(2).numpy().tolist() == [5.0, 6.0]
    assert ta.stack().numpy().tolist() == [[1, 2], [0, 0], [5, 6]]
    assert ta.gather([2, 0]).numpy().tolist() == [[5, 6], [1, 2]]
    assert ta.concat().numpy().tolist() == [1, 2, 0, 0, 5, 6]
    assert (ta.size().numpy(), ta.element_shape, ta.dtype, ta.dynamic_size) == (3, (2,), tf.float32, False)


def test_a_dynamic_size_grows():
    ta = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    ta = ta.write(2, 5.0)
    assert ta.size().numpy() == 3
    assert ta.stack().numpy().tolist() == [0, 0, 5]
    ta = ta.unstack([1.0, 2.0]).write(3, 4.0)
    assert ta.stack().numpy().tolist() == [1, 2, 0, 4]


def test_unstack_scatter_and_split():
    ta = tf.TensorArray(tf.float32, size=3).unstack([[1.0, 2.0], [3.0, 4.0]])
    assert (ta.size().numpy(), ta.read(1).numpy().tolist()) == (2, [3, 4])
    ta = tf.TensorArray("float32", size=3).scatter([2, 0], [1.0, 2.0])
    assert ta.stack().numpy().tolist() == [2, 0, 1]
    ta = tf.TensorArray(tf.float32, size=2, infer_shape=False).split([1.0, 2.0, 3.0], [1, 2])
    assert ta.read(1).numpy().tolist() == [2, 3]
    assert ta.concat().numpy().tolist() == [1, 2, 3]


def test_what_does_not_fit_is_refused():
    ta = tf.TensorArray(tf.float32, size=2).write(0, [1.0, 2.0])
    with pytest.raises(OutOfRangeError, match="index 5, but it is not resizeable and its size is 2"):
        ta.write(5, [1.0, 2.0])
    with pytest.raises(OutOfRangeError, match=r"negative indices \(index -1\)"):
        ta.write(-1, [1.0, 2.0])
    with pytest.raises(ValueError, match=r"incompatible shape for value \(\(1,\)\), expected \(\(2,\)\)"):
        ta.write(1, [1.0])
    with pytest.raises(InvalidArgumentError, match="its dtype is float32, but the value to be written is int32"):
        ta.write(1, tf.constant([1, 2]))
    with pytest.raises(ValueError, match="nothing was written"):
        tf.TensorArray(tf.float32, size=2).stack()
    assert tf.TensorArray(tf.float32, size=2, element_shape=[3]).stack().shape == (2, 3)


def test_in_an_autograph_loop_with_gradients():
    def powers(x):
        ta = tf.TensorArray(tf.float32, size=4)
        y = x
        for i in tf.range(4):
            ta = ta.write(i, y)
            y = y * x
        return ta.stack()

    agrees(powers, 2.0, np.float32(-1.5))

    def reversed_rows(x):
        ta, k = tf.TensorArray(tf.float32, size=3), 2
        for row in x:
            ta = ta.write(k, row * row)
            k = k - 1
        return ta.stack()

    agrees(reversed_rows, np.array([[1, 2], [3, 4], [5, 6]], np.float32))


def test_in_a_while_loop_that_a_tensor_decides():
    def halves(x):
        ta, k = tf.TensorArray(tf.float32, size=8), 0
        while x > 1.0:
            ta = ta.write(k, x)
            x, k = x / 2.0, k + 1
        return ta.stack(), k

    agrees(halves, 9.0, 100.0)
    assert tf.function(halves)(tf.constant(0.5))[0].numpy().tolist() == [0.0] * 8


def test_reading_in_loops_and_branches():
    def f(x):
        source = tf.TensorArray(tf.float32, size=3).unstack(x)
        ta = tf.TensorArray(tf.float32, size=3)
        for i in tf.range(3):
            if source.read(i) > 0.0:
                ta = ta.write(i, source.read(2 - i) * 2.0)
            else:
                ta = ta.write(i, -source.read(i))
                x = x * 1.0
        if x[0] > 0.0:
            ta = ta.write(0, 9.0)
        return ta.stack()

    agrees(f, np.array([1, -2, 3], np.float32), np.array([-1, 2, -3], np.float32))


def test_in_tf_while_loop():
    @tf.function
    def f(x):
        def body(i, y, ta):
            return i + 1, y * x, ta.write(i, y)

        _, _, ta = tf.while_loop(lambda i, *_: i < 3, body, (0, x, tf.TensorArray(tf.float32, size=3)))
        return ta.stack()

    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    assert y.numpy().tolist() == [2.0, 4.0, 8.0]
    assert tape.gradient(y, x).numpy() == 1 + 2 * 2 + 3 * 4


def test_eager_while_loop_and_cond():
    loop = tf.while_loop(
        lambda i, ta: i < 3,
        lambda i, ta: (i + 1, ta.write(i, tf.cast(i, "float32"))),
        (0, tf.TensorArray("float32", 3)),
    )
    assert loop[1].stack().numpy().tolist() == [0, 1, 2]

    @tf.function
    def f(x):
        ta = tf.TensorArray(tf.float32, size=2)
        ta = tf.cond(x > 0.0, lambda: ta.write(0, x), lambda: ta.write(1, x))
        return ta.stack()

    assert f(tf.constant(3.0)).numpy().tolist() == [3.0, 0.0]
    assert f(tf.constant(-3.0)).numpy().tolist() == [0.0, -3.0]


def test_growing_in_a_loop_of_known_length():
    @tf.function
    def f(x):
        ta = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        for i in tf.range(5):
            ta = ta.write(i, x * tf.cast(i, tf.float32))
        return ta.stack()

    assert f(tf.constant(2.0)).numpy().tolist() == [0, 2, 4, 6, 8]

    @tf.function
    def unknown(x, n):
        ta = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        for i in tf.range(n):
            ta = ta.write(i, x)
        return ta.stack()

    with pytest.raises(ValueError, match=r"it grows only in `for i in tf.range\(n\)` with a known n.*give it a size"):
        unknown(tf.constant(2.0), tf.constant(3))


def test_an_index_out_of_range_is_found_when_it_runs():
    @tf.function
    def f(x, k):
        return tf.TensorArray(tf.float32, size=3).write(k, x).stack()

    assert f(tf.constant(2.0), tf.constant(1)).numpy().tolist() == [0, 2, 0]
    with pytest.raises(OutOfRangeError, match="tried to write to index 5, but its size is 3"):
        f(tf.constant(2.0), tf.constant(5))


def test_a_write_whose_result_is_lost_is_refused():
    @tf.function
    def f(x):
        ta = tf.TensorArray(tf.float32, size=3)
        for i in tf.range(3):
            ta.write(i, x)
        return ta.stack()

    with pytest.raises(ValueError, match=r"a TensorArray does not change in a traced function.*ta = ta.write"):
        f(tf.constant(2.0))


def test_functions_return_tensor_arrays():
    @tf.function
    def f(x):
        return tf.TensorArray(tf.float32, size=2).unstack(x)

    assert f(tf.constant([1.0, 2.0])).read(1).numpy() == 2.0


def test_of_a_size_that_is_left_open():
    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def doubled(x):
        ta = tf.TensorArray(tf.float32, size=tf.shape(x)[0])
        for i in tf.range(tf.shape(x)[0]):
            ta = ta.write(i, x[i] * 2.0)
        return ta.stack(), ta.read(0), ta.size()

    for rows in ([[1.0, 2.0]], [[1.0], [2.0], [3.0]]):
        stack, first, size = doubled(tf.constant(rows))
        assert stack.numpy().tolist() == [[2 * x for x in row] for row in rows]
        assert (first.numpy().tolist(), size.numpy()) == (stack.numpy()[0].tolist(), len(rows))
