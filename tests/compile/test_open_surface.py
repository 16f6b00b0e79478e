"""Functions made of others, in traces that know all sizes and in those that know none: eager values and gradients."""

import numpy as np
import pytest

import microdl as tf

SQUARE = np.array([[4.0, 1.0, 0.5], [1.5, 3.0, -1.0], [-0.5, 0.2, 2.0]])
ROWS = np.sin(np.arange(12.0)).reshape(3, 4) + 1.5
IMAGE = np.sin(np.arange(32.0)).reshape(1, 4, 4, 2)
IDS = np.array([0, 2, 0], np.int32)

FUNCTIONS = {
    "einsum": (lambda a, b: tf.einsum("ij,...jk->...ik", a, b), SQUARE, ROWS[None]),
    "einsum_diagonal": (lambda a: tf.einsum("ii->i", a), SQUARE),
    "einsum_three": (lambda a, b: tf.einsum("ij,jk,lk->il", a, a, b), SQUARE, ROWS[:, :3]),
    "tensordot": (lambda a, b: tf.tensordot(a, b, 1), SQUARE, ROWS),
    "gather_side_by_side": (lambda x: tf.gather(x, [[0, 2], [1, 1], [3, 0]], batch_dims=1), ROWS),
    "gather_nd_side_by_side": (lambda x: tf.gather_nd(x, [[1], [3], [0]], batch_dims=1), ROWS),
    "tensor_scatter_nd_add": (lambda x, u: tf.tensor_scatter_nd_add(x, [[0], [2]], u), ROWS, ROWS[:2]),
    "strided_slice": (lambda x: tf.strided_slice(x, [0, 1], [3, 0], [2, 1], end_mask=2), ROWS),
    "open_ends": (lambda x: x[1:, ::-1], ROWS),
    "sequence_mask": (lambda x: tf.sequence_mask([1, 3], tf.shape(x)[1], tf.float64), ROWS),
    "reverse_sequence": (lambda x: tf.reverse_sequence(x, [2, 3, 1], seq_axis=1), ROWS),
    "meshgrid": (lambda x, y: tf.meshgrid(x, y), ROWS[0], ROWS[:, 0]),
    "sort": (lambda x: (tf.sort(x, axis=0), tf.argsort(x, direction="DESCENDING")), ROWS),
    "in_top_k": (lambda x: tf.math.in_top_k([0, 1, 2], x, 2), ROWS),
    "unsorted_segment_mean": (lambda x, i: tf.math.unsorted_segment_mean(x, i, 3), ROWS, IDS),
    "bincount": (lambda i: tf.math.bincount(i, minlength=4, maxlength=4), IDS),
    "confusion_matrix": (lambda i: tf.math.confusion_matrix(i, i, num_classes=3), IDS),
    "cumulative_logsumexp": (lambda x: tf.math.cumulative_logsumexp(x, axis=1), ROWS),
    "lbeta": (lambda x: tf.math.lbeta(x), ROWS),
    "special": (lambda x: (tf.math.digamma(x), tf.math.igamma(x, x), tf.math.erfinv(x / 4), tf.atan2(x, x)), ROWS),
    "xlogy": (lambda x: tf.math.xlogy(x, x), ROWS),
    "zero_fraction": (lambda x: (tf.math.zero_fraction(x), tf.math.count_nonzero(x, axis=1)), ROWS),
    "is_non_decreasing": (lambda x: tf.math.is_non_decreasing(x), ROWS),
    "reduce_euclidean_norm": (lambda x: tf.math.reduce_euclidean_norm(x, axis=1), ROWS),
    "diag": (lambda x: (tf.linalg.diag(x), tf.linalg.diag_part(x), tf.linalg.band_part(x, 0, 1)), SQUARE),
    "set_diag": (lambda x, d: tf.linalg.set_diag(x, d), SQUARE, SQUARE[0]),
    "trace": (lambda x: tf.linalg.trace(x), SQUARE),
    "logdet": (lambda x: tf.linalg.logdet(x @ tf.linalg.adjoint(x)), SQUARE),
    "cholesky_solve": (lambda x, b: tf.linalg.cholesky_solve(x, b), SQUARE, ROWS),
    "lstsq": (lambda a, b: tf.linalg.lstsq(a, b), ROWS[:, :2], ROWS),
    "pinv": (lambda a: tf.linalg.pinv(a), ROWS[:, :2]),
    "matrix_rank": (lambda a: tf.linalg.matrix_rank(a), ROWS),
    "normalize": (lambda x: tf.linalg.normalize(x, axis=1), ROWS),
    "cross": (lambda a, b: tf.linalg.cross(a, b), SQUARE, SQUARE[::-1].copy()),
    "space_to_depth": (lambda x: tf.nn.depth_to_space(tf.nn.space_to_depth(x, 2) * 2.0, 2), IMAGE),
    "lrn": (lambda x: tf.nn.local_response_normalization(x, 1), IMAGE),
    "max_pool_with_argmax": (lambda x: tf.nn.max_pool_with_argmax(x, 2, 2, "SAME"), IMAGE),
    "conv1d": (lambda x, w: tf.nn.conv1d(x, w, 1, "SAME"), ROWS[None], np.ones((3, 4, 2))),
    "moments": (lambda x: (tf.nn.weighted_moments(x, [0], 0.5), tf.nn.sufficient_statistics(x, [0])[:3]), ROWS),
    "weighted_cross_entropy": (lambda x: tf.nn.weighted_cross_entropy_with_logits(x - 1, x, 2.0), ROWS),
    "log_poisson_loss": (lambda x: tf.nn.log_poisson_loss(x, x, compute_full_loss=True), ROWS),
    "compute_average_loss": (lambda x: tf.nn.compute_average_loss(x[0]), ROWS),
}


def values_and_gradients(function):
    def run(*xs):
        sources = [x for x in xs if x.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            ys = tf.nest.flatten(function(*xs))
        floating = [y for y in ys if y.dtype.is_floating]
        if not floating or not sources:
            return ys
        return ys + tape.gradient(floating, sources, unconnected_gradients="zero")

    return run


@pytest.mark.parametrize("name", FUNCTIONS)
def test_traced_functions_give_what_eager_ones_give(name):
    function, *arrays = FUNCTIONS[name]
    run, xs = values_and_gradients(function), [tf.constant(x) for x in arrays]
    expected = run(*xs)
    signature = [tf.TensorSpec([None] * x.ndim, x.dtype) for x in xs]
    for traced in (tf.function(run), tf.function(run, input_signature=signature)):
        for y, e in zip(traced(*xs), expected, strict=True):
            assert y.dtype is e.dtype
            np.testing.assert_allclose(y.numpy(), e.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: tf.unique(x),
        lambda x: tf.dynamic_partition(x, x, 2),
        lambda x: tf.sequence_mask(x),
        lambda x: tf.math.bincount(x),
        lambda x: tf.math.segment_sum(x, x),
    ],
)
def test_shapes_that_depend_on_values_are_refused_while_tracing(call):
    with pytest.raises(TypeError, match="the shape of the result depends on the values of"):
        tf.function(call)(tf.constant([0, 0, 1]))
