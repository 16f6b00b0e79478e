"""Sessions: they hold the values of variables, and run what is fetched as a plan of its own."""

import itertools
from typing import Any, NamedTuple

import numpy as np

from microdl.compat.v1.current import Default, Entered
from microdl.compat.v1.data import Positions
from microdl.compat.v1.functions import _gradients
from microdl.compat.v1.graph import _placeholder, get_default_graph
from microdl.compat.v1.operation import REFERENCES, GraphTensor
from microdl.compat.v1.variables import Variable
from microdl.compile.concrete import ConcreteFunction
from microdl.compile.open import KEPT, Replay
from microdl.core import errors, variable as core
from microdl.core.constant import constant
from microdl.core.context import context
from microdl.core.custom import custom_gradient
from microdl.core.op import Spec
from microdl.core.placement import device
from microdl.core.random_state import Stream
from microdl.core.tensor import Tensor, apply

WRITING = {*REFERENCES} - {"VariableV2"}  # types of Operations that change variables


class Session:
    """Runs parts of a graph. Variables have a value of their own in each session.

    Args:
        target, config: accepted; everything runs in this process. graph: the Graph, by default the default one.

    >>> with Session() as session:
    ...     session.run(a + b, feed_dict={a: 1.0})
    """

    def __init__(self, target="", graph=None, config=None):
        self.graph = get_default_graph() if graph is None else graph
        self._values = {}  # Variable -> the core Variable that holds its value
        self._initialized = set()
        self._runs = {}  # what is fetched and fed -> _Run
        self._positions = Positions()  # in the data of Iterators
        self._asked = {}  # what is fetched and fed -> Operations that an Iterator has to do with
        self._streams = {}  # (Operation, how many times it asked before) -> Stream of its random numbers
        self._fitting = set()  # (Tensor, shape of a value that can be fed for it)
        self._closed = False
        self._contexts = []

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None) -> Any:
        """The values of ``fetches``.

        Args:
            fetches: Tensor, Variable, Operation, name of one, or a nested structure of them.
            feed_dict: Tensor (or its name) -> value that it has in this run: array, number or nested lists.

        Returns: the same structure, with arrays (NumPy numbers for shape ``()``); None for Operations.
        """
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        elements = [self._element(x) for x in _leaves(fetches)]
        with Default(None):
            feeds = [self._feed(key, value) for key, value in (feed_dict or {}).items()]
        feeds += self._next_elements(elements, [x for x, _ in feeds])
        key = (*map(id, elements), None, *((id(x), value.spec) for x, value in feeds))
        run = self._runs.get(key)
        if run is None:
            run = self._prepare(elements, [x for x, _ in feeds], [value for _, value in feeds])
            self._runs[key] = run
            for oldest in list(self._runs)[:-KEPT]:
                self._runs.pop(oldest, None)  # another thread may have been here first
        self._check_initialized(run)
        with Default(None):  # here things run, whatever graph is being built around it
            results = iter(run.function.call([value for _, value in feeds]))
        for variable in run.initializes:
            self._now_initialized(variable)
        values = [next(results).numpy() if isinstance(x, GraphTensor) else None for x in elements]
        for i, x in enumerate(elements):
            if isinstance(x, GraphTensor) and x.op.answer is not None:
                values[i] = np.array([n.encode() for v, n in x.op.answer if v not in self._initialized], object)
        return _packed(fetches, iter(values))

    def make_callable(self, fetches, feed_list=None, accept_options=False):
        """A function of the values of ``feed_list`` that returns what ``run`` does."""
        return lambda *values: self.run(fetches, dict(zip(feed_list or (), values, strict=True)))

    def _element(self, fetch):
        try:
            return self.graph.as_graph_element(fetch)
        except TypeError as error:
            kind = type(fetch).__name__
            raise TypeError(
                f'Argument `fetch` = {fetch} has invalid type "{kind}" must be a string or Tensor. ({error})'
            ) from None
        except (KeyError, ValueError) as error:
            raise ValueError(f"Argument `fetch` = {fetch} cannot be interpreted as a Tensor. ({error})") from None

    def _feed(self, key, value):
        try:
            tensor = self.graph.as_graph_element(key, allow_operation=False)
        except (KeyError, TypeError, ValueError) as error:
            raise TypeError(f"Cannot interpret feed_dict key as Tensor: {error.args[0]}") from None
        if isinstance(value, (GraphTensor, Variable)):
            raise TypeError(
                "The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python scalars, "
                f"strings, lists, numpy ndarrays, or TensorHandles. For reference, the tensor object was {value} which "
                f"was passed to the argument `feed_dict` with key {tensor}."
            )
        array = _as_dtype(value, tensor)
        if (tensor, array.shape) not in self._fitting:
            if not tensor.shape.is_compatible_with(array.shape):
                raise ValueError(
                    f"Cannot feed value of shape {array.shape} for Tensor {tensor.name}, which has shape {tensor.shape}"
                )
            if len(self._fitting) >= KEPT:
                self._fitting.clear()
            self._fitting.add((tensor, array.shape))
        if array.dtype.kind == "O" or not array.flags.carray:
            return tensor, constant(array, tensor.dtype)
        return tensor, Tensor(Spec(array.shape, tensor.dtype), array)  # lent: a plan only reads what it is given

    def _next_elements(self, elements, fed):
        """What Iterators feed: pairs (Tensor, value). Iterators that begin in this run do so first."""
        key = *map(id, elements), None, *map(id, fed)
        if key not in self._asked:
            if len(self._asked) >= KEPT:
                self._asked.clear()
            self._asked[key] = [op for op in self._needed(elements, fed) if op.begins or op.request]
        for op in self._asked[key]:
            if op.begins:
                self._positions.begin(*op.begins)
        requests = dict.fromkeys(op.request for op in self._asked[key] if op.request)
        return [feed for request in requests for feed in self._positions.feeds(request)]

    def _prepare(self, elements, fed, values):
        """The plan for these fetches and feeds."""
        needed = self._needed(elements, fed)
        for op in needed:
            if op.function is _placeholder:
                raise _not_fed(op)
        if any(op.function is _gradients for op in needed):
            needed = self._behind(elements, fed) or needed
        graph = self.graph.sized("session.run")
        graph.device = _device_of(needed)
        replay = _SessionReplay(graph, self, set(map(id, fed)))
        with Default(graph):
            replay.keep(fed, [graph.placeholder(x.spec) for x in values])
            replay.again(needed)
            fetched = [replay.value(x) for x in elements if isinstance(x, GraphTensor)]
            for x in fetched:
                if x is None:
                    raise errors.InvalidArgumentError("a gradient is fetched along a path that is cut by what is fed")
            graph.outputs = [graph.own(x) for x in fetched]
        written = {v for op in needed for v in op.initializes}
        reading = [op for op in needed if getattr(op.function, "reads_values", True)]
        read = {x for op in reading for x in op.inputs if isinstance(x, Variable) and x not in op.initializes}
        read = {v for v in read if id(v.snapshot) not in replay.fed}
        return _Run(ConcreteFunction(graph, list(graph.outputs)), written, read - written)

    def _behind(self, elements, fed):
        """The Operations with those that compute what is fed: gradients go on to these.

        None if nothing is fed in the middle of the graph, or if these Operations cannot run without doing harm.
        """
        middle = [x.op for x in fed if x.op.inputs]
        if not middle:
            return None
        ops = self._needed([*elements, *middle], [x for x in fed if not x.op.inputs])
        before = set(map(id, self._needed(elements, fed)))
        harm = any(op.function is _placeholder or op.type in WRITING for op in ops if id(op) not in before)
        return None if harm else ops

    def _needed(self, elements, fed):
        """The Operations that these Tensors and Operations come to, in order."""
        known, found = set(map(id, fed)), set()
        waiting: list[Any] = [x.op if isinstance(x, GraphTensor) else x for x in elements if id(x) not in known]
        while waiting:
            op = waiting.pop()
            if id(op) in found:
                continue
            found.add(id(op))
            waiting += op.control_inputs
            waiting += [x.op for x in op.inputs if isinstance(x, GraphTensor) and id(x) not in known]
        return [op for op in self.graph.calls if id(op) in found]

    def streams_of(self, op):
        """A function that gives the Streams that an Operation reads here, in its order."""
        places = itertools.count()

        def stream(seed):
            key = op, next(places)
            if key not in self._streams:
                self._streams[key] = Stream(op.seeds[key[1] % len(op.seeds)])
            return self._streams[key]

        return stream

    # Variables.

    def storage(self, variable):
        """The core Variable that holds a Variable's value here."""
        if variable not in self._values:
            with Default(None):
                stored = core.Variable(variable.blank(), variable.trainable, variable.name.removesuffix(":0"))
                stored.constraint = variable.constraint
                self._values[variable] = stored
        return self._values[variable]

    def store(self, variable, array):
        """Gives a Variable a value."""
        with Default(None):
            self.storage(variable).assign(array)
        self._now_initialized(variable)

    def _now_initialized(self, variable):
        self._initialized.add(variable)
        self.storage(variable).initialized = True

    def is_initialized(self, variable):
        return variable in self._initialized

    def _check_initialized(self, run):
        for variable in run.reads:
            if variable not in self._initialized:
                name = variable.name.removesuffix(":0")
                raise errors.FailedPreconditionError(
                    f"Attempting to use uninitialized value {name}\n\t [[{{{{node {name}/read}}}}]]\nRun "
                    "tf.global_variables_initializer() in this session first."
                )

    # Contexts.

    def as_default(self):
        """A context in which ``tensor.eval()`` and ``operation.run()`` use this session; it stays open."""
        return Entered(self)

    def __enter__(self):
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        contexts = [Default(self.graph), Entered(self)]
        for one in contexts:
            one.__enter__()
        self._contexts.append(contexts)
        return self

    def __exit__(self, *error):
        for one in reversed(self._contexts.pop()):
            one.__exit__(*error)
        self.close()

    def close(self):
        """Lets go of the values of variables and of plans."""
        self._closed = True
        self._values, self._runs, self._asked, self._streams = {}, {}, {}, {}
        self._positions = Positions()

    def list_devices(self):
        return ["/job:localhost/replica:0/task:0/device:CPU:0"]


