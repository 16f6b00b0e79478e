"""What sessions return for what they are asked and fed, gradients, control flow."""

import collections

import numpy as np

from tests.compat.describe import run, said


def fetches_of_every_kind(tf):
    a, b = tf.constant(1.0, name="a"), tf.constant([2, 3])
    with tf.Session() as session:
        return (
            session.run(a), session.run([a, b]), session.run((a, b)), session.run({"x": a, "y": [b]}),
            session.run("a:0"),
            session.run([[a], (b, {"z": a})]), session.run(a.op), session.run([]), session.run("a"),
        )  # fmt: skip


def fetches_of_named_tuples(tf):
    pair = collections.namedtuple("pair", "left right")
    found = run(tf, pair(tf.constant(1), tf.constant(2)))
    return type(found).__name__, found.left, found.right


def same_tensor_twice(tf):
    a = tf.constant(1.0)
    return run(tf, [a, a])


def feeds(tf):
    x = tf.placeholder(tf.float32, [None, 2])
    y = x * 2.0
    with tf.Session() as session:
        return [session.run(y, {x: value}) for value in ([[1, 2]], np.ones((3, 2)), ((1.5, 2.5),), np.zeros((0, 2)))]


def feeds_by_name(tf):
    x = tf.placeholder(tf.int32, name="x")
    return run(tf, x + 1, {"x:0": 4}), run(tf, x + 1, {x: np.int64(5)}), run(tf, x + 1, {x: [1, 2]})


def feed_is_fetched(tf):
    x = tf.placeholder(tf.float32)
    return run(tf, [x, x + 1], {x: 1})


def feed_of_an_intermediate_tensor(tf):
    a = tf.constant(2.0)
    b = a * 3.0
    c = b + 1.0
    with tf.Session() as session:
        return session.run(c), session.run(c, {b: 10.0}), session.run(c, {a: 5.0}), session.run([a, b, c], {b: 0.0})


def feed_of_a_default(tf):
    x = tf.placeholder_with_default(1.0, [])
    return run(tf, x * 2), run(tf, x * 2, {x: 4.0})


def feed_of_a_variable(tf):
    v = tf.Variable(1.0)
    return run(tf, v * 2.0, {v: 5.0}), run(tf, v * 2.0)


def feed_of_texts(tf):
    x = tf.placeholder(tf.string)
    return run(tf, x, {x: ["a", "b"]}), run(tf, tf.constant(["c"]))


