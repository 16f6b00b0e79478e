"""Control flow, Python functions and printing with TensorFlow 1's arguments."""

import itertools
import sys

from microdl.compat.v1.naming import in_graph
from microdl.compile.signature import TensorSpec
from microdl.core import dtypes
from microdl.core.deferred import reads_sizes
from microdl.core.tensor import apply, convert
from microdl.ops import control, printing, python


def cond(pred, true_fn=None, false_fn=None, strict=False, name=None, fn1=None, fn2=None):
    """``true_fn()`` if ``pred`` holds, else ``false_fn()``; both are looked at, one is run.

    Args: pred: scalar bool Tensor. fn1, fn2: other names of the functions.
    """
    if (true_fn is not None and fn1 is not None) or (false_fn is not None and fn2 is not None):
        raise TypeError("cond(): true_fn and fn1, false_fn and fn2 may not be set simultaneously.")
    true_fn, false_fn = true_fn or fn1, false_fn or fn2
    if true_fn is None or false_fn is None:
        raise TypeError(f"cond(): '{'true_fn' if true_fn is None else 'false_fn'}' argument required")
    if not callable(true_fn) or not callable(false_fn):
        raise TypeError(f"'{'false_fn' if callable(true_fn) else 'true_fn'}' must be callable.")
    if isinstance(pred, bool):
        raise TypeError("pred must not be a Python bool")
    return in_graph(control.cond, "cond/Merge")(pred, true_fn, false_fn, name=name)


def while_loop(
    cond,
    body,
    loop_vars,
    shape_invariants=None,
    parallel_iterations=10,
    back_prop=True,
    swap_memory=False,
    name=None,
    maximum_iterations=None,
    return_same_structure=False,
):
    """``while cond(*loop_vars): loop_vars = body(*loop_vars)``.

    Args: return_same_structure: of a single loop variable a list of one, too; else the Tensor itself.
    """
    loop = in_graph(control.while_loop, "while/Exit")
    results = loop(cond, body, loop_vars, shape_invariants, maximum_iterations=maximum_iterations, name=name)
    single = len(loop_vars) == 1 and isinstance(results, (list, tuple)) and not return_same_structure
    return results[0] if single else results


def py_func(func, inp, Tout, stateful=True, name=None):
    """``func(*inp)``, a Python function of NumPy arrays, called in every run that needs it. Without gradients.

    The shapes of what it returns are found out by a call with zeros; ``Tout``: dtype, or a list of them.
    """
    return in_graph(_called_back, "PyFunc")(func, inp, Tout, name=name)


@reads_sizes
def _called_back(func, inp, Tout, name=None):
    return python.numpy_function(func, inp, Tout)


def Print(input_, data, message=None, first_n=None, summarize=None, name=None):
    """``input_``; what runs through it prints ``message`` and ``data`` to standard error, ``first_n`` times at most."""
    left = itertools.repeat(0) if first_n is None else iter(range(first_n))
    return in_graph(_printed, "Print")(input_, data, message or "", left, 3 if summarize is None else summarize)


@reads_sizes
def _printed(input_, data, message, left, summarize):
    def show(*arrays):
        if next(left, None) is not None:
            sys.stderr.write(message + "".join(_brackets(x.ravel(), summarize) for x in arrays) + "\n")
        return True

    python.numpy_function(show, [convert(x) for x in data], TensorSpec((), dtypes.bool))
    return apply("Identity", convert(input_))


def _brackets(values, count):
    """The first values in brackets."""
    shown = " ".join(printing.text_of(x, 1) for x in (values if count < 0 else values[:count]))
    return f"[{shown}...]" if 0 <= count < values.size else f"[{shown}]"
