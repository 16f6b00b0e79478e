"""Random numbers: which seeds an operation gets, and that each has a stream of its own in each session."""

from tests.compat.describe import run


def _runs(tf, tensor, feeds=None):
    """Two runs in one session, one in another."""
    with tf.Session() as session:
        found = [session.run(tensor, feeds), session.run(tensor, feeds)]
    with tf.Session() as session:
        return [*found, session.run(tensor, feeds)]


def seed_of_the_operation(tf):
    return _runs(tf, [tf.random_uniform([4], seed=5), tf.random_normal([3], 1.0, 2.0, seed=5)])


def seed_of_the_graph(tf):
    tf.set_random_seed(7)
    uniform, normal = tf.random_uniform([3]), tf.random_normal([3])
    return _runs(tf, [uniform, normal, tf.truncated_normal([3], stddev=0.1), tf.random_uniform([3])])


def both_seeds(tf):
    tf.set_random_seed(7)
    return _runs(tf, [tf.random_uniform([4], seed=5), tf.random_uniform([4])])


def two_operations_with_one_seed(tf):
    return _runs(tf, [tf.random_uniform([3], seed=1), tf.random_uniform([3], seed=1)])


def seeds_that_come_to_nothing(tf):
    tf.set_random_seed(0)
    return run(tf, [tf.random_uniform([3], seed=0), tf.random_uniform([3], seed=2**31 - 1), tf.random_uniform([3])])


def setting_the_seed_again_goes_on(tf):
    tf.set_random_seed(1)
    first = tf.random_uniform([2])
    tf.set_random_seed(1)
    return run(tf, [first, tf.random_uniform([2])])


def graphs_have_seeds_of_their_own(tf):
    found = []
    for seed in (1, None):
        with tf.Graph().as_default():
            tf.set_random_seed(seed)
            found.append(run(tf, tf.random_uniform([3], seed=4)))
    return found


def variables_and_initializers(tf):
    tf.set_random_seed(1)
    v, w = tf.Variable(tf.truncated_normal([3, 2], stddev=0.1)), tf.get_variable("w", [2, 3])
    scaled = tf.get_variable("s", [2, 2], initializer=tf.variance_scaling_initializer(2.0))
    with tf.variable_scope("scope", initializer=tf.random_normal_initializer(stddev=0.5)):
        return run(tf, [v, w, scaled, tf.get_variable("a", [2]), tf.get_variable("b", [2])])


def initializers_with_seeds(tf):
    makers = (
        tf.glorot_uniform_initializer(seed=3),
        tf.glorot_normal_initializer(seed=3),
        tf.truncated_normal_initializer(stddev=0.1, seed=3),
        tf.random_uniform_initializer(-2, 3, seed=3),
    )
    return run(tf, [tf.get_variable(f"v{i}", [2, 2], initializer=maker) for i, maker in enumerate(makers)])


def variables_are_initialized_twice(tf):
    v = tf.Variable(tf.random_normal([3], seed=2))
    with tf.Session() as session:
        found = []
        for _ in range(2):
            session.run(v.initializer)
            found.append(session.run(v))
        return found


def one_operation_in_two_plans(tf):
    x = tf.random_uniform([2], seed=1)
    y = x * 2.0
    with tf.Session() as session:
        return session.run(x), session.run([x, y]), session.run(y)


def sizes_that_are_fed(tf):
    x = tf.placeholder(tf.float32, [None, 3])
    noise = tf.random_uniform(tf.shape(x), seed=3)
    with tf.Session() as session:
        return [session.run(noise, {x: [[0.0] * 3] * rows}) for rows in (2, 1, 2)]


def dropout_with_seeds(tf):
    tf.set_random_seed(2)
    x, keep = tf.Variable([1.0, 2.0, 3.0, 4.0]), tf.placeholder_with_default(0.5, [])
    ys = tf.nn.dropout(x, keep_prob=0.5), tf.nn.dropout(x, keep_prob=keep), tf.nn.dropout(x, rate=0.0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        return [session.run([*ys, *tf.gradients(ys, x)]), session.run(ys), run(tf, tf.random_uniform([2]))]


def order_of_rows(tf):
    tf.set_random_seed(3)
    return _runs(tf, [tf.random_shuffle(tf.range(8)), tf.random_shuffle(tf.reshape(tf.range(8), [4, 2]), seed=1)])


def whole_numbers(tf):
    return _runs(tf, tf.random_uniform([4], 0, 100, tf.int32, seed=3))


def categories(tf):
    return _runs(tf, tf.multinomial(tf.log([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]), 4, seed=3))


def inside_of_branches(tf):
    tf.set_random_seed(3)
    p = tf.placeholder(tf.bool, [])
    drawn = [tf.cond(p, lambda: tf.random_uniform([2]), lambda: tf.random_normal([2])), tf.random_uniform([2])]
    with tf.Session() as session:
        return [session.run(drawn, {p: chosen}) for chosen in (True, False, True)]


def inside_of_loops(tf):
    tf.set_random_seed(3)
    _, total = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a + tf.random_uniform([2])), [0, tf.zeros([2])])
    return _runs(tf, [total, tf.random_uniform([2])])
