"""Operators and functions of numbers: dtypes, broadcasting, signs, the edges of their domains, what is refused."""

import numpy as np


def operators(tf):
    a, b = tf.constant([7.0, -7.0, 2.5]), tf.constant([2.0, 2.0, -0.5])
    return [a + b, a - b, a * b, a / b, a // b, a % b, a**2, -a, abs(a)]


def operators_of_integers(tf):
    a, b = tf.constant([7, -7, 6]), tf.constant([2, 2, -4])
    return [a + b, a - b, a * b, a / b, a // b, a % b, a**2, -a, abs(a), ~a, a & b, a | b, a ^ b]


def operators_with_numbers(tf):
    x, n = tf.constant([1.0, 2.0]), tf.constant([3, 4])
    return [1 + x, x + 1, 3 - x, 2 * x, 1 / x, x / 2, 2**x, x**0.5, 7 // x, 7 % x, n + 1, 10 // n, 10 % n, n / 2, 2 - n]


def comparisons(tf):
    a, b = tf.constant([1.0, 2.0, np.nan]), tf.constant([1.0, 3.0, np.nan])
    return [a == b, a != b, a < b, a <= b, a > b, a >= b, a == 1, a < 2, 2 - a > 0]


def comparison_of_shapes_that_do_not_broadcast(tf):
    return tf.constant([1.0, 2.0]) == tf.constant([1.0, 2.0, 3.0])


def logic(tf):
    a, b = tf.constant([True, True, False, False]), tf.constant([True, False, True, False])
    return [
        a & b,
        a | b,
        a ^ b,
        ~a,
        tf.logical_and(a, b),
        tf.logical_or(a, b),
        tf.logical_not(a),
        tf.math.logical_xor(a, b),
    ]


def logic_of_numbers(tf):
    return tf.logical_and(tf.constant([1.0]), tf.constant([0.0]))


def scalars_through_ops(tf):
    return [
        tf.add(1.5, 2.5),
        tf.subtract(2.5, 1),
        tf.multiply(2, 3),
        tf.pow(2.0, 3),
        tf.square(3),
        tf.sqrt(2.0),
        tf.divide(1, 2),
        tf.maximum(2.5, 1),
        tf.negative(1),
        tf.abs(-2),
        tf.exp(0.0),
        tf.add(np.float64(2), 3.0),
        tf.add([1, 2], 1),
        tf.add(1e3, np.float64(2)),
        tf.math.squared_difference(2.5, 1),
        tf.equal(1.0, 1),
        tf.divide(3.0, 2),
    ]


def float_for_an_integer_argument(tf):
    return tf.multiply(2, 3.5)


def mixed_dtypes(tf):
    return tf.constant(1.0) + tf.constant(1)


def mixed_floats(tf):
    return tf.constant(1.0) * tf.constant(1.0, tf.float64)


def float_beside_an_integer_tensor(tf):
    return tf.constant(1) * 2.5


def shapes_that_do_not_broadcast(tf):
    return tf.ones((2, 3)) + tf.ones((2, 4))


def broadcasting(tf):
    a, b = tf.reshape(tf.range(3.0), (3, 1)), tf.range(4.0)
    return a * b, a + tf.ones((2, 1, 4)), tf.constant(2.0) * b


def integer_division_by_zero(tf):
    return tf.constant(1) // tf.constant(0)


def float_division_by_zero(tf):
    x = tf.constant([1.0, -1.0, 0.0])
    return x / 0.0, tf.math.divide_no_nan(x, 0.0), x // 0.0


def signs_of_remainders(tf):
    a, b = tf.constant([7.5, -7.5, 7.5, -7.5]), tf.constant([2.0, 2.0, -2.0, -2.0])
    return (
        a % b,
        a // b,
        tf.math.floormod([7, -7, 7, -7], [3, 3, -3, -3]),
        tf.math.floordiv([7, -7, 7, -7], [3, 3, -3, -3]),
    )


def negative_power_of_integers(tf):
    return tf.constant(2) ** tf.constant(-1)


def overflow_of_int8(tf):
    return tf.constant(100, tf.int8) + tf.constant(100, tf.int8), tf.constant(-128, tf.int8) * tf.constant(-1, tf.int8)


def matrix_products(tf):
    a, b = tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([[5.0, 6.0], [7.0, 8.0]])
    return (
        a @ b,
        a.__matmul__(b),
        tf.matmul(a, b, transpose_a=True),
        tf.linalg.matmul(a, b, transpose_b=True),
        tf.linalg.matvec(a, [1.0, 2.0]),
    )


def matrix_products_of_integers(tf):
    return tf.matmul([[1, 2]], [[3], [4]]), tf.constant([[1, 2], [3, 4]]) @ tf.constant([[1], [1]])


def matrix_products_in_batches(tf):
    a, b = tf.reshape(tf.range(12.0), (2, 2, 3)), tf.reshape(tf.range(6.0), (3, 2))
    return a @ b, tf.matmul(a, a, transpose_b=True)


def matrix_product_of_shapes_that_do_not_fit(tf):
    return tf.ones((2, 3)) @ tf.ones((2, 3))


def matrix_product_of_vectors(tf):
    return tf.ones(3) @ tf.ones(3)


def functions(tf):
    x = tf.constant([0.1, 0.5, 0.9])
    names = ("exp", "sqrt", "square", "sin", "cos", "tan", "tanh", "sigmoid", "asin", "acos", "atan", "sinh", "cosh")
    return {name: getattr(tf, name)(x) for name in names}


def functions_of_math(tf):
    x = tf.constant([0.1, 0.5, 0.9])
    names = ("log", "log1p", "expm1", "rsqrt", "erf", "softplus", "reciprocal")
    return {name: getattr(tf.math, name)(x) for name in names}


def edges_of_domains(tf):
    x = tf.constant([-1.0, 0.0, np.inf, np.nan])
    return tf.sqrt(x), tf.math.log(x), tf.exp(x), tf.math.is_nan(x), tf.math.is_inf(x), tf.math.is_finite(x), tf.sign(x)


def rounding(tf):
    x = tf.constant([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.51])
    return tf.round(x), tf.floor(x), tf.math.ceil(x), tf.cast(x, tf.int32)


def extremes(tf):
    return tf.maximum([1.0, np.nan], [np.nan, 2.0]), tf.minimum([1, 5], [3, 2]), tf.clip_by_value([1, 5, 9], 2, 8)


def sums_of_lists(tf):
    return tf.add_n([tf.constant([1.0, 2.0]), tf.constant([3.0, 4.0]), tf.constant([5.0, 6.0])]), tf.add_n([1, 2])


def sums_of_no_list(tf):
    return tf.add_n([])


def function_of_integers(tf):
    return tf.sqrt(tf.constant(4))


def activations(tf):
    x = tf.constant([-2.0, -0.5, 0.0, 0.5, 2.0, 7.0])
    names = (
        "relu",
        "relu6",
        "elu",
        "selu",
        "gelu",
        "softplus",
        "softsign",
        "silu",
        "swish",
        "leaky_relu",
        "tanh",
        "sigmoid",
    )
    return {name: getattr(tf.nn, name)(x) for name in names}


def softmaxes(tf):
    x = tf.constant([[1.0, 2.0, 3.0], [1000.0, 0.0, -1000.0]])
    return tf.nn.softmax(x), tf.nn.log_softmax(x), tf.nn.softmax(x, axis=0)


def cumulated(tf):
    x = tf.constant([[1, 2, 3], [4, 5, 6]])
    return tf.cumsum(x), tf.cumsum(x, axis=1), tf.cumsum(x, axis=1, exclusive=True), tf.cumsum(x, axis=1, reverse=True)
