"""Tapes within tapes, custom gradients, and traced functions under a tape."""


def second_derivative(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = x**3
        dy = inner.gradient(y, x)
    return dy, outer.gradient(dy, x)


def third_derivative(tf):
    x = tf.Variable(0.5)
    with tf.GradientTape() as first:
        with tf.GradientTape() as second:
            with tf.GradientTape() as third:
                y = tf.sin(x) * tf.exp(x)
            dy = third.gradient(y, x)
        ddy = second.gradient(dy, x)
    return first.gradient(ddy, x)


def gradient_outside_of_the_outer_tape(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as outer, tf.GradientTape() as inner:
        y = x**3
    dy = inner.gradient(y, x)
    return dy, outer.gradient(dy, x)


def inner_gradient_becomes_constant(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = 5.0 * x
        dy = inner.gradient(y, x)
    return outer.gradient(dy, x)


def gradient_penalty(tf):
    w, x = tf.Variable([[1.0], [2.0]]), tf.constant([[1.0, 3.0]])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = tf.tanh(x @ w * 0.1)
        penalty = tf.reduce_sum(inner.gradient(y, x) ** 2)
    return penalty, outer.gradient(penalty, w)


def mixed_derivative(tf):
    x, y = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            z = x * x * tf.exp(y * 0.1)
        dx = inner.gradient(z, x)
    return outer.gradient(dx, [x, y])


def custom_gradient(tf):
    @tf.custom_gradient
    def clipped(x):
        return tf.identity(x), lambda dy: tf.clip_by_value(dy, -1.0, 1.0)

    v = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = clipped(v * v) * 10.0
    return y, tape.gradient(y, v)


def custom_gradient_of_two_arguments(tf):
    @tf.custom_gradient
    def product(a, b):
        return a * b, lambda dy: (dy * 100.0, dy * 1000.0)

    a, b = tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = product(a, b)
    return y, tape.gradient(y, [a, b])


def custom_gradient_that_stays_finite(tf):
    @tf.custom_gradient
    def log1pexp(x):
        e = tf.exp(x)
        return tf.math.log(1 + e), lambda upstream: upstream * (1 - 1 / (1 + e))

    x = tf.constant([0.0, 20.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = log1pexp(x)
    return y, tape.gradient(y, x)


def function_under_a_tape(tf):
    v = tf.Variable(3.0)

    @tf.function
    def f(x):
        return v * x * x

    x = tf.constant(2.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    return tape.gradient(y, [v, x])


def tape_inside_a_function(tf):
    v = tf.Variable([1.0, 2.0])

    @tf.function
    def f(x):
        with tf.GradientTape() as tape:
            y = tf.reduce_sum(v**2 * x)
        return tape.gradient(y, v)

    return f(tf.constant([3.0, 4.0]))


def function_with_a_condition(tf):
    @tf.function
    def f(x):
        if x > 0.0:
            return x * x
        return -x

    x = tf.Variable(-2.0)
    gradients = []
    for value in (-2.0, 3.0):
        x.assign(value)
        with tf.GradientTape() as tape:
            y = f(x * 1.0)
        gradients.append(tape.gradient(y, x))
    return gradients


def second_derivative_of_a_function(tf):
    @tf.function
    def f(x):
        return x**3 + tf.sin(x)

    x = tf.Variable(0.7)
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            y = f(x)
        dy = inner.gradient(y, x)
    return dy, outer.gradient(dy, x)


def two_tapes_side_by_side(tf):
    x0, x1 = tf.constant(0.0), tf.constant(0.0)
    with tf.GradientTape() as tape0, tf.GradientTape() as tape1:
        tape0.watch(x0)
        tape1.watch(x1)
        ys = tf.sin(x0) + tf.nn.sigmoid(x1)
    return tape0.gradient(ys, x0), tape1.gradient(ys, x1)
