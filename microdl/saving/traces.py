"""Traced functions as JSON, call by call, and back: what is loaded is traced anew from what was written.

A call is an op on tensors (``{"op": "MatMul", ...}``), or control flow with its parts' calls (``{"flow": "If"}``).
Where sizes are open, numbers that depend on them are expressions of sizes (``open_traces.py``), and what is loaded is
traced for each choice of sizes. Only ops that are registered can be named: a file brings no code along.
"""

import inspect
from typing import Any

from microdl.compile import control
from microdl.compile.arguments import Arguments
from microdl.compile.concrete import ConcreteFunction
from microdl.compile.graph import FuncGraph
from microdl.compile.open import OpenFunction
from microdl.compile.signature import Identity
from microdl.core import nest
from microdl.core.context import context
from microdl.core.op import Spec, all_ops
from microdl.core.tensor import Tensor, apply
from microdl.saving import open_traces
from microdl.saving.sizes import Sizes
from microdl.saving.values import Reader

_FLOW = {"If": 1, "While": 2, "Scan": 1}  # kinds of control flow


class CannotSave(ValueError):
    """What a function does cannot be written down."""


def to_json(concrete, writer):
    """A ConcreteFunction or OpenFunction as JSON. Raises CannotSave that names the function and the call."""
    graph = concrete.graph
    if graph.captures:
        raise CannotSave(f"function {graph.name!r}: it uses tensors of the function around it, and is not saved alone")
    if getattr(graph, "fed", ()):
        raise CannotSave(f"function {graph.name!r}: it takes elements of an iterator, which is Python's alone")
    if isinstance(concrete, OpenFunction):
        return _open_to_json(concrete, writer)
    body, numbers = _body(concrete, writer)
    inputs = [[numbers[id(x)], list(x.shape), x.dtype.name] for x in graph.inputs]
    return {"name": graph.name, "open": False, "inputs": inputs, **body, **_arguments(concrete, writer, numbers)}


def _body(concrete, writer):
    """The calls of a ConcreteFunction and what it returns; the numbers of its tensors by their ids."""
    numbers: dict[int, int] = {}
    for x in concrete.graph.inputs:
        _number(x, numbers)
    calls = [_call(concrete.graph.name, node, writer, numbers) for node in concrete.graph.nodes]
    return {"calls": calls, "returns": writer.value(concrete.structured_outputs, numbers)}, numbers


def _open_to_json(function, writer):
    name = function.name

    def again(body, specs):
        return _again_with(name, body, Reader(writer.variables, writer.tensor, None), specs)

    def common(samples, tried=False):
        return _common_body(function, open_traces.SampleWriter(writer) if tried else writer, samples)

    ends = [*function.inputs, *_tensors(function.structured_outputs)]
    if any(x.spec.shape is None for x in ends):
        raise CannotSave(f"function {name!r}: the number of axes of its tensors is open, and it cannot be saved so")

    try:
        text = open_traces.bodies(function, common, again)
    except open_traces.Differs as error:
        raise CannotSave(
            f"function {name!r}: {error}, and cannot be saved with open sizes: give the input_signature a size for "
            "each None"
        ) from None
    numbers = {id(x): i for i, x in enumerate(function.inputs)}
    return {
        "name": name,
        "open": True,
        "inputs": [[i, list(x.spec.shape), x.dtype.name] for i, x in enumerate(function.inputs)],
        "outputs": [[list(x.spec.shape), x.dtype.name] for x in _tensors(function.structured_outputs)],
        "variables": [writer.variable(v) for v in function.variables],
        **text,
        **_arguments(function, writer, numbers),
    }


def _tensors(structure):
    return [x for x in nest.flatten(structure) if isinstance(x, Tensor)]


def _common_body(function, writer, samples):
    """What several ConcreteFunctions for different sizes have in common."""
    writers = [open_traces.SampleWriter(writer) for _ in samples]
    found = [_body(concrete, own) for concrete, own in zip(samples, writers, strict=True)]
    shapes = [open_traces.shapes_of(c.graph, numbers) for c, (_, numbers) in zip(samples, found, strict=True)]
    comparison = open_traces.Comparison(writer, writers, shapes)
    sizes = Sizes()
    for i, _ in enumerate(function.inputs):
        sizes.add(i, [own[i] for own in shapes])
    calls = comparison.calls([body["calls"] for body, _ in found], sizes)
    return {"calls": calls, "returns": comparison.value([body["returns"] for body, _ in found], sizes)}


