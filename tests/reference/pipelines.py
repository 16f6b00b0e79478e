"""Pipelines that microdl and TensorFlow both run: ``make_data.py`` freezes what TensorFlow gives.

Each function takes the framework as ``tf`` and gives a Dataset; PASSES says how often it is iterated over.
"""

import numpy as np

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.arange(6)
PASSES = 3
SEED = 42


def sources(tf):
    data = tf.data.Dataset
    return {
        "tensor slices": lambda: data.from_tensor_slices((X, Y)),
        "slices of a dict": lambda: data.from_tensor_slices({"b": X, "a": Y}).batch(4),
        "slices of lists": lambda: data.from_tensor_slices(([1, 2, 3], [0.5, 1.5, 2.5])),
        "one tensor": lambda: data.from_tensors([1, 2, 3]),
        "range backwards": lambda: data.range(10, 2, -3),
        "range of int32": lambda: data.range(3, output_type=tf.int32).batch(2),
        "generator": lambda: data.from_generator(
            _pairs, output_signature=(tf.TensorSpec((), tf.int32), tf.TensorSpec((None,), tf.float32))
        ),
        "generator by types": lambda: data.from_generator(_pairs, (tf.int64, tf.float32)),
        "generator by types and shapes": lambda: data.from_generator(_pairs, (tf.int64, tf.float32), ((), (None,))),
        "generator with arguments": lambda: data.from_generator(lambda n: range(n), tf.int32, args=[4]),
        "counter": lambda: data.counter(3, 2).take(3),
        "random": lambda: data.random(seed=4).take(6),
        "random by the global seed": lambda: data.random().take(6),
        "random anew": lambda: data.random(seed=4, rerandomize_each_iteration=True).take(6),
        "strings": lambda: data.from_tensor_slices(["a", "b", "c"]).batch(2),
    }


def _pairs():
    for i in range(3):
        yield i, [1.0] * i


def orders(tf):
    data = tf.data.Dataset
    rows = data.from_tensor_slices((X, Y))
    return {
        "shuffle": lambda: data.range(10).shuffle(4),
        "shuffle all": lambda: data.range(10).shuffle(100),
        "shuffle rows": lambda: rows.shuffle(3).batch(4),
        "shuffle with a seed": lambda: data.range(10).shuffle(4, seed=7),
        "shuffle once": lambda: data.range(8).shuffle(3, seed=5, reshuffle_each_iteration=False).repeat(2),
        "shuffle, repeat": lambda: data.range(10).shuffle(4).repeat(2),
        "shuffle, repeat for ever": lambda: data.range(5).shuffle(10, seed=1).repeat().batch(3).take(6),
        "repeat, shuffle": lambda: data.range(5).repeat().shuffle(4, seed=1).batch(3).take(6),
        "repeat rows, shuffle": lambda: rows.repeat().shuffle(8).batch(5).take(7),
        "shuffle, batch, repeat": lambda: data.range(10).shuffle(4, seed=7).batch(3).repeat(2),
        "shuffle mapped": lambda: data.range(9).map(lambda x: x * 2).shuffle(4),
        "shuffle batches": lambda: data.range(20).batch(3).shuffle(3),
        "shuffle twice": lambda: data.range(9).shuffle(4).shuffle(3),
        "shuffle, take": lambda: data.range(9).shuffle(4).take(5),
        "shuffle, cache": lambda: data.range(4).shuffle(4).cache(),
        "cache, shuffle": lambda: data.range(6).map(lambda x: x + 1).cache().shuffle(6).batch(4),
        "shuffle a zip": lambda: data.zip((rows, rows)).shuffle(4).batch(4),
        "shuffle unequal lengths": lambda: data.zip(data.range(3), data.range(9)).shuffle(2),
        "skip, take, shard": lambda: data.range(20).skip(3).take(10).shard(3, 1),
        "shard rows": lambda: rows.shard(4, 1).batch(2),
        "take all": lambda: data.range(3).take(-1),
        "skip all": lambda: data.range(3).skip(-1),
        "concatenate": lambda: data.range(3).concatenate(data.range(2)).batch(2),
        "concatenate, shuffle": lambda: data.range(5).concatenate(data.range(5, 9)).shuffle(5).batch(2),
        "repeat nothing": lambda: data.range(0).repeat(),
        "repeat no times": lambda: rows.repeat(0).batch(2),
        "zip": lambda: data.zip((data.range(3), rows)),
        "zip of a dict": lambda: data.zip({"n": data.range(3), "rows": rows}),
        "enumerate": lambda: rows.enumerate(start=5).batch(4),
        "sample by weights": lambda: data.sample_from_datasets(_three(data), weights=[0.5, 0.2, 0.3], seed=3),
        "sample alike": lambda: data.sample_from_datasets(_three(data), stop_on_empty_dataset=True),
        "choose": lambda: data.choose_from_datasets(_three(data), data.range(3).repeat(3)),
        "choose on": lambda: data.choose_from_datasets(
            [data.range(1), data.range(10, 13)], data.range(2).repeat(3), stop_on_empty_dataset=False
        ),
    }


