"""``tf.function``: a Python function that is traced once for each kind of arguments, and replayed by its plan."""

import functools
import inspect
import time
from typing import Any

from microdl.compile import names
from microdl.compile.arguments import Arguments
from microdl.compile.blocks import SizesUnknown
from microdl.compile.concrete import ConcreteFunction, traces
from microdl.compile.flow import why_unset
from microdl.compile.graph import Captured, FuncGraph
from microdl.compile.open import OpenFunction, OpenGraph
from microdl.compile.signature import (
    Identity,
    Living,
    TensorSpec,
    as_specified,
    difference,
    join,
    split,
    widened,
    without_sizes,
)
from microdl.compile.source import convert_function
from microdl.core import nest
from microdl.core.context import context, warn
from microdl.core.elements import Source, is_known
from microdl.core.locks import new_lock
from microdl.core.op import Spec
from microdl.core.tensor import Operand, Tensor, convert

OFTEN = 5  # traces among the latest calls, from which on there is a warning
LATEST = 8  # calls

eagerly = False  # whether all functions run as plain Python: tf.config.run_functions_eagerly


def function(
    func=None,
    input_signature=None,
    autograph=True,
    jit_compile=None,
    reduce_retracing=False,
    experimental_implements=None,
    experimental_autograph_options=None,
    experimental_attributes=None,
    experimental_relax_shapes=None,
    experimental_compile=None,
    experimental_follow_type_hints=None,
) -> Any:
    """Makes a Function of ``func``; also a decorator, with or without arguments.

    The first call with arguments of a kind *traces* ``func``: Python runs once (twice if it makes variables, which
    only the very first call may do), with symbolic tensors, and what it does to them is recorded. Every further call of
    that kind replays the record. Two calls are of one kind if their tensors agree in shape and dtype and everything
    else is equal (numbers, strings) or the same object. So Python's side effects, ``print`` for one, happen while
    tracing only; numbers that change from call to call should be tensors.

    Args:
        input_signature: list of TensorSpecs, one for each argument: other tensors are refused, those that fit share one
            trace, in which sizes of None are open. (A shape of None has a trace for each shape.)
        reduce_retracing: sizes that differ between two calls are open in the second trace, which then serves them all.
        experimental_*: accepted for TensorFlow's sake.
        autograph: ``if``, ``while``, ``for``, ``break``, ``continue``, ``return``, ``assert``, ``and``, ``or`` and
            ``not`` in ``func`` may depend on tensors: they are traced as ``tf.cond`` and ``tf.while_loop`` would be;
            also in functions of the user's that ``func`` calls. What cannot be (``raise`` in such a branch, ``:=``)
            is an error that names the line. A loop over a data set is traced once, too: see ``compile/elements.py``.
        jit_compile, experimental_compile: accepted; everything is compiled by Numba.

    >>> @function
    ... def squares(x):
    ...     return x * x
    >>> squares(constant([1.0, 2.0])).numpy()
    array([1., 4.], dtype=float32)
    """
    reduces = bool(reduce_retracing or experimental_relax_shapes)
    if func is None:
        return lambda f: Function(f, input_signature, autograph, reduces=reduces)
    return Function(func, input_signature, autograph, reduces=reduces)