def _number(tensor, numbers):
    return numbers.setdefault(id(tensor), len(numbers))


def _arguments(concrete, writer, numbers):
    """The parameters of the Python function, and what it was traced with."""
    arguments = concrete.arguments
    if arguments is None:
        return {}
    for leaf in nest.flatten([arguments.args, arguments.kwargs]):
        if isinstance(leaf, Identity):
            raise CannotSave(f"function {concrete.name!r}: an argument is {leaf!r}, which is Python's alone")
    parameters = [[p.name, p.kind.name] for p in arguments.signature.parameters.values()]
    names = [[numbers[key], name] for key, name in arguments.names.items() if key in numbers]
    return {
        "parameters": parameters,
        "args": writer.value(list(arguments.args), numbers),
        "kwargs": writer.value(arguments.kwargs, numbers),
        "names": names,
    }


def _call(name, node, writer, numbers):
    """One Node."""
    kind = node.op.name
    if kind in _FLOW and "parts" in node.attrs:
        return _flow(name, node, writer, numbers)
    if all_ops().get(kind) is not node.op:
        raise CannotSave(f"function {name!r}: op {kind} is made of Python functions, which cannot be saved")
    return _written(name, kind, {"op": kind}, node.inputs, node.attrs, node.outputs, writer, numbers)


def _written(name, kind, what, args, kwargs, outputs, writer, numbers):
    try:
        args = [writer.value(x, numbers) for x in args]
        kwargs = {key: writer.value(value, numbers) for key, value in kwargs.items()}
    except TypeError as error:
        raise CannotSave(f"function {name!r}: {kind} takes {error}, and cannot be saved") from None
    numbered = [None if y is None else _number(y, numbers) for y in outputs]
    return {**what, "args": args, "kwargs": kwargs, "outputs": numbered}


def _flow(name, node, writer, numbers):
    """A Node of control flow: its parts are graphs of their own, whose last inputs are tensors around them."""
    parts, attrs = node.attrs["parts"], {key: value for key, value in node.attrs.items() if key != "parts"}
    first = len(node.inputs) - len(parts.shared) - len(parts.constants) - len(parts.written)
    around = node.inputs[: first + len(parts.shared)]
    written = _written(name, node.op.name, {"flow": node.op.name}, around, attrs, node.outputs, writer, numbers)
    written["first"], written["parts"] = first, []
    for part in parts.parts:
        inputs = [_number(x, numbers) for x in part.inputs]
        calls = [_call(name, inner, writer, numbers) for inner in part.nodes]
        outputs = [writer.value(y, numbers) for y in part.outputs]
        written["parts"].append({"inputs": inputs, "calls": calls, "outputs": outputs})
    return written


def from_json(text, reader) -> Any:
    """The function. Raises KeyError, IndexError, TypeError or ValueError if the text is no such thing."""
    name = text["name"]
    specs = [Spec(tuple(shape), reader.value({"dtype": dtype}, {})) for _, shape, dtype in text["inputs"]]
    if text["open"]:
        concrete = _open_from_json(text, reader, [Tensor(spec) for spec in specs])
    else:
        concrete = _again_with(name, text, reader, specs)
    if "parameters" in text:
        tensors = {number: x for (number, _, _), x in zip(text["inputs"], concrete.inputs, strict=True)}
        parameters = [inspect.Parameter(name, getattr(inspect.Parameter, kind)) for name, kind in text["parameters"]]
        args, kwargs = (reader.value(text[key], tensors) for key in ("args", "kwargs"))
        concrete.arguments = Arguments(inspect.Signature(parameters), tuple(args), kwargs)
        concrete.arguments.names.update({id(tensors[number]): name for number, name in text["names"]})
    return concrete


