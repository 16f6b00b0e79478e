"""Functions that TensorFlow 1 has under other names or with other arguments."""

import numpy as np

from microdl.compat.v1.at_once import at_once
from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.naming import in_graph
from microdl.compat.v1.shapes import TensorShape
from microdl.compat.v1.variables import _constant, _flat
from microdl.compile.concrete import differentiable
from microdl.core import dtypes
from microdl.core.backprop import backpropagate, checked_seed
from microdl.core.context import context
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.tensor import apply, convert
from microdl.ops import array, clip, draws, indexing, math, random


def placeholder(dtype, shape=None, name=None):
    """A Tensor whose value each run is given in ``feed_dict``. shape: sizes, None for open ones; None: any shape."""
    graph = get_default_graph()
    with graph.entered(), graph.naming(name or "Placeholder"):
        shape = None if shape is None or getattr(shape, "rank", 0) is None else _sizes(shape)
        return graph.placeholder(dtypes.as_dtype(dtype), shape)


def _sizes(shape):
    return tuple(getattr(n, "value", n) for n in (shape if hasattr(shape, "__iter__") else [shape]))


def placeholder_with_default(input, shape, name=None):
    """``input``, unless a run feeds something else. shape: sizes, None for open ones."""
    graph = get_default_graph()
    with graph.entered(), graph.naming(name or "PlaceholderWithDefault"):
        tensor = graph.defer(_constant, (input, None), {})
        tensor._shape = TensorShape(shape)
        return tensor


def constant(value, dtype=None, shape=None, name="Const", verify_shape=False):
    """A Tensor with this value in every run."""
    graph, dtype = get_default_graph(), None if dtype is None else dtypes.as_dtype(dtype)
    if at_once():
        return _of_value(value, dtype, shape)
    with graph.entered(), graph.naming(name):
        return graph.defer(_of_value, (value, dtype, shape), {})


def _of_value(value, dtype, shape):
    if shape is not None:
        flat = convert(value, dtype).numpy().ravel()
        missing = int(np.prod(shape)) - flat.size
        value = np.concatenate([flat, np.repeat(flat[-1:], max(missing, 0))]).reshape(shape)  # TensorFlow 1 fills up
    return convert(value, dtype)


def convert_to_tensor(value, dtype=None, name=None, preferred_dtype=None, dtype_hint=None):
    """``value`` (number, array, Tensor, Variable) as a Tensor."""
    return (
        value
        if hasattr(value, "op") and hasattr(value, "value_index")
        else constant(value, dtype, None, name or "Const")
    )


def gradients(
    ys,
    xs,
    grad_ys=None,
    name="gradients",
    colocate_gradients_with_ops=False,
    gate_gradients=False,
    aggregation_method=None,
    stop_gradients=None,
    unconnected_gradients=None,
):
    """d sum(ys) / dx for each x in ``xs``: a list of Tensors, None where no path leads from x to a y.

    Args:
        ys, xs: Tensor or Variable, or lists of them. grad_ys: a Tensor for each y: the gradient that arrives there.
        stop_gradients: Tensors that count as constants.
    """
    graph = get_default_graph()
    zero = "zero" in str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower()
    seeds = [None] * len(_flat([ys])) if grad_ys is None else _flat([grad_ys])
    with graph.entered(), graph.naming(name):
        return graph.defer(_gradients, (_flat([ys]), _flat([xs]), seeds, _flat([stop_gradients or []]), zero), {})


def _gradients(ys, xs, seeds, stopped, zero):
    ys = [convert(y) for y in ys]
    seeds = [checked_seed(y, seed) for y, seed in zip(ys, seeds, strict=True)]
    stops = {x.uid for x in stopped}
    nodes = [n for n in differentiable(context.graph.nodes, xs) if stops.isdisjoint(n.output_ids)]
    found = backpropagate(nodes, ys, [x.uid for x in xs], seeds)
    if zero:
        found = [apply("ZerosLike", convert(x)) if dx is None else dx for x, dx in zip(xs, found, strict=True)]
    return found


def _reduction(function):
    def reduce(input_tensor, axis=None, keepdims=None, name=None, reduction_indices=None, keep_dims=None):
        axis = reduction_indices if axis is None else axis
        keep = keep_dims if keepdims is None else keepdims
        return function(input_tensor, axis=axis, keepdims=bool(keep))

    reduce.__name__, reduce.__doc__ = function.__name__, function.__doc__
    return in_graph(reduce)


reduce_sum = _reduction(math.reduce_sum)
reduce_mean = _reduction(math.reduce_mean)
reduce_max = _reduction(math.reduce_max)
reduce_min = _reduction(math.reduce_min)
reduce_prod = _reduction(math.reduce_prod)
reduce_all = _reduction(math.reduce_all)
reduce_any = _reduction(math.reduce_any)
reduce_logsumexp = _reduction(math.reduce_logsumexp)


