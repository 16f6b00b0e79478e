"""Names that TensorFlow 1 has at the top, and TensorFlow 2 in modules."""

import numpy as np
import pytest

import microdl.compat.v1 as tf


def test_names_of_modules_that_were_at_the_top():
    x = tf.constant([[4.0, 2.0], [2.0, 3.0]])
    with tf.control_dependencies([tf.assert_positive(x), tf.assert_rank_at_least(x, 2)]):
        lower = tf.cholesky(x)
    session = tf.Session()
    assert np.allclose(session.run(tf.matmul(lower, lower, transpose_b=True)), [[4, 2], [2, 3]])
    with pytest.raises(tf.errors.InvalidArgumentError):
        session.run(tf.assert_negative(x))
