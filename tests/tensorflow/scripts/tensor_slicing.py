"""Essential lines of the guide on tensor slicing."""

import tensorflow as tf

results = {}
t1 = tf.constant([0, 1, 2, 3, 4, 5, 6, 7])
results["slice"] = tf.slice(t1, begin=[1], size=[3])
results["pythonic"] = [t1[1:4], t1[-3:], t1[::2], t1[1]]
t2 = tf.constant([[0, 1, 2, 3, 4], [5, 6, 7, 8, 9], [10, 11, 12, 13, 14], [15, 16, 17, 18, 19]])
results["two_axes"] = [t2[:-1, 1:3], t2[..., 1], t2[2], t2[:, tf.newaxis, 0]]
t3 = tf.constant([[[1, 3, 5, 7], [9, 11, 13, 15]], [[17, 19, 21, 23], [25, 27, 29, 31]]])
results["three_axes"] = tf.slice(t3, begin=[1, 1, 0], size=[1, 1, 2])
results["strided"] = tf.strided_slice(t2, begin=[0, 1], end=[3, 5], strides=[2, 2])
results["gather"] = [tf.gather(t1, indices=[0, 3, 6]), t1[::3]]
alphabet = tf.constant(list("abcdefghijklmnopqrstuvwxyz"))
results["gather_strings"] = tf.gather(alphabet, indices=[2, 0, 19, 18])
t4 = tf.constant([[0, 5], [1, 6], [2, 7], [3, 8], [4, 9]])
results["gather_nd"] = tf.gather_nd(t4, indices=[[2], [3], [0]])
t5 = tf.reshape(tf.range(18), [2, 3, 3])
results["gather_nd_deep"] = tf.gather_nd(t5, indices=[[0, 0, 0], [1, 2, 1]])
results["gather_nd_rows"] = tf.gather_nd(t5, indices=[[[0, 0], [0, 2]], [[1, 0], [1, 2]]])
results["gather_axis"] = tf.gather(t5, [2, 0], axis=2)
results["batch_dims"] = tf.gather(t2, [[0, 1], [4, 4], [2, 3], [0, 0]], batch_dims=1)

t6 = tf.constant([10])
indices = tf.constant([[1], [3], [5], [7], [9]])
data = tf.constant([2, 4, 6, 8, 10])
results["scatter_nd"] = tf.scatter_nd(indices=indices, updates=data, shape=t6)
new_indices = tf.constant([[0, 2], [2, 1], [3, 3]])
t7 = tf.gather_nd(t2, indices=new_indices)
results["scatter_back"] = tf.scatter_nd(indices=new_indices, updates=t7, shape=tf.constant([4, 5]))
t11 = tf.constant([[2, 7, 0], [9, 0, 1], [0, 3, 8]])
t12 = tf.tensor_scatter_nd_add(t11, indices=[[0, 2], [1, 1], [2, 0]], updates=[6, 5, 4])
results["magic_square"] = t12
results["scatter_sub"] = tf.tensor_scatter_nd_sub(t11, indices=[[0, 0], [0, 1], [1, 0]], updates=[1, 1, 1])
results["scatter_min"] = tf.tensor_scatter_nd_min(t11, indices=[[0, 2], [1, 1]], updates=[5, -5])
results["scatter_max"] = tf.tensor_scatter_nd_max(t11, indices=[[0, 2], [1, 1], [2, 0]], updates=[6, 5, 4])
results["scatter_update"] = tf.tensor_scatter_nd_update(t11, indices=[[0], [2]], updates=[[1, 1, 1], [2, 2, 2]])
results["mask"] = [tf.boolean_mask(t2, t2[:, 0] > 4), tf.where(t1 > 3)]
