"""Functions whose arguments have another order or other names than in TensorFlow 2."""

import numpy as np

from tests.compat.describe import run

X = np.arange(12, dtype=np.float32).reshape(3, 4) / 7 - 0.5
IMAGES = (np.arange(32, dtype=np.float32).reshape(1, 4, 4, 2) - 10) / 9


def reductions(tf):
    return run(
        tf,
        [
            tf.norm(X, axis=1, keep_dims=True),
            tf.norm(X),
            tf.count_nonzero(X, axis=0, keep_dims=True, dtype=tf.int32),
            tf.count_nonzero(input_tensor=X, reduction_indices=[1]),
            tf.nn.l2_normalize(X, dim=1),
            tf.nn.l2_normalize(X, 0, 1e-3, "name"),
            tf.nn.zero_fraction(X, "name"),
        ],
    )


def shapes(tf):
    return run(
        tf,
        [
            tf.shape(X, "name"),
            tf.shape(X, "other", tf.int64),
            tf.size(X, "third"),
            tf.zeros_like(tensor=X, dtype=tf.int32),
            tf.ones_like(X, optimize=False),
            tf.pad(X, [[0, 0], [1, 1]], "CONSTANT", "name", 3.0),
            tf.gather(X, [0, 2], None, "name", 1),
            tf.gather(X, [0, 2], validate_indices=True),
            tf.boolean_mask(X, [True, False, True, True], "name", 1),
            tf.boolean_mask(X, [True, False, True]),
        ],
    )


def networks(tf):
    ones = np.ones((2, 2, 2, 2), np.float32)
    return run(
        tf,
        [
            tf.nn.depthwise_conv2d(IMAGES, filter=ones, strides=[1, 1, 1, 1], padding="VALID", rate=[1, 1]),
            tf.nn.conv2d_transpose(value=IMAGES, filter=ones, output_shape=[1, 8, 8, 2], strides=[1, 2, 2, 1]),
            tf.nn.separable_conv2d(IMAGES, ones, np.ones((1, 1, 4, 1), np.float32), [1, 1, 1, 1], "SAME", None, "name"),
            tf.nn.weighted_cross_entropy_with_logits(targets=np.float32(X > 0), logits=X, pos_weight=2.0),
            tf.nn.embedding_lookup(X, [[0], [2]], "mod", "name", True),
            tf.confusion_matrix([0, 1, 1], [0, 1, 0], 3, tf.int64, "name", [1, 2, 3]),
        ],
    )


def normalization_of_batches(tf):
    scale, offset = np.float32([1, 2]), np.float32([0.5, 0])
    found = tf.nn.fused_batch_norm(IMAGES, scale, offset)
    given = tf.nn.fused_batch_norm(IMAGES, scale, offset, scale, scale, epsilon=0.1, is_training=False)[0]
    return run(tf, [*found, given])


def names_of_modules_in_tensorflow_2(tf):
    square = np.float32([[2, 1], [1, 3]])
    return run(
        tf,
        [
            tf.matrix_inverse(square),
            tf.matrix_determinant(square),
            tf.matrix_solve(square, square),
            tf.diag([1.0, 2.0]),
            tf.matrix_diag([1.0, 2.0]),
            tf.matrix_band_part(square, 0, -1),
            tf.trace(square),
            tf.lin_space(0.0, 1.0, 3),
            tf.floor_div(-7, 2),
            tf.string_join(["a", "b"]),
            tf.string_to_number(["1.5"]),
            tf.space_to_depth(IMAGES, 2),
        ],
    )
