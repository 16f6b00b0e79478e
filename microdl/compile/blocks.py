"""Blocks of a trace that run any number of times: ``trace`` makes a Part of a function.

Where such a function takes elements of unknown sizes from a data set, batches of which the last one is smaller, there
is an ``OpenPart``: it keeps the calls (``open.py``), and makes a Part of them for each choice of sizes that arrives.
"""

import functools
from typing import Any

import numpy as np

from microdl.compile.branch import Part, zeros
from microdl.compile.open import OpenGraph, Replay
from microdl.core import nest
from microdl.core.context import context, user_location
from microdl.core.dtypes import variant
from microdl.core.elements import is_known
from microdl.core.errors import OpError
from microdl.core.locks import new_lock
from microdl.core.op import Spec
from microdl.core.tensor import Operand, Tensor, apply, convert

KEPT = 64  # choices of sizes that an OpenPart stays prepared for


class SizesUnknown(TypeError):
    """Elements of unknown sizes were asked for in a graph whose sizes are all known: it is traced again, as open."""


class OpenPart(OpenGraph):
    """The trace of a block in which sizes may be unknown; with the interface of a Part.

    Attributes:
        outer: the graph around it. outputs: Tensors of the shapes that the results are to have.
    """

    sized = Part
    kept = ()  # nothing for gradients: there are none

    def __init__(self, name, outer):
        super().__init__(name)
        self.outer, self.unset, self.parts = outer, outer.unset, outer.parts
        self._sized, self._lock = {}, new_lock()  # shapes of the inputs -> Part
        self.reads, self.written, self.counters = {}, {}, {}
        self._results: list[Any] = []
        self._closing: Any = ()
        for sample in self.samples:
            self._linked(sample.graph)

    def _linked(self, part):
        part._outer, part.unset, part.parts = self.outer, self.unset, self.parts
        return part

    # While it is traced

    def _call(self, function, args, kwargs):
        call = super()._call(function, args, kwargs)
        for x in call.inputs:
            self._adopt(x)
        return call

    def own(self, tensor):
        self._adopt(tensor)
        return super().own(tensor)

    def _adopt(self, tensor):
        """What belongs to the trace around this one is itself in all samples, whose graphs capture it."""
        if isinstance(tensor, Tensor) and tensor.array is None and not self.holds(tensor) and self.outer.holds(tensor):
            for sample in self.samples:
                sample.values[id(tensor)] = tensor

    def is_given(self, tensor):
        return super().is_given(tensor) or self.outer.holds(tensor)

    def returns(self, leaves, specs):
        """Ends the trace. Returns what stands for its results, with the Specs asked for where they may have them.

        Raises: ValueError if the size of a result is not known.
        """
        self._results, self.outputs = leaves, []
        graphs: list[Any] = [sample.graph for sample in self.samples]
        self.nodes = [node for graph in graphs for node in graph.nodes]
        self.captures = {id(x): (x, None) for source, _ in self.fed for x in source.parts() if x.array is None}
        for graph in graphs:
            self.captures.update(graph.captures)
            self.reads.update(graph.reads)
            self.written.update(graph.written)
        for k, y in enumerate(leaves):
            if y is None:
                continue
            spec = specs[k] if k < len(specs) and self._may_be(y, specs[k]) else y.spec
            if None in spec.shape:
                raise ValueError(
                    f"{self.name}: what leaves it must have a known size, but shape {y.shape} depends on elements of "
                    "unknown size; reduce it, or give them fixed sizes: dataset.batch(n, drop_remainder=True)"
                )
            self.outputs.append(Tensor(spec))
        found = iter(self.outputs)
        return [None if y is None else next(found) for y in leaves]

    def _may_be(self, tensor, spec):
        values = [sample.values.get(id(tensor), tensor) for sample in self.samples]
        return any(y.spec == spec for y in values if isinstance(y, Tensor))

    # As one of the Parts of an op

    def close(self, captured, variables, written):
        """See ``Part.close``; each Part made from now on is closed so."""
        self._closing = list(captured), list(variables), written

    @property
    def plan(self):
        """What runs it: itself."""
        return self

    keeping_plan = plan

    def run(self, arrays):
        """The arrays of the outputs, for those of the inputs and of what the Parts of the op share."""
        own, shared = arrays[: len(self.inputs)], arrays[len(self.inputs) :]
        if self.fed:
            held = zip([*self.inputs, *self._closing[0]], arrays, strict=False)
            found = self.taken({id(x): Tensor(x.spec, array) for x, array in held if x.dtype is variant})
            own = [*own, *(x.known_array() for x in found)]
        key = tuple([array.shape for array in own])
        part = self._sized.get(key)
        if part is None:
            with self._lock:
                part = self._sized.get(key) or self._with_sizes(key)
        return part.plan.run([*own, *shared])

    def _with_sizes(self, shapes):
        part = self._linked(Part(self.name))
        part.resized = True
        replay = Replay(part)
        inputs = [*self.inputs, *(x for _, tensors in self.fed for x in tensors)]
        replay.keep(inputs, [part.placeholder(Spec(s, x.dtype)) for s, x in zip(shapes, inputs, strict=True)])
        replay.again(self.calls)
        part.outputs = [part.own(replay.value(y)) for y in self._results if y is not None]
        for y, expected in zip(part.outputs, self.outputs, strict=True):
            if y.spec != expected.spec:
                raise ValueError(
                    f"{self.name}: what leaves it must keep its shape and dtype: expected {expected.dtype.name} of "
                    f"shape {expected.shape}, got {y.dtype.name} of shape {y.shape}"
                )
        part.close(*self._closing)
        self._sized[shapes] = part
        for oldest in list(self._sized)[:-KEPT]:
            del self._sized[oldest]
        return part


