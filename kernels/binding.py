"""Kernel calls that some code made on arrays, as a function that makes them on any arrays of these shapes and dtypes.

``recording.recorded`` tells which calls ``run(*inputs, *outputs)`` came to; each of their arguments is an input or an
output in some shape, a number, or a table that is kept for these shapes. That is written down as a Python function, for
a sum of two tensors perhaps

    def launch(i0, i1):
        o0 = empty(v1, v2)
        v3(1, 1, i0.ravel(), i1.ravel(), None, o0.ravel())
        return (o0,)

in which v3 enters the machine code for these types without asking for them again. So what ``run`` does is written in
one place, and small problems do not wait for the Python in it.
"""

import functools
import re

import numpy as np
from numba.core.registry import CPUDispatcher

from .recording import recorded


def bound(run, inputs, outputs):
    """Runs ``run(*inputs, *outputs)``, which calls kernels by shapes and dtypes alone (see ``recording.py``).

    Returns: launch(*inputs) -> tuple of new outputs, which does the same; None if an argument of a kernel hinders it,
    or if an output is none of their arguments.
    """
    addresses = [_address(x) for x in inputs]
    distinct = [  # of one array that comes twice nobody could tell which one a kernel means
        x.copy() if addresses.index(address) < i else x
        for i, (x, address) in enumerate(zip(inputs, addresses, strict=True))
    ]
    calls = recorded(run, *distinct, *outputs)
    if not all(x.size and x.flags.c_contiguous for x in (*distinct, *outputs)):
        return None
    text = _Text(distinct, outputs)
    if any(_address(x) not in text.whole for x in _arrays(calls).values()):
        text.tables = _arrays(calls).keys() & _arrays(recorded(run, *distinct, *outputs)).keys()
    try:
        return text.function(calls)
    except _Unknown:
        return None


class _Unknown(Exception):
    """An argument that is neither an input, nor an output, nor a number or table: scratch, or a part of an array."""


class _Text:
    """The source of ``launch``.

    Attributes:
        names: what it finds under which name. whole: address -> (name, array) of the inputs and outputs.
        tables: ids of the arrays that a second run passed again; what it makes anew is scratch.
    """

    def __init__(self, inputs, outputs):
        self.names = {"empty": np.empty}
        self.inputs = [f"i{i}" for i in range(len(inputs))]
        self.outputs = [f"o{i}" for i in range(len(outputs))]
        arrays = zip([*self.inputs, *self.outputs], [*inputs, *outputs], strict=True)
        self.whole = {_address(x): (name, x) for name, x in arrays}
        self.made = [
            f"{name} = empty({self._named(y.shape)}, {self._named(y.dtype)})"
            for name, y in zip(self.outputs, outputs, strict=True)
        ]
        self.tables = set()

    def function(self, calls):
        lines = [self._call(call) for call in calls]
        used = set(re.findall(r"\bo\d+\b", " ".join(lines)))
        if used != set(self.outputs):
            raise _Unknown
        returned = "".join(f"{name}, " for name in self.outputs)
        head = f"def launch({', '.join(self.inputs)}):"
        exec(_compiled("\n    ".join([head, *self.made, *lines, f"return ({returned})"])), self.names)
        return self.names.pop("launch")  # a function in its own globals would be a cycle

    def _call(self, call):
        if call.keywords:
            raise _Unknown
        entered = self._named(_entry(call.func, call.args))
        return f"{entered}({', '.join(map(self._argument, call.args))})"

    def _argument(self, value):
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, tuple):
            return f"({''.join(f'{self._argument(part)}, ' for part in value)})"
        if value is None or type(value) in (bool, int):
            return repr(value)
        if isinstance(value, (float, np.generic, CPUDispatcher)):
            return self._named(value)
        raise _Unknown

    def _array(self, x):
        name, whole = self.whole.get(_address(x), ("", x))
        if not name and id(x) in self.tables:
            return self._named(x)
        if not name or x.dtype != whole.dtype or x.size != whole.size or not x.flags.c_contiguous:
            raise _Unknown
        if x.shape == whole.shape:
            return name
        return f"{name}.ravel()" if x.ndim == 1 else f"{name}.reshape({self._named(x.shape)})"

    def _named(self, value):
        name = f"v{len(self.names)}"
        self.names[name] = value
        return name


@functools.lru_cache(maxsize=1024)
def _compiled(source):
    return compile(source, "<microdl launch>", "exec")


def _entry(function, args):
    """What runs the machine code for these arguments, without a look at their types; or ``function`` as it is."""
    dispatcher = getattr(function, "__self__", function)
    if not isinstance(dispatcher, CPUDispatcher):
        return function
    compiled = dispatcher.overloads.get(tuple(map(dispatcher.typeof_pyval, args)))
    return function if compiled is None else compiled.entry_point


def _arrays(part):
    """The arrays among the arguments of calls, by id."""
    if isinstance(part, np.ndarray):
        return {id(part): part}
    found = {}
    for inner in part.args if isinstance(part, functools.partial) else part if isinstance(part, (list, tuple)) else ():
        found.update(_arrays(inner))
    return found


def _address(x):
    return x.__array_interface__["data"][0]