def _three(data):
    return [data.range(5), data.range(100, 105), data.range(200, 205)]


def functions(tf):
    data = tf.data.Dataset
    rows = data.from_tensor_slices((X, Y))
    return {
        "map": lambda: data.range(5).map(lambda x: x * x),
        "map pairs": lambda: rows.map(lambda x, y: {"sum": tf.reduce_sum(x), "y": y}),
        "map to a list": lambda: data.range(3).map(lambda x: [x, x + 1]),
        "map batches": lambda: rows.batch(4).map(lambda x, y: (tf.reduce_sum(x, axis=1), {"y": y})),
        "filter": lambda: data.range(9).filter(lambda x: x % 3 == 0),
        "filter pairs": lambda: rows.filter(lambda x, y: y > 2).batch(2),
        "take_while": lambda: data.range(10).take_while(lambda x: x < 5),
        "scan": lambda: data.range(6).scan(tf.constant(0, tf.int64), lambda s, x: (s + x, s + x)),
        "flat_map": lambda: data.from_tensor_slices([[1, 2, 3], [4, 5, 6]]).flat_map(data.from_tensor_slices),
        "interleave": lambda: data.range(1, 6).interleave(
            lambda x: data.from_tensors(x).repeat(6), cycle_length=2, block_length=4
        ),
        "interleave unequal": lambda: data.range(1, 6).interleave(
            lambda x: data.range(x), cycle_length=3, block_length=2
        ),
        "group_by_window": lambda: data.range(10).group_by_window(
            lambda x: x % 2, lambda key, window: window.batch(5), window_size=3
        ),
        "apply": lambda: data.range(9).apply(lambda d: d.filter(lambda x: x < 5)),
        "asserted cardinality": lambda: data.range(9)
        .filter(lambda x: x % 3 == 0)
        .apply(tf.data.experimental.assert_cardinality(3)),
    }  # fmt: skip


def batches(tf):
    data = tf.data.Dataset
    rows = data.from_tensor_slices((X, Y))

    def triangles():
        return data.range(1, 5).map(lambda x: tf.fill([x], x))

    return {
        "batch": lambda: rows.batch(4),
        "batch without the rest": lambda: rows.batch(4, drop_remainder=True),
        "batch mapped": lambda: data.range(5).map(lambda x: (x, x * 2)).batch(2),
        "batch of batches": lambda: data.range(6).batch(2).batch(3),
        "padded_batch": lambda: triangles().padded_batch(2),
        "padded_batch to a size": lambda: triangles().padded_batch(
            2, padded_shapes=[6], padding_values=tf.constant(-1, tf.int64)
        ),
        "padded_batch of pairs": lambda: triangles()
        .map(lambda x: (x, tf.cast(x, tf.float32)))
        .padded_batch(3, padded_shapes=([None], [5]), drop_remainder=True),
        "unbatch": lambda: rows.batch(4).unbatch(),
        "unbatch known": lambda: data.range(6).batch(2, drop_remainder=True).unbatch(),
        "rows of a window": lambda: data.range(9)
        .window(3, shift=1, stride=2, drop_remainder=True)
        .flat_map(lambda window: window.batch(3)),
        "rest of a window": lambda: data.range(7).window(3, shift=2, stride=2).flat_map(lambda window: window.batch(3)),
        "gaps between windows": lambda: data.range(11).window(2, shift=5).flat_map(lambda window: window.batch(2)),
        "windows of pairs": lambda: rows.window(4).flat_map(
            lambda x, y: data.zip((x.batch(4), y.batch(4)))
        ),
        "prefetch": lambda: data.range(4).prefetch(2),
        "prefetch as thought best": lambda: rows.shuffle(4).batch(2).prefetch(tf.data.AUTOTUNE),
        "with_options": lambda: data.range(2).with_options(tf.data.Options()),
    }  # fmt: skip


def cases(tf):
    """All pipelines by name."""
    return sources(tf) | orders(tf) | functions(tf) | batches(tf)


def plain(value):
    """An element of ``as_numpy_iterator`` as JSON holds it; dtypes are in the element_spec."""
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in sorted(value)}
    if isinstance(value, tuple):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return [plain(part) for part in value] if value.ndim else plain(value[()])
    return value.tolist()


def outcome(tf, make):
    """What a pipeline gives in PASSES passes, its cardinality and its repr."""
    tf.random.set_seed(SEED)
    dataset = make()
    return {
        "passes": [[plain(element) for element in dataset.as_numpy_iterator()] for _ in range(PASSES)],
        "cardinality": int(dataset.cardinality()),
        "repr": repr(dataset),
    }
