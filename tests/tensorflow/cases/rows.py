"""Jacobians, Hessians, maps over rows, modules."""


def jacobian_of_a_product(tf):
    w, x = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), tf.constant([[0.7, 0.8]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.nn.sigmoid(tf.matmul(x, w, transpose_b=True) * 0.1)
    return tape.jacobian(y, w), tape.jacobian(y, {"x": x, "w": [w]}), tape.jacobian(y, x, experimental_use_pfor=False)


def jacobian_of_a_scalar(tf):
    x, delta = tf.linspace(-1.0, 1.0, 5), tf.Variable(0.0)
    with tf.GradientTape() as tape:
        y = tf.nn.sigmoid(x + delta)
    return tape.jacobian(y, delta)


def jacobian_without_a_path(tf):
    x, z = tf.Variable([1.0, 2.0]), tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = x * x
    return tape.jacobian(y, z), tape.jacobian(y, z, unconnected_gradients="zero"), tape.jacobian(y, [x, z])


def jacobian_twice(tf):
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = x * x
    tape.jacobian(y, x)
    return tape.jacobian(y, x)


def hessian_by_two_tapes(tf):
    x = tf.random.stateless_normal([3, 2], [1, 2])
    w = tf.Variable([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            loss = tf.reduce_mean(tf.nn.relu(tf.matmul(x, w)) ** 2)
        g = inner.gradient(loss, w)
    h = outer.jacobian(g, w)
    return h, tf.reshape(h, [6, 6])


def batch_jacobians(tf):
    x = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = tf.stack([tf.reduce_sum(x**2, axis=1), tf.reduce_sum(tf.sin(x), axis=1)], axis=1)
        z = tf.constant([[1.0], [2.0]])
    return tape.batch_jacobian(y, x), tape.batch_jacobian(z, x)


def batch_jacobian_of_other_rows(tf):
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = x[:1]
    return tape.batch_jacobian(y, x)


def jacobians_in_functions(tf):
    @tf.function
    def rows(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x**3 * x[0]
        return tape.jacobian(y, x)

    return rows(tf.constant([1.0, 2.0, 3.0]))


def gradients_in_functions(tf):
    @tf.function
    def derived(x, y):
        z = x**2 * tf.sin(y)
        return tf.gradients(z, [x, y]), tf.gradients([z, x], [x], grad_ys=[tf.ones_like(z), 2 * x]), tf.gradients(x, y)

    x, y = tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0])
    return derived(x, y)


def gradients_stopped(tf):
    @tf.function
    def derived(x):
        y = x * 2.0
        return tf.gradients(x * y, [x], stop_gradients=[y]), tf.gradients(
            tf.stop_gradient(x), x, unconnected_gradients="zero"
        )

    return derived(tf.constant(3.0))


def gradients_outside(tf):
    x = tf.constant(1.0)
    return tf.gradients(x * x, x)


def hessians_in_functions(tf):
    @tf.function
    def second(x):
        return tf.hessians(tf.reduce_sum(x**3) * x[0], x)

    return second(tf.constant([1.0, 2.0]))


def maps_of_rows(tf):
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    return tf.vectorized_map(lambda row: tf.reduce_sum(row * row), x), tf.vectorized_map(
        lambda pair: pair[0] + pair[1], (x, x)
    )


def _classes(tf):
    class Dense(tf.Module):
        def __init__(self, inputs, outputs, name=None):
            super().__init__(name=name)
            self.w = tf.Variable(tf.ones([inputs, outputs]), name="w")
            self.b = tf.Variable(tf.zeros([outputs]), name="b", trainable=False)

        def __call__(self, x):
            return tf.matmul(x, self.w) + self.b

    class MyTwoDense2D(tf.Module):
        def __init__(self, name=None):
            super().__init__(name=name)
            self.second = Dense(2, 1)
            self.first = [Dense(3, 2), {"z": Dense(1, 1, name="inner"), "a": tf.Variable(5.0)}]
            self.scale = tf.Variable(2.0)

    return Dense, MyTwoDense2D


def modules_know_their_variables(tf):
    _, pair = _classes(tf)
    module = pair()
    return (
        module.name,
        [tuple(v.shape) for v in module.variables],
        [tuple(v.shape) for v in module.trainable_variables],
        [tuple(v.shape) for v in module.non_trainable_variables],
        [m.name for m in module.submodules],
    )


def modules_have_names(tf):
    dense, _ = _classes(tf)

    class HTTPThing(tf.Module):
        pass

    return dense(1, 1).name, dense(1, 1, name="my_own").name, HTTPThing().name


def module_with_a_bad_name(tf):
    return tf.Module(name="not a name")


def modules_name_variables(tf):
    class Lazy(tf.Module):
        @tf.Module.with_name_scope
        def __call__(self, x):
            if not hasattr(self, "w"):
                self.w = tf.Variable(tf.ones([2, 2]), name="w")
            return tf.matmul(x, self.w)

    class Outer(tf.Module):
        def __init__(self):
            super().__init__()
            with self.name_scope:
                self.inside = Lazy()
                self.v = tf.Variable(1.0, name="v")

    lazy, outer = Lazy(name="lazy"), Outer()
    lazy(tf.ones([1, 2]))
    outer.inside(tf.ones([1, 2]))
    return lazy.w.name, outer.v.name, outer.inside.w.name, outer.name_scope.name
