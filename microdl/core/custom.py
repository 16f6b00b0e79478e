"""``custom_gradient``: a function with a derivative of the user's own."""

import functools
import inspect

import numpy as np

from microdl.core import nest
from microdl.core.context import context
from microdl.core.deferred import is_empty, reads_sizes
from microdl.core.op import Op
from microdl.core.tape import GradientTape
from microdl.core.tensor import Tensor, apply, convert, record


def custom_gradient(f):
    """Decorator: ``f(*args)`` returns ``(outputs, gradient)``; ``gradient(*dys)`` gives each argument's gradient.

    If ``f`` reads trainable Variables, its ``gradient`` is called with ``variables=[...]`` and returns a pair: the
    gradients of the arguments, and a list with the gradients of those variables.

    >>> @custom_gradient
    ... def clipped(x):
    ...     return x, lambda dy: clip_by_value(dy, -1.0, 1.0)
    """

    @functools.wraps(f)
    def wrapped(*args, **kwargs):
        inputs = tuple(convert(x) for x in args)
        with GradientTape() as inside:  # finds the variables; outer tapes follow values that ``gradient`` shares with f
            returned = f(*inputs, **kwargs)
        if not (isinstance(returned, (tuple, list)) and len(returned) == 2 and callable(returned[1])):
            raise TypeError(
                f"custom_gradient {f.__name__}: it must return two things, its value and the function that computes "
                f"the gradient: return y, lambda dy: ...; it returned {_kinds(returned)}"
            )
        result, gradient = returned
        variables = [v for v in inside.watched_variables() if all(v.uid != x.uid for x in inputs)]
        if variables and not _takes_variables(gradient):
            raise TypeError(
                f"custom_gradient {f.__name__}: it reads {', '.join(v.name for v in variables)}, so its gradient "
                "must take the argument `variables` and return two things: gradients of the arguments, of the variables"
            )
        results, sources = tuple(map(convert, nest.flatten(result))), inputs + tuple(v.read() for v in variables)
        if context.graph is not None:
            return nest.pack_as(result, _in_graph(f, results, sources, gradient, variables))
        name, adapted = f"CustomGradient({f.__name__})", _adapted(f, gradient, len(inputs), variables)
        outputs = tuple(map(_renewed, results))
        record(Op(name, ("args*",), _never, None, adapted), {}, sources, outputs)
        return nest.pack_as(result, outputs)

    return wrapped


@reads_sizes
def _in_graph(f, results, sources, gradient, variables):
    """The outputs of a Node that copies the results, and has the user's gradient with respect to the sources.

    Its inputs are the results, the sources, and what the gradient's closure holds: values that it may read.
    """
    adapted = _adapted(f, gradient, len(sources) - len(variables), variables)
    cells = [cell.cell_contents for cell in getattr(gradient, "__closure__", None) or () if not is_empty(cell)]
    held = tuple(x for x in nest.flatten(cells) if isinstance(x, Tensor))
    count = len(results)

    def run(kernels, *arrays):
        for copy, array in zip(arrays[-count:], arrays, strict=False):
            np.copyto(copy, array)

    def of_sources(node, *dys):
        return (None,) * count + adapted(node, *dys) + (None,) * len(held)

    op = Op(
        f"CustomGradient({f.__name__})",
        ("values*",),
        lambda *specs: specs[:count],
        run,
        of_sources,
        frozenset({0}),
        same_dtype=False,
    )
    return apply(op, *results, *sources, *held)


def _adapted(f, gradient, count, variables):
    """The user's gradient in the form that the reverse walk calls."""

    def adapted(node, *dys):
        dys = [_zeros(y) if dy is None else dy for dy, y in zip(dys, node.outputs, strict=True)]
        given = gradient(*dys, variables=variables) if variables else gradient(*dys)
        of_inputs, of_variables = given if variables else (given, [])
        of_inputs = nest.flatten(of_inputs)
        if len(of_inputs) != count or len(of_variables) != len(variables):
            raise ValueError(
                f"custom_gradient {f.__name__}: expected gradients of {count} arguments and {len(variables)} variables"
                f", got {len(of_inputs)} and {len(of_variables)}"
            )
        return tuple(dx if dx is None else convert(dx) for dx in (*of_inputs, *of_variables))

    return adapted


def _kinds(returned):
    """``a Tensor`` or ``(Tensor, NoneType)``"""
    if isinstance(returned, (tuple, list)):
        return f"({', '.join(type(part).__name__ for part in returned)})"
    return f"a {type(returned).__name__}"


def _takes_variables(gradient):
    parameters = inspect.signature(gradient).parameters.values()
    return any(p.name == "variables" or p.kind is p.VAR_KEYWORD for p in parameters)


def _zeros(spec):
    return apply("Fill", shape=spec.shape, value=0, dtype=spec.dtype)


def _renewed(y):
    """The same value under a new name, so that an output which is also an input counts as this op's result."""
    return Tensor(y.spec, y.own_array() if y.borrowed else y.array)


def _never(*specs, **attrs):
    raise RuntimeError("custom gradients are recorded, never applied")
