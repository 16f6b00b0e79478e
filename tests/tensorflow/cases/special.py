"""Special functions and functions made of others: values and gradients."""

import numpy as np

POINTS = np.array([0.1, 0.5, 0.9, 1.5, 3.0, 8.5, 20.0], np.float64)
OTHERS = np.array([2.0, 0.3, 1.0, 4.0, 2.5, 9.0, 15.0], np.float64)


def _graded(tf, function, *arrays):
    """What a function gives, and its gradients; of an array given as a list none is asked for."""
    xs = [tf.constant(x) for x in arrays]
    with tf.GradientTape() as tape:
        tape.watch(xs)
        y = function(*xs)
    return y, tape.gradient(y, xs)


def inverse_hyperbolic(tf):
    x = np.array([-0.9, -0.2, 0.0, 0.5, 0.99])
    return (
        _graded(tf, tf.acosh, 1 + POINTS),
        _graded(tf, tf.asinh, x),
        _graded(tf, tf.atanh, x),
        tf.math.acosh(np.float32(2.0)),
    )


def angles(tf):
    y, x = np.array([1.0, -1.0, 0.5, 2.0]), np.array([1.0, -2.0, -0.5, 0.0])
    return _graded(tf, tf.atan2, y, x), tf.math.atan2([0.0, 1.0], [-1.0]), tf.math.angle([1.0, -1.0])


def error_functions(tf):
    p = np.array([0.01, 0.2, 0.5, 0.77, 0.999])
    return (
        _graded(tf, tf.math.erfc, POINTS / 5),
        _graded(tf, tf.math.erfinv, 2 * p - 1),
        _graded(tf, tf.math.ndtri, p),
        _graded(tf, tf.math.erfcinv, 2 * p),
    )


error_functions.tolerance = 1e-9


def gamma_functions(tf):
    x = np.array([-2.5, -0.3, 0.2, 1.0, 2.0, 9.9, 30.0])
    return (
        _graded(tf, tf.math.lgamma, x),
        _graded(tf, tf.math.digamma, x),
        _graded(tf, lambda q: tf.math.polygamma(tf.constant(2.0, tf.float64), q), POINTS),
        _graded(tf, lambda q: tf.math.zeta(tf.constant(2.5, tf.float64), q), POINTS),
        _graded(tf, tf.math.lbeta, np.stack([POINTS, OTHERS], axis=1)),
    )


gamma_functions.tolerance = 1e-9


def incomplete_gammas(tf):
    return _graded(tf, tf.math.igamma, POINTS, OTHERS), _graded(tf, tf.math.igammac, POINTS, OTHERS)


incomplete_gammas.tolerance = 1e-9


def incomplete_betas(tf):
    x = np.array([0.01, 0.3, 0.5, 0.7, 0.9, 0.4, 0.6])
    return _graded(tf, lambda x: tf.math.betainc(tf.constant(POINTS), tf.constant(OTHERS), x), x)


incomplete_betas.tolerance = 1e-9


def bessel_functions(tf):
    x = np.array([-3.0, -0.5, 0.5, 2.0, 40.0])
    return [
        _graded(tf, f, x)
        for f in (tf.math.bessel_i0, tf.math.bessel_i1, tf.math.special.bessel_i0e, tf.math.special.bessel_i1e)
    ]


bessel_functions.tolerance = 1e-9


def guarded_zeros(tf):
    x, y = np.array([0.0, 2.0, 0.0, 3.0]), np.array([0.0, 3.0, 5.0, 0.5])
    return (
        _graded(tf, tf.math.xlogy, x, y),
        _graded(tf, tf.math.xlog1py, x, y),
        _graded(tf, tf.math.xdivy, x, y),
        _graded(tf, tf.math.reciprocal_no_nan, np.array([2.0, -4.0])),
        tf.math.reciprocal_no_nan([0.0, 2.0]),
        _graded(tf, tf.math.log_sigmoid, np.array([-50.0, 0.0, 3.0])),
    )


