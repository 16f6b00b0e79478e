"""Derivatives of every element of a tensor, by one walk back for each: what tapes and graphs share."""

from collections.abc import Callable

from microdl.core.backprop import backpropagate
from microdl.core.context import context
from microdl.core.tensor import apply, convert


class _Loops:
    """How rows are made while a function is traced, by a loop of its graph: ``ops/gradients.py`` says it.

    each: (function of a position that gives a list of Tensors and Nones, count) -> list of stacks, or Nones.
    """

    each: Callable


loops = _Loops()


def rows(nodes, target, source_ids, count):
    """For each of ``count`` elements of ``target``, and each source, the element's gradient; None if there is no path.

    Args:
        nodes: list of Nodes in the order in which they ran. target: Tensor.
        count: the number of elements of a target, or of one of its rows, whose sum over all rows is then derived.

    Returns: for each source None, or a Tensor of shape (count, *source.shape).
    """
    dtype, shape = target.dtype, (target.spec.size // count, count)
    one_hot = {"depth": count, "on_value": 1, "off_value": 0, "axis": 0, "dtype": dtype}

    def row(i):
        seed = apply("BroadcastTo", apply("OneHot", i, **one_hot), shape=shape)
        return backpropagate(list(nodes), [target], source_ids, [apply("Reshape", seed, shape=target.spec.shape)])

    if context.graph is not None:
        return loops.each(row, count)
    found = [row(i) for i in range(count)]
    return [None if of_one[0] is None else apply("Pack", *of_one, axis=0) for of_one in zip(*found, strict=True)]


def jacobian(nodes, target, sources, source_ids):
    """d target[i] / d source[j] for each source: a Tensor of shape target.shape + source.shape, or None."""
    target, count = convert(target), target.spec.size
    if not count:
        return [_zeros((*target.shape, *x.shape), target.dtype) for x in sources]
    found = rows(nodes, target, source_ids, count)
    return [
        None if one is None else apply("Reshape", one, shape=(*target.shape, *x.shape))
        for one, x in zip(found, sources, strict=True)
    ]


def batch_jacobian(nodes, target, source, source_id):
    """d target[b, i] / d source[b, j]: a Tensor of shape target.shape + source.shape[1:]; zeros without a path.

    Row b of the target must depend on row b of the source alone: then one walk serves the whole batch.
    """
    target, shape = convert(target), (*target.shape, *source.shape[1:])
    count = target.spec.size // max(target.spec.shape[0], 1)
    (found,) = rows(nodes, target, [source_id], count) if target.spec.size else [None]
    if found is None:
        return _zeros(shape, target.dtype)
    return apply("Reshape", apply("Transpose", found, perm=(1, 0, *range(2, found.ndim))), shape=shape)


def _zeros(shape, dtype):
    return apply("Fill", shape=tuple(shape), value=0, dtype=dtype)
