"""Making, reshaping, joining, indexing and reducing tensors."""

import numpy as np


def zeros_and_ones(tf):
    return (
        tf.zeros(3),
        tf.zeros([2, 3]),
        tf.zeros((), tf.int32),
        tf.ones((2, 2), tf.float64),
        tf.ones(2, "int8"),
        tf.zeros([2], tf.bool),
    )


def like_another(tf):
    x = tf.constant([[1, 2]], tf.int16)
    return tf.zeros_like(x), tf.ones_like(x), tf.ones_like(x, dtype=tf.float32), tf.zeros_like([1.5])


def fills(tf):
    return (
        tf.fill([2, 3], 7),
        tf.fill((2,), 1.5),
        tf.fill([1], True),
        tf.fill([], 3),
        tf.zeros([2], tf.string),
        tf.fill([2], "q"),
    )


def ones_of_strings(tf):
    return tf.ones([2], tf.string)


def negative_size(tf):
    return tf.zeros([-1])


def identities(tf):
    return tf.eye(2), tf.eye(2, 3), tf.eye(2, dtype=tf.int32), tf.eye(2, batch_shape=[2])


def ranges(tf):
    return [
        tf.range(5),
        tf.range(2, 8),
        tf.range(2, 8, 3),
        tf.range(5.0),
        tf.range(0.0, 1.0, 0.25),
        tf.range(5, 0, -2),
        tf.range(3, dtype=tf.float64),
        tf.range(0),
        tf.range(tf.constant(3)),
        tf.range(tf.constant(3, tf.int64)),
        tf.range(1, 2.5, 0.5),
    ]


def range_without_step(tf):
    return tf.range(0, 5, 0)


def range_in_the_wrong_direction(tf):
    return tf.range(0, 5, -1)


def linspaces(tf):
    return tf.linspace(0.0, 1.0, 5), tf.linspace(0, 10, 3), tf.linspace(1.0, 1.0, 1), tf.linspace(5.0, -5.0, 4)


def linspace_of_nothing(tf):
    return tf.linspace(0.0, 1.0, 0)


def one_hots(tf):
    x = tf.constant([0, 2, -1, 5])
    return (
        tf.one_hot(x, 3),
        tf.one_hot(x, 3, on_value=5, off_value=-1),
        tf.one_hot(x, 3, axis=0),
        tf.one_hot([1], 2, dtype=tf.bool, on_value=True, off_value=False),
    )


def reshapes(tf):
    x = tf.range(6)
    return (
        tf.reshape(x, [2, 3]),
        tf.reshape(x, [-1, 2]),
        tf.reshape(x, [3, -1, 1]),
        tf.reshape(x, (6,)),
        tf.reshape(x[:1], []),
    )


def reshape_that_does_not_fit(tf):
    return tf.reshape(tf.range(6), [4, 2])


def reshape_with_two_unknowns(tf):
    return tf.reshape(tf.range(6), [-1, -1])


def axes_added_and_removed(tf):
    x = tf.zeros((2, 1, 3, 1))
    return [
        v.shape
        for v in (tf.expand_dims(x, 0), tf.expand_dims(x, -1), tf.squeeze(x), tf.squeeze(x, 1), tf.squeeze(x, [1, -1]))
    ]


def squeeze_of_another_size(tf):
    return tf.squeeze(tf.zeros((2, 1)), 0)


def transposes(tf):
    x = tf.reshape(tf.range(6), (1, 2, 3))
    return tf.transpose(x), tf.transpose(x, [0, 2, 1]), tf.transpose([[1, 2], [3, 4]])


def transpose_with_an_axis_twice(tf):
    return tf.transpose(tf.zeros((2, 3)), [0, 0])


def joined(tf):
    a, b = tf.constant([[1, 2]]), tf.constant([[3, 4]])
    return (
        tf.concat([a, b], 0),
        tf.concat([a, b], axis=1),
        tf.concat([a, b], -1),
        tf.stack([a, b]),
        tf.stack([a, b], axis=-1),
        tf.concat([[1.5], [2]], 0),
        tf.stack([1, 2.5]),
    )


def joined_with_other_sizes(tf):
    return tf.concat([tf.zeros((2, 3)), tf.zeros((2, 4))], 0)


def stacked_with_other_shapes(tf):
    return tf.stack([tf.zeros(2), tf.zeros(3)])


def taken_apart(tf):
    x = tf.constant([[1, 2, 3, 4], [5, 6, 7, 8]])
    return tf.split(x, 2, axis=1), tf.split(x, [1, 3], axis=1), tf.unstack(x), tf.split(x, [1, -1], 1)


def split_that_does_not_fit(tf):
    return tf.split(tf.range(5), 2)


def tiled_padded_reversed(tf):
    x = tf.constant([[1, 2], [3, 4]])
    return (
        tf.tile(x, [2, 1]),
        tf.pad(x, [[1, 0], [0, 2]]),
        tf.pad(x, [[1, 1], [1, 1]], "REFLECT"),
        tf.pad(x, [[1, 1], [0, 0]], constant_values=9),
        tf.reverse(x, [1]),
        tf.roll(x, 1, 0),
        tf.repeat(x, 2, axis=1),
        tf.repeat([1, 2], [2, 3]),
    )


