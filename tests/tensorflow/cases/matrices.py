"""Matrices: diagonals, inverses, systems, decompositions, functions, norms; values and gradients."""

import numpy as np

ONE = np.array([[4.0, 1.0, 0.5], [1.5, 3.0, -1.0], [-0.5, 0.2, 2.0]])
BATCH = np.stack([ONE, ONE.T + np.eye(3), ONE @ ONE])
POSITIVE = np.stack([ONE @ ONE.T, ONE.T @ ONE + np.eye(3)])
TALL = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 1.0], [2.0, 2.5]])


def _graded(tf, function, *arrays):
    xs = [tf.constant(x) for x in arrays]
    with tf.GradientTape() as tape:
        tape.watch(xs)
        y = function(*xs)
        loss = tf.reduce_sum(y * tf.reshape(tf.range(1, tf.size(y) + 1, dtype=y.dtype), y.shape))
    return y, tape.gradient(loss, xs)


def diagonals(tf):
    x = np.arange(24.0).reshape(2, 3, 4)
    return (
        _graded(tf, tf.linalg.diag_part, x),
        tf.linalg.diag_part(x, k=1),
        tf.linalg.diag_part(x, k=-2),
        _graded(tf, lambda x: tf.linalg.diag_part(x, k=(-1, 2), padding_value=tf.constant(9.0, tf.float64)), x),
        tf.linalg.diag_part(x, k=(-1, 2), align="LEFT_RIGHT"),
        tf.linalg.diag_part(x, k=(0, 1), align="LEFT_LEFT"),
        tf.linalg.diag_part(x, k=(-2, -1), align="RIGHT_RIGHT"),
        _graded(tf, tf.linalg.trace, x),
        _graded(tf, lambda x: tf.linalg.band_part(x, 1, 0), x),
        tf.linalg.band_part(x, -1, 1),
        tf.linalg.band_part(x, 0, -1),
    )


def matrices_of_diagonals(tf):
    x = np.arange(1.0, 7.0).reshape(2, 3)
    return (
        _graded(tf, tf.linalg.diag, x),
        tf.linalg.diag(x, k=1),
        tf.linalg.diag(x, k=-1, num_rows=5, num_cols=4, padding_value=tf.constant(7.0, tf.float64)),
        tf.linalg.diag(x, k=(-1, 0)),
        tf.linalg.diag([[0, 8, 9, 7], [6, 7, 8, 9], [1, 2, 3, 4], [0, 4, 5, 6]][1:3], k=(0, 1)),
        tf.linalg.diag([1, 2, 3]),
        _graded(tf, lambda x, d: tf.linalg.set_diag(x, d), BATCH, np.arange(9.0).reshape(3, 3)),
        tf.linalg.set_diag(np.zeros((3, 4)), np.array([1.0, 2.0, 3.0]), k=1),
        tf.linalg.set_diag(np.zeros((3, 3)), np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]), k=(0, 1)),
        _graded(tf, tf.linalg.tensor_diag, x),
        _graded(tf, lambda x: tf.linalg.tensor_diag_part(tf.linalg.tensor_diag(x)), x),
    )


def inverses_and_determinants(tf):
    return (
        _graded(tf, tf.linalg.inv, BATCH),
        tf.linalg.inv(BATCH, adjoint=True),
        _graded(tf, tf.linalg.det, BATCH),
        _graded(tf, lambda x: tf.linalg.slogdet(x).log_abs_determinant, -BATCH),
        tf.linalg.slogdet(-BATCH).sign,
        _graded(tf, tf.linalg.logdet, POSITIVE),
        tf.linalg.inv(ONE.astype(np.float32)),
        _graded(tf, tf.linalg.pinv, TALL),
        tf.linalg.pinv(TALL.T),
    )


inverses_and_determinants.tolerance = 1e-9


def inverse_of_a_singular_matrix(tf):
    return tf.linalg.inv(tf.zeros((2, 2)))


def inverse_of_a_rectangle(tf):
    return tf.linalg.inv(tf.zeros((2, 3)))


