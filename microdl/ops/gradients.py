"""Derivatives in graphs: ``tf.gradients`` and ``tf.hessians``, for functions that are traced."""

from microdl.compile.branch import tracing
from microdl.compile.concrete import differentiable
from microdl.compile.control import scan
from microdl.core import nest
from microdl.core.backprop import backpropagate, checked_seed
from microdl.core.context import context
from microdl.core.deferred import reads_sizes
from microdl.core.jacobian import jacobian, loops
from microdl.core.tensor import apply, convert
from microdl.ops.control import map_fn


def _each(function, count):
    """``function(i)`` for i in [0, count), whose Tensors are stacked, by a loop of the graph; Nones stay."""
    if not tracing():  # a graph that will never run: once is enough
        return [None if x is None else apply("Pack", *[x] * count, axis=0) for x in function(convert(0))]
    found = []

    def body(index, carry, slices):
        found[:] = function(index)
        return [], [x for x in found if x is not None]

    _, stacks = scan("jacobian", body, [], [], count)
    stacks = iter(stacks)
    return [None if x is None else next(stacks) for x in found]


loops.each = _each


def _nodes(name):
    """The Nodes of the graph that is being built. Raises RuntimeError if there is none."""
    if context.graph is None:
        raise RuntimeError(f"tf.{name} is not supported when eager execution is enabled. Use tf.GradientTape instead.")
    return context.graph.nodes


def gradients(
    ys,
    xs,
    grad_ys=None,
    name="gradients",
    gate_gradients=False,
    aggregation_method=None,
    stop_gradients=None,
    unconnected_gradients="none",
):
    """d sum(ys) / dx for each x of ``xs``, in a function that is being traced.

    Args:
        ys, xs: Tensors (xs: or Variables), one or a list. grad_ys: a Tensor for each y, that arrives there; None: ones.
        stop_gradients: Tensors that count as constants. unconnected_gradients: "none", or "zero" for zeros.
        gate_gradients, aggregation_method: accepted for TensorFlow's sake.

    Returns: list with a Tensor for each x, None where no path leads from it to a y.

    Raises: RuntimeError outside of a function.
    """
    if context.graph is None:
        _nodes("gradients")
    targets, sources, stopped = (nest.flatten([] if x is None else x) for x in (ys, xs, stop_gradients))
    seeds = [None] * len(targets) if grad_ys is None else nest.flatten(grad_ys)
    zero = str(getattr(unconnected_gradients, "value", unconnected_gradients)).lower() == "zero"
    return _gradients(targets, sources, seeds, stopped, zero)


@reads_sizes
def _gradients(targets, sources, seeds, stopped, zero):
    targets = [convert(y) for y in targets]
    seeds = [checked_seed(y, seed) for y, seed in zip(targets, seeds, strict=True)]
    ids, stops = [x.uid for x in sources], {x.uid for x in stopped}
    nodes = [node for node in differentiable(_nodes("gradients"), sources) if stops.isdisjoint(node.output_ids)]
    found = backpropagate(nodes, targets, ids, seeds)
    if zero:
        found = [apply("ZerosLike", convert(x)) if dx is None else dx for x, dx in zip(sources, found, strict=True)]
    return found


def hessians(ys, xs, gate_gradients=False, aggregation_method=None, name="hessians"):
    """For each x of ``xs`` the second derivatives of sum(ys): a Tensor of shape x.shape + x.shape.

    Raises: RuntimeError outside of a function.
    """
    if context.graph is None:
        _nodes("hessians")
    return _hessians(nest.flatten(ys), nest.flatten(xs))


@reads_sizes
def _hessians(targets, sources):
    firsts = _gradients(targets, sources, [None] * len(targets), [], True)
    nodes = differentiable(_nodes("hessians"), sources)
    return [jacobian(nodes, first, [x], [x.uid])[0] for first, x in zip(firsts, sources, strict=True)]


def vectorized_map(fn, elems, fallback_to_while_loop=True, warn=True):
    """``fn`` of each element along the first axis of ``elems``, stacked; as ``map_fn`` without a signature.

    fallback_to_while_loop, warn: accepted for TensorFlow's sake.
    """
    return map_fn(fn, elems)