def trace(name, python_function, specs=(), returns=()):
    """What ``python_function`` does with symbolic Tensors of these ``specs``.

    Args: returns: the Specs that its first results must have, as far as they are known.

    Returns: the Part; what the function returned, with Tensors as leaves (None stays).
    """
    outer = context.graph
    if all(map(is_known, specs)):
        try:
            return _traced(Part(name), outer, python_function, specs, returns)
        except SizesUnknown:
            pass
    return _traced(OpenPart(name, outer), outer, python_function, specs, returns)


def traced_branches(name, functions):
    """The traces of functions of which one will run: label -> (Part, what it returned).

    Where open sizes have got their values, a branch may not fit them and need not, as nobody knows yet which one will
    be chosen: then it ends with an op that raises the error, and has the outputs of another branch.
    """
    outer, found, errors = context.graph, {}, {}
    for label, function in functions.items():
        part: Any = Part(f"{name}: {label}")
        try:
            found[label] = _traced(part, outer, function)
        except SizesUnknown:
            found[label] = _traced(OpenPart(part.name, outer), outer, function)
        except (ValueError, OpError) as error:
            if not outer.resized:
                raise
            errors[label] = part, error
    for label, (part, error) in errors.items():
        if len(errors) == len(functions):
            raise error
        (_, structure), *_ = found.values()
        found[label] = _traced(part, outer, functools.partial(_refuse, error, structure))
    return {label: found[label] for label in functions}


def _refuse(error, structure):
    """Raises ``error`` when it runs; returns what looks like ``structure``."""
    apply("Assert", False, message=str(error), summarize=None)
    return nest.pack_as(structure, [y if y is None else zeros(y) for y in nest.flatten(structure)])


def _traced(part, outer, python_function, specs=(), returns=()):
    part.unset, part.parts, part.resized = outer.unset, outer.parts, outer.resized
    if not part.open:
        part.parts.append((part.name, part._own))
    tapes, context.tapes = context.tapes, ()
    try:
        with part:
            result = python_function(*[part.placeholder(spec) for spec in specs])
            leaves = [_leaf(part, leaf) for leaf in nest.flatten(result)]
    finally:
        context.tapes = tapes
    if part.open:
        part.parts.append((part.name, part.own_ids()))
        leaves = part.returns(leaves, returns)
    else:
        part.outputs = [leaf for leaf in leaves if leaf is not None]
    outer.created += part.created
    return part, nest.pack_as(result, leaves)


def _leaf(part, leaf):
    if leaf is None:
        return None
    try:
        return part.own(convert(leaf))
    except TypeError as error:
        kind = leaf if isinstance(leaf, Operand) else f"a {type(leaf).__name__}"
        raise TypeError(
            f"{part.name} must return tensors (or numbers, None, and structures of them), got {kind}: {error}"
        ) from None


def zeros_like(value):
    """The structure ``value`` with zeros in the place of its tensors. Raises ValueError if sizes are not known."""
    for x in nest.flatten(value):
        if isinstance(x, Operand) and None in x.spec.shape:
            raise ValueError(
                f"{user_location()}: a value of shape {x.shape} leaves a loop or branch in some cases only, and so "
                "must have a known size"
            )
    return nest.pack_as(
        value, [convert(np.zeros(x.shape, x.dtype.as_numpy_dtype)) for x in map(convert, nest.flatten(value))]
    )