class Function:
    """A function that is traced and replayed; what ``tf.function`` returns."""

    def __init__(self, python_function, input_signature=None, autograph=True, owner=None, reduces=False):
        if not callable(python_function):
            raise TypeError(f"function: a callable is expected, got {python_function!r}")
        if isinstance(python_function, Function):
            python_function = python_function.python_function
        self.python_function, self._input_signature = python_function, input_signature
        self._autograph, self._reduces = autograph, reduces
        self._widest = {}  # kind of arguments without sizes -> Tensors with the sizes that all had in common
        self.__name__ = getattr(python_function, "__name__", type(python_function).__name__)
        self.__doc__ = python_function.__doc__
        self.__wrapped__ = python_function
        self._open = _open_arguments(input_signature)
        self._owner = owner  # gives the object that this is a method of, None if it is gone
        self._traces = Living()  # key -> ConcreteFunction
        self._lock = new_lock()
        self._traced = 0  # how many times in all
        self._recent = []  # of the latest calls, whether each of them traced
        self._warned = False
        self._takes_unknown = False  # whether it takes elements of unknown sizes from an iterator of its surroundings
        self._bound = Living()  # Identity of an object -> this function as its method
        self._read_parameters()

    def _read_parameters(self):
        parameters = list(inspect.signature(self.python_function).parameters.values())[self._owner is not None :]
        self._parameters = [p.name for p in parameters]
        kinds = inspect.Parameter
        self._plain = all(p.kind is kinds.POSITIONAL_OR_KEYWORD for p in parameters)
        signature = inspect.signature(self.python_function)
        self._signature = signature.replace(parameters=parameters)

    @property
    def input_signature(self):
        return self._input_signature

    def __get__(self, instance, owner=None):
        """A method: the same function with ``instance`` as its first argument and traces of its own."""
        if instance is None:
            return self
        identity = Identity(instance)
        bound = self._bound.get(identity)
        return self._new_bound(identity) if bound is None else bound

    def _new_bound(self, identity):
        with self._lock:
            if identity not in self._bound:  # else another thread was here first
                bound = Function(
                    self.python_function, self._input_signature, self._autograph, identity.referent, self._reduces
                )
                self._bound[identity] = bound
            return self._bound[identity]

    def __call__(self, *args, **kwargs) -> Any:
        if eagerly:
            return self._python(self.python_function, *args, **kwargs)
        args, kwargs = self._arguments(args, kwargs)
        key, tensors, traced = self._kind(args, kwargs)
        concrete = self._traces.get(key)
        if concrete is None:
            try:
                concrete = self._find(key, args, kwargs, traced, [x.spec.shape for x in tensors])
            except Captured:  # it is taken up by the trace around it, which it would not outlive anyway
                return self._python(self._rewritten, *args, **kwargs)
        elif self._recent:
            self._recent = [*self._recent[1 - LATEST :], False]
        return concrete.call(tensors)

    def get_concrete_function(self, *args, **kwargs):
        """The trace for arguments of this kind; TensorSpecs may stand for tensors."""
        if not args and not kwargs and self._input_signature is not None:
            args = tuple(self._input_signature)
        given = self._signature.bind(*args, **kwargs)
        args, kwargs = self._arguments(_symbolic(args), _symbolic(kwargs))
        key, _, traced = self._kind(args, kwargs)
        concrete: Any = self._traces.get(key) or self._new_trace(key, args, kwargs, traced)
        concrete.arguments.rename(given.args, given.kwargs)
        return concrete

    def _kind(self, args, kwargs):
        """The key of the trace that serves these arguments, the Tensors among them, and what it is traced for."""
        tensors: list[Tensor] = []
        key = split(args, tensors), split(kwargs, tensors) if kwargs else None
        if not self._open:
            return key, tensors, tensors
        traced: list[Tensor] = []  # whatever fits the signature shares one trace
        return (split((*self._open, *args[len(self._open) :]), traced), None), tensors, traced

    def _find(self, key, args, kwargs, traced, examples):
        """A trace for arguments of a new kind: with ``reduce_retracing`` one for all sizes, from the second on."""
        if not self._reduces or self._open:
            return self._new_trace(key, args, kwargs, traced, examples)
        with self._lock:
            form = without_sizes(key)
            specs = [widened(x.spec, old) for x, old in zip(traced, self._widest.get(form, traced), strict=True)]
            self._widest[form] = specs = list(map(Tensor, specs))
            stand_ins = iter(specs)
            args, kwargs = join(args, stand_ins), join(kwargs, stand_ins)
            general, _, traced = self._kind(args, kwargs)
            concrete = self._traces.get(general) or self._new_trace(general, args, kwargs, traced, examples)
            if not concrete.graph.captures:
                self._traces[key] = concrete
            return concrete

    def concrete_functions(self):
        """The traces there are, each once."""
        return list(dict.fromkeys(self._traces.values()))

    @property
    def is_method(self):
        """Whether its Python function is a method, whose object goes with it."""
        return self._owner is not None

    def explain(self, *args, **kwargs):
        """How calls with such arguments run, as text; without arguments, how those run that were traced last."""
        return self._plan(args, kwargs).explain()

    def plot(self, path, *args, **kwargs):
        """The same as a picture ``path``. Needs matplotlib."""
        return self._plan(args, kwargs).plot(path)

    def _plan(self, args, kwargs):
        given = [x for x in nest.flatten((args, kwargs)) if isinstance(x, Operand)]
        return self._concrete(args, kwargs).plan_for(given)

    def _concrete(self, args, kwargs):
        """The trace for these arguments; without any, the latest."""
        if not args and not kwargs and self._traces:
            return next(reversed(self._traces.values()))
        if not args and not kwargs and self._parameters and self._input_signature is None:
            raise ValueError(f"function {self.__name__!r} has no trace yet: call it first, or give example arguments")
        return self.get_concrete_function(*args, **kwargs)

    def experimental_get_tracing_count(self):
        """How many times the Python function has been traced."""
        return self._traced

    def pretty_printed_concrete_signatures(self, verbose=True):
        """The traces there are, as text."""
        return "\n\n".join(
            concrete.pretty_printed_signature(verbose) for concrete in dict.fromkeys(self._traces.values())
        )

    def _python(self, function, /, *args, **kwargs):
        if self._owner is None:
            return function(*args, **kwargs)
        if (instance := self._owner()) is None:
            raise ReferenceError(f"method {self.__name__!r}: its object is gone; keep it where it lives on")
        return function(instance, *args, **kwargs)

    @functools.cached_property
    def _rewritten(self):
        """What is traced: the Python function, with control flow that may depend on tensors."""
        return convert_function(self.python_function) if self._autograph else self.python_function

    def _arguments(self, args, kwargs):
        """Positional and keyword arguments with defaults filled in, as the input signature wants them."""
        if kwargs or not self._plain or len(args) != len(self._parameters):
            bound = self._signature.bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        if self._input_signature is not None:
            specs = tuple(self._input_signature)
            if kwargs or len(specs) > len(args):
                raise ValueError(f"{self.__name__}: input_signature has {len(specs)} entries for {len(args)} arguments")
            args = (*as_specified(self.__name__, specs, args[: len(specs)]), *args[len(specs) :])
        return args, kwargs

    def _new_trace(self, key, args, kwargs, tensors, examples=None):
        with self._lock:
            if key in self._traces:  # another thread was here first
                return self._traces[key]
            self._report_retracing(key)
            start = time.perf_counter()
            concrete = self._trace(args, kwargs, tensors, examples)
            self._traced += 1
            if concrete.graph.created:  # once more: does it make variables anew whenever it runs?
                concrete = self._trace(args, kwargs, tensors, examples)
            traces.append((self.__name__, start, time.perf_counter() - start))
            if not concrete.graph.captures:  # else it belongs to the trace around it
                self._traces[key] = concrete
        return concrete

    def _trace(self, args, kwargs, tensors, examples):
        """One trace. tensors: what it is traced for. examples: shapes that they have in this call, if that is known."""
        is_open = self._takes_unknown or any(None in x.spec.shape for x in tensors) or _may_take_unknown(args, kwargs)
        graph = OpenGraph(self.__name__, examples) if is_open else FuncGraph(self.__name__)
        tapes, context.tapes = context.tapes, ()
        given = args, kwargs
        try:
            with graph:
                placeholders = iter([graph.placeholder(x.spec) for x in tensors])
                args, kwargs = join(args, placeholders), join(kwargs, placeholders)
                graph.name_arguments(names.of_arguments(self._signature, args, kwargs))
                result = self._python(self._rewritten, *args, **kwargs)
                leaves = [_output(self.__name__, graph, leaf) for leaf in nest.flatten(result)]
        except SizesUnknown:
            self._takes_unknown = True
            return self._trace(given[0], given[1], tensors, examples)
        except NameError as error:
            if reason := why_unset(error, getattr(graph, "unset", {})):
                raise ValueError(reason) from error
            raise
        finally:
            context.tapes = tapes
        if graph.created and self._traced:
            raise ValueError(
                f"function {self.__name__!r}: it makes {graph.created} variables anew whenever it is traced, which "
                "run after run would share; make them once, outside of it, or only where they do not exist yet "
                "(if self.v is None: ...)"
            )
        graph.outputs = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        concrete = (OpenFunction if is_open else ConcreteFunction)(graph, nest.pack_as(result, leaves))
        concrete.arguments = Arguments(self._signature, args, kwargs)
        concrete.arguments.rename(self._input_signature or (), {})
        return concrete

    def _report_retracing(self, key):
        """A warning, once, where calls trace anew again and again."""
        self._recent = [*self._recent[1 - LATEST :], True]
        if sum(self._recent) < OFTEN or self._warned or self._input_signature is not None or not self._traces:
            return  # traces that capture something belong to the one around them and are not kept
        self._warned = True
        before = next(reversed(self._traces))
        (_, old), (_, new) = before[0], key[0]
        warn(
            f"function {self.__name__!r} was traced {sum(self._recent)} times in its last {len(self._recent)} calls, "
            f"which is slow: {difference(self._parameters, old, new)}. Pass numbers that change as tensors, keep "
            "shapes the same, and make the function once, outside of loops"
        )

    def __repr__(self):
        return f"<microdl.function {self.__name__}>"