@in_graph
def argmax(input, axis=None, name=None, dimension=None, output_type=dtypes.int64):
    """The position of the largest value along ``axis``; by default along the first axis."""
    axis = dimension if axis is None else axis
    return math.argmax(input, axis=0 if axis is None else axis, output_type=output_type)


@in_graph
def argmin(input, axis=None, name=None, dimension=None, output_type=dtypes.int64):
    """The position of the smallest value along ``axis``; by default along the first axis."""
    axis = dimension if axis is None else axis
    return math.argmin(input, axis=0 if axis is None else axis, output_type=output_type)


add_n = in_graph(math.add_n)
global_norm = in_graph(clip.global_norm)


@in_graph
def expand_dims(input, axis=None, name=None, dim=None):
    """``input`` with an axis of size 1 at ``axis``."""
    return array.expand_dims(input, dim if axis is None else axis)


@in_graph
def squeeze(input, axis=None, name=None, squeeze_dims=None):
    """``input`` without its axes of size 1, or without those in ``axis``."""
    return array.squeeze(input, squeeze_dims if axis is None else axis)


@in_graph
def div(x, y, name=None):
    """Python 2's division: of integers the floor, else the quotient."""
    x = convert(x)
    return x // y if x.dtype.is_integer else x / y


def _cast(dtype, label):
    def to(x, name=label):
        return array.cast(x, dtype)

    to.__name__, to.__doc__ = label, f"``x`` as {dtype.name}."
    return in_graph(to)


to_float = _cast(dtypes.float32, "ToFloat")
to_double = _cast(dtypes.float64, "ToDouble")
to_int32 = _cast(dtypes.int32, "ToInt32")
to_int64 = _cast(dtypes.int64, "ToInt64")

random_normal = in_graph(random.normal, "random_normal")
truncated_normal = in_graph(random.truncated_normal, "truncated_normal")
random_shuffle = in_graph(random.shuffle, "RandomShuffle")


@in_graph
@reads_sizes
def where(condition, x=None, y=None, name=None):
    """``x`` where ``condition`` holds, else ``y``, of one shape; a vector of conditions chooses rows, a scalar all.

    Without x and y the positions where it holds. Raises: InvalidArgumentError for other shapes: nothing is broadcast.
    """
    condition = convert(condition)
    if x is None or y is None:
        return indexing.where(condition, x, y)
    hint = next((value.dtype for value in (x, y) if hasattr(value, "spec")), None)
    x = convert(x, hint=hint)
    y = convert(y, hint=x.dtype)
    wanted, given = tuple(x.shape), tuple(condition.shape)
    if wanted != tuple(y.shape) or given not in ((), wanted, wanted[:1]):
        raise InvalidArgumentError(
            f"where: x and y must have one shape, and condition that, () or x's first size: got {wanted}, "
            f"{tuple(y.shape)} and {given}; tf.where_v2 broadcasts"
        )
    if len(given) == 1 < len(wanted):
        condition = array.reshape(condition, given + (1,) * (len(wanted) - 1))
    return apply("SelectV2", condition, x, y)


@in_graph
def multinomial(logits, num_samples, seed=None, name=None, output_dtype=None):
    """Categories drawn for each row of ``logits``, unnormalised log probabilities (batch, classes)."""
    return draws.categorical(logits, num_samples, output_dtype, seed)


def random_uniform(shape, minval=0, maxval=None, dtype=dtypes.float32, seed=None, name=None):
    """Uniform over [minval, maxval); 1 is the end of floats."""
    plain = dtypes.as_dtype(dtype).is_floating and (minval, maxval) in ((0, None), (0, 1))
    draw = in_graph(random.uniform, "random_uniform/RandomUniform" if plain else "random_uniform")
    return draw(shape, minval, maxval, dtype, seed, name=name)


def set_random_seed(seed):
    """The seed that the random operations of the default graph, and of what is eager, start from."""
    get_default_graph().seed = seed
    random.set_seed(seed)


def name_scope(name, default_name=None, values=None):
    """A context that puts ``name/`` before the names of operations. It gives that prefix."""
    return get_default_graph().name_scope(default_name if name is None else name)


def device(device_name_or_function):
    """A context whose operations are said to be on a device. Where they run does not change."""
    return get_default_graph().device(device_name_or_function)


def control_dependencies(control_inputs):
    """A context whose operations run after these Operations, Tensors and Variables."""
    if control_inputs is not None:
        control_inputs = [x for x in control_inputs if x is not None]  # None: of a check that held while building
    return get_default_graph().control_dependencies(control_inputs)


def get_collection(key, scope=None):
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key):
    return get_default_graph().get_collection_ref(key)


def add_to_collection(name, value):
    get_default_graph().add_to_collection(name, value)


def disable_v2_behavior():
    """Does nothing: here everything behaves as in TensorFlow 1."""


disable_eager_execution = disable_resource_variables = disable_v2_tensorshape = disable_v2_behavior
disable_tensor_equality = enable_resource_variables = disable_v2_behavior


def executing_eagerly():
    """False: here operations go to a graph."""
    return False
