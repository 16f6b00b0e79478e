"""Names, static shapes and reprs of what functions add to a graph, and how they are looked up."""


def placeholder(tf):
    return tf.placeholder(tf.float32, [None, 784]), str(tf.placeholder(tf.int64, [])), tf.placeholder(tf.bool, name="p")


def placeholder_of_any_shape(tf):
    x = tf.placeholder(tf.float32)
    return x, x + 1, tf.reduce_sum(x), tf.reshape(x, [-1, 2]), x.shape.ndims


def placeholder_with_default(tf):
    return tf.placeholder_with_default([1.0, 2.0], [None], name="d")


def constants(tf):
    return (
        tf.constant(1), tf.constant(2.5), tf.constant("a"), tf.constant([1, 2], tf.int64), tf.constant(0.0, shape=[2,
        3]),
        tf.constant([[True]], name="yes"), tf.constant(1, name="yes"),
    )  # fmt: skip


def filled(tf):
    return (
        tf.zeros([2, 3]), tf.ones((2, 2)), tf.fill([2], 3.0), tf.zeros_like(tf.ones([2])), tf.ones_like(tf.zeros([3])),
        tf.range(3), tf.range(2, 5), tf.linspace(0.0, 1.0, 3), tf.eye(2), tf.one_hot([1, 2], 3),
    )  # fmt: skip


def operators(tf):
    a = tf.constant([1.0, 2.0])
    return (
        a + 1, 1 - a, a * a, a / 2.0, -a, a**2, a // 2.0, a % 2.0, abs(a), a < 1.0, a >= 1.0, a[0], a[1:],
        2.0 * a, 3.0 / a, a > 0.0, a <= 0.0,
    )  # fmt: skip


def booleans(tf):
    a = tf.constant([True, False])
    return a & a, a | a, ~a, tf.logical_and(a, a), tf.logical_or(a, a), tf.logical_not(a)


def arithmetic(tf):
    return (
        tf.add(1.0, 2.0), tf.subtract(1.0, 2.0), tf.multiply(1.0, 2.0), tf.divide(1.0, 2.0), tf.div(1.0, 2.0),
        tf.pow(1.0, 2.0), tf.maximum(1.0, 2.0), tf.minimum(1.0, 2.0), tf.add_n([tf.constant(1.0)] * 2),
        tf.squared_difference(1.0, 2.0), tf.floordiv(3, 2), tf.mod(3, 2),
    )  # fmt: skip


def functions(tf):
    return (
        tf.abs(1.0), tf.negative(1.0), tf.sign(1.0), tf.square(1.0), tf.sqrt(1.0), tf.rsqrt(1.0), tf.exp(1.0),
        tf.log(1.0), tf.sin(1.0), tf.cos(1.0), tf.tanh(1.0), tf.sigmoid(1.0), tf.floor(1.0), tf.ceil(1.0),
        tf.round(1.0),
        tf.is_nan(1.0),
    )  # fmt: skip


def comparisons(tf):
    return (
        tf.equal(1, 2), tf.not_equal(1, 2), tf.less(1, 2), tf.less_equal(1, 2), tf.greater(1, 2), tf.greater_equal(1,
        2),
    )  # fmt: skip


def reductions(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    return (
        tf.reduce_sum(x), tf.reduce_mean(x, 1), tf.reduce_max(x, axis=0), tf.reduce_min(x, reduction_indices=[1]),
        tf.reduce_prod(x, 1, keep_dims=True), tf.reduce_all([True]), tf.reduce_any([[True]], 0),
        tf.reduce_mean(x, [0, 1]), tf.argmax(x, 1), tf.argmin(x, 0), tf.argmax(x, axis=1, output_type=tf.int32),
    )  # fmt: skip


def shapes(tf):
    x = tf.placeholder(tf.float32, [None, 4])
    return (
        tf.shape(x), tf.size([1]), tf.reshape(x, [-1, 2, 2]), tf.reshape(x, [-1]), tf.transpose(x), tf.expand_dims(x,
        1),
        tf.expand_dims(x, -1), tf.squeeze([[1]]), tf.tile(x, [2, 1]), tf.concat([x, x], 0), tf.concat([x, x], 1),
        tf.stack([x, x]), tf.unstack([1, 2]), tf.split(x, 2, axis=1), tf.identity(x), tf.stop_gradient(x),
        tf.cast(x, tf.int32), tf.gather(x, [0]), tf.pad(x, [[0, 0], [1, 1]]), tf.where([True], [1], [2]),
    )  # fmt: skip


def casts(tf):
    return tf.to_float(1), tf.to_double(1), tf.to_int32(1.0), tf.to_int64(1.0), tf.cast(1, tf.float32)


def networks(tf):
    x, y = tf.placeholder(tf.float32, [None, 10]), tf.placeholder(tf.float32, [None, 10])
    return (
        tf.nn.relu(x), tf.nn.sigmoid(x), tf.nn.tanh(x), tf.nn.softmax(x), tf.nn.log_softmax(x), tf.nn.elu(x),
        tf.nn.softplus(x), tf.nn.relu6(x), tf.nn.leaky_relu(x), tf.nn.l2_loss(x), tf.nn.bias_add(x, tf.zeros([10])),
        tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=x),
        tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=x),
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=[1], logits=tf.zeros([1, 3])),
        tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=x, name="xent"), tf.nn.dropout(x, 0.5),
    )  # fmt: skip


