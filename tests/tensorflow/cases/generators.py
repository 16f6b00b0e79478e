"""tf.random.Generator, stateless seeds and choices among categories: TensorFlow's numbers."""

import numpy as np


def numbers_of_a_generator(tf):
    g = tf.random.Generator.from_seed(1)
    return (
        g.uniform([3]),
        g.state,
        g.normal([2, 3]),
        g.normal([3], mean=2.0, stddev=[1.0, 2.0, 3.0], dtype=tf.float64),
        g.truncated_normal([5]),
        g.uniform([3], 1, 10, dtype=tf.int32),
        g.uniform([2], -5, 2**40, dtype=tf.int64),
        g.uniform([2], 2.0, 3.0, tf.float64),
        g.uniform([2], None, None, tf.int64),
        g.uniform_full_int([3]),
        g.uniform_full_int([3], dtype=tf.int32),
        g.uniform_full_int([3], dtype=tf.uint32),
        g.state,
        g.key,
        g.algorithm,
    )


def seeds_of_generators(tf):
    return [tf.random.Generator.from_seed(seed).state for seed in (0, 7, -1, 2**63 - 1, 2**70 + 3, [1, 2], [1, 2, 3])]


def generators_from_others(tf):
    g = tf.random.Generator.from_seed(5)
    parts = g.split(2)
    twin = tf.random.Generator.from_state(g.state, alg="philox")
    same = tf.random.Generator(copy_from=g)
    keyed = tf.random.Generator.from_key_counter(3, [1, 2], alg=tf.random.Algorithm.PHILOX)
    return (
        [p.state for p in parts],
        [p.normal([2]) for p in parts],
        g.state,
        twin.normal([1]),
        same.normal([1]),
        keyed.state,
        keyed.uniform([1]),
    )


def generators_moved(tf):
    g = tf.random.Generator.from_seed(5)
    g.skip(3)
    found = [g.state.numpy()]
    g.reset_from_seed(9)
    found.append(g.state.numpy())
    g.reset_from_key_counter(3, [1, 2])
    found.append(g.state.numpy())
    g.reset([4, 5, 6])
    found.append(g.state.numpy())
    return found, g.make_seeds(2), tf.random.create_rng_state(5, "philox")


def generator_in_a_function(tf):
    g = tf.random.Generator.from_seed(3)

    @tf.function
    def draw():
        return g.normal([2]), g.uniform([1], 0, 9, tf.int32)

    return draw(), draw(), g.state


def the_global_generator(tf):
    tf.random.set_global_generator(tf.random.Generator.from_seed(8))
    return tf.random.get_global_generator().normal([2]), tf.random.experimental.get_global_generator().state


def generator_of_half_a_range(tf):
    return tf.random.Generator.from_seed(1).uniform([2], dtype=tf.int32)


def seeds_of_seeds(tf):
    return (
        tf.random.split([1, 2], 3),
        tf.random.split(tf.constant([1, 2], tf.int64)),
        tf.random.fold_in([1, 2], 7),
        tf.random.experimental.stateless_split([3, 4], 2),
        tf.random.experimental.stateless_fold_in([1, 2], tf.constant(9, tf.int64)),
        tf.random.stateless_uniform([3], [1, 2], None, None, tf.int32),
        tf.random.stateless_uniform([2], [1, 2], None, None, tf.uint64),
        tf.random.stateless_normal([3], tf.random.split([1, 2], 3)[1]),
    )


def categories(tf):
    logits = np.log(np.array([[0.2, 0.3, 0.5], [0.05, 0.9, 0.05]], np.float32))
    tf.random.set_seed(3)
    return (
        tf.random.categorical(logits, 7),
        tf.random.categorical(logits, 6),
        tf.random.categorical(logits, 5, seed=4, dtype=tf.int32),
        tf.random.categorical(logits, 5, seed=4),
        tf.random.stateless_categorical(logits, 9, [1, 2]),
        tf.random.stateless_categorical(logits, 3, [5, 6], tf.int32),
    )


def categories_of_a_vector(tf):
    return tf.random.categorical([0.1, 0.2], 3)