class InteractiveSession(Session):
    """A session that is the default one from the start, as in a notebook."""

    def __init__(self, target="", graph=None, config=None):
        super().__init__(target, graph, config)
        self._entered = Entered(self)
        self._entered.__enter__()

    def close(self):
        super().close()
        if self._entered is not None:
            self._entered.__exit__()
            self._entered = None


class _Run(NamedTuple):
    function: ConcreteFunction
    initializes: set  # Variables that have a value afterwards
    reads: set  # Variables that need one before


class _SessionReplay(Replay):
    """Makes calls with the variables of a session."""

    def __init__(self, graph, session, fed):
        super().__init__(graph)
        self._session, self.fed = session, fed  # fed: ids of Tensors, which may be what variables are read by

    def make(self, call):
        outer, context.seeds_of = context.seeds_of, self._session.streams_of(call)
        try:
            return super().make(call)
        finally:
            context.seeds_of = outer

    def keep(self, tensors, values):
        super().keep(tensors, [self._instead(x, value) for x, value in zip(tensors, values, strict=True)])

    def _instead(self, x, value):
        """The value of a Tensor: what is fed, if it is."""
        fed = self.values.get(id(x)) if id(x) in self.fed else None
        return value if fed is None else _fed_instead(value, fed)

    def value(self, x):
        if isinstance(x, Variable):
            return self.values[id(x.snapshot)] if id(x.snapshot) in self.fed else self._session.storage(x)
        return super().value(x)


