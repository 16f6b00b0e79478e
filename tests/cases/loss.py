"""Softmax and cross entropies over any axis."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, inputs, shapes


def log_softmax(x, axis=-1):
    if not x.size:
        return x
    shifted = x - x.max(axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def softmax(x, axis=-1):
    return np.exp(log_softmax(x, axis))


@inputs
def logits(draw, rng):
    shape = draw(shapes(1, 3))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    return [2 * rng.normal(size=shape)], {"axis": axis}


@inputs
def with_classes(draw, rng):
    """Logits (..., classes) and a class number for each row."""
    shape = (*draw(shapes(0, 2)), draw(st.integers(1, 5)))
    labels = rng.integers(0, shape[-1], shape[:-1]).astype(draw(st.sampled_from(["int32", "int64"])))
    return [2 * rng.normal(size=shape), labels], {}


@inputs
def with_probabilities(draw, rng):
    """Logits and rows of probabilities along an axis."""
    shape = draw(shapes(1, 3, min_size=1))
    axis = draw(st.integers(-len(shape), len(shape) - 1))
    return [2 * rng.normal(size=shape), softmax(rng.normal(size=shape), axis)], {"axis": axis}


@inputs
def with_targets(draw, rng):
    shape = draw(shapes(0, 3))
    return [4 * rng.normal(size=shape), rng.random(shape)], {}


def sparse(x, labels):
    return -np.take_along_axis(log_softmax(x), labels[..., None].astype(int), -1)[..., 0]


def dense(x, labels, axis):
    return -(labels * log_softmax(x, axis)).sum(axis)


def binary(x, labels):
    return np.maximum(x, 0) - x * labels + np.log1p(np.exp(-np.abs(x)))


def float_message(name):
    return (
        f"{name}: expected a floating-point tensor, got int32 of shape (2,); convert it first: tf.cast(x, tf.float32)"
    )


SPARSE, DENSE = "sparse_softmax_cross_entropy_with_logits", "softmax_cross_entropy_with_logits"
BINARY = "sigmoid_cross_entropy_with_logits"

CASES = [
    Case(
        "Softmax",
        lambda tf, x, axis: tf.nn.softmax(x, axis),
        softmax,
        logits(),
        covers=("SoftmaxGrad",),
        errors=(
            (lambda tf: tf.nn.softmax(tf.constant([1, 2])), InvalidArgumentError, float_message("softmax")),
            (
                lambda tf: tf.nn.softmax(tf.constant(1.0)),
                InvalidArgumentError,
                "softmax: expected at least one axis, got a scalar; give it one with x[tf.newaxis]",
            ),
            (
                lambda tf: tf.nn.softmax(tf.constant([1.0, 2.0]), axis=1),
                InvalidArgumentError,
                "softmax: axis 1 is out of range for a tensor of 1 axes [-1, 1)",
            ),
        ),
    ),
    Case(
        "LogSoftmax",
        lambda tf, x, axis: tf.nn.log_softmax(x, axis),
        log_softmax,
        logits(),
        covers=("LogSoftmaxGrad",),
        errors=(
            (lambda tf: tf.nn.log_softmax(tf.constant([1, 2])), InvalidArgumentError, float_message("log_softmax")),
        ),
    ),
    Case(
        "SparseSoftmaxCrossEntropyWithLogits",
        lambda tf, x, labels: tf.nn.sparse_softmax_cross_entropy_with_logits(labels, x),
        sparse,
        with_classes(),
        covers=("SoftmaxCrossEntropyGrad",),
        errors=(
            (
                lambda tf: tf.nn.sparse_softmax_cross_entropy_with_logits([10, 1, -1], np.zeros((3, 10), "float32")),
                InvalidArgumentError,
                f"{SPARSE}: label 10 is outside of [0, 10), the classes of logits with shape (3, 10); "
                "2 of 3 labels are, between -1 and 10",
            ),
            (
                lambda tf: tf.nn.sparse_softmax_cross_entropy_with_logits([[1], [2]], np.zeros((2, 10), "float32")),
                InvalidArgumentError,
                f"{SPARSE}: labels have the shape of logits without its last axis, (2,), got labels (2, 1) and logits "
                f"(2, 10); drop an axis of size 1 with tf.squeeze(labels, -1), or give one-hot labels to {DENSE}",
            ),
            (
                lambda tf: tf.nn.sparse_softmax_cross_entropy_with_logits([1.0, 2.0], np.zeros((2, 10), "float32")),
                InvalidArgumentError,
                f"{SPARSE}: labels are int32 or int64, got float32 (shape (2,)); use tf.cast(labels, tf.int32) for "
                f"class numbers, {DENSE} for one row of probabilities per sample",
            ),
            (
                lambda tf: tf.nn.sparse_softmax_cross_entropy_with_logits(1, 2.0),
                InvalidArgumentError,
                f"{SPARSE}: logits have at least one axis (..., classes), got a scalar",
            ),
        ),
    ),
    Case(
        "SoftmaxCrossEntropyWithLogits",
        lambda tf, x, labels, axis: tf.nn.softmax_cross_entropy_with_logits(labels, x, axis),
        dense,
        with_probabilities(),
        errors=(
            (
                lambda tf: tf.nn.softmax_cross_entropy_with_logits(tf.constant([1.0, 0.0]), tf.constant([[1.0, 0.0]])),
                InvalidArgumentError,
                f"{DENSE}: labels and logits have one shape (..., classes), got labels (2,) and logits (1, 2); "
                f"for class numbers use {SPARSE}, to repeat labels tf.broadcast_to",
            ),
        ),
    ),
    Case(
        "SigmoidCrossEntropyWithLogits",
        lambda tf, x, labels: tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=x),
        binary,
        with_targets(),
        errors=(
            (
                lambda tf: tf.nn.sigmoid_cross_entropy_with_logits(logits=tf.constant([1.0])),
                ValueError,
                f"{BINARY}: labels are missing; pass both, labels=... and logits=...",
            ),
            (
                lambda tf: tf.nn.sigmoid_cross_entropy_with_logits(tf.constant([1.0]), tf.constant([1.0, 2.0])),
                InvalidArgumentError,
                f"{BINARY}: labels and logits have one shape, got labels (1,) and logits (2,); "
                "reshape one of them, or repeat it with tf.broadcast_to",
            ),
        ),
    ),
]
