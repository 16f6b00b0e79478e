"""Elements and slices at places of one's choice, scattering, order, segments, sequences, Einstein's summation."""

import numpy as np


def _graded(tf, function, *arrays):
    """What a function gives, and its gradients."""
    xs = [tf.constant(x) for x in arrays]
    with tf.GradientTape() as tape:
        tape.watch([x for x in xs if x.dtype.is_floating])
        y = function(*xs)
        loss = tf.reduce_sum(y * y)
    return y, tape.gradient(loss, [x for x in xs if x.dtype.is_floating])


def _numbers(*shape):
    return np.linspace(-1.0, 2.0, int(np.prod(shape)), dtype=np.float32).reshape(shape) ** 2 - 0.5


def gathers_of_elements(tf):
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    return (
        _graded(tf, lambda x: tf.gather_nd(x, [[0, 1], [2, 3], [0, 1]]), x),
        _graded(tf, lambda x: tf.gather_nd(x, [[[2]], [[0]]]), x),
        tf.gather_nd(x, [0, 3]),
        tf.gather_nd(tf.reshape(x, (2, 2, 3)), [[1], [0]], batch_dims=1),
    )


def gather_nd_outside(tf):
    return tf.gather_nd([[1.0, 2.0]], [[0, 2]])


def gathers_side_by_side(tf):
    x = _numbers(2, 3, 4)
    return (
        _graded(tf, lambda x: tf.gather(x, [[0, 2], [1, 1]], axis=1, batch_dims=1), x),
        tf.gather(x, [[0, 2], [1, 1]], axis=2, batch_dims=1),
        tf.gather(x, [[0, 2, 1], [1, 1, 0]], batch_dims=2),
        tf.gather(x, [[0, 2], [1, 1]], batch_dims=1),
    )


def scatters(tf):
    indices = [[4], [3], [1], [4]]
    return (
        _graded(tf, lambda u: tf.scatter_nd(indices, u, [6]), np.array([9, 10, 11, 12], np.float32)),
        tf.scatter_nd([[0], [2]], [[5, 5, 5], [6, 6, 6]], tf.constant([4, 3])),
        tf.scatter_nd(tf.constant([[0, 1]], tf.int64), [7.0], [2, 2]),
    )


def scatters_into_tensors(tf):
    x, u = np.array([1.0, 5.0, 2.0, 8.0], np.float32), np.array([3.0, 2.0, 9.0], np.float32)
    indices = [[1], [2], [0]]
    return [
        _graded(tf, lambda x, u, f=f: f(x, indices, u), x, u)
        for f in (
            tf.tensor_scatter_nd_add,
            tf.tensor_scatter_nd_sub,
            tf.tensor_scatter_nd_update,
            tf.tensor_scatter_nd_min,
            tf.tensor_scatter_nd_max,
        )
    ]


def scatter_of_rows(tf):
    x = tf.zeros([4, 2])
    return tf.tensor_scatter_nd_update(x, [[1], [3]], [[1.0, 2.0], [3.0, 4.0]])


def scatter_of_wrong_shape(tf):
    return tf.tensor_scatter_nd_add([1.0, 2.0], [[0]], [1.0, 2.0])


def strided_slices(tf):
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    return (
        _graded(tf, lambda x: tf.strided_slice(x, [0, 1], [2, 3], [1, 2]), x),
        tf.strided_slice(x, [1, -1, 0], [2, -3, 3], [1, -1, 1]),
        tf.strided_slice(x, [0, 0], [0, 2], begin_mask=1, end_mask=1),
        tf.strided_slice(x, [1, 0], [2, 0], shrink_axis_mask=1, end_mask=2),
        tf.strided_slice(x, [0, 1], [0, 3], ellipsis_mask=1),
        tf.strided_slice(x, [0, 1], [0, 2], new_axis_mask=1),
    )


def partitions_and_stitches(tf):
    parts = tf.dynamic_partition(_numbers(5, 2), [0, 1, 1, 0, 2], 3)
    back = tf.dynamic_stitch([[0, 3], [1, 2], [4]], parts)
    return parts, back, tf.dynamic_stitch([0, [2, 1]], [[1, 2], [[5, 6], [3, 4]]])


def partitions_have_gradients(tf):
    return _graded(tf, lambda x: tf.dynamic_partition(x, [0, 1, 0], 2)[0], _numbers(3))


