"""Variables, random numbers after both seedings, and traced functions."""

import numpy as np


def variable_reprs(tf):
    variables = [
        tf.Variable(1.0),
        tf.Variable([[1, 2], [3, 4]], name="w"),
        tf.Variable(np.array([1.5])),
        tf.Variable(True),
    ]
    return [repr(v) for v in variables] + [str(variables[0])]


def variable_attributes(tf):
    v = tf.Variable([1.0, 2.0], name="weights")
    return (
        v.name,
        v.shape,
        v.dtype,
        v.trainable,
        tf.Variable(1.0, trainable=False).trainable,
        v.numpy(),
        v.value(),
        v.read_value(),
    )


def variables_from(tf):
    return (
        tf.Variable(tf.constant([1.0])),
        tf.Variable(lambda: tf.ones(2)),
        tf.Variable([4], dtype=tf.float32),
        tf.Variable([tf.constant([1.0])]),
        tf.Variable(2**40),
    )


def assigned(tf):
    v = tf.Variable([1.0, 2.0])
    results = [v.assign([3.0, 4.0]).numpy(), v.assign_add([1.0, 1.0]).numpy(), v.assign_sub([0.5, 0.5]).numpy()]
    return results, v


def assigned_another_shape(tf):
    return tf.Variable([1.0, 2.0]).assign([1.0])


def assigned_another_dtype(tf):
    return tf.Variable([1.0]).assign(tf.constant([1]))


def assigned_a_number_that_does_not_fit(tf):
    return tf.Variable(1).assign(1.5)


def added_to(tf):
    v = tf.Variable(1.0)
    v.assign_add(2)
    v.assign_sub(0.5)
    return v, v + 1, 2 * v, v**2, -v, v > 1, float(v), int(v), bool(v)


def variables_in_ops(tf):
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    return (
        v @ v,
        tf.reduce_sum(v),
        v[0],
        v[:, 1],
        tf.concat([v, v], 0),
        [row.numpy() for row in v],
        tf.square(v),
        1 * tf.ones_like(v, dtype=v.dtype),
    )


def initial_value_of_another_dtype(tf):
    return tf.Variable(tf.constant(1), dtype=tf.float32)


def variable_without_a_value(tf):
    return tf.Variable(None)


def assigning_leaves_earlier_reads_alone(tf):
    v = tf.Variable([1.0, 2.0])
    before = v.read_value()
    v.assign([5.0, 6.0])
    return before, v


def variable_from_a_variable(tf):
    a = tf.Variable([1.0])
    b = tf.Variable(a)
    b.assign([2.0])
    return a, b


def uniform_after_set_seed(tf):
    tf.random.set_seed(42)
    return (
        tf.random.uniform((3, 2)),
        tf.random.uniform((2,)),
        tf.random.uniform([3], 1.0, 5.0),
        tf.random.uniform([4], 0, 10, tf.int32),
    )


def normal_after_set_seed(tf):
    tf.random.set_seed(1)
    return tf.random.normal([3]), tf.random.normal([2, 2], 5.0, 2.0), tf.random.truncated_normal([4])


def op_seeds(tf):
    tf.random.set_seed(5)
    first = tf.random.uniform([2], seed=1), tf.random.uniform([2], seed=1)
    tf.random.set_seed(5)
    return first, tf.random.uniform([2], seed=1), tf.random.normal([2], seed=1)


def shuffled(tf):
    tf.random.set_seed(3)
    return tf.random.shuffle(tf.range(10)), tf.random.shuffle([[1, 2], [3, 4], [5, 6]])


def stateless(tf):
    return (
        tf.random.stateless_uniform([3], seed=[1, 2]),
        tf.random.stateless_normal([3], seed=[1, 2]),
        tf.random.stateless_uniform([3], [7, 8], 0, 100, tf.int32),
        tf.random.stateless_truncated_normal([3], [0, 1]),
    )


def random_in_a_function(tf):
    tf.random.set_seed(7)

    @tf.function
    def draw():
        return tf.random.uniform([2], seed=3)

    return draw().shape


