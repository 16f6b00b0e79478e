"""TensorFlow with its Keras: ``tf.function``, whose ops run one by one, and compiled as a whole by XLA."""

import functools

import tensorflow as tf  # pyright: ignore[reportMissingImports, reportMissingModuleSource]

from . import keras_steps

WRAPS = {"function": tf.function, "xla": functools.partial(tf.function, jit_compile=True)}


def start(threads):
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    return {"TensorFlow": tf.__version__, "Keras": tf.keras.__version__}


def ways(row, how):
    return {"": functools.partial(keras_steps.build, tf, row, WRAPS[how])}
