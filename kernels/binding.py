"""Kernel calls that some code made on arrays, as a function that makes them on any arrays of these shapes and dtypes.

``recording.recorded`` tells which calls ``run(*inputs, *outputs)`` came to; each of their arguments is an input or an
output in some shape, or a number. That is written down as a Python function, for a product of two matrices perhaps

    def launch(i0, i1):
        o0 = empty(s0, t0)
        f0(1, 1, i0.reshape(s1), i1.reshape(s2), False, False, o0.reshape(s3))
        return (o0,)

in which f0 enters the machine code for these types without asking for them again. So what ``run`` does is written in
one place, and small problems do not wait for the Python in it.
"""

import functools
import re

import numpy as np
from numba.core.registry import CPUDispatcher

from . import recording


class _Unknown(Exception):
    """An argument that is neither an input, nor an output, nor a number: scratch, a table, a part of an array."""


def bound(run, inputs, outputs):
    """Runs ``run(*inputs, *outputs)``, which calls kernels by shapes and dtypes alone (see ``recording.py``).

    Returns: launch(*inputs) -> tuple of new outputs, which does the same; None if an argument of a kernel hinders it,
    or if an output is none of their arguments.
    """
    whole = {}  # address -> (name, array)
    distinct = []
    for i, x in enumerate(inputs):
        if _address(x) in whole:  # one array twice: which one does a kernel mean?
            x = x.copy()
        whole[_address(x)] = f"i{i}", x
        distinct.append(x)
    whole.update((_address(y), (f"o{i}", y)) for i, y in enumerate(outputs))
    calls = recording.recorded(run, *distinct, *outputs)
    if len(whole) < len(inputs) + len(outputs) or not all(x.size and x.flags.c_contiguous for _, x in whole.values()):
        return None
    names = {"empty": np.empty}
    try:
        made = [f"o{i} = empty({_named(names, y.shape)}, {_named(names, y.dtype)})" for i, y in enumerate(outputs)]
        lines = [_call_text(names, whole, call) for call in calls]
    except _Unknown:
        return None
    if not all(re.search(rf"\bo{i}\b", " ".join(lines)) for i in range(len(outputs))):
        return None
    arguments = ", ".join(f"i{i}" for i in range(len(inputs)))
    returned = "".join(f"o{i}, " for i in range(len(outputs)))
    source = "\n    ".join([f"def launch({arguments}):", *made, *lines, f"return ({returned})"])
    exec(_compiled(source), names)
    return names.pop("launch")  # a function in its own globals would be a cycle


@functools.lru_cache(maxsize=1024)
def _compiled(source):
    return compile(source, "<microdl launch>", "exec")


def _address(x):
    return x.__array_interface__["data"][0]


def _call_text(names, whole, call):
    function = _named(names, _entry(call.func, call.args))
    return f"{function}({', '.join(_text(names, whole, argument) for argument in call.args)})"


def _entry(function, args):
    """What runs the machine code for these arguments, without a look at their types; or ``function`` as it is."""
    dispatcher = getattr(function, "__self__", function)
    if not isinstance(dispatcher, CPUDispatcher):
        return function
    compiled = dispatcher.overloads.get(tuple(map(dispatcher.typeof_pyval, args)))
    return function if compiled is None else compiled.entry_point


def _text(names, whole, argument):
    """A call's argument in the source of ``launch``."""
    if isinstance(argument, np.ndarray):
        name, x = whole.get(_address(argument), ("", argument))
        if not name or argument.dtype != x.dtype or argument.size != x.size or not argument.flags.c_contiguous:
            raise _Unknown
        if argument.shape == x.shape:
            return name
        return f"{name}.ravel()" if argument.ndim == 1 else f"{name}.reshape({_named(names, argument.shape)})"
    if isinstance(argument, tuple):
        return f"({''.join(f'{_text(names, whole, part)}, ' for part in argument)})"
    if argument is None or type(argument) in (bool, int):
        return repr(argument)
    if isinstance(argument, (float, np.generic, CPUDispatcher)):
        return _named(names, argument)
    raise _Unknown


def _named(names, value):
    """The name under which ``launch`` finds a value."""
    name = f"v{len(names)}"
    names[name] = value
    return name
