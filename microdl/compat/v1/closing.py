"""Functions that read tensors from their module, as the scripts of TensorFlow 1 have them: they get them as arguments.

``tf.cond(p, lambda: x + 1, lambda: x)`` at the top of a script holds ``x`` in the module's names, not in a closure. A
call that is made again must see what stands for ``x`` there, as it does for closures (``compile/rebuild.py``).
"""

import functools
import types

from microdl.core.tensor import Operand


def closed(arguments):
    """Arguments (nested lists, tuples, dicts) whose functions take tensors of their modules with them."""
    if isinstance(arguments, dict):
        return {key: closed(x) for key, x in arguments.items()}
    if type(arguments) in (list, tuple):
        return type(arguments)(closed(x) for x in arguments)
    return _closed(arguments) if isinstance(arguments, types.FunctionType) else arguments


def _closed(function):
    tensors, functions = {}, {}
    _look(function, function.__globals__, tensors, functions)
    return functools.partial(_call, function, tensors, functions) if tensors else function


def _look(function, names, tensors, functions):
    """Collects the tensors that a function reads from its module, and those of its module's functions that it calls."""
    for name in _names(function.__code__):
        value = names.get(name)
        if isinstance(value, Operand):
            tensors[name] = value
        elif isinstance(value, types.FunctionType) and value.__globals__ is names and name not in functions:
            functions[name] = value
            _look(value, names, tensors, functions)


def _names(code):
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _call(function, tensors, functions, *args, **kwargs):
    """``function`` in a module that has these tensors."""
    names = {**function.__globals__, **tensors}
    names.update((name, _in(names, other)) for name, other in functions.items())
    return _in(names, function)(*args, **kwargs)


def _in(names, function):
    other = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    other.__kwdefaults__ = function.__kwdefaults__
    return other