def masks_of_sequences(tf):
    return (
        tf.sequence_mask([1, 3, 2], 5),
        tf.sequence_mask([[1, 3], [2, 0]]),
        tf.sequence_mask([1, 2], 3, tf.float32),
        tf.sequence_mask(2, 4),
    )


def reversed_sequences(tf):
    return (
        _graded(tf, lambda x: tf.reverse_sequence(x, [2, 3], seq_axis=1, batch_axis=0), _numbers(2, 4)),
        tf.reverse_sequence(_numbers(4, 2, 2), [0, 4], seq_axis=0, batch_axis=1),
    )


def searches(tf):
    rows = [[1.0, 3.0, 3.0, 9.0], [0.0, 2.0, 4.0, 6.0]]
    return (
        tf.searchsorted(rows, [[0.0, 3.0, 10.0], [6.0, 1.0, 2.0]]),
        tf.searchsorted(rows, [[0.0, 3.0, 10.0], [6.0, 1.0, 2.0]], side="right", out_type=tf.int64),
        tf.searchsorted([1, 2, 3], [2]),
    )


def distinct_values(tf):
    y, index = tf.unique([1, 1, 2, 4, 4, 4, 7, 8, 8])
    z, number, count = tf.unique_with_counts([3.5, 1.5, 3.5], tf.int64)
    return y, index, z, number, count


def grids(tf):
    return (
        tf.meshgrid([1, 2, 3], [4, 5]),
        tf.meshgrid([1.0, 2.0], [4.0, 5.0, 6.0], indexing="ij"),
        tf.meshgrid([1], [2, 3], [4, 5]),
        tf.unravel_index([5, 7], [2, 4]),
        tf.math.invert_permutation([2, 0, 1]),
    )


def sorts(tf):
    x = np.array([[3.0, 1.0, 2.0], [9.0, 9.0, -1.0]], np.float32)
    return (
        _graded(tf, lambda x: tf.sort(x) * tf.range(3.0), x),
        _graded(tf, lambda x: tf.sort(x, axis=0, direction="DESCENDING"), x),
        tf.argsort(x),
        tf.argsort(x, direction="DESCENDING", axis=0),
        tf.sort([3, -(2**31), 2**31 - 1, 0]),
        tf.sort(tf.constant([3, 255, 0], tf.uint8), direction="DESCENDING"),
        tf.argsort(tf.constant([3, 255, 0], tf.uint8)),
    )


def greatest(tf):
    x = np.array([[3.0, 1.0, 2.0], [9.0, 9.0, -1.0]], np.float32)
    return (
        _graded(tf, lambda x: tf.math.top_k(x, 2).values, x),
        tuple(tf.math.top_k(x, 2)),
        tuple(tf.nn.top_k([1, 5, 3])),
        tf.math.in_top_k([0, 1], x, 1),
        tf.nn.in_top_k([1, 2], [[0.1, 0.5, 0.5], [float("inf"), 1.0, 0.0]], 2),
    )


def more_than_there_are(tf):
    return tf.math.top_k([1.0, 2.0], 3)


def counts(tf):
    return (
        tf.math.bincount([1, 1, 2, 5]),
        tf.math.bincount([1, 1, 2, 5], minlength=8),
        tf.math.bincount([1, 1, 2, 5], maxlength=3),
        tf.math.bincount([1, 1, 2], weights=[0.5, 0.25, 1.0]),
        tf.math.bincount([[1, 1], [2, 0]], axis=-1),
        tf.math.bincount([[1, 1], [2, 0]], axis=-1, binary_output=True),
        tf.math.confusion_matrix([1, 2, 4], [2, 2, 4]),
        tf.math.confusion_matrix([0, 1], [1, 1], num_classes=3, weights=[0.5, 2.0], dtype=tf.float32),
        tf.histogram_fixed_width([-1.0, 0.0, 1.5, 2.0, 5.0, 15.0], [0.0, 5.0], nbins=5),
    )


def sums_of_sorted_segments(tf):
    x, ids = _numbers(4, 2), [0, 0, 2, 2]
    return [
        _graded(tf, lambda x, f=f: f(x, tf.constant(ids)), x)
        for f in (tf.math.segment_sum, tf.math.segment_mean, tf.math.segment_max, tf.math.segment_min)
    ]