def division_towards_zero(tf):
    return (
        tf.truncatediv([7, -7, 7, -7], [2, 2, -2, -2]),
        tf.truncatemod([7, -7, 7, -7], [2, 2, -2, -2]),
        tf.truncatediv([7.5, -7.5], 2.0),
        tf.truncatemod([7.5, -7.5], 2.0),
        tf.realdiv([1.0, 2.0], [3.0, 4.0]),
    )


def small_functions(tf):
    return (
        tf.math.rint([0.5, 1.5, 2.5, -0.7]),
        tf.scalar_mul(3.0, tf.constant([1.0, 2.0])),
        tf.math.polyval([1.0, -3.0, 2.0], [1.0, 2.0, 3.0]),
        tf.math.nextafter([1.0, 0.0], [2.0, -1.0]),
        tf.math.nextafter(tf.constant(1.0, tf.float64), 0.0),
        tf.math.real([1.5]),
        tf.math.conj([1.5]),
        tf.math.imag([1.5]),
    )


def sums_of_many(tf):
    return tf.math.accumulate_n([tf.constant([[1, 2], [3, 4]]), tf.constant([[4, 9], [1, 2]])])


def scalar_mul_of_a_vector(tf):
    return tf.scalar_mul([1.0, 2.0], tf.constant([1.0, 2.0]))


def running_products(tf):
    x = np.array([[1.0, 2.0, 3.0], [0.5, -1.0, 4.0]])
    return [
        _graded(tf, lambda x, e=e, r=r, a=a: tf.math.cumprod(x, axis=a, exclusive=e, reverse=r) ** 2, x)
        for e in (False, True)
        for r in (False, True)
        for a in (0, -1)
    ] + [tf.math.cumprod([1, 2, 3])]


def running_logsumexps(tf):
    x = np.array([[1.0, 2.0, 300.0], [0.5, -1.0, 4.0]])
    return [
        _graded(tf, lambda x, e=e, r=r: tf.math.cumulative_logsumexp(x, axis=1, exclusive=e, reverse=r), x)
        for e, r in ((False, False), (False, True))
    ] + [tf.math.cumulative_logsumexp([1.0, 2.0, 3.0], exclusive=True)]


def counting(tf):
    x = tf.constant([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    return (
        tf.math.count_nonzero(x),
        tf.math.count_nonzero(x, 0),
        tf.math.count_nonzero(x, 1, keepdims=True, dtype=tf.int32),
        tf.math.count_nonzero([True, False]),
        tf.math.count_nonzero(["", "a", "  "]),
        tf.math.zero_fraction(x),
        tf.nn.zero_fraction([0, 0, 3]),
        tf.math.reduce_euclidean_norm(x),
        tf.math.reduce_euclidean_norm(x, 1, keepdims=True),
        tf.math.reduce_euclidean_norm([[1, 2, 3], [1, 1, 1]]),
        tf.math.is_non_decreasing([1, 1, 2]),
        tf.math.is_strictly_increasing([1, 1, 2]),
        tf.math.is_strictly_increasing([1.0]),
    )


def euclidean_norms_have_gradients(tf):
    return _graded(tf, lambda x: tf.math.reduce_euclidean_norm(x, axis=1), np.array([[1.0, 2.0], [3.0, -4.0]]))


def casts_that_saturate(tf):
    return (
        tf.saturate_cast([-5.0, 300.0, 17.5], tf.uint8),
        tf.saturate_cast([1e20, -1e20, 3.0], tf.int32),
        tf.saturate_cast([-5, 300], tf.uint8),
        tf.dtypes.saturate_cast([70000.0, 1.0], tf.float16),
    )


def the_same_bits(tf):
    return (
        tf.bitcast([1.0, -2.0], tf.int32),
        tf.bitcast(tf.constant([1, 256]), tf.uint8),
        tf.bitcast(tf.constant([[1, 2, 3, 4]], tf.uint8), tf.uint32),
    )


def bits_that_do_not_fit(tf):
    return tf.bitcast(tf.constant([1, 2, 3], tf.uint8), tf.uint32)


def dtypes_by_name(tf):
    return tf.dtypes.float32, tf.dtypes.as_dtype("int8"), tf.dtypes.cast([1.7], tf.dtypes.int32)