def initializers_after_set_random_seed(tf):
    tf.keras.utils.set_random_seed(1)
    names = (
        "GlorotUniform",
        "GlorotNormal",
        "HeUniform",
        "HeNormal",
        "LecunUniform",
        "LecunNormal",
        "RandomUniform",
        "RandomNormal",
        "TruncatedNormal",
        "Orthogonal",
        "VarianceScaling",
    )
    return {name: np.array(getattr(tf.keras.initializers, name)()((3, 2))) for name in names}


def initializers_with_seeds(tf):
    names = ("GlorotUniform", "HeNormal", "RandomUniform", "TruncatedNormal", "Orthogonal")
    return {name: np.array(getattr(tf.keras.initializers, name)(seed=7)((3, 2))) for name in names}


def one_initializer_gives_the_same_twice(tf):
    tf.keras.utils.set_random_seed(2)
    draw = tf.keras.initializers.GlorotUniform()
    return np.array(draw((2, 2))), np.array(draw((2, 2))), np.array(tf.keras.initializers.GlorotUniform()((2, 2)))


def layers_after_set_random_seed(tf):
    tf.keras.utils.set_random_seed(1)
    model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation="sigmoid"), tf.keras.layers.Dense(2)])
    outputs = model(tf.constant([[1.0, 2.0]]))
    return outputs, [np.array(v) for v in model.get_weights()]


def convolutions_after_set_random_seed(tf):
    tf.keras.utils.set_random_seed(3)
    layer = tf.keras.layers.Conv2D(2, 3, kernel_initializer="he_normal")
    return layer(tf.ones((1, 4, 4, 1)))


def layers_that_draw_take_seeds_too(tf):
    tf.keras.utils.set_random_seed(4)
    layers = tf.keras.layers
    stack = [
        layers.Dense(2),
        layers.Dropout(0.5),
        layers.Dense(2),
        layers.Dropout(0.0),
        layers.GaussianNoise(0.1),
        layers.SpatialDropout2D(0.2),
        layers.Dropout(0.3, seed=1),
        layers.Dense(2),
    ]
    outputs = []
    for layer in stack:
        if isinstance(layer, layers.Dense):
            layer.build((None, 2))
            outputs.append(layer.get_weights()[0])
    return outputs


def recurrent_layers_after_set_random_seed(tf):
    tf.keras.utils.set_random_seed(5)
    layers = [getattr(tf.keras.layers, name)(2) for name in ("SimpleRNN", "LSTM", "GRU")]
    layers.append(tf.keras.layers.Embedding(3, 2))
    for layer in layers[:-1]:
        layer(tf.zeros((1, 2, 2)))
    layers[-1](tf.constant([[0]]))
    return [layer.get_weights()[:2] for layer in layers]


def attention_after_set_random_seed(tf):
    tf.keras.utils.set_random_seed(6)
    layer = tf.keras.layers.MultiHeadAttention(num_heads=2, key_dim=2)
    x = tf.ones((1, 2, 3))
    return layer(x, x), [w.shape for w in layer.get_weights()]