def _open_from_json(text, reader, inputs):
    outputs = [Tensor(Spec(tuple(shape), reader.value({"dtype": dtype}, {}))) for shape, dtype in text["outputs"]]
    variables = [reader.variables[number] for number in text["variables"]]
    for body in text["bodies"]:
        _check(body["calls"])
    graph = open_traces.WrittenGraph(text["name"], inputs, outputs, variables)
    returned = reader.value(text["bodies"][0]["returns"], _Anything(iter(outputs)))
    which = open_traces.Choice(text["name"], inputs, *(text[key] for key in ("general", "served", "all_tried")))

    def again(specs):
        return _again_with(text["name"], text["bodies"][which.body(specs)], reader, specs)

    return open_traces.WrittenFunction(graph, returned, again)


class _Anything:
    """What tensors stand for where a structure of them is read: the next of ``leaves``."""

    def __init__(self, leaves):
        self._leaves = leaves

    def __getitem__(self, number):
        return next(self._leaves)


def _again_with(name, body, reader, specs):
    """A ConcreteFunction that makes the calls of a body with inputs of these Specs."""
    graph = FuncGraph(name)
    tapes, context.tapes = context.tapes, ()
    try:
        with graph:
            tensors: dict[int, Any] = {i: graph.placeholder(spec) for i, spec in enumerate(specs)}
            _again(body["calls"], reader, tensors)
            returned = reader.value(body["returns"], tensors)
            leaves = [graph.own(x) if isinstance(x, Tensor) else x for x in nest.flatten(returned)]
    finally:
        context.tapes = tapes
    graph.outputs = [x for x in leaves if isinstance(x, Tensor)]
    return ConcreteFunction(graph, nest.pack_as(returned, leaves))


def _check(calls):
    """Raises ValueError for what is not known: a trace with open sizes is made only when it is called."""
    for call in calls:
        if "op" not in call and call["flow"] not in _FLOW:
            raise ValueError(f"there is no control flow {call['flow']!r}")
        if "op" in call and call["op"] not in all_ops():
            raise ValueError(f"there is no op {call['op']!r}")
        for part in call.get("parts", ()):
            _check(part["calls"])


def _again(calls, reader, tensors):
    """Makes calls once more, in the graph that is being traced."""
    for call in calls:
        args = [reader.value(x, tensors) for x in call["args"]]
        kwargs = {key: reader.value(value, tensors) for key, value in call["kwargs"].items()}
        if "flow" in call:
            results = _flow_again(call, args, kwargs, reader, tensors)
        elif call.get("op") == "ReadVariableOp":
            results = args[0].read()
        else:
            results = apply(call["op"], *args, **kwargs)
        for number, y in zip(call["outputs"], nest.flatten(results), strict=False):
            if number is not None:
                tensors[number] = y


def _flow_again(call, args, kwargs, reader, tensors):
    """Traces control flow anew. Returns its Tensors, those that serve gradients alone included."""
    first, shared, graph = args[: call["first"]], args[call["first"] :], context.graph
    parts = [_Again(part, shared, reader, tensors) for part in call["parts"]]
    if call["flow"] == "If":
        functions = {f"branch {key}": part for key, part in zip(kwargs["keys"], parts, strict=True)}
        results = control.select("cond", first[0], functions, kwargs["keys"])
    elif call["flow"] == "While":
        head, body = parts
        results = control.while_(kwargs["loop"], lambda *xs: head(*xs)[0], body, first)
    else:
        carried, (body,) = kwargs["carried"], parts

        def step(index, carry, slices):
            outputs = body(index, *carry, *slices)
            return outputs[:carried], outputs[carried:]

        given = kwargs["count"], kwargs["reverse"]
        ends, emitted = control.scan("scan", step, first[:carried], first[carried:], *given)
        results = [*ends, *emitted]
    last = graph.nodes[-1] if graph is not None and graph.nodes else None
    return last.outputs if last is not None and last.op.name == call["flow"] else results


class _Again:
    """A part of control flow as a Python function: it makes the part's calls."""

    def __init__(self, part, shared, reader, tensors):
        self._part, self._shared, self._reader, self._tensors = part, shared, reader, tensors

    def __call__(self, *own):
        tensors = dict(self._tensors)
        tensors.update(zip(self._part["inputs"], [*own, *self._shared], strict=True))
        _again(self._part["calls"], self._reader, tensors)
        return [self._reader.value(y, tensors) for y in self._part["outputs"]]
