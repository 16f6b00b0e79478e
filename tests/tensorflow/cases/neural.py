"""tf.nn: losses, convolutions and pooling along one axis, moments, normalisation among channels."""

import numpy as np


def _graded(tf, function, *arrays):
    xs = [tf.constant(x) for x in arrays]
    with tf.GradientTape() as tape:
        tape.watch(xs)
        y = function(*xs)
        loss = tf.reduce_sum(y * y)
    return y, tape.gradient(loss, xs)


def _numbers(*shape):
    return np.sin(np.arange(int(np.prod(shape)), dtype=np.float64) * 1.7).reshape(shape)


def losses(tf):
    labels, logits = np.array([1.0, 0.5, 0.0]), np.array([1.5, -0.1, -10.0])
    targets = np.array([0.0, 0.5, 1.0, 4.0, 9.5])
    return (
        _graded(tf, lambda z, x: tf.nn.weighted_cross_entropy_with_logits(z, x, pos_weight=1.5), labels, logits),
        _graded(tf, lambda x: tf.nn.log_poisson_loss(targets, x), targets / 5),
        _graded(tf, lambda x: tf.nn.log_poisson_loss(targets, x, compute_full_loss=True), targets / 5),
    )


def lookups(tf):
    table = _numbers(5, 3)
    return (
        _graded(tf, lambda t: tf.nn.embedding_lookup(t * 1.0, tf.constant([[0, 4], [4, 2]])), table),
        tf.nn.embedding_lookup(tf.constant(table), tf.constant([1, 3]), max_norm=0.5),
        tf.nn.embedding_lookup([tf.constant(table)], tf.constant(2)),
    )


def normalisation_among_channels(tf):
    return _graded(
        tf,
        lambda x: tf.nn.local_response_normalization(x, 1, bias=2.0, alpha=0.5, beta=0.75),
        _numbers(1, 2, 2, 5).astype(np.float32),
    ), tf.nn.lrn(_numbers(1, 1, 2, 8).astype(np.float32))


normalisation_among_channels.tolerance = 1e-6


def activations(tf):
    return _graded(tf, tf.nn.crelu, _numbers(2, 3)), tf.nn.crelu(_numbers(2, 2), axis=0)


def convolutions_of_sequences(tf):
    x, w = _numbers(2, 7, 3), _numbers(3, 3, 4)
    return (
        _graded(tf, lambda x, w: tf.nn.conv1d(x, w, stride=2, padding="SAME"), x, w),
        tf.nn.conv1d(x, w, 1, "VALID"),
        tf.nn.conv1d(x, w, [1, 1, 1], "VALID", dilations=2),
        _graded(
            tf,
            lambda x, w: tf.nn.conv1d_transpose(x, w, [2, 14, 4], strides=2, padding="SAME"),
            x,
            _numbers(3, 4, 3),
        ),
    )


def convolutions_of_images(tf):
    x, d, p = _numbers(1, 5, 5, 2), _numbers(3, 3, 2, 2), _numbers(1, 1, 4, 3)
    return (
        _graded(tf, lambda x, d, p: tf.nn.separable_conv2d(x, d, p, [1, 1, 1, 1], "SAME"), x, d, p),
        tf.nn.atrous_conv2d(x, _numbers(2, 2, 2, 1), rate=2, padding="VALID"),
    )


def pooling_of_sequences(tf):
    x = _numbers(2, 7, 3)
    return (
        _graded(tf, lambda x: tf.nn.max_pool1d(x, 2, 2, "VALID"), x),
        _graded(tf, lambda x: tf.nn.avg_pool1d(x, 3, 2, "SAME"), x),
        tf.nn.pool(x, [2], "MAX", strides=[1]),
        tf.nn.pool(_numbers(1, 4, 4, 1), [2, 2], "AVG", strides=[2, 2], padding="SAME"),
        tf.nn.pool(_numbers(1, 4, 4, 1), [2, 2], "MAX"),
    )


def maxima_and_their_places(tf):
    x = _numbers(2, 5, 4, 3).astype(np.float32)
    return (
        _graded(tf, lambda x: tf.nn.max_pool_with_argmax(x, 2, 2, "VALID")[0], x),
        tf.nn.max_pool_with_argmax(x, 2, 2, "VALID")[1],
        list(tf.nn.max_pool_with_argmax(x, [1, 3, 2, 1], [1, 2, 2, 1], "SAME", output_dtype=tf.int32)),
        tf.nn.max_pool_with_argmax(x, 2, 1, "SAME", include_batch_in_index=True)[1],
    )


def moments(tf):
    x, w = _numbers(3, 4), np.abs(_numbers(3, 1))
    statistics = tf.nn.sufficient_statistics(x, [0], shift=tf.constant(0.5, tf.float64))
    plain = tf.nn.sufficient_statistics(x, [0, 1], keepdims=True)
    return (
        tf.nn.weighted_moments(x, [0], w),
        _graded(tf, lambda x: tf.nn.weighted_moments(x, [0, 1], w, keepdims=True)[1], x),
        statistics,
        plain,
        tf.nn.normalize_moments(*statistics),
        tf.nn.normalize_moments(*plain),
    )


def averages_of_losses(tf):
    loss = tf.constant([1.0, 2.0, 6.0])
    return (
        tf.nn.compute_average_loss(loss),
        tf.nn.compute_average_loss(loss, sample_weight=[1.0, 0.0, 2.0], global_batch_size=6),
        tf.nn.scale_regularization_loss(loss),
    )
