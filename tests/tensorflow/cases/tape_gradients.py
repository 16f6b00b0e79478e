"""Targets, sources, seeds of the backward walk, and what breaks a path."""

import numpy as np


def structure_of_sources(tf):
    a, b, c = tf.Variable(1.0), tf.Variable(2.0), tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = a * b * c
    return tape.gradient(y, [a, {"b": b}, (c,)])


def sources_in_a_dict_keep_their_order(tf):
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = a * b
    return tape.gradient(y, {"z": a, "a": b})


def several_targets(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y, z = x * x, 3.0 * x
    return tape.gradient([y, z], x)


def targets_in_a_dict(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        targets = {"y": x * x, "z": 1.0 / x}
    return tape.gradient(targets, x)


def vector_target_is_summed(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * [3.0, 4.0]
    return tape.gradient(y, x)


def target_is_source(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * x
    return tape.gradient(y, [y, x])


def variable_as_target(tf):
    x = tf.Variable([2.0, 3.0])
    with tf.GradientTape() as tape:
        x * 1.0
    return tape.gradient(x, x)


def intermediate_source(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
        z = y * y + y
    return tape.gradient(z, [y, x])


def source_named_twice(tf):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
    return tape.gradient(y, [x, x])


def diamond(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        a, b = tf.exp(x), tf.sin(x)
        y = a * b + a / b
    return tape.gradient(y, x)


def same_input_twice(tf):
    x = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    with tf.GradientTape() as tape:
        y = x @ x
    return tape.gradient(y, x)


def broadcast_is_summed_back(tf):
    x, b = tf.Variable(np.ones((3, 4), np.float32)), tf.Variable([1.0, 2.0, 3.0, 4.0])
    with tf.GradientTape() as tape:
        y = (x + b) * b
    return tape.gradient(y, [x, b])


def column_broadcast(tf):
    x, c = tf.Variable([[1.0, 2.0, 3.0]]), tf.Variable([[1.0], [2.0]])
    with tf.GradientTape() as tape:
        y = x * c
    return tape.gradient(y, [x, c])


def float64_stays(tf):
    x = tf.Variable(np.array([1.0, 2.0]))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(x**2)
    return tape.gradient(y, x)


def output_gradients(tf):
    x = tf.Variable([1.0, 2.0])
    with tf.GradientTape() as tape:
        y = x**2
    return tape.gradient(y, x, output_gradients=tf.constant([10.0, 100.0]))


def output_gradients_of_several(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y, z = x * x, x * 3.0
    return tape.gradient([y, z], x, output_gradients=[tf.constant(2.0), tf.constant(5.0)])


def unconnected(tf):
    x, z = tf.Variable(2.0), tf.Variable([1.0, 1.0])
    with tf.GradientTape() as tape:
        y = x * x
    return tape.gradient(y, [x, z])


def unconnected_as_zeros(tf):
    x, z = tf.Variable(2.0), tf.Variable([1.0, 1.0])
    with tf.GradientTape() as tape:
        y = x * x
    return tape.gradient(y, [x, z], unconnected_gradients=tf.UnconnectedGradients.ZERO)


def unconnected_by_name(tf):
    x = tf.Variable([2.0])
    with tf.GradientTape() as tape:
        y = tf.constant(1.0)
    return tape.gradient(y, x, unconnected_gradients="zero")


def unconnected_by_another_name(tf):
    x = tf.Variable([2.0])
    with tf.GradientTape() as tape:
        y = x * 1.0
    return tape.gradient(y, x, unconnected_gradients="nonsense")


def constant_target(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.constant(3.0)
    return tape.gradient(y, x)


def integer_variable(tf):
    x = tf.Variable(2)
    with tf.GradientTape() as tape:
        y = x * x
    return tape.gradient(y, x)


def integer_on_the_way(tf):
    x = tf.Variable(2.7)
    with tf.GradientTape() as tape:
        y = tf.cast(tf.cast(x, tf.int32), tf.float32) * x
    return tape.gradient(y, x)


def cast_between_floats(tf):
    x = tf.Variable(2.5)
    with tf.GradientTape() as tape:
        y = tf.cast(x, tf.float64) ** 2
    return tape.gradient(y, x)


def numpy_breaks_the_path(tf):
    x = tf.Variable([[1.0, 2.0]])
    with tf.GradientTape() as tape:
        y = tf.reduce_mean(np.square(x.numpy()), axis=0)
    return tape.gradient(y, x)


def python_number_breaks_the_path(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = float(x) * x
    return tape.gradient(y, x)


def stop_gradient(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * tf.stop_gradient(x * x)
    return tape.gradient(y, x)


def comparison_and_choice(tf):
    x = tf.Variable([-1.0, 0.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.where(x > 0, x**2, -3.0 * x)
    return tape.gradient(y, x)


def where_with_nan_on_the_other_side(tf):
    x = tf.Variable([0.0, 4.0])
    with tf.GradientTape() as tape:
        y = tf.where(x > 0, tf.sqrt(x), 0.0)
    return tape.gradient(y, x)


def control_flow_in_python(tf):
    x = tf.constant(1.0)
    v0, v1 = tf.Variable(2.0), tf.Variable(2.0)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        result = v0 if x > 0.0 else v1**2
    return tape.gradient(result, [v0, v1]), tape.gradient(result, x)


def loop_in_python(tf):
    x = tf.Variable(1.1)
    with tf.GradientTape() as tape:
        y = x
        for _ in range(5):
            y = y * x
    return y, tape.gradient(y, x)


def relu_at_zero(tf):
    x = tf.Variable([-1.0, 0.0, 1.0])
    with tf.GradientTape() as tape:
        y = tf.nn.relu(x)
    return tape.gradient(y, x)


def abs_at_zero(tf):
    x = tf.Variable([-2.0, 0.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.abs(x)
    return tape.gradient(y, x)


def ties_of_maximum(tf):
    x, y = tf.Variable([1.0, 2.0, 3.0]), tf.Variable([1.0, 3.0, 2.0])
    with tf.GradientTape() as tape:
        z = tf.maximum(x, y)
    return tape.gradient(z, [x, y])


def ties_of_minimum(tf):
    x, y = tf.Variable([1.0, 2.0, 3.0]), tf.Variable([1.0, 3.0, 2.0])
    with tf.GradientTape() as tape:
        z = tf.minimum(x, y)
    return tape.gradient(z, [x, y])


def ties_of_reduce_max(tf):
    x = tf.Variable([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    with tf.GradientTape() as tape:
        y = tf.reduce_max(x, axis=1)
    return tape.gradient(y, x)


def sqrt_at_zero(tf):
    x = tf.Variable([0.0, 4.0])
    with tf.GradientTape() as tape:
        y = tf.sqrt(x)
    return tape.gradient(y, x)


def power_of_zero(tf):
    x = tf.Variable([0.0, 2.0])
    with tf.GradientTape() as tape:
        y = x**2
    return tape.gradient(y, x)


def power_with_gradient_of_the_exponent(tf):
    x, p = tf.Variable([0.0, 2.0, 3.0]), tf.Variable([1.0, 2.0, 0.5])
    with tf.GradientTape() as tape:
        y = tf.pow(x, p)
    return tape.gradient(y, [x, p])


def product_with_a_zero(tf):
    x = tf.Variable([2.0, 0.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_prod(x)
    return tape.gradient(y, x)


def division(tf):
    x, y = tf.Variable([1.0, -2.0]), tf.Variable([4.0, 5.0])
    with tf.GradientTape() as tape:
        z = x / y
    return tape.gradient(z, [x, y])


def division_no_nan(tf):
    x, y = tf.Variable([1.0, 2.0]), tf.Variable([0.0, 5.0])
    with tf.GradientTape() as tape:
        z = tf.math.divide_no_nan(x, y)
    return tape.gradient(z, [x, y])


def floordiv_has_none(tf):
    x = tf.Variable(7.0)
    with tf.GradientTape() as tape:
        y = x // 2.0
    return tape.gradient(y, x)


def modulo(tf):
    x, y = tf.Variable(7.5), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        z = x % y
    return tape.gradient(z, [x, y])


def rounding_has_none(tf):
    x = tf.Variable([1.2, 2.7])
    with tf.GradientTape(persistent=True) as tape:
        results = [tf.round(x), tf.floor(x), tf.sign(x), tf.math.ceil(x)]
    return [tape.gradient(y, x) for y in results]


def argmax_has_none(tf):
    x = tf.Variable([1.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.argmax(x)
    return tape.gradient(y, x)


def slices(tf):
    x = tf.Variable([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    with tf.GradientTape() as tape:
        y = x[1, ::2] * 2.0 + x[0, :2]
    return tape.gradient(y, x)


def gather_repeats(tf):
    x = tf.constant([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.gather(x, [2, 0, 2, 2]) * [1.0, 2.0, 3.0, 4.0]
    return tf.convert_to_tensor(tape.gradient(y, x))  # TensorFlow gives IndexedSlices


def concat_and_stack(tf):
    a, b = tf.Variable([1.0, 2.0]), tf.Variable([3.0, 4.0])
    with tf.GradientTape() as tape:
        y = tf.concat([a, b, a], 0) * [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
        z = tf.stack([a, b]) ** 2
    return tape.gradient([y, z], [a, b])


def unused_piece_of_a_split(tf):
    x = tf.Variable([1.0, 2.0, 3.0, 4.0])
    with tf.GradientTape() as tape:
        _, second = tf.split(x, 2)
        y = second**2
    return tape.gradient(y, x)


def reshape_transpose_tile(tf):
    x = tf.Variable([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    with tf.GradientTape() as tape:
        y = tf.reshape(tf.transpose(x), [2, 3]) * [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
        z = tf.tile(x, [1, 2]) * 2.0
    return tape.gradient([y, z], x)


def pad_and_cumsum(tf):
    x = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        y = tf.cumsum(tf.pad(x, [[1, 2]])) * [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    return tape.gradient(y, x)


def clipping(tf):
    x = tf.Variable([-2.0, -1.0, 0.5, 1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.clip_by_value(x, -1.0, 1.0)
    return tape.gradient(y, x)


def norms(tf):
    x = tf.Variable([[3.0, 4.0], [0.0, 0.0]])
    with tf.GradientTape() as tape:
        y = tf.norm(x)
    return y, tape.gradient(y, x)


def log_sum_exp(tf):
    x = tf.Variable([1000.0, 1001.0, -1000.0])
    with tf.GradientTape() as tape:
        y = tf.reduce_logsumexp(x)
    return y, tape.gradient(y, x)


def softmax_cross_entropy(tf):
    x = tf.Variable([[1.0, 2.0, 0.5], [0.0, 0.0, 3.0]])
    with tf.GradientTape() as tape:
        y = tf.nn.softmax_cross_entropy_with_logits(labels=[[0.0, 1.0, 0.0], [0.2, 0.3, 0.5]], logits=x)
    return y, tape.gradient(y, x)


def source_is_a_number(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * x
    return tape.gradient(y, 2.0)


def matmul_transposed(tf):
    a, b = tf.Variable([[1.0, 2.0, 3.0]]), tf.Variable([[4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    with tf.GradientTape() as tape:
        y = tf.linalg.matmul(a, b, transpose_b=True) ** 2
    return tape.gradient(y, [a, b])


def empty_list_of_sources(tf):
    x = tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = x * x
    return tape.gradient(y, [])


def empty_tensor(tf):
    x = tf.Variable(np.zeros((0, 3), np.float32))
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(x * 2.0)
    return y, tape.gradient(y, x)


def nothing_asked_at_the_edges(tf):
    x = tf.Variable([0.0, 4.0])
    with tf.GradientTape(persistent=True) as tape:
        results = [f(x) * [0.0, 1.0] for f in (tf.sqrt, tf.math.rsqrt, tf.math.reciprocal, tf.math.log)]
    return [tape.gradient(y, x) for y in results]


def running_product_with_a_zero(tf):
    x = tf.Variable([1.0, 0.0, 1.0, 2.0])
    with tf.GradientTape() as tape:
        y = tf.math.cumprod(x)
    return tape.gradient(y, x)


def passed_through(tf):
    x, v = tf.Variable([1.4, 2.6]), tf.Variable(3.0)
    with tf.GradientTape(persistent=True) as tape:
        y = tf.grad_pass_through(tf.round)(x) ** 2
        z = tf.grad_pass_through(lambda x: x * v)(x)
    return y, tape.gradient(y, x), tape.gradient(z, [x, v])
