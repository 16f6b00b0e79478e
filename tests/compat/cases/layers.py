"""``tf.layers``, ``tf.losses`` and ``tf.metrics``."""

import numpy as np

from tests.compat.describe import run

X = np.linspace(-1, 1, 12).reshape(4, 3).astype(np.float32)
IMAGES = np.linspace(-1, 1, 2 * 6 * 6 * 2).reshape(2, 6, 6, 2).astype(np.float32)


def _ramp(tf):
    """An initializer whose values differ, but are the same everywhere."""
    return lambda shape, dtype=None, partition_info=None: tf.reshape(
        tf.cast(tf.range(int(np.prod(shape))), tf.float32) * 0.01 - 0.1, shape
    )


def dense(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    one = tf.layers.dense(x, 2, kernel_initializer=_ramp(tf), bias_initializer=tf.constant_initializer(0.5))
    two = tf.layers.dense(inputs=one, units=2, activation=tf.nn.relu, kernel_initializer=_ramp(tf), use_bias=False)
    return one, two, run(tf, [one, two], {x: X}), tf.global_variables()


def dense_of_three_axes(tf):
    y = tf.layers.dense(tf.constant(X.reshape(2, 2, 3)), 2, kernel_initializer=_ramp(tf))
    return run(tf, y), y.shape


def dense_in_scopes(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    with tf.variable_scope("net"):
        one, two = tf.layers.dense(x, 2), tf.layers.dense(x, 2, name="out")
    with tf.variable_scope("net", reuse=True):
        three = tf.layers.dense(x, 2)
    return one, two, three, tf.global_variables()


def dense_reused_by_name(tf):
    x = tf.constant(X)
    one = tf.layers.dense(x, 2, name="fc")
    two = tf.layers.dense(x, 2, name="fc", reuse=True)
    values = run(tf, [one, two])
    return one, two, [v.name for v in tf.global_variables()], bool((values[0] == values[1]).all())


def dense_object(tf):
    layer = tf.layers.Dense(2, kernel_initializer=_ramp(tf), name="h")
    one, two = layer(tf.constant(X)), layer(tf.constant(X * 2))
    return one, two, layer.kernel, layer.bias, layer.name, run(tf, [one, two])


def dense_with_a_regularizer(tf):
    tf.layers.dense(
        tf.constant(X), 2, kernel_initializer=tf.ones_initializer(), kernel_regularizer=lambda w: tf.nn.l2_loss(w)
    )
    return run(tf, tf.losses.get_regularization_losses()), run(tf, tf.losses.get_regularization_loss())


def default_initializers(tf):
    tf.layers.dense(tf.constant(np.ones((1, 50), np.float32)), 30, name="a")
    kernel, bias = run(tf, ["a/kernel:0", "a/bias:0"])
    limit = (6 / 80) ** 0.5
    return bool(np.abs(kernel).max() <= limit), bool(kernel.std() > limit / 2), bias


def conv2d(tf):
    x = tf.placeholder(tf.float32, [None, 6, 6, 2])
    one = tf.layers.conv2d(inputs=x, filters=3, kernel_size=[3, 3], padding="same", activation=tf.nn.relu,
                           kernel_initializer=_ramp(tf))  # fmt: skip
    two = tf.layers.conv2d(one, 2, 3, strides=(2, 2), kernel_initializer=_ramp(tf), name="c")
    return one, two, run(tf, [one, two], {x: IMAGES}), tf.global_variables()


def pooling(tf):
    x = tf.placeholder(tf.float32, [None, 6, 6, 2])
    one = tf.layers.max_pooling2d(inputs=x, pool_size=[2, 2], strides=2)
    two = tf.layers.average_pooling2d(x, 3, 2, padding="same")
    return one, two, run(tf, [one, two], {x: IMAGES})


def flatten(tf):
    x = tf.placeholder(tf.float32, [None, 6, 6, 2])
    y, z = tf.layers.flatten(x), tf.layers.flatten(tf.zeros([2, 3, 4]))
    return y, z, run(tf, y, {x: IMAGES})


def dropout(tf):
    training = tf.placeholder(tf.bool, [])
    x = tf.ones([1000])
    always, never, fed = (tf.layers.dropout(x, 0.4, training=value) for value in (True, False, training))
    values = [run(tf, always), run(tf, never), run(tf, fed, {training: True}), run(tf, fed, {training: False})]
    return [bool(300 < (value == 0).sum() < 500) for value in values], always, never, values[1][:3], values[3][:3]


def batch_normalization(tf):
    x = tf.constant(X * 3 + 1)
    y = tf.layers.batch_normalization(x, training=True, momentum=0.9)
    updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(updates)
        names = [v.name for v in tf.global_variables()]
        return session.run(y), session.run(tf.global_variables()), len(updates), names


def batch_normalization_of_images(tf):
    y = tf.layers.batch_normalization(tf.constant(IMAGES * 2 + 1), training=True)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS))
        return session.run(y), session.run(tf.global_variables()), [v.name for v in tf.trainable_variables()]


def batch_normalization_for_use(tf):
    y = tf.layers.batch_normalization(tf.constant(X), moving_mean_initializer=tf.constant_initializer(0.5),
                                      moving_variance_initializer=tf.constant_initializer(4.0))  # fmt: skip
    return run(tf, y), tf.get_collection(tf.GraphKeys.UPDATE_OPS)


