"""``tf.debugging``: what holds passes, what does not is an error, now or when a traced function runs."""

import pytest

import microdl as tf
from microdl.errors import InvalidArgumentError

HOLD = [
    (tf.debugging.assert_equal, [1.0, 2.0], [1.0, 2.0]),
    (tf.debugging.assert_none_equal, [1.0, 2.0], [2.0, 1.0]),
    (tf.debugging.assert_less, [1.0, 2.0], [3.0]),
    (tf.debugging.assert_less_equal, [1.0, 2.0], [2.0]),
    (tf.debugging.assert_greater, [1.0, 2.0], [0.5]),
    (tf.debugging.assert_greater_equal, [1.0, 2.0], [1.0]),
    (tf.debugging.assert_near, [1.0, 2.0], [1.0, 2.000001]),
    (tf.debugging.assert_positive, [1.0, 2.0]),
    (tf.debugging.assert_non_negative, [0.0, 2.0]),
    (tf.debugging.assert_negative, [-1.0, -2.0]),
    (tf.debugging.assert_non_positive, [0.0, -2.0]),
]
FAIL = [[1.0, 5.0], [2.0, 1.0], [1.0, 3.0], [1.0, 3.0], [1.0, 0.5], [1.0, 0.5], [1.0, 2.1]] + [
    [1.0, 0.0],
    [0.0, -1.0],
    [-1.0, 0.0],
    [0.0, 1.0],
]


@pytest.mark.parametrize(("case", "wrong"), list(zip(HOLD, FAIL, strict=True)))
def test_assertions_about_values(case, wrong):
    check, x, *others = case

    def checked(x):
        check(x, *others, message="told so")
        return x

    for call in (checked, tf.function(checked)):
        call(tf.constant(x))
        with pytest.raises(InvalidArgumentError, match=r"(?s)^told so\n.*(did not hold|equal to tolerance)") as info:
            call(tf.constant(wrong))
        assert f"{wrong[0]:g}" in str(info.value)


def test_assert_with_data():
    tf.debugging.Assert(tf.constant([True, True]), ["fine"])
    with pytest.raises(InvalidArgumentError, match=r"assertion failed: too large:\n\[1. 2.\]"):
        tf.debugging.Assert(tf.constant([True, False]), ["too large:", tf.constant([1.0, 2.0])])


def test_check_numerics_passes_values_and_gradients_on():
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.debugging.check_numerics(x, "x") * x
    assert tape.gradient(y, x).numpy().tolist() == [2.0, 4.0]
    for bad, text in ((float("nan"), "NaN"), (float("inf"), "Inf")):
        with pytest.raises(InvalidArgumentError, match=f"layer 3 : Tensor had {text} values"):
            tf.function(lambda x: tf.debugging.assert_all_finite(x, "layer 3"))(tf.constant([1.0, bad]))


def test_ranks_shapes_and_dtypes_are_checked_while_tracing():
    x = tf.ones([2, 3])
    tf.debugging.assert_rank(x, 2)
    tf.debugging.assert_rank_at_least(x, 1)
    tf.debugging.assert_rank_in(x, [0, 2])
    tf.debugging.assert_type(x, tf.float32)
    tf.debugging.assert_integer(tf.constant(1))
    tf.debugging.assert_scalar(tf.constant(1))
    tf.debugging.assert_proper_iterable([x])
    assert tf.debugging.assert_same_float_dtype([x, x]) is tf.float32
    for error, text, check in (
        (ValueError, r"must have rank 1. Received rank 2, shape \(2, 3\)", lambda: tf.debugging.assert_rank(x, 1)),
        (ValueError, "must have rank at least 3", lambda: tf.debugging.assert_rank_at_least(x, 3)),
        (ValueError, r"must have rank in \(0, 1\)", lambda: tf.debugging.assert_rank_in(x, [0, 1])),
        (TypeError, "must be of type tf.int32; got tf.float32", lambda: tf.debugging.assert_type(x, tf.int32)),
        (TypeError, "to be integer type", lambda: tf.debugging.assert_integer(x)),
        (ValueError, "Expected a scalar", lambda: tf.debugging.assert_scalar(x)),
        (TypeError, "proper", lambda: tf.debugging.assert_proper_iterable(x)),
        (ValueError, "one floating dtype", lambda: tf.debugging.assert_same_float_dtype([x, tf.constant(1)])),
    ):
        with pytest.raises(error, match=text):
            check()


def test_names_in_shapes_stand_for_one_size():
    x, y = tf.ones([2, 3]), tf.ones([3])
    tf.debugging.assert_shapes([(x, ("N", "D")), (y, ("D",))])
    tf.debugging.assert_shapes([(x, (2, None)), (x, ("...", "D")), (x, ("N", "*"))])
    with pytest.raises(ValueError, match=r"dimension 0 must have size 3. Received size 4"):
        tf.debugging.assert_shapes([(x, ("N", "D")), (tf.ones([4]), ("D",))])
    with pytest.raises(ValueError, match="does not have the rank"):
        tf.debugging.assert_shapes([(x, ("N",))])


def test_ensure_shape():
    x = tf.ones([2, 3])
    assert tf.ensure_shape(x, [None, 3]).shape == (2, 3)
    for call in (tf.ensure_shape, tf.function(tf.ensure_shape)):
        with pytest.raises(ValueError, match=r"\(2, 3\) is not compatible with the expected shape \(None, 4\)"):
            call(x, (None, 4))
