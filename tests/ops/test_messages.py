"""What users read after a slip of the keyboard: arguments, attributes and names that are not there."""

import importlib
import re

import numpy as np
import pytest

import microdl as tf
from microdl.core import later
from microdl.core.attributes import _INSTEAD
from microdl.core.errors import InvalidArgumentError
from microdl.core.node import Graph

SPARSE = "sparse_softmax_cross_entropy_with_logits"


def assign_element(x):
    x[0] = 1.0


REFUSED = {
    "concat of two arguments": (
        lambda: tf.concat(tf.ones((2, 3)), tf.ones((3, 3))),
        TypeError,
        "concat: axis must be an integer, got a float32 tensor of shape (3, 3); "
        "the tensors to join come in one list: tf.concat([a, b], axis)",
    ),
    "concat along a fraction": (
        lambda: tf.concat([[1.0], [2.0]], 0.5),
        TypeError,
        "concat: axis must be an integer, got 0.5",
    ),
    "an axis that is no integer": (
        lambda: tf.expand_dims(tf.ones(2), 0.5),
        TypeError,
        "ExpandDims: axis must be an integer, got 0.5",
    ),
    "axes that are no integers": (
        lambda: tf.reduce_sum(tf.ones((2, 2)), axis=[0, 1.5]),
        TypeError,
        "Sum: axis must be an integer, got 1.5",
    ),
    "the truth of several": (
        lambda: bool(tf.constant([1, 2]) > 1),
        ValueError,
        "a tensor of shape (2,) has 2 truth values; for a single one use tf.reduce_all(x) (all are true) "
        "or tf.reduce_any(x) (at least one is)",
    ),
    "rows of several lengths": (
        lambda: tf.constant([[0, 1, 2, 3], [4, 5], [6, 7, 8]]),
        ValueError,
        "[[0, 1, 2, 3], [4, 5], [6, 7, 8]] is not rectangular: it has rows of lengths 4, 2 and 3, "
        "but a tensor's rows have one length; fill them up, or make one tensor of each",
    ),
    "numbers beside rows": (
        lambda: tf.constant([[0, 1], 2]),
        ValueError,
        "[[0, 1], 2] is not rectangular: it has numbers beside rows, "
        "but a tensor's rows have one length; fill them up, or make one tensor of each",
    ),
    "too many indices": (
        lambda: tf.ones((2, 3))[0, 0, 0],
        InvalidArgumentError,
        "StridedSlice: 3 indices for a tensor of 2 axes, shape (2, 3)",
    ),
    "an element of a tensor": (
        lambda: assign_element(tf.ones(2)),
        TypeError,
        "tensors are immutable: their elements cannot be assigned; make a new one, with tf.where(condition, x, y) "
        "for example, or keep values that change in a tf.Variable",
    ),
    "an element of a variable": (
        lambda: assign_element(tf.Variable([1.0], name="w")),
        TypeError,
        "the elements of w:0 cannot be assigned one by one; v.assign(...) replaces the whole value, "
        "which tf.where(condition, x, y), for example, makes",
    ),
    "logits and labels swapped": (
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(tf.ones((2, 3)), tf.constant([1, 2])),
        InvalidArgumentError,
        f"{SPARSE}: labels are float32 (2, 3) and logits int32 (2,); are they swapped? "
        "labels come first, or by name: labels=..., logits=...",
    ),
    "logits that are integers": (
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(tf.constant([1]), tf.ones((1, 3), tf.int32)),
        InvalidArgumentError,
        f"{SPARSE}, logits: expected a floating-point tensor, got int32 of shape (1, 3); "
        "convert it first: tf.cast(x, tf.float32)",
    ),
    "one label too large": (
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(tf.constant([0, 3]), tf.ones((2, 3))),
        InvalidArgumentError,
        f"{SPARSE}: label 3 is outside of [0, 3), the classes of logits with shape (2, 3); 1 of 2 labels is",
    ),
    "the same label too large twice": (
        lambda: tf.nn.sparse_softmax_cross_entropy_with_logits(tf.constant([3, 3]), tf.ones((2, 3))),
        InvalidArgumentError,
        f"{SPARSE}: label 3 is outside of [0, 3), the classes of logits with shape (2, 3); 2 of 2 labels are",
    ),
    "a custom gradient without gradient": (
        lambda: tf.custom_gradient(assigned)(tf.constant(1.0)),
        TypeError,
        "custom_gradient assigned: it must return two things, its value and the function that computes the gradient: "
        "return y, lambda dy: ...; it returned a Tensor",
    ),
    "a custom gradient with a gradient that is none": (
        lambda: tf.custom_gradient(lambda x: (x, x))(tf.constant(1.0)),
        TypeError,
        "custom_gradient <lambda>: it must return two things, its value and the function that computes the gradient: "
        "return y, lambda dy: ...; it returned (Tensor, Tensor)",
    ),
    "a device of no kind": (
        lambda: tf.device("/foo:0"),
        ValueError,
        "device: '/foo:0' is no device; names are '/cpu:0' and '/gpu:0' (or 'CPU:0', 'GPU:0')",
    ),
    "a cast from strings": (
        lambda: tf.cast("1", tf.float32),
        tf.errors.UnimplementedError,
        "Cast: cast string to float32 is not supported; use tf.strings.to_number",
    ),
    "sums of strings": (
        lambda: tf.reduce_sum(["a"]),
        InvalidArgumentError,
        "Sum: expected numbers, got string of shape (1,); convert it first: tf.strings.to_number(x)",
    ),
    "strings that are no numbers": (
        lambda: tf.strings.to_number(["1", "x"]),
        InvalidArgumentError,
        "StringToNumber: could not correctly convert string: x (to float32)",
    ),
    "strings of different shapes": (
        lambda: tf.strings.join([["a", "b"], ["c"]]),
        InvalidArgumentError,
        "StringJoin: Input shapes do not match: [1] vs. [2]; only scalars are repeated",
    ),
    "NumPy's attribute": (
        lambda: tf.ones(2).mean(),
        AttributeError,
        "Tensor has no attribute 'mean'; use tf.reduce_mean(x, ...)",
    ),
    "NumPy's attribute of a variable": (
        lambda: tf.Variable([1.0]).T,
        AttributeError,
        "Variable has no attribute 'T'; use tf.transpose(x)",
    ),
    "an attribute of nobody": (lambda: tf.ones(2).foo, AttributeError, "Tensor has no attribute 'foo'"),
    "a name to come": (lambda: tf.lookup, AttributeError, "module 'microdl': 'lookup' is not in microdl yet"),
    "a name nearby": (
        lambda: tf.reduce_average,
        AttributeError,
        "module 'microdl' has no attribute 'reduce_average'; did you mean 'reduce_mean'?",
    ),
    "a name to come in a module": (
        lambda: tf.nn.conv3d,
        AttributeError,
        "module 'microdl.nn': 'conv3d' is not in microdl yet",
    ),
}


