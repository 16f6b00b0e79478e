"""Classes and sentences of errors: what users of TensorFlow 1 search for."""

import numpy as np

from tests.compat.describe import run, said


def placeholder_not_fed(tf):
    return [
        said(lambda x=x: run(tf, x), "You must feed")
        for x in (
            tf.placeholder(tf.float32, [None, 784]) + 1, tf.placeholder(tf.int64, [], name="q") * 2,
            tf.placeholder(tf.float64) * 2, tf.identity(tf.placeholder(tf.bool, [2])), tf.placeholder(tf.float32, [2,
            3], "p"),
        )
    ]  # fmt: skip


def one_of_two_placeholders_not_fed(tf):
    x, y = tf.placeholder(tf.float32, name="x"), tf.placeholder(tf.float32, name="y")
    return said(lambda: run(tf, x + y, {x: 1.0}), "You must feed")


def variable_without_a_value(tf):
    v = tf.Variable(1.0, name="w")
    w = tf.get_variable("net/w", [2])
    with tf.Session() as session:
        asked = v, v + 1.0, w, v.assign_add(1.0)
        return [said(lambda x=x: session.run(x), "uninitialized value") for x in asked]


def wrong_shape_is_fed(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    values = np.zeros([3, 2]), 1.0, [1, 2, 3]
    return [said(lambda value=value: run(tf, x, {x: value}), "Cannot feed") for value in values]


def wrong_keys_are_fed(tf):
    x = tf.placeholder(tf.float32, name="x")
    keys = "nope:0", "nope", 3, None
    return [said(lambda key=key: run(tf, x, {key: 1.0}), "Cannot interpret") for key in keys]


def tensor_is_fed(tf):
    x = tf.placeholder(tf.float32, name="x")
    return said(lambda: run(tf, x, {x: tf.constant(1.0)}), "cannot be a tf.Tensor")


def wrong_fetches(tf):
    tf.constant(1, name="c")
    return [said(lambda fetch=fetch: run(tf, fetch), "Argument") for fetch in (None, 3, "foo", "foo:0", "c:1", [2.5])]


def fetch_from_another_graph(tf):
    with tf.Graph().as_default():
        other = tf.constant(1)
    return said(lambda: run(tf, other), "is not an element of this graph")


def operands_of_two_graphs(tf):
    with tf.Graph().as_default():
        other = tf.constant(1)
    return said(lambda: tf.add(tf.constant(2), other), "must be from the same graph")[0]


def closed_session(tf):
    session = tf.Session()
    session.close()
    return said(lambda: session.run(tf.constant(1)), "closed")


def no_session(tf):
    return said(tf.constant(1).eval, "eval()"), said(tf.no_op().run, "No default session")[0]


def finalized_graph(tf):
    tf.constant(1)
    tf.get_default_graph().finalize()
    return said(lambda: tf.constant(2), "finalized"), tf.get_default_graph().finalized


def nothing_to_optimize(tf):
    return said(lambda: tf.train.AdamOptimizer().minimize(tf.constant(1.0)), "No variables")


def no_gradients(tf):
    tf.Variable(1.0, name="v")
    return said(lambda: tf.train.AdamOptimizer().minimize(tf.constant(1.0)), "No gradients")


def truth_of_a_tensor(tf):
    return said(lambda: bool(tf.constant(True)), "bool")[0], said(lambda: list(tf.constant([1])), "Iterat")[0]


def variable_exists(tf):
    tf.get_variable("a", [1])
    return said(lambda: tf.get_variable("a", [1]), "already exists")[0]


def variable_does_not_exist(tf):
    with tf.variable_scope("s", reuse=True):
        return said(lambda: tf.get_variable("a", [1]), "does not exist")


def variable_of_another_shape(tf):
    with tf.variable_scope("s", reuse=tf.AUTO_REUSE):
        tf.get_variable("a", [1])
        return said(lambda: tf.get_variable("a", [2]), "share"), said(
            lambda: tf.get_variable("a", [1], tf.float64), "share"
        )[0]


def variable_without_a_shape(tf):
    return said(lambda: tf.get_variable("a"), "shape"), said(lambda: tf.get_variable("b", [None, 2]), "")[0]


def variable_without_an_initial_value(tf):
    return said(tf.Variable, "initial_value")


def wrong_names(tf):
    graph = tf.get_default_graph()
    return (
        said(lambda: graph.get_tensor_by_name("x:0"), "x"), said(lambda: graph.get_tensor_by_name("x"), "x"),
        said(lambda: graph.get_operation_by_name("x"), "x"), said(lambda: tf.constant(1, name="a b"), "valid")[0],
    )  # fmt: skip


def shapes_that_do_not_fit(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    calls = (
        lambda: tf.matmul(x, tf.zeros([4, 2])), lambda: x + tf.zeros([4]), lambda: tf.reshape(tf.zeros([2, 3]), [4]),
        lambda: x.set_shape([2, 4]), lambda: tf.concat([tf.zeros([2, 3]), tf.zeros([3, 2])], 0),
        lambda: tf.nn.conv2d(tf.zeros([1, 5, 5, 3]), tf.zeros([3, 3, 2, 1]), [1, 1, 1, 1], "SAME"),
    )  # fmt: skip
    return [said(call, "")[0] in ("ValueError", "InvalidArgumentError") for call in calls]


def shapes_that_do_not_fit_when_run(tf):
    x, y = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 3])
    return said(lambda: run(tf, x + y, {x: np.zeros((2, 3)), y: np.zeros((4, 3))}), "")[0]