def batch_normalization_in_training(tf):
    x, training = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.bool, [])
    y = tf.layers.batch_normalization(x, training=training, momentum=0.5)
    loss = tf.reduce_mean(tf.square(y - 1.0))
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        train = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = [session.run([loss, train], {x: X * (i + 1), training: True})[0] for i in range(5)]
        return found, session.run(y, {x: X, training: False}), session.run(tf.global_variables())


def _loss(tf, function, *args, **kwargs):
    loss = function(*args, **kwargs)
    return loss, run(tf, loss), len(tf.losses.get_losses())


LABELS, GUESSES = [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]], [[0.9, 0.2, 0.4], [0.1, 0.6, 3.0]]


def mean_squared_error(tf):
    return _loss(tf, tf.losses.mean_squared_error, LABELS, GUESSES), _loss(
        tf, tf.losses.mean_squared_error, labels=LABELS, predictions=GUESSES, weights=[[1.0], [0.0]], scope="mine"
    )


def absolute_difference(tf):
    return _loss(tf, tf.losses.absolute_difference, LABELS, GUESSES, 2.0)


def huber_loss(tf):
    return _loss(tf, tf.losses.huber_loss, LABELS, GUESSES), _loss(tf, tf.losses.huber_loss, LABELS, GUESSES, delta=0.3)


def log_loss(tf):
    return _loss(tf, tf.losses.log_loss, LABELS, [[0.9, 0.2, 0.4], [0.1, 0.6, 0.7]])


def hinge_loss(tf):
    return _loss(tf, tf.losses.hinge_loss, LABELS, GUESSES)


def sigmoid_cross_entropy(tf):
    return _loss(tf, tf.losses.sigmoid_cross_entropy, LABELS, GUESSES), _loss(
        tf, tf.losses.sigmoid_cross_entropy, LABELS, GUESSES, label_smoothing=0.1
    )


def softmax_cross_entropy(tf):
    return _loss(tf, tf.losses.softmax_cross_entropy, [[1, 0, 0], [0, 0, 1]], GUESSES), _loss(
        tf, tf.losses.softmax_cross_entropy, onehot_labels=[[1, 0, 0], [0, 0, 1]], logits=GUESSES, label_smoothing=0.2
    )


def sparse_softmax_cross_entropy(tf):
    return _loss(tf, tf.losses.sparse_softmax_cross_entropy, [1, 2], GUESSES), _loss(
        tf, tf.losses.sparse_softmax_cross_entropy, labels=[1, 2], logits=GUESSES, weights=[1.0, 3.0]
    )


def reductions_of_losses(tf):
    kinds = ("NONE", "SUM", "MEAN", "SUM_OVER_BATCH_SIZE", "SUM_BY_NONZERO_WEIGHTS")
    weights = [[1.0, 0.0, 2.0], [0.0, 1.0, 0.5]]
    losses = [
        tf.losses.mean_squared_error(LABELS, GUESSES, weights, reduction=getattr(tf.losses.Reduction, kind))
        for kind in kinds
    ]
    return run(tf, losses)


def total_loss(tf):
    tf.losses.mean_squared_error(LABELS, GUESSES)
    tf.losses.add_loss(tf.constant(10.0))
    tf.add_to_collection(tf.GraphKeys.REGULARIZATION_LOSSES, tf.constant(100.0))
    totals = tf.losses.get_total_loss(), tf.losses.get_total_loss(add_regularization_losses=False)
    return totals, run(tf, totals), [loss.name for loss in tf.losses.get_losses()]


def loss_of_an_open_batch(tf):
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.int64, [None])
    loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=x)
    return loss, run(tf, loss, {x: GUESSES, y: [0, 1]}), run(tf, tf.gradients(loss, x), {x: GUESSES, y: [0, 1]})


def _metric(tf, make, batches):
    """The value, the update, and what they are after each batch."""
    inputs = [tf.placeholder(tf.float32, [None]) for _ in batches[0]]
    value, update = make(*inputs)
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        found = [session.run(value)]
        found += [session.run(update, dict(zip(inputs, batch, strict=True))) for batch in batches]
        found.append(session.run(value))
    return value, update, found, tf.local_variables(), len(tf.global_variables())


PAIRS = [([1, 0, 1], [1, 1, 0]), ([1, 1], [1, 1]), ([0], [0])]


def accuracy(tf):
    return _metric(tf, lambda labels, guesses: tf.metrics.accuracy(labels=labels, predictions=guesses), PAIRS)


def accuracy_with_a_name(tf):
    return _metric(tf, lambda labels, guesses: tf.metrics.accuracy(labels, guesses, name="acc"), PAIRS)


def mean(tf):
    return _metric(tf, lambda values: tf.metrics.mean(values), [([1.0, 2.0],), ([6.0],)])


def precision(tf):
    return _metric(tf, tf.metrics.precision, PAIRS)


def recall(tf):
    return _metric(tf, tf.metrics.recall, PAIRS)


def mean_squared_error_metric(tf):
    return _metric(tf, tf.metrics.mean_squared_error, [([1.0, 2.0], [0.0, 4.0]), ([1.0], [1.5])])


def metrics_with_weights(tf):
    value, update = tf.metrics.mean([1.0, 2.0, 4.0], weights=[1.0, 0.0, 3.0])
    return run(tf, update), value