def a_layer_of_ones_own(tf):
    tf.keras.utils.set_random_seed(1)

    class OurDense(tf.keras.layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(shape=[int(input_shape[-1]), self.units], name="weight")
            self.b = self.add_weight(shape=[1, self.units], name="bias")

        def call(self, x):
            return tf.sigmoid(tf.matmul(x, self.w) + self.b)

    return OurDense(3)(tf.constant([[1.0, 2.0]]))


def a_model_with_extra_call_arguments(tf):
    tf.keras.utils.set_random_seed(1)

    class Model(tf.keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = tf.keras.layers.Dense(3, activation="sigmoid")

        def call(self, inputs, isidentity=False):
            x = self.dense(inputs)
            return inputs if isidentity else x

    model, x = Model(), tf.constant([[1.0, 2.0]])
    return model.call(x, False), model.call(x, True), model(x, isidentity=True), model(x)


def initial_bias_and_losses(tf):
    x, y = tf.constant([[0.3, 0.7], [0.9, 0.1]]), tf.constant([[0.0, 1.0], [0.0, 1.0]])
    losses, classes = tf.keras.losses, tf.constant([1, 1])
    return [
        losses.MeanSquaredError()(y, x),
        losses.MeanAbsoluteError()(y, x),
        losses.BinaryCrossentropy()(y, x),
        losses.CategoricalCrossentropy()(y, x),
        losses.SparseCategoricalCrossentropy()(classes, x),
        losses.SparseCategoricalCrossentropy(from_logits=True)(classes, x),
    ]


def gradient_descent(tf):
    x = tf.Variable([[-1.1771784]])
    history = []
    for _ in range(50):
        with tf.GradientTape() as tape:
            loss = tf.pow(x - 4, 2)
        x.assign(x - 1e-2 * tape.gradient(loss, x))
        history.append(x.numpy()[0])
    return history[::10], x


def _steps(tf, name):
    v = tf.Variable([1.0, -2.0])
    optimizer = getattr(tf.keras.optimizers, name)(learning_rate=0.1)
    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(v**2)
        optimizer.apply_gradients([(tape.gradient(loss, v), v)])
    return v


def steps_of_sgd(tf):
    return _steps(tf, "SGD").numpy()


def steps_of_rmsprop(tf):
    return _steps(tf, "RMSprop").numpy()


def steps_of_adam(tf):
    return _steps(tf, "Adam").numpy()


steps_of_adam.tolerance = 1e-5  # Keras computes 1 - 0.999**t in float32, where five digits of it are left


def function_traced_once(tf):
    traces = []

    @tf.function
    def f(x):
        traces.append(1)
        return x * 2

    return f(tf.constant(1)), f(tf.constant(5)), f(tf.constant(1.5)), len(traces)


def function_of_python_numbers(tf):
    traces = []

    @tf.function
    def f(x, n):
        traces.append(n)
        return x**n

    return f(tf.constant(2.0), 2), f(tf.constant(3.0), 2), f(tf.constant(2.0), 3), traces


def function_with_structure(tf):
    @tf.function
    def f(pair, scale=1.0):
        return {"sum": pair[0] + pair[1], "parts": [pair[0] * scale, (pair[1],)]}

    return f((tf.constant(1.0), tf.constant(2.0))), f([tf.constant(1.0), tf.constant(2.0)], scale=3.0)


def function_that_counts(tf):
    v = tf.Variable(0)

    @tf.function
    def f():
        return v.assign_add(1)

    f()
    f()
    return v


def symbolic_truth(tf):
    @tf.function(autograph=False)
    def f(x):
        return 1 if x > 0 else 2

    return f(tf.constant(1))


def parts_of_variables_assigned(tf):
    v = tf.Variable(tf.zeros((3, 4)))
    v[1].assign([1.0, 2.0, 3.0, 4.0])
    first = v.numpy()
    v[::-1, 1].assign([7.0, 8.0, 9.0])
    v[..., tf.newaxis, ::2].assign(tf.fill((3, 1, 2), 5.0))
    v[0, 3].assign(6)
    return first, v


def part_assigned_another_shape(tf):
    return tf.Variable(tf.zeros((3, 4)))[0].assign([1.0, 2.0])


def part_assigned_in_a_function(tf):
    v = tf.Variable([1.0, 2.0, 3.0])

    @tf.function
    def step(x):
        v[1:].assign(x * v[:2])
        return v + 0.0

    return step(tf.constant([2.0, 3.0])), step(tf.constant([2.0, 3.0])), v


def rows_of_variables_written(tf):
    v = tf.Variable([1.0, 2.0, 3.0])
    results = [
        v.scatter_nd_update([[0]], [9.0]).numpy(),
        v.scatter_nd_add([[0], [0]], [1.0, 1.0]).numpy(),
        v.scatter_update(tf.IndexedSlices([4.0], [2])).numpy(),
        v.scatter_add(tf.IndexedSlices([1.0, 1.0], [0, 0])).numpy(),
        v.scatter_sub(tf.IndexedSlices([1.0], [1])).numpy(),
        v.scatter_max(tf.IndexedSlices([100.0], [1])).numpy(),
        v.scatter_min(tf.IndexedSlices([0.5], [1])).numpy(),
    ]
    return results, v.sparse_read([0, 0]), v.gather_nd([[1]])


def constraint_of_a_variable(tf):
    return tf.Variable(1.0, constraint=tf.nn.relu).constraint is tf.nn.relu
