"""``tf.contrib`` is left out: who asks for something in it is told what to use."""

from typing import Any

INSTEAD = {
    "layers.xavier_initializer": "tf.glorot_uniform_initializer()",
    "layers.xavier_initializer_conv2d": "tf.glorot_uniform_initializer()",
    "layers.variance_scaling_initializer": "tf.variance_scaling_initializer(scale=2.0)",
    "layers.fully_connected": "tf.layers.dense(x, units, activation=tf.nn.relu)",
    "layers.linear": "tf.layers.dense(x, units)",
    "layers.conv2d": "tf.layers.conv2d(x, filters, size, padding='same', activation=tf.nn.relu)",
    "layers.convolution2d": "tf.layers.conv2d(x, filters, size, padding='same', activation=tf.nn.relu)",
    "layers.max_pool2d": "tf.layers.max_pooling2d(x, 2, 2)",
    "layers.avg_pool2d": "tf.layers.average_pooling2d(x, 2, 2)",
    "layers.flatten": "tf.layers.flatten(x)",
    "layers.dropout": "tf.layers.dropout(x, rate, training=...)",
    "layers.batch_norm": "tf.layers.batch_normalization(x, training=...)",
    "layers.l2_regularizer": "lambda w: scale * tf.nn.l2_loss(w)",
    "layers.l1_regularizer": "lambda w: scale * tf.reduce_sum(tf.abs(w))",
    "layers.optimize_loss": "an optimizer of tf.train and its minimize(loss)",
    "layers.one_hot_encoding": "tf.one_hot(labels, classes)",
    "slim": "tf.layers",
    "learn": "tf.Session with a loop of one's own, or microdl.keras",
    "keras": "microdl.keras",
    "data": "tf.data",
    "summary": "tf.summary",
    "framework.get_or_create_global_step": "tf.train.get_or_create_global_step()",
    "framework.arg_scope": "arguments with each layer",
    "rnn": "microdl.keras.layers.LSTM, GRU or SimpleRNN",
}


class _Contrib:
    """A part of ``tf.contrib``. Its attributes are parts in turn, or errors."""

    def __init__(self, path=""):
        self._path = path

    def __getattr__(self, name) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        path = f"{self._path}.{name}".lstrip(".")
        if any(known.startswith(f"{path}.") for known in INSTEAD):
            return _Contrib(path)
        fits = [known for known in INSTEAD if path == known or path.startswith(f"{known}.")]
        advice = f"use {INSTEAD[fits[0]]}" if fits else "TensorFlow 2 has no tf.contrib either"
        raise AttributeError(f"tf.contrib.{path} is left out: {advice}")


contrib = _Contrib()
