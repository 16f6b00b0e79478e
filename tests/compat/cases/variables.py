"""Variables: names, scopes, initializers, assignments."""

import numpy as np

from tests.compat.describe import run


def reprs(tf):
    v = tf.Variable(tf.zeros([2]), name="w")
    return v, str(v), v.name, v.op.name, v.shape, v.get_shape().as_list(), v.initializer, v.value(), v.initial_value


def names(tf):
    return [tf.Variable(1.0), tf.Variable(2), tf.Variable([1.0], name="b"), tf.Variable([1.0], name="b")]


def operations(tf):
    tf.Variable(1.0, name="a")
    tf.Variable(lambda: tf.zeros([2]), name="b")
    tf.get_variable("c", [2], initializer=tf.zeros_initializer())
    return [op.name for op in tf.get_default_graph().get_operations()]


def values(tf):
    return run(tf, [tf.Variable(1.0), tf.Variable([1, 2]), tf.Variable(np.eye(2)), tf.Variable("a"), tf.Variable(True)])


def initial_value_as_a_function(tf):
    return run(tf, tf.Variable(lambda: tf.ones([2]) * 3.0))


def initial_value_of_another_variable(tf):
    a = tf.Variable([1.0, 2.0])
    return run(tf, tf.Variable(a.initialized_value() * 2.0))


def dtype_of_a_variable(tf):
    return run(tf, [tf.Variable(1, dtype=tf.float32), tf.Variable([1.5], dtype=tf.float64)])


def assignments(tf):
    v = tf.Variable(1.0)
    new = [tf.assign(v, 2.0), v.assign_add(1.0), v.assign_sub(0.5), tf.assign_add(v, 1.0), tf.assign_sub(v, 1.0)]
    with tf.Session() as session:
        session.run(v.initializer)
        return new, [session.run(x) for x in new], session.run(v)


def assigned_in_order(tf):
    v = tf.Variable(1.0)
    first = v.assign(v * 10.0)
    with tf.control_dependencies([first]):
        second = v.assign_add(1.0)
    with tf.Session() as session:
        session.run(v.initializer)
        return session.run(second), session.run(second)


def counter(tf):
    state = tf.Variable(0, name="counter")
    update = tf.assign(state, tf.add(state, tf.constant(1)))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return [session.run(state)] + [session.run(update) for _ in range(3)]


def load_and_eval(tf):
    v = tf.Variable([1.0, 2.0])
    with tf.Session():
        v.load([3.0, 4.0])
        return v.eval(), (v * 2.0).eval()


def collections(tf):
    a, b = tf.Variable(1.0, name="a"), tf.Variable(2.0, trainable=False, name="b")
    c = tf.Variable(3.0, collections=[tf.GraphKeys.LOCAL_VARIABLES], name="c")
    tf.add_to_collection("mine", a)
    found = tf.global_variables(), tf.trainable_variables(), tf.local_variables(), tf.get_collection("mine"), [b, c]
    return [[v.name for v in part] for part in found]


def get_variable_values(tf):
    return run(tf, [
        tf.get_variable("a", initializer=tf.constant([23, 42])), tf.get_variable("b", [2, 3], tf.int32),
        tf.get_variable("c", [2], initializer=tf.ones_initializer()), tf.get_variable("d", initializer=1.5),
        tf.get_variable("e", [2], initializer=tf.constant_initializer(0.5)),
        tf.get_variable("f", [2, 2], tf.int64, tf.zeros_initializer),
    ])  # fmt: skip


def get_variable_reprs(tf):
    return tf.get_variable("a", [1, 2, 3]), tf.get_variable("b", [2], tf.float64), tf.get_variable("c", initializer=1)


def variable_scopes(tf):
    with tf.variable_scope("outer") as outer:
        a = tf.get_variable("a", [1])
        with tf.variable_scope("inner"):
            b, c = tf.get_variable("b", [1]), tf.Variable(1.0, name="c")
            d = tf.constant(1)
    with tf.variable_scope("outer"):
        e, f = tf.get_variable("e", [1]), tf.constant(1)
    with tf.variable_scope(outer, reuse=True) as again:
        g, h = tf.get_variable("a"), tf.constant(1)
    return a, b, c, d, e, f, g is a, h, outer.name, again.name, again.reuse, tf.get_variable_scope().name


def reuse(tf):
    def model(x):
        return x * tf.get_variable("w", [], initializer=tf.constant_initializer(2.0))

    with tf.variable_scope("model") as scope:
        one = model(1.0)
        scope.reuse_variables()
        two = model(10.0)
    with tf.variable_scope("model", reuse=tf.AUTO_REUSE):
        three = model(100.0)
    return run(tf, [one, two, three]), [v.name for v in tf.global_variables()]


def default_names_of_scopes(tf):
    found = []
    for _ in range(3):
        with tf.variable_scope(None, "block"):
            found.append(tf.get_variable("w", [1]))
    with tf.variable_scope("block_3"), tf.variable_scope(None, "block"):
        found.append(tf.get_variable("w", [1]))
    return found


