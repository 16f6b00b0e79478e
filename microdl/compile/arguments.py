"""Calls of one trace: by position, by keyword, with structures of tensors; and its signature, as text too."""

import inspect
from typing import Any

from microdl.compile.signature import Identity, TensorSpec
from microdl.core import nest
from microdl.core.tensor import Operand, Tensor, convert

_VALUES = (int, float, complex, str, bytes, range, type(None))


class Arguments:
    """The arguments that a function was traced with.

    Attributes: signature: without defaults. names: id of a symbolic Tensor -> the name of its TensorSpec.

    Args:
        signature: inspect.Signature of the function. args, kwargs: what it was called with, symbolic Tensors in the
            place of tensors.
    """

    def __init__(self, signature, args, kwargs):
        self.args, self.kwargs = _not_kept_alive(args), _not_kept_alive(kwargs)
        bound = signature.bind(*self.args, **self.kwargs)
        self.signature = signature.replace(
            parameters=[p.replace(default=inspect.Parameter.empty) for p in signature.parameters.values()]
        )
        self._traced = dict(bound.arguments)
        self.names = {}
        for name, value in self._flat_parameters():
            for path, leaf in _paths(value, name):
                if isinstance(leaf, Tensor):
                    self.names[id(leaf)] = path

    def rename(self, args, kwargs):
        """Takes over the names of TensorSpecs among other arguments of this kind."""
        for leaf, given in zip(nest.flatten([self.args, self.kwargs]), nest.flatten([args, kwargs]), strict=False):
            if isinstance(given, TensorSpec) and given.name:
                self.names[id(leaf)] = given.name

    def _flat_parameters(self):
        """(name, value) for each parameter, with one for each entry of ``*args`` and ``**kwargs``."""
        for name, value in self._traced.items():
            kind = self.signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_POSITIONAL:
                yield from ((f"{name}_{k}", part) for k, part in enumerate(value))
            elif kind is inspect.Parameter.VAR_KEYWORD:
                yield from sorted(value.items())
            else:
                yield name, value

    def leaves(self, args, kwargs):
        """What is given for each symbolic Tensor, in the order of the trace. Raises TypeError if it does not fit."""
        given = self.signature.bind_partial(*args, **kwargs).arguments
        found = {}
        for name, traced in self._traced.items():
            if name not in given:
                if any(isinstance(leaf, Tensor) for leaf in nest.flatten(traced)):
                    raise TypeError(f"missing a required argument: {name!r}")
                continue
            found.update(_matched(name, traced, given[name]))
        if extra := [name for name in given if name not in self._traced]:
            raise TypeError(f"unexpected arguments: {', '.join(extra)}")
        return found

    def by_name(self, inputs, args, kwargs):
        """What is given for each of the symbolic Tensors ``inputs``: in their order, then by their names."""
        left = {self.names[id(x)]: x for x in inputs[len(args) :] if id(x) in self.names}
        if len(args) > len(inputs) or set(left) != set(kwargs) or len(args) + len(left) != len(inputs):
            raise TypeError(f"{len(inputs)} tensors are expected, got {len(args) + len(kwargs)}")
        return {id(x): value for x, value in zip(inputs, args, strict=False)} | {
            id(x): kwargs[name] for name, x in left.items()
        }

    def specs(self, structure):
        """A structure with TensorSpecs in the place of symbolic Tensors."""
        return nest.pack_as(structure, [self._spec(leaf) for leaf in nest.flatten(structure)])

    def _spec(self, leaf):
        if isinstance(leaf, Identity):
            return leaf.referent()
        return TensorSpec(leaf.shape, leaf.dtype, self.names.get(id(leaf))) if isinstance(leaf, Tensor) else leaf

    def lines(self):
        """(name, kind, text of what is expected) of each parameter."""
        kinds = inspect.Parameter
        single = {kinds.VAR_POSITIONAL: kinds.POSITIONAL_ONLY, kinds.VAR_KEYWORD: kinds.KEYWORD_ONLY}
        expanded = []
        for name, value in self._traced.items():
            kind = self.signature.parameters[name].kind
            count = len(value) if kind in single else 1
            expanded += [single.get(kind, kind)] * count
        texts = [(name, described(self.specs(value))) for name, value in self._flat_parameters()]
        return [(name, kind, text) for (name, text), kind in zip(texts, expanded, strict=True)]


