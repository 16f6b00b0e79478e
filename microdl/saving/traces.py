"""Traced functions as JSON, call by call, and back: what is loaded is traced anew from what was written.

A call is an op on tensors (``{"op": "MatMul", ...}``), or control flow with its parts' calls (``{"flow": "If"}``).
Where sizes are open it may be a function of microdl's that reads them (``{"function": "microdl.ops.shaping.reshape"}``)
or another traced function (``{"trace": 0}``). Only ops that are registered and functions that ``reads_sizes`` decorates
can be named: a file brings no code along.
"""

import inspect
from typing import Any

from microdl.compile import control, open as open_graphs
from microdl.compile.arguments import Arguments, Structured
from microdl.compile.concrete import ConcreteFunction
from microdl.compile.graph import FuncGraph
from microdl.compile.open import OpenFunction, OpenGraph
from microdl.compile.signature import Identity
from microdl.core import nest
from microdl.core.context import context
from microdl.core.deferred import functions_by_name
from microdl.core.op import all_ops
from microdl.core.tensor import Tensor, apply

_FLOW = {"If": 1, "While": 2, "Scan": 1}  # kinds of control flow


class CannotSave(ValueError):
    """What a function does cannot be written down."""


def to_json(concrete, writer):
    """A ConcreteFunction or OpenFunction as JSON. Raises CannotSave that names the function and the call."""
    graph = concrete.graph
    if graph.captures:
        raise CannotSave(f"function {graph.name!r}: it uses tensors of the function around it, and is not saved alone")
    numbers: dict[int, int] = {}
    inputs = [[_number(x, numbers), list(x.shape), x.dtype.name] for x in graph.inputs]
    if isinstance(graph, OpenGraph):
        try:
            calls = [_open_call(graph.name, call, writer, numbers) for call in graph.calls]
        except CannotSave as error:
            raise CannotSave(f"{error} while sizes are open: give the input_signature a size for each None") from None
    else:
        calls = [_call(graph.name, node, writer, numbers) for node in graph.nodes]
    return {
        "name": graph.name,
        "open": isinstance(graph, OpenGraph),
        "inputs": inputs,
        "calls": calls,
        "returns": writer.value(concrete.structured_outputs, numbers),
        **_arguments(concrete, writer, numbers),
    }


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


def _open_call(name, call, writer, numbers):
    """One Call of an OpenGraph."""
    if call.tapes:
        raise CannotSave(f"function {name!r}: it asks a tape for gradients, which cannot be saved")
    function, args = call.function, call.args
    if args and isinstance(args[0], Structured):
        callee, args = args
        kind, what = callee.name, {"trace": writer.trace(callee)}
    elif function is apply:
        kind, *args = args
        what = {"op": kind} if isinstance(kind, str) and kind in all_ops() else None
    elif function is open_graphs._read:
        kind, what = "ReadVariableOp", {"op": "ReadVariableOp"}
    else:
        kind = f"{function.__module__}.{function.__qualname__}"
        what = {"function": kind} if kind in functions_by_name else None
    if what is None:
        raise CannotSave(f"function {name!r}: {kind} is made of Python functions, which cannot be saved")
    return _written(name, kind, what, args, call.kwargs, call.outputs, writer, numbers)


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
    graph = OpenGraph(text["name"]) if text["open"] else FuncGraph(text["name"])
    tensors: dict[int, Any] = {}
    tapes, context.tapes = context.tapes, ()
    try:
        with graph:
            for number, shape, dtype in text["inputs"]:
                tensors[number] = graph.placeholder(reader.value({"spec": [shape, dtype]}, tensors))
            _again(text["calls"], reader, tensors)
            returned = reader.value(text["returns"], tensors)
            leaves = [graph.own(x) if isinstance(x, Tensor) else x for x in nest.flatten(returned)]
    finally:
        context.tapes = tapes
    graph.outputs = [x for x in leaves if isinstance(x, Tensor)]
    concrete = (OpenFunction if text["open"] else ConcreteFunction)(graph, nest.pack_as(returned, leaves))
    if "parameters" in text:
        parameters = [inspect.Parameter(name, getattr(inspect.Parameter, kind)) for name, kind in text["parameters"]]
        args, kwargs = (reader.value(text[key], tensors) for key in ("args", "kwargs"))
        concrete.arguments = Arguments(inspect.Signature(parameters), tuple(args), kwargs)
        concrete.arguments.names.update({id(tensors[number]): name for number, name in text["names"]})
    return concrete


def _again(calls, reader, tensors):
    """Makes calls once more, in the graph that is being traced."""
    for call in calls:
        args = [reader.value(x, tensors) for x in call["args"]]
        kwargs = {key: reader.value(value, tensors) for key, value in call["kwargs"].items()}
        if "flow" in call:
            results = _flow_again(call, args, kwargs, reader, tensors)
        elif call.get("op") == "ReadVariableOp":
            results = args[0].read()
        elif "trace" in call:
            results = reader.trace(call["trace"]).call(args)
        elif "op" in call:
            results = apply(call["op"], *args, **kwargs)
        else:
            results = functions_by_name[call["function"]](*args, **kwargs)
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
