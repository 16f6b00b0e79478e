"""What surrounds ops: whether they run at once, the names of what is made, values known beforehand."""

import functools
from typing import Any

from microdl.core import nest
from microdl.core.context import context
from microdl.core.custom import custom_gradient
from microdl.core.tape import GradientTape
from microdl.core.tensor import Operand, Tensor, apply, convert


def executing_eagerly():
    """Whether ops run at once; False while a function is traced."""
    return context.graph is None


def inside_function():
    """Whether a function is being traced."""
    return context.graph is not None


class name_scope:
    """A context in which the names of new Variables begin with ``name/``; contexts add up.

    >>> with name_scope("encoder") as scope:
    ...     Variable(1.0, name="scale").name
    'encoder/scale:0'
    """

    def __init__(self, name):
        if not isinstance(name, str):
            raise ValueError(f"name_scope: the name must be a string, got {name!r}")
        self._name = name

    @property
    def name(self):
        return self._name

    def __enter__(self):
        self._outer = context.scope
        whole = self._name.endswith("/")  # TensorFlow's sign for a scope that was there before
        context.scope = self._name if whole or not self._name else f"{context.scope}{self._name}/"
        return context.scope

    def __exit__(self, *error):
        context.scope = self._outer


def get_static_value(tensor, partial=False) -> Any:
    """The value of a Tensor as an array if it is known by now, while a function is traced, too; else None."""
    if not isinstance(tensor, Operand):
        return tensor
    return tensor.numpy() if isinstance(tensor, Tensor) and not tensor.symbolic else None


def identity_n(input, name=None):
    """A list of Tensors with the values of those in ``input``."""
    return [apply("Identity", convert(x)) for x in input]


def tuple(tensors, control_inputs=None, name=None):
    """The ``tensors`` as a list of Tensors (None stays); ops run in the order of the program anyway."""
    return [x if x is None else convert(x) for x in tensors]


def is_symbolic_tensor(x):
    """Whether ``x`` is a Tensor without a value, as there are while a function is traced."""
    return isinstance(x, Tensor) and x.symbolic


def recompute_grad(f):
    """Decorator: what ``f`` computes is not kept for the gradient, which computes it again. Saves memory, costs time.

    >>> block = recompute_grad(lambda x: tanh(x) * x)
    """

    @custom_gradient
    def flat(*leaves, _structure, _kwargs):
        outer, context.tapes = context.tapes, context.tapes[-1:]  # the one that looks for variables
        try:
            result = f(*nest.pack_as(_structure, list(leaves)), **_kwargs)
        finally:
            context.tapes = outer

        def gradient(*dys, variables=()):
            with GradientTape() as tape:
                fresh = [apply("Identity", apply("StopGradient", x)) for x in leaves]
                tape.watch([x for x in fresh if x.dtype.is_floating])
                again = nest.flatten(f(*nest.pack_as(_structure, fresh), **_kwargs))
            found = tape.gradient(again, [*fresh, *variables], output_gradients=list(dys))
            of_leaves = found[: len(fresh)]
            return (of_leaves, found[len(fresh) :]) if variables else of_leaves

        return result, gradient

    @functools.wraps(f, updated=())
    def recomputed(*args, **kwargs):
        return flat(*nest.flatten(args), _structure=args, _kwargs=kwargs)

    return recomputed


def grad_pass_through(f):
    """Decorator: values are those of ``f``, gradients go through it as if it were the identity."""

    @custom_gradient
    def passed(*args, **kwargs):
        def gradient(*dys, variables=None):
            return dys if variables is None else (dys, [None] * len(variables))

        return f(*args, **kwargs), gradient

    return passed