def images(tf):
    x = tf.reshape(tf.placeholder(tf.float32, [None, 784]), [-1, 28, 28, 1])
    w = tf.zeros([5, 5, 1, 4])
    return (
        x, tf.nn.conv2d(x, w, strides=[1, 1, 1, 1], padding="SAME"), tf.nn.conv2d(x, w, [1, 2, 2, 1], "VALID"),
        tf.nn.max_pool(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME"),
        tf.nn.avg_pool(x, [1, 3, 3, 1], [1, 2, 2, 1], "VALID"),
    )  # fmt: skip


def given_names(tf):
    x = tf.constant(1.0, name="x")
    return tf.add(x, x, name="sum"), tf.nn.relu(x, name="act"), tf.identity(x, name="sum"), tf.identity(x, name="x_1")


def names_differ_in_case(tf):
    return tf.constant(1, name="A"), tf.constant(1, name="a"), tf.constant(1, name="A")


def matmul(tf):
    x, w = tf.placeholder(tf.float32, [None, 3]), tf.ones([3, 2])
    return tf.matmul(x, w), tf.matmul(x, w) + tf.zeros([2]), tf.matmul(w, x, True, True)


def random_numbers(tf):
    return tf.random_normal([2]), tf.random_uniform([2]), tf.random_uniform([2], 1, 5), tf.truncated_normal([2, 3])


def name_scopes(tf):
    with tf.name_scope("a") as scope:
        first, second = tf.constant(1), tf.constant(2, name="q")
        with tf.name_scope("b"):
            third = tf.constant(1) + 1
    with tf.name_scope("a"):
        fourth = tf.constant(1)
    with tf.name_scope(scope):
        fifth = tf.constant(1)
    with tf.name_scope(None):
        sixth = tf.constant(1)
    return scope, first, second, third, fourth, fifth, sixth


def name_scope_by_default(tf):
    with tf.name_scope(None, "given") as scope:
        inside = tf.constant(1)
    return scope, inside


def lookups(tf):
    c = tf.constant(1, name="c")
    graph = tf.get_default_graph()
    return (
        graph.get_tensor_by_name("c:0") is c, graph.get_operation_by_name("c") is c.op,
        graph.as_graph_element("c:0") is c,
        c.op.type, c.op.name, c.graph is graph, c.name, c.dtype, c.op.outputs[0] is c, c.value_index,
    )  # fmt: skip


def operations_of_a_linear_model(tf):
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    w, b = tf.Variable(tf.zeros([3, 2]), name="w"), tf.Variable(tf.zeros([2]), name="b")
    y = tf.nn.softmax(tf.matmul(x, w) + b, name="y")
    names = [op.name for op in tf.get_default_graph().get_operations()]
    return names, [op.type for op in tf.get_default_graph().get_operations()], y


def operation_text(tf):
    return tf.no_op(), tf.group(), tf.no_op(name="nothing"), tf.constant(1).op


def tensor_shape(tf):
    shape = tf.placeholder(tf.float32, [None, 28, 28, 1]).get_shape()
    return (
        str(shape), repr(shape), shape.as_list(), shape.ndims, shape[1:4].num_elements(), shape.num_elements(),
        len(shape),
        shape.is_fully_defined(), str(shape[0]), repr(shape[1]), shape[1].value, shape[0].value,
        repr(shape[1] * shape[2]),
    )  # fmt: skip


def shapes_that_merge(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    x.set_shape([2, None])
    return x, repr(tf.TensorShape([2, 3]).merge_with([2, 3])), tf.TensorShape([None]).is_compatible_with([4])


def types_of_operations(tf):
    v = tf.Variable(1.0)
    tensors = [tf.constant(1), v + 1, tf.matmul([[1.0]], [[1.0]]), tf.nn.relu(1.0), tf.zeros([2])[0], tf.argmax([1.0])]
    return [x.op.type for x in tensors], v.op.type, v.initializer.type, v.assign(2.0).op.type, tf.group(v).type


def equality_of_tensors(tf):
    a, b = tf.constant(1), tf.constant(1)
    return a == b, a == a, a != b, {a: 2}[a]