def indices(tf):
    x = tf.reshape(tf.range(24), (2, 3, 4))
    return [
        x[0],
        x[0, 1],
        x[0, 1, 2],
        x[-1, -1],
        x[:, 1],
        x[..., 0],
        x[0, ..., 1],
        x[0, :, tf.newaxis, 2],
        x[:, ::2, 1:3],
        x[1, ::-1, 0],
        x[:0],
        x[tf.constant(1)],
        x[0][None],
    ]


def index_out_of_range(tf):
    return tf.constant([1, 2, 3])[5]


def too_many_indices(tf):
    return tf.constant([1, 2, 3])[0, 0]


def index_by_a_float(tf):
    return tf.constant([1, 2, 3])[1.0]


def index_by_a_list(tf):
    return tf.constant([1, 2, 3])[[0, 1]]


def slice_beyond_the_end(tf):
    x = tf.range(5)
    return x[3:10], x[-10:2], x[4:1], x[::-2]


def slices_by_function(tf):
    x = tf.reshape(tf.range(12), (3, 4))
    return tf.slice(x, [1, 0], [2, 2]), tf.slice(x, [0, 2], [-1, -1])


def gathers(tf):
    x = tf.constant([[1, 2], [3, 4], [5, 6]])
    return tf.gather(x, [2, 0]), tf.gather(x, 1), tf.gather(x, [1, 0], axis=1), tf.gather(x, [[0, 1], [2, 2]])


def gather_out_of_range(tf):
    return tf.gather([1, 2, 3], [0, 3])


def masks(tf):
    x = tf.constant([[1, 2], [3, 4], [5, 6]])
    return (
        tf.boolean_mask(x, [True, False, True]),
        tf.boolean_mask(x, x > 2),
        tf.where(x > 2),
        tf.where(x > 2, x, 0),
        tf.where([True], 1.5, 2),
    )


def reductions(tf):
    x = tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    names = ("sum", "mean", "max", "min", "prod", "logsumexp")
    return {
        name: [
            getattr(tf, f"reduce_{name}")(x, axis=axis, keepdims=keep)
            for axis in (None, 0, 1, [0, 1])
            for keep in (False, True)
        ]
        for name in names
    }


def reductions_of_integers(tf):
    x = tf.constant([[1, 2], [3, 5]])
    return (
        tf.reduce_sum(x),
        tf.reduce_mean(x),
        tf.reduce_max(x, 0),
        tf.reduce_prod(x, 1),
        tf.reduce_mean(tf.constant([1, 2], tf.int64)),
    )


def reductions_of_bools(tf):
    x = tf.constant([[True, False], [True, True]])
    return (
        tf.reduce_all(x),
        tf.reduce_any(x),
        tf.reduce_all(x, 1),
        tf.reduce_any(x, 0, keepdims=True),
        tf.math.reduce_all(tf.constant([], tf.bool)),
    )


def reduction_of_bools_of_numbers(tf):
    return tf.reduce_all(tf.constant([1.0]))


def reductions_of_nothing(tf):
    x = tf.zeros((0, 3))
    return (
        tf.reduce_sum(x),
        tf.reduce_sum(x, 0),
        tf.reduce_mean(x),
        tf.reduce_max(x),
        tf.reduce_min(x),
        tf.reduce_prod(x),
    )


def reduction_along_an_axis_that_is_not_there(tf):
    return tf.reduce_sum(tf.zeros((2, 3)), axis=2)


def spread(tf):
    x = tf.constant([[1.0, 2.0], [3.0, 7.0]])
    return tf.math.reduce_std(x), tf.math.reduce_variance(x, 0), tf.nn.moments(x, [0])


def places_of_extremes(tf):
    x = tf.constant([[1.0, 3.0, 3.0], [9.0, 2.0, 9.0]])
    return tf.argmax(x), tf.argmax(x, 1), tf.argmin(x, axis=-1), tf.argmax(x, 1, output_type=tf.int32)


def norms(tf):
    x = tf.constant([[3.0, 4.0], [6.0, 8.0]])
    return tf.norm(x), tf.norm(x, axis=1), tf.norm(x, ord=1, axis=0), tf.nn.l2_loss(x), tf.math.l2_normalize(x, axis=1)


def broadcast_to(tf):
    return tf.broadcast_to([1, 2], [2, 2]), tf.broadcast_to(np.float32([[1], [2]]), (2, 3))


def broadcast_to_a_shape_that_does_not_fit(tf):
    return tf.broadcast_to([1, 2], [2, 3])


def clipped_by_norms(tf):
    x = tf.constant([3.0, 4.0])
    return tf.clip_by_norm(x, 1.0), tf.clip_by_norm(x, 10.0), tf.clip_by_global_norm([x, x * 2], 1.0)


def joined_integers_and_floats(tf):
    return tf.concat([[1], [2.5]], 0)


def empty_reshaped(tf):
    empty = tf.zeros((0, 3))
    return [tf.reshape(x, shape) for x, shape in ((empty, (0, -1)), (empty, (-1, 0)), (tf.zeros((2, 0, 3)), (0, -1)))]


def shapes_that_broadcast(tf):
    return (
        tf.broadcast_static_shape(tf.TensorShape([1, 3]), tf.TensorShape([2, 1])),
        tf.broadcast_dynamic_shape([1, 3], [2, 1]),
        tf.shape_n([[1, 2], [[3]]]),
    )


def shapes_that_do_not_broadcast(tf):
    return tf.broadcast_static_shape(tf.TensorShape([3]), tf.TensorShape([2]))


def places_of_truth(tf):
    return tf.argmax([[True, False], [False, True]], 1), tf.argmin([True, False, True])