def _not_kept_alive(structure):
    """A structure with Identities in the place of objects that are told apart by identity."""
    leaves = [x if isinstance(x, (Tensor, *_VALUES)) else Identity(x) for x in nest.flatten(structure)]
    return nest.pack_as(structure, leaves)


def _paths(value, name):
    """(name, leaf) of the leaves of a structure: ``d_x``, ``d_y_0``."""
    if isinstance(value, dict):
        parts = [(key, value[key]) for key in nest.sorted_keys(value)]
    elif isinstance(value, (list, tuple)):
        parts = list(enumerate(value))
    else:
        return [(name, value)]
    return [found for key, part in parts for found in _paths(part, f"{name}_{key}")]


def _matched(name, traced: Any, given: Any):
    """id of each symbolic Tensor in ``traced`` -> what stands in its place in ``given``."""
    if isinstance(traced, Tensor):
        return {id(traced): given}
    if isinstance(traced, dict) and isinstance(given, dict) and set(traced) == set(given):
        return {k: v for key in traced for k, v in _matched(f"{name}[{key!r}]", traced[key], given[key]).items()}
    if isinstance(traced, nest.Composite):
        if isinstance(given, nest.Composite) and given.key() == traced.key():
            return dict(zip(map(id, traced.parts()), given.parts(), strict=True))
        raise TypeError(f"{name}: traced for {described(traced)}, got {given!r}")
    nested = isinstance(traced, (list, tuple)) and isinstance(given, (list, tuple))
    if nested and len(traced) == len(given):
        parts = zip(traced, given, strict=True)
        return {key: v for k, (x, y) in enumerate(parts) for key, v in _matched(f"{name}[{k}]", x, y).items()}
    if isinstance(traced, Identity):
        traced = traced.referent()
    if given is not traced and (isinstance(given, Operand) or type(given) is not type(traced) or given != traced):
        raise TypeError(f"{name}: traced for {described(traced)}, got {given!r}")
    return {}


def described(structure):
    """A structure of TensorSpecs and Python values as TensorFlow writes it: ``Dict[['x', TensorSpec(...)]]``."""
    if isinstance(structure, dict):
        entries = [f"[{key!r}, {described(structure[key])}]" for key in nest.sorted_keys(structure)]
        return f"Dict[{', '.join(entries)}]"
    if isinstance(structure, (list, tuple)):
        kind = "List" if isinstance(structure, list) else "Tuple"
        return f"{kind}[{', '.join(map(described, structure))}]"
    is_spec = isinstance(structure, TensorSpec) or hasattr(structure, "element_spec")  # of tensors, of data sets
    return repr(structure) if is_spec else f"Literal[{structure!r}]"