def batch_sizes(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    y = tf.matmul(x, tf.ones([3, 2])) + tf.constant([1.0, 2.0])
    with tf.Session() as session:
        return [session.run(y, {x: np.full((n, 3), n)}) for n in (1, 2, 5)], y


def dynamic_shapes(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    found = [
        tf.shape(x)[0],
        tf.shape(x),
        tf.size(x),
        tf.rank(x),
        tf.zeros(tf.shape(x)),
        tf.reshape(x, [tf.shape(x)[0], 1, 3]),
    ]
    return run(tf, found, {x: np.zeros((2, 3))})


def eval_and_run(tf):
    a = tf.constant(3)
    v = tf.Variable(1)
    with tf.Session():
        v.initializer.run()
        return a.eval(), v.eval(), (a + v).eval({a: 10})


def interactive_session(tf):
    session = tf.InteractiveSession()
    found = tf.constant(3).eval()
    session.close()
    return found


def default_sessions(tf):
    session = tf.Session()
    before = tf.get_default_session() is None
    with session.as_default():
        inside = tf.get_default_session() is session, tf.constant(2).eval()
    after = session.run(tf.constant(1))
    session.close()
    return before, inside, after, tf.get_default_session() is None


def sessions_with_settings(tf):
    config = tf.ConfigProto(allow_soft_placement=True, log_device_placement=False)
    config.gpu_options.allow_growth = True
    other = tf.ConfigProto(gpu_options=tf.GPUOptions(per_process_gpu_memory_fraction=0.3), device_count={"GPU": 0})
    with tf.Session(config=config) as one, tf.Session(config=other) as two:
        return one.run(tf.constant(1)), two.run(tf.constant(2), options=tf.RunOptions(), run_metadata=tf.RunMetadata())


def devices(tf):
    with tf.device("/cpu:0"):
        a = tf.constant(1)
    return run(tf, a), a.device, tf.constant(1).device


def callables(tf):
    x = tf.placeholder(tf.float32)
    with tf.Session() as session:
        return session.make_callable(x * 2, [x])(4.0)


def gradients(tf):
    x, y = tf.constant(2.0), tf.constant(3.0)
    z = x * x * y
    return run(tf, [tf.gradients(z, x), tf.gradients(z, [x, y]), tf.gradients(z, [x], grad_ys=[tf.constant(10.0)])])


def gradients_of_several(tf):
    x = tf.Variable([1.0, 2.0])
    return run(tf, tf.gradients([x * x, x * 3.0], x)), tf.gradients(tf.constant(1.0), [x])


def gradients_of_intermediate_tensors(tf):
    x = tf.Variable([1.0, 2.0])
    hidden = x * x
    loss = tf.reduce_sum(hidden * 3.0)
    return run(tf, tf.gradients(loss, [hidden, x]))


def second_and_third_derivatives(tf):
    x = tf.Variable(2.0)
    found = [x**4]
    for _ in range(3):
        found += tf.gradients(found[-1], x)
    return run(tf, found)


def gradients_with_stops(tf):
    x = tf.constant(2.0)
    y = x * x
    z = y * x
    return run(
        tf,
        [tf.gradients(z, [x]), tf.gradients(z, [x, y], stop_gradients=[y]), tf.gradients(tf.stop_gradient(y) * x, x)],
    )


def gradients_of_placeholders(tf):
    x = tf.placeholder(tf.float32, [None, 2])
    return run(tf, tf.gradients(tf.reduce_sum(tf.square(x)), x), {x: [[1, 2], [3, 4]]})


def gradients_of_cross_entropy(tf):
    x, y = tf.Variable([[1.0, 2.0, 3.0]]), tf.Variable([[0.0, 1.0, 0.0]])
    first = tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=x)
    second = tf.nn.softmax_cross_entropy_with_logits_v2(labels=y, logits=x)
    return run(tf, [first, second, tf.gradients(first, x), tf.gradients(second, [x, y])]), tf.gradients(first, y)


def clipping(tf):
    tensors = [tf.constant([3.0]), tf.constant([4.0])]
    clipped, norm = tf.clip_by_global_norm(tensors, 1.0)
    return run(
        tf,
        [
            tf.global_norm(tensors),
            clipped,
            norm,
            tf.clip_by_value([1.0, 5.0], 2.0, 3.0),
            tf.clip_by_norm([3.0, 4.0], 1.0),
        ],
    )


def condition(tf):
    p = tf.placeholder(tf.float32, [])
    one, two = tf.cond(p > 1, lambda: p * 2, lambda: p - 1), tf.cond(p > 1, fn1=lambda: p + 5, fn2=lambda: -p)
    return [run(tf, [one, two], {p: value}) for value in (3.0, 0.0)]


def condition_with_variables(tf):
    v, p = tf.Variable(2.0), tf.placeholder(tf.bool, [])
    y = tf.cond(p, lambda: v * v, lambda: v * 3.0)
    return [run(tf, [y, *tf.gradients(y, v)], {p: value}) for value in (True, False)]


def loop(tf):
    i, total = tf.while_loop(
        lambda i, total: i < 5, lambda i, total: [i + 1, total + i], [tf.constant(0), tf.constant(0)]
    )
    return run(tf, i), run(tf, total), run(tf, tf.while_loop(lambda i: i < 7, lambda i: i * 2, [tf.constant(1)]))


def mapped(tf):
    x = tf.constant([1.0, 2.0, 3.0])
    return run(
        tf, [tf.map_fn(lambda row: row * row, x), tf.foldl(lambda a, b: a + b, x), tf.scan(lambda a, b: a * b, x)]
    )


def control_dependencies(tf):
    v = tf.Variable(0)
    with tf.control_dependencies([v.assign_add(1)]):
        done = tf.no_op()
    with tf.Session() as session:
        session.run(v.initializer)
        found = [session.run(done), session.run(v), session.run(done), session.run(v)]
    return found


def groups(tf):
    a, b = tf.Variable(1), tf.Variable(2)
    both = tf.group(a.assign(10), b.assign(20))
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return session.run(both), session.run([a, b])


def python_function(tf):
    y = tf.py_func(lambda a, b: np.float32(a.sum() + b), [tf.constant([1.0, 2.0]), tf.constant(3.0)], tf.float32)
    return run(tf, y)


def dropout(tf):
    keep = tf.placeholder(tf.float32)
    y = tf.nn.dropout(tf.ones([1000]), keep)
    half = run(tf, y, {keep: 0.5})
    return run(tf, y, {keep: 1.0})[:5], sorted({float(x) for x in half}), bool(300 < (half > 0).sum() < 700)


def in_top_k(tf):
    return run(tf, tf.nn.in_top_k([[1.0, 5.0, 2.0], [3.0, 2.0, 1.0]], [2, 0], 1)), run(
        tf, tf.nn.in_top_k([[1.0, 5.0, 2.0], [3.0, 2.0, 1.0]], [2, 2], 2)
    )


def moments(tf):
    x = tf.constant([[1.0, 2.0], [3.0, 6.0]])
    return run(tf, tf.nn.moments(x, [0])), run(tf, tf.nn.moments(x, axes=[0, 1], keep_dims=True))


def constants_that_are_repeated(tf):
    return run(
        tf, [tf.constant(0.05, shape=[3]), tf.constant([1, 2], shape=[2, 2]), tf.constant([1, 2, 3, 4], shape=[2, 2])]
    )


def division(tf):
    return run(
        tf, [tf.div(7, 2), tf.div(7.0, 2.0), tf.constant(7) / 2, tf.constant(-7) // 2, tf.mod(-7, 3), tf.truediv(7, 2)]
    )


def argmax_of_rows(tf):
    x = tf.constant([[1, 5, 2], [9, 0, 3]])
    return run(tf, [tf.argmax(x), tf.argmax(x, 1), tf.argmin(x, axis=1), tf.argmax(x, dimension=1)])


def reductions(tf):
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    return run(tf, [
        tf.reduce_sum(x), tf.reduce_mean(x, 0), tf.reduce_max(x, reduction_indices=[1]), tf.reduce_prod(x, 1,
        keep_dims=True),
        tf.reduce_logsumexp(x), tf.reduce_any(x > 3.0), tf.reduce_all(x > 0.0, 1),
    ])  # fmt: skip


def accuracy_of_a_batch(tf):
    logits, labels = tf.placeholder(tf.float32, [None, 3]), tf.placeholder(tf.float32, [None, 3])
    right = tf.equal(tf.argmax(logits, 1), tf.argmax(labels, 1))
    accuracy = tf.reduce_mean(tf.cast(right, tf.float32))
    return run(tf, accuracy, {logits: [[1, 2, 3], [3, 2, 1], [0, 1, 0]], labels: np.eye(3)}), accuracy


def global_step(tf):
    step = tf.train.get_or_create_global_step()
    more = tf.assign_add(step, 1)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(more)
        return step.name, step.dtype.base_dtype, tf.train.global_step(session, step), tf.train.get_global_step() is step


def texts(tf):
    return run(tf, [tf.constant("a"), tf.constant(["a", "bc"]), tf.strings.join(["a", "b"])])


def no_control_dependencies(tf):
    v = tf.Variable(0.0)
    with tf.control_dependencies([v.assign_add(1.0)]):
        x = tf.identity(2.0)
        with tf.control_dependencies(None):
            y = tf.identity(3.0)
    with tf.Session() as session:
        session.run(v.initializer)
        return session.run(y), session.run(v), session.run(x), session.run(v)


def rows_are_chosen_by_a_vector(tf):
    x, y = tf.constant([[1, 2], [3, 4]]), tf.constant([[5, 6], [7, 8]])
    c, open_x = tf.placeholder(tf.bool, [None]), tf.placeholder(tf.float32, [None, 2])
    fed = tf.where(c, open_x, -open_x)
    slope = tf.gradients(fed, open_x)[0]
    plain = tf.where([True, False], x, y), tf.where(True, x, y), tf.where(tf.equal(x, 2), x, y), tf.where([True, False])
    found = run(tf, [*plain, tf.where_v2([True, False], x, y)])
    return found, run(tf, [fed, slope], {c: [True, False], open_x: [[1, 2], [3, 4]]}), fed


def conditions_that_do_not_fit(tf):
    x = tf.constant([[1, 2], [3, 4]])
    return [
        said(lambda c=c: tf.where(c, x, x), "never")[0] in ("ValueError", "InvalidArgumentError")
        for c in ([[True], [False]], [True, False, True], [[True, False]])
    ]


def a_tensor_has_no_length(tf):
    len(tf.constant([1, 2]))


def a_tensor_is_no_array(tf):
    np.asarray(tf.constant([1, 2]))


def gradients_through_what_is_fed(tf):
    x, v = tf.placeholder(tf.float32, []), tf.Variable(5.0)
    h = x * x * v
    y = h * 3.0 + v
    slopes = tf.gradients(y, [x, h, v])
    step = tf.train.GradientDescentOptimizer(0.1).minimize(y)
    with tf.Session() as session:
        session.run(v.initializer)
        found = session.run([y, *slopes], {x: 2.0, h: 10.0})
        session.run(step, {x: 2.0, h: 10.0})
        return found, session.run(v), session.run(slopes, {x: 3.0})