def scope_with_an_initializer(tf):
    with tf.variable_scope("s", initializer=tf.constant_initializer(7.0)):
        return run(tf, tf.get_variable("a", [2]))


def scope_with_a_regularizer(tf):
    with tf.variable_scope("s", regularizer=lambda w: tf.reduce_sum(w) * 0.5):
        tf.get_variable("a", [2], initializer=tf.ones_initializer())
    losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    return run(tf, losses)


def name_scope_leaves_get_variable_alone(tf):
    with tf.name_scope("n"):
        return tf.get_variable("a", [1]), tf.Variable(1.0, name="b"), tf.constant(1)


def collection_of_a_scope(tf):
    for name in ("a", "b"):
        with tf.variable_scope(name):
            tf.get_variable("w", [1])
    return [v.name for v in tf.global_variables("a")], [v.name for v in tf.trainable_variables(scope="b")]


def initializer_arguments(tf):
    found = [
        tf.zeros_initializer()([2]), tf.ones_initializer(dtype=tf.int32)([2]), tf.constant_initializer(3)([2, 2]),
        tf.constant_initializer([1.0, 2.0])([2]), tf.random_uniform_initializer(5.0, 5.0)([3]),
        tf.random_normal_initializer(1.0, 0.0)([2]), tf.truncated_normal_initializer(2.0, 0.0)([2]),
    ]  # fmt: skip
    return run(tf, found)


def initializers_stay_in_bounds(tf):
    values = run(tf, [
        tf.glorot_uniform_initializer()([30, 20]), tf.random_uniform_initializer(-0.1, 0.1)([100]),
        tf.truncated_normal_initializer(stddev=0.1)([500]),
    ])  # fmt: skip
    limits = (6 / 50) ** 0.5, 0.1, 0.2
    return [bool(np.abs(x).max() <= limit) for x, limit in zip(values, limits, strict=True)]


def is_initialized(tf):
    a, b = tf.Variable(1.0, name="a"), tf.Variable(2.0, name="b")
    asked, names = [tf.is_variable_initialized(v) for v in (a, b)], tf.report_uninitialized_variables()
    with tf.Session() as session:
        before = session.run(asked), session.run(names)
        session.run(a.initializer)
        return before, session.run(asked), session.run(names)


def variables_initializer(tf):
    a, b = tf.Variable(1.0), tf.Variable(2.0)
    with tf.Session() as session:
        session.run(tf.variables_initializer([a]))
        return session.run(a), session.run(tf.report_uninitialized_variables([a, b]))


def two_sessions(tf):
    v = tf.Variable(1.0)
    more = v.assign_add(1.0)
    with tf.Session() as first, tf.Session() as second:
        first.run(v.initializer)
        second.run(v.initializer)
        first.run(more)
        first.run(more)
        return first.run(v), second.run(v)


def two_graphs(tf):
    graphs = [tf.Graph(), tf.Graph()]
    for number, graph in enumerate(graphs):
        with graph.as_default():
            tf.Variable(float(number), name="v")
    found = []
    for graph in graphs:
        with tf.Session(graph=graph) as session:
            session.run(tf.global_variables_initializer())
            found.append(session.run("v:0"))
    return found, tf.global_variables()


def fetched_by_name(tf):
    tf.Variable([1.0, 2.0], name="w")
    return run(tf, ["w:0", "w/read:0"])


def operators_of_variables(tf):
    v = tf.Variable([1.0, 2.0])
    return run(tf, [v + 1.0, 2.0 * v, v[0], -v, v**2, v > 1.0, tf.square(v), v / 2.0])


def rows_are_changed(tf):
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], name="v")
    changes = (
        tf.scatter_update(v, [2, 0], [[9.0, 8.0], [7.0, 6.0]]),
        tf.scatter_add(v, [1, 1], [[1.0, 1.0], [2.0, 3.0]]),
        tf.scatter_sub(v, 1, [1.0, 0.5], name="sub"),
        tf.scatter_min(v, [[0], [2]], [[[0.0, 9.0]], [[9.0, 0.0]]]),
        tf.scatter_max(v, [0, 1], 3.5),
        tf.scatter_nd_update(v, [[0, 1], [2, 0]], [10.0, 20.0]),
        tf.scatter_nd_add(v, [[1]], [[0.5, 0.25]]),
    )
    with tf.Session() as session:
        session.run(v.initializer)
        return [session.run(change) for change in changes], session.run(v), list(changes), [x.op.type for x in changes]


def rows_that_are_fed(tf):
    v, at, rows = tf.Variable([0.0, 0.0, 0.0]), tf.placeholder(tf.int64, [None]), tf.placeholder(tf.float32, [None])
    change = tf.scatter_add(v, at, rows)
    with tf.Session() as session:
        session.run(v.initializer)
        return [session.run(change, {at: [0, 2, 2], rows: [1, 2, 3]}), session.run(change, {at: [1], rows: [5]})]