def _may_take_unknown(args, kwargs):
    """Whether an iterator with elements of unknown sizes is among the arguments."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, (list, tuple)) and _may_take_unknown(value, {}):
            return True
        if isinstance(value, Source) and value.goes_on and not all(map(is_known, value.leaf_specs())):
            return True
    return False


def _symbolic(structure):
    """A structure of arguments with a symbolic Tensor for each TensorSpec."""
    return nest.pack_as(structure, [_placeholder(leaf) for leaf in nest.flatten(structure)])


def _placeholder(leaf):
    if not isinstance(leaf, TensorSpec):
        return leaf
    if leaf.shape is None:
        raise ValueError(f"function: the number of axes must be known here, got {leaf}")
    return Tensor(Spec(tuple(leaf.shape), leaf.dtype))


def _open_arguments(signature):
    """What a trace gets for the arguments of an input signature; () if there must be a trace for each shape."""
    specs = nest.flatten(list(signature or ()))
    return () if any(spec.shape is None for spec in specs) else _symbolic(tuple(signature or ()))


def _output(name, graph, leaf):
    """What a function returns as a Tensor of its graph; None stays None."""
    if leaf is None:
        return None
    try:
        return graph.own(convert(leaf))
    except TypeError as error:
        raise TypeError(
            f"function {name!r}: it must return tensors (or numbers, None, and structures of them), got "
            f"{leaf if isinstance(leaf, Operand) else type(leaf).__name__}: {error}"
        ) from None