class Structured:
    """Base of traced functions: calls with the arguments of the Python function, and the signature.

    Attributes:
        graph: what was traced. structured_outputs: what the Python function returned, with symbolic Tensors.
        arguments: Arguments; None for a function of tensors alone.
    """

    arguments: Arguments | None = None

    def __init__(self, graph, structured_outputs):
        self.graph, self.structured_outputs = graph, structured_outputs

    @property
    def name(self):
        return self.graph.name

    @property
    def inputs(self):
        """The symbolic Tensors of the arguments."""
        return list(self.graph.inputs)

    @property
    def outputs(self):
        """The Tensors that are returned."""
        return list(self.graph.outputs)

    @property
    def variables(self):
        """The Variables that are read or written."""
        return tuple(self.graph.variables.values())

    @property
    def trainable_variables(self):
        return tuple(v for v in self.variables if v.trainable)

    def __repr__(self):
        arguments = ", ".join(f"{x.dtype.name}{list(x.shape)}" for x in self.inputs)
        return f"<{type(self).__name__} {self.name}({arguments})>"

    def call(self, tensors) -> Any:
        """What the function returns for Tensors, one for each input."""
        raise NotImplementedError

    def __call__(self, *args, **kwargs) -> Any:
        """What the function returns for arguments like those it was traced for, or for one tensor for each input.

        Python values must equal those of the trace, or be left out. Raises: TypeError if the arguments do not fit,
        ValueError for a tensor of another shape or dtype.
        """
        return self.call(self.tensors_for(args, kwargs))

    def tensors_for(self, args, kwargs):
        """The Tensors that ``call`` takes, for such arguments. Raises: as a call."""
        inputs = self.inputs
        if self.arguments is not None:
            return self.checked(self._given(self.arguments, inputs, args, kwargs))
        if kwargs or len(args) != len(inputs):
            raise TypeError(f"{self.name}: {len(inputs)} tensors are expected, got {len(args) + len(kwargs)}")
        return self.checked({id(x): value for x, value in zip(inputs, args, strict=True)})

    def checked(self, given):
        """A Tensor for each input. given: id of an input -> what is given for it. Raises: ValueError if one differs."""
        tensors = []
        for x in self.inputs:
            value = convert(given[id(x)], hint=x.dtype)
            if value.dtype is not x.dtype or not x.shape.is_compatible_with(value.shape):
                raise ValueError(
                    f"{self.name}: traced for a tensor of shape {x.shape} and dtype {x.dtype.name}, got one of shape "
                    f"{value.shape} and dtype {value.dtype.name}"
                )
            tensors.append(value)
        return tensors

    def _given(self, arguments, inputs, args, kwargs):
        try:
            return arguments.leaves(args, kwargs)
        except TypeError as error:
            try:
                return arguments.by_name(inputs, args, kwargs)
            except TypeError as flat:
                raise TypeError(
                    f"{self.name}: the arguments do not fit the trace: {error}; nor do they as tensors alone: {flat}. "
                    f"It takes {self.pretty_printed_signature(verbose=False)}"
                ) from None

    @property
    def structured_input_signature(self):
        """(args, kwargs) with a TensorSpec for each tensor."""
        if self.arguments is None:
            return tuple(TensorSpec(x.shape, x.dtype) for x in self.inputs), {}
        return self.arguments.specs(self.arguments.args), self.arguments.specs(self.arguments.kwargs)

    def _returned(self):
        """The structure that the function returns, with TensorSpecs."""
        leaves = nest.flatten(self.structured_outputs)
        specs = [TensorSpec(x.shape, x.dtype) if isinstance(x, Tensor) else x for x in leaves]
        return nest.pack_as(self.structured_outputs, specs)

    def pretty_printed_signature(self, verbose=True):
        """What the function takes and returns, as text."""
        kinds = inspect.Parameter
        lines = self.arguments.lines() if self.arguments else []
        if not self.arguments:
            specs = [TensorSpec(x.shape, x.dtype) for x in self.inputs]
            lines = [(f"arg{k}", kinds.POSITIONAL_ONLY, repr(spec)) for k, spec in enumerate(specs)]
        if not verbose:
            texts = [f"{name}: {text}" for name, _, text in lines]
            star = next((k for k, (_, kind, _) in enumerate(lines) if kind is kinds.KEYWORD_ONLY), None)
            if star is not None:
                texts.insert(star, "*")
            return f"({', '.join(texts)}) -> {described(self._returned())}"
        return "\n".join(
            [
                "Input Parameters:",
                *([f"  {name} ({kind.name}): {text}" for name, kind, text in lines] or ["  None"]),
                "Output Type:",
                f"  {described(self._returned())}",
                "Captures:",
                *([f"  {v.name}: {TensorSpec(v.shape, v.dtype)}" for v in self.variables] or ["  None"]),
            ]
        )

    def __str__(self):
        return f"ConcreteFunction {self.pretty_printed_signature()}"
