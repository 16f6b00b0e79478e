"""Python functions as ops: called whenever a traced function runs, not once while it is traced."""

from typing import Any

import numpy as np

from microdl.compile.graph import init_scope
from microdl.compile.signature import TensorSpec
from microdl.core import dtypes
from microdl.core.context import context
from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.tape import GradientTape
from microdl.core.tensor import Tensor, apply, convert


@register_op("EagerPyFunc")
class _PyFunc:
    """The outputs of ``function`` of Tensors, each with one of the Specs ``returns``."""

    inputs = ("inputs*",)
    keeps = ("inputs*",)
    same_dtype = False
    stateful = True
    host = True

    @staticmethod
    def infer(*inputs, function, returns):
        return returns

    @staticmethod
    def run(kernels, *arrays, function, returns):
        first = len(arrays) - len(returns)
        with init_scope():
            results = _results("py_function", function(*map(_tensor, arrays[:first])), returns)
        for y, result in zip(arrays[first:], results, strict=True):
            np.copyto(y, result.host_array())

    @staticmethod
    def gradient(node, *dys):
        wanted = tuple(wants and x.dtype.is_floating for wants, x in zip(node.wants, node.inputs, strict=True))
        given = tuple(dy is not None for dy in dys)
        arriving = [dy for dy in dys if dy is not None]
        attrs = {"function": node.attrs["function"], "wanted": wanted, "given": given}
        found = iter(apply("EagerPyFuncGrad", *node.inputs, *arriving, **attrs))
        return tuple(next(found) if wants else None for wants in wanted)


@register_op("EagerPyFuncGrad")
class _PyFuncGrad:
    """Gradients of the ``wanted`` inputs, by a tape around another call of ``function``."""

    inputs = ("inputs*",)
    same_dtype = False
    stateful = True
    host = True

    @staticmethod
    def infer(*inputs, function, wanted, given):
        return tuple(x for x, wants in zip(inputs, wanted, strict=False) if wants)

    @staticmethod
    def run(kernels, *arrays, function, wanted, given):
        count = len(wanted)
        with init_scope():
            xs, dys = [_tensor(x) for x in arrays[:count]], [_tensor(dy) for dy in arrays[count : count + sum(given)]]
            sources = [x for x, wants in zip(xs, wanted, strict=True) if wants]
            with GradientTape() as tape:
                tape.watch(sources)
                ys = _as_list(function(*xs))
            targets = [y for y, arrives in zip(ys, given, strict=True) if arrives]
            dxs = tape.gradient(targets, sources, dys, unconnected_gradients="zero")
        for y, dx in zip(arrays[count + sum(given) :], dxs, strict=True):
            np.copyto(y, convert(dx).host_array())


def _tensor(array):
    """A Tensor of a copy: the function may keep it, while the plan needs the array's place again."""
    copy = np.array(array)
    return Tensor(Spec(copy.shape, dtypes.as_dtype(copy.dtype)), copy)


def _as_list(returned):
    return [] if returned is None else list(returned) if isinstance(returned, (list, tuple)) else [returned]


def _results(op, returned, wanted):
    """What a function returned as Tensors; ``wanted``: a Spec or a DType for each."""
    found = _as_list(returned)
    if len(wanted) == 1 and isinstance(returned, (list, tuple)) and len(returned) != 1:
        found = [returned]
    if len(found) != len(wanted):
        raise InvalidArgumentError(f"{op}: Tout has {len(wanted)} entries, the function returned {len(found)} values")
    tensors = []
    for value, expected in zip(found, wanted, strict=True):
        dtype = getattr(expected, "dtype", expected)
        y = convert(value, hint=dtype)
        if y.dtype is not dtype:
            raise InvalidArgumentError(
                f"{op}: Tout says {dtype.name}, the function returned {y.dtype.name} of shape {y.shape}"
            )
        if isinstance(expected, Spec) and y.spec != expected:
            raise InvalidArgumentError(
                f"{op}: the function returned a tensor of shape {y.shape}; while tracing it was {expected.shape}"
            )
        tensors.append(y)
    return tensors


@reads_sizes
def py_function(func: Any = None, inp: Any = None, Tout: Any = None, name=None) -> Any:
    """``func(*inp)``, a Python function of eager Tensors, called whenever a traced function runs.

    A tape inside follows it, so it has gradients with respect to ``inp``; in a traced function ``func`` is called once
    more for them. While tracing, the shapes of what it returns must be known: from TensorSpecs in ``Tout``, or else
    ``func`` is called once with zeros.

    Args:
        inp: list of Tensors. Tout: dtype or TensorSpec of what ``func`` returns, or a list of them.

    Returns: a Tensor; a list of them if ``Tout`` is a list.
    """
    return _called("py_function", func, inp, Tout)


@reads_sizes
def numpy_function(func: Any = None, inp: Any = None, Tout: Any = None, stateful=True, name=None) -> Any:
    """``func(*inp)``, a Python function of NumPy arrays, called whenever a traced function runs; without gradients.

    Args: as for ``py_function``. stateful: accepted; every call happens.
    """

    def of_arrays(*tensors):
        returned = func(*(x.numpy() for x in tensors))
        several = isinstance(returned, (list, tuple))
        found = [
            convert(np.asarray(y)) if isinstance(y, (np.ndarray, np.generic)) else y  # dtypes stay as they are
            for y in (returned if several else [returned])
        ]
        return found if several else found[0]

    if not callable(func):
        raise TypeError(f"numpy_function: func must be callable, got {func!r}")
    found = _called("numpy_function", of_arrays, [apply("StopGradient", convert(x)) for x in inp], Tout)
    return [apply("StopGradient", y) for y in found] if isinstance(found, list) else apply("StopGradient", found)


def _called(op, func, inp, Tout):
    if not callable(func):
        raise TypeError(f"{op}: func must be callable, got {func!r}")
    several = isinstance(Tout, (list, tuple))
    wanted = [_expected(entry) for entry in (Tout if several else [Tout])] if Tout is not None else []
    inputs = [convert(x) for x in ([] if inp is None else inp)]
    if context.graph is None:
        found = _results(op, func(*inputs), wanted)
    else:
        found = apply("EagerPyFunc", *inputs, function=func, returns=_specs(op, func, inputs, wanted))
        found = list(found) if isinstance(found, tuple) else [found]
    return found if several or not wanted else found[0]


def _expected(entry):
    """A Spec if ``entry`` of Tout says the whole shape, else a DType."""
    if isinstance(entry, TensorSpec):
        known = entry.shape is not None and None not in entry.shape
        return Spec(tuple(entry.shape), entry.dtype) if known and entry.shape is not None else entry.dtype
    return dtypes.as_dtype(entry)


def _specs(op, func, inputs, wanted):
    """The Specs of what ``func`` returns; those not given are found out by a call with zeros."""
    if all(isinstance(entry, Spec) for entry in wanted):
        return tuple(wanted)
    try:
        with init_scope():
            zeros = [_tensor(np.zeros(x.spec.shape, x.dtype.as_numpy_dtype)) for x in inputs]
            return tuple(y.spec for y in _results(op, func(*zeros), wanted))
    except Exception as error:  # whatever the user's function raises
        raise ValueError(
            f"{op}: the shape of what the function returns must be known while tracing, and a call with zeros failed: "
            f"{type(error).__name__}: {error}. Give it: Tout=tf.TensorSpec(shape, dtype)"
        ) from error
