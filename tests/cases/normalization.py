"""Bias, batch normalization, moments and norms."""

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError
from microdl.ops import layer_norm, normalization

from . import Case, inputs, shapes

EPSILON = 0.01


@inputs
def biased(draw, rng):
    shape = draw(shapes(1, 4))
    return [rng.normal(size=shape), rng.normal(size=shape[-1:])], {}


@inputs
def batches(draw, rng):
    """x with at least one row, gamma and beta."""
    shape = (*draw(shapes(1, 3, min_size=1)), draw(st.integers(1, 3)))
    return [rng.normal(size=shape), *rng.normal(size=(2, shape[-1]))], {}


@inputs
def with_statistics(draw, rng):
    """x, gamma, beta, mean, variance."""
    shape = (*draw(shapes(0, 3)), draw(st.integers(0, 3)))
    return [rng.normal(size=shape), *rng.normal(size=(3, shape[-1])), rng.uniform(0.5, 2, shape[-1])], {}


def batch_norm(x, gamma, beta):
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axes), x.var(axes)
    return gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta, mean, variance


def inference(x, gamma, beta, mean, variance):
    return gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta


def normalized_rows(x, gamma, beta):
    mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return gamma * (x - mean) / np.sqrt(variance + EPSILON) + beta


CASES = [
    Case(
        "LayerNorm",
        lambda tf, x, gamma, beta: layer_norm.layer_norm(x, gamma, beta, EPSILON),
        normalized_rows,
        batches(),
        error=256,
        covers=("LayerNormGrad",),
        errors=(
            (
                lambda tf: layer_norm.layer_norm(np.zeros((2, 3), "float32"), *np.zeros((2, 4), "float32")),
                InvalidArgumentError,
                "layer_norm: gamma and beta need one entry for each of the last axis of x, of shape (2, 3), got shapes "
                "(4,) and (4,)",
            ),
        ),
    ),
    Case(
        "BiasAdd",
        lambda tf, x, bias: tf.nn.bias_add(x, bias),
        np.add,
        biased(),
        covers=("BiasAddGrad",),
        errors=(
            (
                lambda tf: tf.nn.bias_add(np.zeros((2, 3), "float32"), np.zeros(4, "float32")),
                InvalidArgumentError,
                "bias_add: bias has shape (4,) but the last axis of value, of shape (2, 3), has size 3; "
                "bias must have shape (3,)",
            ),
            (
                lambda tf: tf.nn.bias_add(np.zeros((2, 3), "float32"), np.zeros(3, "float32"), "NCHW"),
                InvalidArgumentError,
                "bias_add: the channels are the last axis (data_format None or 'NHWC'), got 'NCHW'; "
                "bring them there with tf.transpose",
            ),
        ),
    ),
    Case(
        "BatchNorm",
        lambda tf, x, gamma, beta: normalization.batch_norm(x, gamma, beta, EPSILON),
        batch_norm,
        batches(),
        error=256,
        covers=("BatchNormGrad",),
        errors=(
            (
                lambda tf: normalization.batch_norm(np.zeros((0, 3), "float32"), *np.zeros((2, 3), "float32")),
                InvalidArgumentError,
                "batch_norm: training needs at least one value in each channel, got x of shape (0, 3)",
            ),
        ),
    ),
    Case(
        "BatchNormInference",
        lambda tf, *tensors: normalization.batch_norm_inference(*tensors, EPSILON),
        inference,
        with_statistics(),
        errors=(
            (
                lambda tf: normalization.batch_norm_inference(
                    np.zeros((2, 3), "float32"), *np.zeros((3, 3), "float32"), np.zeros(2, "float32")
                ),
                InvalidArgumentError,
                "batch_norm_inference: variance has shape (2,) but the last axis of x, of shape (2, 3), has size 3; "
                "variance must have shape (3,)",
            ),
        ),
    ),
    Case(
        "Rsqrt",
        lambda tf, x, gamma, beta, mean, variance: tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON),
        inference,
        with_statistics(),
        label="batch_normalization",
    ),
    Case(
        "SquaredDifference",
        lambda tf, x, gamma, beta: tf.nn.moments(x, 0),
        lambda x, gamma, beta: (x.mean(0), x.var(0)),
        batches(),
        label="moments",
    ),
    Case(
        "Rsqrt",
        lambda tf, x, gamma, beta: tf.nn.l2_normalize(x, -1),
        lambda x, gamma, beta: x / np.sqrt((x**2).sum(-1, keepdims=True)),
        batches(),
        label="l2_normalize",
    ),
]