def weights_that_do_not_fit(tf):
    return said(lambda: tf.losses.mean_squared_error([[1.0, 2.0]] * 2, [[1.0, 1.0]] * 2, weights=[1.0, 2.0]), "")[0]


def labels_of_another_shape(tf):
    return said(lambda: tf.losses.mean_squared_error([1.0, 2.0], [[1.0, 1.0]]), "incompatible")


def missing_labels(tf):
    return [
        said(lambda f=f: f(None, [[1.0]]), "")[0]
        for f in (tf.losses.mean_squared_error, tf.losses.sparse_softmax_cross_entropy, tf.losses.log_loss)
    ]


def condition_without_a_function(tf):
    p = tf.constant(True)
    return (
        said(lambda: tf.cond(p, lambda: 1), "false_fn")[0],
        said(lambda: tf.cond(p, 1, 2), "callable")[0],
        said(lambda: tf.cond(True, lambda: 1, lambda: 2), "pred")[0],
    )


def reset_inside_of_a_graph(tf):
    with tf.Graph().as_default():
        return said(tf.reset_default_graph, "nested")[0]


def saver_errors(tf):
    found = [said(tf.train.Saver, "No variables")]
    tf.Variable(1.0)
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found.append(said(lambda: saver.restore(session, None), "Can't load"))
        found.append(said(lambda: saver.restore(session, "no/such/folder/model"), "not a valid checkpoint"))
        found.append(said(lambda: saver.save(session, "no/such/folder/model"), "Parent directory"))
    return found


def dtypes_that_do_not_mix(tf):
    one, number = tf.constant([[1.0]]), tf.constant([[1]])
    return [
        _type_error(f)
        for f in (
            lambda: one + number,
            lambda: tf.matmul(one, number),
            lambda: tf.Variable(1.0) * tf.constant(2),
            lambda: tf.equal(number, one),
            lambda: tf.concat([one, number], 0),
            lambda: tf.Variable(1.0).assign(tf.constant(1)),
            lambda: tf.assign_add(tf.Variable(1.0), tf.constant(1)),
            lambda: tf.scatter_add(tf.Variable([1.0]), [0], tf.constant([1])),
        )
    ]


def _type_error(function):
    try:
        function()
    except TypeError as error:
        return str(error).splitlines()[0]


def numbers_too_large_for_their_placeholder(tf):
    x, y = tf.placeholder(tf.int32), tf.placeholder(tf.uint8)
    return [
        _type_error(lambda: run(tf, x + 0, {x: 2**40})).split(".")[0][:60],
        _type_error(lambda: run(tf, y, {y: 300})).split(".")[0][:60],
        run(tf, x + 0, {x: True}),
    ]


def labels_that_are_whole_numbers(tf):
    labels, logits = tf.constant([[1, 0], [0, 1]]), tf.constant([[1.0, 2.0], [0.5, 0.25]])
    old = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return run(tf, [old, tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits)])