def assigned(x):
    return x * 2.0


@pytest.mark.parametrize("slip", REFUSED)
def test_slips_are_answered_in_these_words(slip):
    call, exception, message = REFUSED[slip]
    with pytest.raises(exception) as raised:
        call()
    assert str(raised.value) == message


def test_a_tensor_without_a_value_says_where_it_comes_from():
    with Graph(), pytest.raises(TypeError) as raised:
        (tf.ones(2) * 2.0).numpy()
    text = str(raised.value)
    assert text.startswith(f"a symbolic tensor of shape (2,) has no value until its graph runs ({__file__}:")
    assert "a function is being traced, or the output shape of a layer worked out" in text


@pytest.mark.parametrize("text", _INSTEAD.values())
def test_what_is_to_be_used_instead_exists(text):
    for path in re.findall(r"\btf\.([\w.]+\w)", text):
        place = tf
        for name in path.split("."):
            place = getattr(place, name)


def test_attributes_that_are_asked_for_do_not_exist():
    assert not [name for name in _INSTEAD if hasattr(tf.ones(2), name)]
    assert getattr(tf.ones(2), "mean", None) is None


MODULES = {"TENSORFLOW": "", "LINALG": ".linalg", "NN": ".nn", "RANDOM": ".random"}


@pytest.mark.parametrize("group", MODULES)
def test_names_to_come_are_not_there_yet(group):
    module = importlib.import_module("microdl" + MODULES[group])
    names = getattr(later, group).split()
    assert [name for name in names if name in vars(module)] == []
    assert len(set(names)) == len(names)
    assert not hasattr(module, names[0])


@pytest.mark.parametrize(
    ("name", "instead"), [("", "ragged"), (".linalg", "eig"), (".random", "gamma"), (".dtypes", "complex64")]
)
def test_names_that_will_not_come_say_what_to_use(name, instead):
    module = importlib.import_module("microdl" + name)
    with pytest.raises(AttributeError, match=f"'{instead}' is not in microdl: ") as raised:
        getattr(module, instead)
    assert str(raised.value).endswith(later.INSTEAD[instead])


@pytest.mark.parametrize(
    ("x", "truth"),
    [([], False), (np.zeros((2, 0)), False), ([[1]], True), ([0.0], False), (3, True)],
    ids=str,
)
def test_truth_of_at_most_one_value(x, truth):
    assert bool(tf.constant(x)) is truth
    assert bool(tf.Variable(x)) is truth
