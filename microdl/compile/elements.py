"""Elements of data sets in traced functions: a loop over them as one Node, the next one of an iterator as another.

The body of the loop is traced once. What it computes is replayed for each element, while the pipeline that makes the
elements is Python between the rounds; where sizes of elements are not known, there is a plan for each choice of sizes.
"""

from typing import Any

import numpy as np

from microdl.compile.blocks import SizesUnknown, trace
from microdl.compile.branch import Parts, tracing
from microdl.compile.control import check_carried, new_op
from microdl.core import dtypes, nest
from microdl.core.context import context, user_location
from microdl.core.deferred import reads_sizes
from microdl.core.elements import Source, fetcher, is_known, next_arrays
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.tensor import apply, convert

FLAG = Spec((), dtypes.bool)


def over_elements(name, source, body, carry, labels=(), stops=False):
    """Runs ``body`` for each element of a data set, or for those that are left of an iterator.

    Args:
        name: for messages. source: a Source. body: (carried Tensors, element) -> list of as many; if ``stops``, and a
            bool which says that no further element is wanted. carry: list of Tensors, as they are at first. labels:
            names of them, for messages.

    Returns: list of them at the end.
    """
    count = len(carry)
    starts = [x.spec for x in carry]

    def flat(*tensors):
        return list(body(list(tensors[:count]), source.shown(tensors[count:])))

    specs = [*starts, *source.leaf_specs()]
    part, results = trace(f"{name}: body", flat, specs, [*starts, FLAG])
    check_carried(name, carry, results[:count], labels)
    parts = Parts(part)
    parts.stateful = parts.pauses = True
    gradient = _no_gradient if source.goes_on else None  # TensorFlow has none for a data set, and says nothing
    op = new_op("ForElements", parts, 1 + count, starts, _run, gradient, count)
    outputs = apply(op, *parts.inputs(*source.parts(), *carry), parts=parts, stops=stops, loop=name)
    return list(outputs if isinstance(outputs, tuple) else (outputs,))[:count]


def _run(kernels, source, *arrays, parts, stops, loop):
    (part,) = parts.parts
    count = len(part.outputs) - stops
    state, shared = list(arrays[:count]), arrays[count : count + len(parts.shared)]
    fetch = fetcher(source)
    while (element := fetch()) is not None:
        results = part.plan.run([*state, *element, *shared])
        state = results[:count]
        if stops and results[count]:
            break
    for y, result in zip(arrays[len(arrays) - count :], state, strict=True):
        np.copyto(y, result)


def _no_gradient(node, *dys):
    raise RuntimeError(
        f"{node.attrs['loop']}: a loop over an iterator has no gradient; put the tape inside, or add up gradients"
    )


@reads_sizes
def folded(source, initial, function):
    """``state = function(state, element)`` for each element: the last state, a structure of Tensors."""
    start = [convert(x) for x in nest.flatten(initial)]

    def body(carried, element):
        state = function(nest.pack_as(initial, carried), element)
        leaves = [convert(x) for x in nest.flatten(state)]
        for old, new in zip(start, leaves, strict=False):
            if old.dtype is not new.dtype:
                raise TypeError(
                    f"The element types for the new state must match the initial state. Expected {old.dtype}; got "
                    f"{new.dtype}."
                )
        return leaves

    return nest.pack_as(initial, over_elements(f"reduce at {user_location()}", source, body, start))


def next_element(source):
    """The Tensors of the next element of an iterator whose Source is ``source``, taken whenever the trace runs."""
    (handle,), specs = source.parts(), source.leaf_specs()
    if all(map(is_known, specs)):
        found = apply("IteratorGetNext", handle, specs=tuple(Spec(tuple(s.shape), s.dtype) for s in specs))
        return found
    graph = context.graph
    if not graph.open:
        raise SizesUnknown(f"{user_location()}: an element of unknown size in a trace whose sizes are all known")
    if not graph.is_given(handle):
        raise ValueError(
            f"{user_location()}: the sizes of this iterator's elements must be known, as the data set itself is made "
            "in this function: use a `for` loop, dataset.batch(n, drop_remainder=True), or make the data set outside"
        )
    return graph.feed(source, specs)


@register_op("IteratorGetNext")
class _GetNext:
    """The tensors of the next element of an iterator, each with one of the Specs ``specs``."""

    inputs = ("iterator",)
    same_dtype = False
    stateful = True
    host = True

    @staticmethod
    def infer(iterator, specs):
        return specs

    @staticmethod
    def run(kernels, iterator, *outputs, specs):
        for y, array in zip(outputs, next_arrays(iterator), strict=True):
            if y.shape != array.shape:
                raise InvalidArgumentError(
                    f"IteratorGetNext: an element of shape {y.shape} is expected, got {array.shape}"
                )
            np.copyto(y, array)


def of_sources(function):
    """What takes the place of a builtin function that works on data sets, too, in a trace; others are as they are."""
    return _OF_SOURCES.get(function, function) if tracing() else function


def _is_data_set(value: Any):
    return isinstance(value, Source) and not value.goes_on


def _enumerate(iterable: Any, start=0):
    return iterable.enumerate(start) if _is_data_set(iterable) else enumerate(iterable, start)


def _zip(*iterables: Any, strict=False):
    if iterables and all(map(_is_data_set, iterables)):
        return iterables[0].zip(iterables)
    return zip(*iterables, strict=strict)


def _len(value: Any):
    return value.cardinality() if _is_data_set(value) else len(value)


_OF_SOURCES: dict[Any, Any] = {enumerate: _enumerate, zip: _zip, len: _len}
