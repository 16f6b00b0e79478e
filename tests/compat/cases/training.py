"""Optimizers over five steps, with what they keep, and learning rates that decay."""

import numpy as np

from tests.compat.describe import run


def _steps(tf, optimizer, count=5, slots=()):
    """The variables after each step, the losses, and at the end the slots."""
    w, b = tf.Variable([[1.0, -2.0], [0.5, 3.0]], name="w"), tf.Variable([0.1, -0.1], name="b")
    x, y = tf.constant([[1.0, 2.0], [-1.0, 0.5], [0.3, -2.0]]), tf.constant([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    loss = tf.reduce_mean(tf.square(tf.tanh(tf.matmul(x, w) + b) - y))
    train = optimizer.minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = []
        for _ in range(count):
            session.run(train)
            found.append(session.run([w, b, loss]))
        kept = [session.run(optimizer.get_slot(v, name)) for v in (w, b) for name in slots]
    return found, kept, sorted(v.name for v in tf.global_variables()), train


def gradient_descent(tf):
    return _steps(tf, tf.train.GradientDescentOptimizer(0.5))


def momentum(tf):
    return _steps(tf, tf.train.MomentumOptimizer(0.1, 0.9), slots=["momentum"])


def nesterov(tf):
    return _steps(tf, tf.train.MomentumOptimizer(0.1, momentum=0.9, use_nesterov=True), slots=["momentum"])


def adagrad(tf):
    return _steps(tf, tf.train.AdagradOptimizer(0.3), slots=["accumulator"])


def adadelta(tf):
    return _steps(tf, tf.train.AdadeltaOptimizer(1.0), slots=["accum", "accum_update"])


def rmsprop(tf):
    return _steps(tf, tf.train.RMSPropOptimizer(0.05), slots=["rms", "momentum"])


def rmsprop_centered(tf):
    return _steps(
        tf, tf.train.RMSPropOptimizer(0.05, decay=0.8, momentum=0.5, centered=True), slots=["rms", "momentum"]
    )


def adam(tf):
    return _steps(tf, tf.train.AdamOptimizer(0.1), slots=["m", "v"])


def adam_with_options(tf):
    return _steps(tf, tf.train.AdamOptimizer(learning_rate=0.01, beta1=0.8, beta2=0.99, epsilon=1e-4, name="Other"))


def learning_rate_is_fed(tf):
    v, rate = tf.Variable(1.0), tf.placeholder(tf.float32, [])
    train = tf.train.GradientDescentOptimizer(rate).minimize(v * v)
    with tf.Session() as session:
        session.run(v.initializer)
        return [session.run([train, v], {rate: value})[0] for value in (0.1, 0.2)], session.run(v)


def global_step_is_counted(tf):
    v, step = tf.Variable(1.0), tf.Variable(0, trainable=False, name="step")
    train = tf.train.GradientDescentOptimizer(0.1).minimize(v * v, global_step=step)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(3):
            session.run(train)
        return session.run([v, step])


def variables_that_are_chosen(tf):
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    train = tf.train.GradientDescentOptimizer(0.1).minimize(a * a + b * b, var_list=[a])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(train)
        return session.run([a, b])


def gradients_are_clipped(tf):
    v = tf.Variable([3.0, 4.0])
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(tf.reduce_sum(v * v) * 10.0)
    train = optimizer.apply_gradients([(tf.clip_by_norm(g, 1.0), w) for g, w in pairs])
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(train)
        return session.run(v), pairs[0][1].name


def variables_without_a_gradient(tf):
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    pairs = tf.train.AdamOptimizer().compute_gradients(a * a)
    return [None if g is None else run(tf, g) for g, _ in pairs], [v.name for _, v in pairs], b


def loss_and_step_in_one_run(tf):
    v = tf.Variable(1.0)
    loss = v * v
    train = tf.train.GradientDescentOptimizer(0.25).minimize(loss)
    with tf.Session() as session:
        session.run(v.initializer)
        return [session.run([train, loss])[1] for _ in range(4)]


def constraint(tf):
    v = tf.Variable([1.0, -1.0], constraint=lambda w: tf.maximum(w, 0.0))
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduce_sum(v * v))
    with tf.Session() as session:
        session.run(v.initializer)
        session.run(train)
        return session.run(v)


def two_optimizers(tf):
    v = tf.Variable(1.0, name="v")
    with tf.name_scope("train"):
        first = tf.train.AdamOptimizer(0.1).minimize(v * v)
    second = tf.train.AdamOptimizer(0.1).minimize(v * v)
    return first, second, [w.name for w in tf.global_variables()]


def slots_are_named(tf):
    v = tf.Variable(1.0, name="v")
    with tf.variable_scope("net"):
        w = tf.get_variable("w", [2])
    optimizer = tf.train.AdamOptimizer()
    optimizer.minimize(v * tf.reduce_sum(w))
    return [x.name for x in tf.global_variables()], optimizer.get_slot_names(), optimizer.get_name()


def linear_regression(tf):
    xs = np.arange(10, dtype=np.float32).reshape(10, 1)
    x, y = tf.placeholder(tf.float32, [None, 1]), tf.placeholder(tf.float32, [None, 1])
    w, b = tf.get_variable("w", [1, 1], initializer=tf.zeros_initializer()), tf.Variable([0.0])
    loss = tf.reduce_mean((tf.matmul(x, w) + b - y) ** 2)
    train = tf.train.GradientDescentOptimizer(0.01).minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        losses = [session.run([loss, train], {x: xs, y: 2 * xs + 1})[0] for _ in range(20)]
        return losses, session.run([w, b])


def _rates(tf, make, steps=(0, 1, 5, 10, 15, 25)):
    step = tf.placeholder(tf.int32, [])
    rate = make(step)
    with tf.Session() as session:
        return [session.run(rate, {step: n}) for n in steps]


def exponential_decay(tf):
    return _rates(tf, lambda step: tf.train.exponential_decay(0.1, step, 10, 0.5)), _rates(
        tf, lambda step: tf.train.exponential_decay(0.1, step, 10, 0.5, staircase=True)
    )


def polynomial_decay(tf):
    return (
        _rates(tf, lambda step: tf.train.polynomial_decay(0.1, step, 10)),
        _rates(tf, lambda step: tf.train.polynomial_decay(0.1, step, 10, 0.01, power=2.0)),
        _rates(tf, lambda step: tf.train.polynomial_decay(0.1, step, 10, 0.01, cycle=True), (1, 5, 12, 25)),
    )


def piecewise_constant(tf):
    return _rates(tf, lambda step: tf.train.piecewise_constant(step, [5, 15], [1.0, 0.5, 0.1]))


def inverse_time_decay(tf):
    return _rates(tf, lambda step: tf.train.inverse_time_decay(0.1, step, 10, 0.5)), _rates(
        tf, lambda step: tf.train.natural_exp_decay(0.1, step, 10, 0.5, staircase=True)
    )


def cosine_decay(tf):
    return _rates(tf, lambda step: tf.train.cosine_decay(0.1, step, 10)), _rates(
        tf, lambda step: tf.train.cosine_decay(0.1, step, 10, alpha=0.2)
    )


def decay_with_the_global_step(tf):
    v, step = tf.Variable(1.0), tf.train.get_or_create_global_step()
    rate = tf.train.exponential_decay(0.5, step, 1, 0.5)
    train = tf.train.GradientDescentOptimizer(rate).minimize(v, global_step=step)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return [session.run([train, rate])[1] for _ in range(3)], session.run(v), rate


def ftrl(tf):
    return _steps(tf, tf.train.FtrlOptimizer(0.3), slots=["accum", "linear"])


def ftrl_with_options(tf):
    optimizer = tf.train.FtrlOptimizer(
        0.3,
        learning_rate_power=-0.7,
        initial_accumulator_value=0.2,
        l1_regularization_strength=0.02,
        l2_regularization_strength=0.1,
        l2_shrinkage_regularization_strength=0.05,
        beta=0.1,
    )
    return _steps(tf, optimizer, slots=["accum", "linear"])


def proximal_gradient_descent(tf):
    return _steps(tf, tf.train.ProximalGradientDescentOptimizer(0.3, 0.2, 0.1))


def proximal_adagrad(tf):
    return _steps(tf, tf.train.ProximalAdagradOptimizer(0.3, 0.2, 0.01, 0.1), slots=["accumulator"])


def running_means(tf):
    v, other, step = tf.Variable([1.0, 2.0], name="v"), tf.Variable(5.0, name="other"), tf.Variable(0, name="n")
    averages = tf.train.ExponentialMovingAverage(0.9), tf.train.ExponentialMovingAverage(0.9, step, name="By")
    changes = [average.apply([v]) for average in averages]
    found = []
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(3):
            session.run(v.assign_add([1.0, -1.0]))
            session.run(changes)
            session.run(step.assign_add(10))
            found.append(session.run([average.average(v) for average in averages]))
    names = (
        [average.average(v).name for average in averages],
        averages[0].average_name(other),
        averages[0].average(other),
    )
    restored = sorted((name, x.name) for name, x in averages[0].variables_to_restore().items())
    return found, names, restored, [x.name for x in tf.moving_average_variables()]


def names_of_slots_in_scopes(tf):
    with tf.name_scope("train"):
        v = tf.Variable([1.0, 2.0], name="v")
        first = tf.train.AdamOptimizer().minimize(tf.reduce_sum(v * v))
    with tf.variable_scope("vs"):
        w = tf.get_variable("w", [2])
        second = tf.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_sum(w * w * v), var_list=[v, w])
    return sorted(x.name for x in tf.global_variables()), first.name, second.name