@custom_gradient
def _fed_instead(computed, fed):
    """``fed``, with the gradient of ``computed``."""
    return apply("Identity", fed), lambda dy: (dy, None)


def _as_dtype(value, tensor):
    """A value that is fed as an array of its placeholder's dtype. Raises TypeError for numbers that it cannot hold."""
    array, dtype = np.asarray(value), np.dtype(tensor.dtype.as_numpy_dtype)
    if array.dtype == dtype:
        return array
    with np.errstate(invalid="ignore", over="ignore"):
        cast = array.astype(dtype)
    exact = type(value) is int or (array.dtype.kind in "fiu" and dtype.kind in "iu")
    if exact and not np.array_equal(array, cast):
        raise TypeError(
            f"Type of feed value {value} with type {type(value)} is not compatible with Tensor type {dtype.type} "
            f"of {tensor}. Try explicitly setting the type of the feed tensor to a larger type (e.g. int64)."
        )
    return cast


def _not_fed(op):
    tensor = op.outputs[0]
    dtype = {"float32": "float", "float64": "double"}.get(tensor.dtype.name, tensor.dtype.name)
    shape = ",".join("?" if n is None else str(n) for n in tensor.shape.as_list()) if tensor.shape.rank else ""
    text = f"You must feed a value for placeholder tensor '{op.name}' with dtype {dtype}"
    text += f" and shape [{shape}]" if shape else ""
    return errors.InvalidArgumentError(f"{text}\n\t [[{{{{node {op.name}}}}}]]")


def _device_of(ops):
    """The device for a run of these Operations: the GPU if one of them is placed there, or None for no choice."""
    named = [op.device for op in ops if op.device.startswith("/device:GPU")]
    if not named:
        return None
    with device(min(named)):  # where there is none, the CPU, which is said once
        return context.device


def _leaves(fetches):
    if isinstance(fetches, dict):
        return [leaf for x in fetches.values() for leaf in _leaves(x)]
    if isinstance(fetches, (list, tuple)):
        return [leaf for x in fetches for leaf in _leaves(x)]
    if fetches is None:
        raise TypeError('Argument `fetch` = None has invalid type "NoneType". Cannot be None')
    return [fetches]


def _packed(fetches, values):
    if isinstance(fetches, dict):
        return type(fetches)((key, _packed(x, values)) for key, x in fetches.items())
    if isinstance(fetches, (list, tuple)):
        parts = [_packed(x, values) for x in fetches]
        return type(fetches)(*parts) if hasattr(fetches, "_fields") else type(fetches)(parts)
    return next(values)
