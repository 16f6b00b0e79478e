"""What a saved model gives when it is loaded: objects with variables and functions, without the classes they had."""

import inspect

from microdl.compile.signature import TensorSpec
from microdl.core import nest
from microdl.core.tensor import Operand, Tensor
from microdl.ops.module import Module


class Restored(Module):
    """An object that was saved: its Variables, functions, tensors and other such objects are attributes.

    Attributes: signatures: of the outermost object, a dict from names to functions of tensors by their names.
    """

    signatures: dict

    def __init__(self, name=None):
        super().__init__(name if name is not None and str(name).isidentifier() else None)
        self.functions = {}

    def _trackables(self):
        return {name: value for name, value in vars(self).items() if name not in ("functions", "signatures")}

    def __getattr__(self, name):
        functions = self.__dict__.get("functions", {})
        if name in functions:
            return functions[name]
        raise AttributeError(f"the loaded object has no attribute {name!r}; its functions are {sorted(functions)}")

    def __call__(self, *args, **kwargs):
        if "__call__" not in self.functions:
            raise TypeError(f"the loaded object cannot be called: it has no __call__ among {sorted(self.functions)}")
        return self.functions["__call__"](*args, **kwargs)


class RestoredFunction:
    """A ``tf.function`` that was saved: the traces that it had, and no others.

    Args: name: str. signature: inspect.Signature with defaults. concrete_functions: list, the traces.
    """

    def __init__(self, name, signature, concrete_functions):
        self.__name__, self.concrete_functions = name, concrete_functions
        self.__signature__ = signature

    def __call__(self, *args, **kwargs):
        """What the first trace that fits the arguments returns. Raises ValueError if none does."""
        bound = self.__signature__.bind(*args, **kwargs)
        bound.apply_defaults()
        errors = []
        for concrete in self.concrete_functions:
            if self._fits(concrete, bound.args, bound.kwargs):
                return concrete(*bound.args, **bound.kwargs)
            errors.append(f"  {concrete.pretty_printed_signature(verbose=False)}")
        given = [x if not isinstance(x, Operand) else TensorSpec(x.shape, x.dtype) for x in nest.flatten(bound.args)]
        raise ValueError(
            f"Could not find matching concrete function to call loaded from the SavedModel. {self.__name__} got "
            f"{given} {bound.kwargs or ''}, and was saved for:\n" + "\n".join(errors)
        )

    def _fits(self, concrete, args, kwargs):
        try:
            concrete.tensors_for(args, kwargs)
        except (TypeError, ValueError):
            return False
        return True

    def get_concrete_function(self, *args, **kwargs):
        """The trace for arguments of this kind; the only one, if there is but one and no argument is given."""
        if not args and not kwargs and len(self.concrete_functions) == 1:
            return self.concrete_functions[0]
        specs = [x for x in nest.flatten([args, kwargs]) if isinstance(x, TensorSpec)]
        for concrete in self.concrete_functions:
            if [(x.shape, x.dtype) for x in concrete.inputs] == [(x.shape, x.dtype) for x in specs]:
                return concrete
        raise ValueError(f"{self.__name__}: no saved trace is for {specs}")

    def __repr__(self):
        return f"<saved function {self.__name__} with {len(self.concrete_functions)} traces>"


class SignatureFunction:
    """A function of tensors that are given by their names; it returns a dict of tensors."""

    def __init__(self, concrete):
        self.concrete = concrete
        self._names = input_names(concrete)
        self.structured_outputs = {
            name: TensorSpec(y.shape, y.dtype, name) for name, y in named_outputs(concrete.structured_outputs).items()
        }

    @property
    def structured_input_signature(self):
        inputs = zip(self._names, self.concrete.inputs, strict=True)
        return (), {name: TensorSpec(x.shape, x.dtype, name) for name, x in inputs}

    @property
    def variables(self):
        return self.concrete.variables

    def __call__(self, *args, **kwargs):
        if args and len(args) == len(self._names) == 1 and not kwargs:
            kwargs = {self._names[0]: args[0]}
        if (args and len(self._names) != 1) or set(kwargs) != set(self._names):
            raise TypeError(
                f"signature of {self.concrete.name!r}: it takes the tensors {', '.join(self._names)} by their names, "
                f"got {len(args)} by position and {', '.join(kwargs) or 'none'} by name"
            )
        given = {id(x): kwargs[name] for name, x in zip(self._names, self.concrete.inputs, strict=True)}
        return named_outputs(self.concrete.call(self.concrete.checked(given)))

    def __repr__(self):
        return f"<signature {self.concrete.name}({', '.join(self._names)}) -> {sorted(self.structured_outputs)}>"


def input_names(concrete):
    """The names of a trace's tensors: those of its TensorSpecs, else of its parameters."""
    names = concrete.arguments.names if concrete.arguments is not None else {}
    return [names.get(id(x), f"args_{i}") for i, x in enumerate(concrete.inputs)]


def named_outputs(returned):
    """What a function returns, as a dict from names to Tensors. Raises ValueError for other structures."""
    if isinstance(returned, Tensor):
        return {"output_0": returned}
    if isinstance(returned, dict):
        outputs = dict(returned)
    elif isinstance(returned, (list, tuple)):
        outputs = {f"output_{i}": y for i, y in enumerate(returned)}
    else:
        outputs = {} if returned is None else {"": returned}
    if not all(isinstance(key, str) and isinstance(y, Tensor) for key, y in outputs.items()):
        raise ValueError(f"a signature returns a tensor, or a flat list or dict (by strings) of them, got {returned!r}")
    return outputs


def as_signature(parameters, value):
    """inspect.Signature of parameters [name, kind, whether there is a default, the default]. value: decodes it."""
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                getattr(inspect.Parameter, kind),
                default=value(default) if has_default else inspect.Parameter.empty,
            )
            for name, kind, has_default, default in parameters
        ]
    )