def systems(tf):
    b = np.arange(18.0).reshape(3, 3, 2)
    return (
        _graded(tf, tf.linalg.solve, BATCH, b),
        _graded(tf, lambda a, b: tf.linalg.solve(a, b, adjoint=True), BATCH, b),
        _graded(tf, tf.linalg.triangular_solve, BATCH, b),
        _graded(tf, lambda a, b: tf.linalg.triangular_solve(a, b, lower=False), BATCH, b),
        _graded(tf, lambda a, b: tf.linalg.triangular_solve(a, b, adjoint=True), BATCH, b),
        _graded(tf, lambda a, b: tf.linalg.lstsq(a, b), TALL, b[0, :2, :1].repeat(2, 0)),
        tf.linalg.lstsq(TALL, np.ones((4, 1)), l2_regularizer=0.1),
        tf.linalg.lstsq(TALL.T, np.ones((2, 1))),
        tf.linalg.lstsq(TALL, np.ones((4, 1)), fast=False),
    )


systems.tolerance = 1e-9


def choleskys(tf):
    b = np.arange(12.0).reshape(2, 3, 2)
    return (
        _graded(tf, tf.linalg.cholesky, POSITIVE),
        _graded(tf, lambda a, b: tf.linalg.cholesky_solve(tf.linalg.cholesky(a), b), POSITIVE, b),
    )


choleskys.tolerance = 1e-9


def cholesky_of_what_is_not_positive(tf):
    return tf.linalg.cholesky([[1.0, 2.0], [2.0, 1.0]])


def orthogonal_factors(tf):
    q, r = tf.linalg.qr(TALL)
    full = tf.linalg.qr(TALL, full_matrices=True)
    return (
        q,
        r,
        [tuple(x.shape) for x in full],
        _graded(tf, lambda x: tf.linalg.qr(x)[0] ** 2 + tf.linalg.qr(x)[0], TALL),
        _graded(tf, lambda x: tf.linalg.qr(x)[1], BATCH),
    )


orthogonal_factors.tolerance = 1e-9


def singular_values(tf):
    s, u, v = tf.linalg.svd(BATCH)

    def signless(x):
        s, u, v = tf.linalg.svd(x)
        return tf.concat([u * u, v * v, u * s[..., None, :] @ tf.linalg.adjoint(v)], axis=-2)

    return (
        s,
        tf.matmul(u, tf.linalg.diag(s) @ tf.linalg.adjoint(v)),
        _graded(tf, lambda x: tf.linalg.svd(x, compute_uv=False), TALL),
        _graded(tf, signless, TALL),
        _graded(tf, signless, BATCH),
        [tuple(x.shape) for x in tf.linalg.svd(TALL, full_matrices=True)],
        tf.linalg.matrix_rank(BATCH),
        tf.linalg.matrix_rank(np.ones((3, 4))),
    )


singular_values.tolerance = 1e-9


def eigenvalues(tf):
    e, v = tf.linalg.eigh(POSITIVE)

    def signless(x):
        e, v = tf.linalg.eigh(x)
        return v * v * e[..., None, :]

    return (
        e,
        v @ tf.linalg.diag(e) @ tf.linalg.adjoint(v),
        _graded(tf, tf.linalg.eigvalsh, POSITIVE),
        _graded(tf, signless, POSITIVE),
    )


eigenvalues.tolerance = 1e-9


def functions_of_matrices(tf):
    return (
        _graded(tf, tf.linalg.expm, BATCH[:2] / 2),
        tf.linalg.expm(np.zeros((2, 2))),
        _graded(tf, tf.linalg.sqrtm, POSITIVE),
    )


functions_of_matrices.tolerance = 1e-9


def norms_and_products(tf):
    a, b = ONE, ONE[::-1] + 1
    return (
        _graded(tf, lambda x: tf.linalg.normalize(x, axis=1)[0], a),
        tf.linalg.normalize(a)[1],
        tf.linalg.normalize(a, ord=1, axis=0),
        _graded(tf, tf.linalg.cross, a, b),
        tf.linalg.global_norm([tf.constant([3.0]), None, tf.constant([[4.0]])]),
        tf.linalg.matrix_transpose(TALL),
        tf.linalg.adjoint(TALL),
        tf.linalg.einsum("ij,jk->ik", a, b),
        tf.linalg.tensordot(a, b, 1),
    )


norms_and_products.tolerance = 1e-9