def products_of_sorted_segments(tf):
    return tf.math.segment_prod(_numbers(4, 2), [0, 0, 2, 2])


def segments_out_of_order(tf):
    return tf.math.segment_sum([1.0, 2.0], [1, 0])


def sums_of_unsorted_segments(tf):
    x, ids = _numbers(4, 2), [2, 0, 2, -1]
    return [
        _graded(tf, lambda x, f=f: f(x, tf.constant(ids), 4), x)
        for f in (
            tf.math.unsorted_segment_sum,
            tf.math.unsorted_segment_mean,
            tf.math.unsorted_segment_sqrt_n,
            tf.math.unsorted_segment_prod,
        )
    ]


def extremes_of_unsorted_segments(tf):
    x, ids = np.array([1.0, 5.0, 5.0, 2.0], np.float32), [0, 1, 1, 0]
    return [
        _graded(tf, lambda x, f=f: f(x, tf.constant(ids), 2), x)
        for f in (tf.math.unsorted_segment_max, tf.math.unsorted_segment_min)
    ]


def einsum_of_two(tf):
    a, b = _numbers(2, 3), _numbers(3, 4)
    square = _numbers(3, 3)
    return (
        _graded(tf, lambda a, b: tf.einsum("ij,jk->ik", a, b), a, b),
        _graded(tf, lambda a, b: tf.einsum("ij,jk", a, b), a, b),
        _graded(tf, lambda a, b: tf.einsum("ij,jk->kij", a, b), a, b),
        _graded(tf, lambda a, b: tf.einsum("ij,kl->jl", a, b), a, b),
        _graded(tf, lambda a: tf.einsum("ij,ij->", a, a), a),
        _graded(tf, lambda a: tf.einsum("i,j->ij", a[0], a[1]), a),
        _graded(tf, lambda x: tf.einsum("ij->ji", x), square),
        tf.einsum("ij->j", a),
        tf.einsum("ba", a),
    )


def einsum_of_diagonals(tf):
    x = _numbers(3, 3)
    return (
        _graded(tf, lambda x: tf.einsum("ii->i", x), x),
        _graded(tf, lambda x: tf.einsum("ii", x), x),
        _graded(tf, lambda x: tf.einsum("ii,ij->j", x, x), x),
        tf.einsum("...ii->...i", _numbers(2, 3, 3)),
    )


def einsum_of_batches(tf):
    a, b = _numbers(5, 2, 3), _numbers(5, 3, 4)
    return (
        _graded(tf, lambda a, b: tf.einsum("bij,bjk->bik", a, b), a, b),
        _graded(tf, lambda a, b: tf.einsum("...ij,...jk->...ik", a, b), a, b),
        _graded(tf, lambda a, b: tf.einsum("...ij,jk->...ik", a, b), a, b[0]),
    )


def einsum_of_an_ellipsis(tf):
    return tf.einsum("...j->...", _numbers(2, 3, 4)), tf.einsum("i...j->j...i", _numbers(2, 3, 4))


def einsum_of_three(tf):
    return _graded(
        tf, lambda a, b, c: tf.einsum("ij,jk,kl->il", a, b, c), _numbers(2, 3), _numbers(3, 4), _numbers(4, 2)
    )


def einsum_of_integers(tf):
    return tf.einsum("ij,jk->ik", tf.constant([[1, 2]]), tf.constant([[3], [4]]))


def einsum_of_wrong_rank(tf):
    return tf.einsum("ijk->i", tf.zeros((2, 2)))


def products_of_tensors(tf):
    a, b = _numbers(2, 3, 4), _numbers(4, 3, 2)
    return (
        _graded(tf, lambda a, b: tf.tensordot(a, b, 1), a, b),
        _graded(tf, lambda a, b: tf.tensordot(a, b, [[1, 2], [1, 0]]), a, b),
        tf.tensordot(a[0, 0], b[:, 0, 0], 1),
        tf.tensordot(a[0, 0], b[:2, 0, 0], 0),
        tf.tensordot(a, b, axes=[2, 0]),
    )


def pixels_and_channels(tf):
    x = _numbers(1, 4, 4, 4)
    return (
        _graded(tf, lambda x: tf.nn.space_to_depth(x, 2), x),
        _graded(tf, lambda x: tf.nn.depth_to_space(x, 2), x),
    )
