"""Writes random.npz: random numbers drawn by TensorFlow (``python make_random.py``, in an environment that has it).

Arrays above 2,000 elements are kept as every 97th element, with the SHA-256 of all bytes beside them (``.../sha256``).
"""

import hashlib
import os
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from tensorflow.python.ops import init_ops_v2

SIZES = (1, 2, 3, 5, 1002, 20003)
SEEDS = ((7, 9), (42, 2**31 - 1))
data = {"versions": np.array([f"tensorflow {tf.__version__}", f"numpy {np.__version__}"])}


def keep(name, tensor):
    array = np.asarray(tensor)
    if array.size > 2000:
        data[f"{name}/sha256"] = np.array(hashlib.sha256(array.tobytes()).hexdigest())
        array = array.ravel()[::97]
    data[name] = array


raw = tf.raw_ops
for seed, seed2 in SEEDS:
    for n in SIZES:
        seeds, case = {"seed": seed, "seed2": seed2}, f"{seed}/{seed2}/{n}"
        tf.random.set_seed(0)  # empties TensorFlow's kernel cache: every stream starts at its beginning
        for dtype in ("float32", "float64"):
            keep(f"uniform/{dtype}/{case}", raw.RandomUniform(shape=[n], dtype=dtype, **seeds))
            keep(f"normal/{dtype}/{case}", raw.RandomStandardNormal(shape=[n], dtype=dtype, **seeds))
            keep(f"truncated_normal/{dtype}/{case}", raw.TruncatedNormal(shape=[n], dtype=dtype, **seeds))
        for dtype, low, high in (("int32", -1000, 2**31 - 1), ("int64", -1000, 2**62 + 5)):
            limits = {"minval": tf.constant(low, dtype), "maxval": tf.constant(high, dtype)}
            keep(f"uniform_int/{dtype}/{case}", raw.RandomUniformInt(shape=[n], **limits, **seeds))
        keep(f"shuffle/{case}", raw.RandomShuffle(value=tf.range(n), **seeds))

# One stream read on by calls of several sizes.
for kind, draw in {
    "uniform": lambda n: tf.random.uniform([n], seed=3),
    "uniform64": lambda n: tf.random.uniform([n], seed=3, dtype="float64"),
    "normal": lambda n: tf.random.normal([n], seed=3),
    "truncated": lambda n: tf.random.truncated_normal([n], seed=3),
    "integers": lambda n: tf.random.uniform([n], 0, 1000, "int64", seed=3),
    "shuffle": lambda n: tf.random.shuffle(tf.repeat(tf.range(n)[:, None], 2, axis=1), seed=3),
    "dropout": lambda n: tf.nn.dropout(tf.range(1.0, n + 1.0), 0.3, seed=3),
}.items():
    tf.random.set_seed(5)
    data[f"sequence/{kind}"] = np.concatenate([np.ravel(draw(n)) for n in (1, 5, 6, 9, 13, 2)])

# The four cases of set_seed; the one with neither seed has nothing to compare.
tf.random.set_seed(11)
data["seeding/global"] = np.array([tf.random.uniform([3]), tf.random.uniform([3]), tf.random.normal([3])])
data["seeding/both"] = np.array(
    [tf.random.uniform([3], seed=8), tf.random.uniform([3], seed=8), tf.random.uniform([3])]
)
tf.random.set_seed(-3)
data["seeding/negative"] = np.array([tf.random.uniform([3]), tf.random.uniform([3], seed=-8)])
tf.random.set_seed(0)
data["seeding/zeros"] = np.array(tf.random.uniform([3], seed=0))
tf.random.set_seed(None)
data["seeding/op"] = np.array([tf.random.uniform([3], seed=8), tf.random.uniform([3], seed=8)])

tf.random.set_seed(12)
x = tf.reshape(tf.range(1.0, 85.0), [3, 4, 7])
data["dropout/plain"] = np.array(tf.nn.dropout(x, 0.4))
data["dropout/noise_shape"] = np.array(tf.nn.dropout(x, 0.4, noise_shape=[3, 1, 7]))
data["dropout/rate_zero"] = np.array(tf.nn.dropout(x, 0.0))
data["dropout/tensor_rate"] = np.array(tf.nn.dropout(x, tf.constant(0.4)))
data["scaled/uniform"] = np.array(tf.random.uniform([101], -0.37, 1.91))
data["scaled/normal"] = np.array(tf.random.normal([101], 0.3, 1.7))
data["scaled/truncated"] = np.array(tf.random.truncated_normal([101], 0.3, 1.7))
data["scaled/tensors"] = np.array(tf.random.uniform([2, 3], tf.constant([0.0, 1.0, 2.0]), tf.constant(3.3)))

for pair in ((1, 2), (-5, 2**40)):
    name = f"stateless/{pair[0]}/{pair[1]}"
    data[f"{name}/uniform"] = np.array(tf.random.stateless_uniform([11], pair, -1.0, 2.0))
    data[f"{name}/integers"] = np.array(tf.random.stateless_uniform([11], pair, 5, 500, "int32"))
    data[f"{name}/normal"] = np.array(tf.random.stateless_normal([11], pair, 0.5, 2.0, "float64"))
    data[f"{name}/truncated"] = np.array(tf.random.stateless_truncated_normal([11], pair))

# Initializers as TensorFlow 2 has them: without a seed they draw from the stream of set_seed, with one statelessly.
for seed in (None, 4):
    tf.random.set_seed(21)
    for name, initializer in {
        "random_uniform": init_ops_v2.RandomUniform(seed=seed),
        "random_normal": init_ops_v2.RandomNormal(seed=seed),
        "truncated_normal": init_ops_v2.TruncatedNormal(seed=seed),
        "glorot_uniform": init_ops_v2.GlorotUniform(seed=seed),
        "glorot_normal": init_ops_v2.GlorotNormal(seed=seed),
        "he_uniform": init_ops_v2.he_uniform(seed=seed),
        "he_normal": init_ops_v2.he_normal(seed=seed),
        "lecun_uniform": init_ops_v2.lecun_uniform(seed=seed),
        "lecun_normal": init_ops_v2.lecun_normal(seed=seed),
        "untruncated": init_ops_v2.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=seed),
        "orthogonal": init_ops_v2.Orthogonal(1.5, seed=seed),
    }.items():
        for shape in ((2, 3), (5, 5, 3, 4)):
            data[f"initializer/{name}/{seed}/{len(shape)}"] = np.array(initializer(shape))
tf.random.set_seed(1)
dense = [init_ops_v2.GlorotUniform()(shape) for shape in ((2, 3), (1, 3))]
data["dense/sigmoid"] = np.array(tf.sigmoid(tf.constant([[1.0, 2.0]]) @ dense[0] + dense[1]))
data["dense/weights"] = np.concatenate(dense)

np.savez_compressed(Path(__file__).with_name("random.npz"), **data)
