"""Graphs as TensorFlow 1 builds them: operations with names, tensors with names, and which graph is the default."""

import re
from typing import Any

from microdl.compat.v1.closing import closed
from microdl.compat.v1.current import NOTHING, Default, Set
from microdl.compat.v1.operation import GraphTensor, Named, Operation, mixed_dtypes
from microdl.compat.v1.ranks import widened
from microdl.compile.graph import FuncGraph
from microdl.compile.open import SAMPLES, OpenGraph, Replay
from microdl.core import errors
from microdl.core.context import context
from microdl.core.random_state import UNSEEDED, seed_pair
from microdl.summary.graphs import graph_def

# Two more samples try a placeholder of unknown rank with one and two axes; in the others it has none.
SIZES = (*SAMPLES, *SAMPLES[:1] * 2)
UNKNOWN_SHAPES = ((),) * len(SAMPLES) + (SAMPLES[:1], SAMPLES[:2])

_VALID = re.compile(r"^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$")


class _Sized(FuncGraph):
    """The Nodes of a run. Nothing that may have a gradient is computed beforehand, not even of constants."""

    def _followable(self, tensor):
        return tensor.dtype.is_floating


class _Trial(Replay):
    """A sample, which hears of the seeds that an Operation asks for."""

    def make(self, call):
        asked = []

        def hear(seed):
            asked.append(seed)
            return None, seed

        outer, context.seeds_of = context.seeds_of, hear
        try:
            return super().make(call)
        finally:
            context.seeds_of = outer
            call.seeds = max(call.seeds, asked, key=len)  # a size that does not fit ends it early


class Graph(OpenGraph):
    """A graph that is built operation by operation, and run by sessions.

    Attributes:
        calls: its Operations, in order. collections: name -> list. seed: of its random operations, or None.
    """

    sizes, folds, sized, sample = SIZES, False, _Sized, _Trial

    def __init__(self):
        super().__init__("graph")
        self.collections, self.seed, self.control, self.present_device = {}, None, (), ""
        self.variable_scopes: Any = None  # what scopes.py keeps
        self._scope = ""  # of names: ends in a slash unless empty
        self._used = {}  # name in lower case -> how many have asked for it
        self._operations = {}  # name -> Operation
        self._frame = None  # Operations that wait for their names
        self.unshaped = []  # placeholders of unknown rank
        self._seeded = 0  # how many seeds followed from the graph's
        self._finalized = False

    # Building.

    def as_default(self):
        """A context in which everything is added to this graph."""
        return Default(self)

    def entered(self):
        """A context for one call: this graph, unless some graph is being built."""
        return Default(self) if context.graph is None else NOTHING

    def defer(self, function, args, kwargs):
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")
        try:
            return super().defer(function, args, kwargs)
        except errors.MixedDTypesError as error:
            error.args = (f"{mixed_dtypes(error)}\n{error}",)
            raise
        except errors.InvalidArgumentError as error:
            if any(isinstance(x, GraphTensor) and x._shape.rank is None for x in args):
                error.args = (f"{error} (a placeholder has no shape: give it one, tf.placeholder(dtype, [None, 2]))",)
            raise

    def _sampled(self, call):
        try:
            return super()._sampled(call)
        except Exception:  # no sample suits it
            if not widened(self, call):
                raise
            return super()._sampled(call)

    def _call(self, function, args, kwargs):
        op = Operation(self, function, closed(args), closed(kwargs))
        for x in op.inputs:
            if isinstance(x, Named) and x.graph is not self:
                own = next((y for y in op.inputs if isinstance(y, Named) and y.graph is self), op.type)
                raise ValueError(f"{x} must be from the same graph as {own} (graphs are {x.graph} and {self}).")
        return op

    def _recorded(self, call):
        call.seeds = list(map(self._seeds, call.seeds))
        for i, y in enumerate(call.outputs):
            if y is not None and y.op is None:
                y.op, y.value_index = call, i
        if self._frame is None:
            self._name(call, self.unique_name(call.type))
        else:
            self._frame.append(call)

    def _seeds(self, seed):
        """TensorFlow 1's two seeds of a random operation that has a ``seed`` of its own, or None."""
        if seed is None and self.seed is not None:
            seed, self._seeded = self._seeded, self._seeded + 1
        return UNSEEDED if seed is None else seed_pair(self.seed, seed)

    def _symbolic(self, shape, example):
        return GraphTensor(self, shape, example)

    def placeholder(self, dtype, shape=None):
        """A Tensor that is fed. ``shape``: sizes or None; None as a whole if not even the number of axes is known."""
        if shape is None:
            more = ((),) * (len(self.samples) - len(UNKNOWN_SHAPES))  # of ranks.py
            tensor = self._placeholder((*UNKNOWN_SHAPES, *more), dtype)
            self.unshaped.append(tensor)
        else:
            sized = [tuple(size if n is None else n for n in shape) for size in self.sizes]
            tensor = self._placeholder(sized, dtype)
            tensor.set_shape(shape)
        op = self._call(_placeholder, (dtype, shape), {})
        op.outputs = [tensor]
        self.calls.append(op)
        self._recorded(op)
        return tensor

    # Names.

    def naming(self, name, last=""):
        """A context whose operations get ``name``: the last one itself, or ``name/last``; others are in that scope.

        A name that ends in a slash is taken as it is.
        """
        return _Frame(self, name, last)

    def pending(self):
        """Operations that wait for their names."""
        return self._frame

    def name_scope(self, name):
        return _Scope(self, name)

    def unique_name(self, name, mark_as_used=True):
        """``name`` in the present scope, with a number after it if it is taken."""
        full = self._scope + name
        count = self._used.get(full.lower(), 0)
        unique = full
        while unique.lower() in self._used and count:
            unique, count = f"{full}_{count}", count + 1
        if mark_as_used:
            self._used[full.lower()] = max(count, 1)
            self._used.setdefault(unique.lower(), 1)
        return unique

    def unique_in(self, scope, name):
        """The same in another scope."""
        with Set(self, "_scope", f"{scope}/"):
            return self.unique_name(name)

    def _name(self, op, name):
        if not _VALID.match(name):
            raise ValueError(
                f"`{name}` is not a valid node name. Accepted names conform to Regex /re.compile({_VALID.pattern!r})/"
            )
        op.name = name
        self._operations[name] = op

    # Looking things up.

    def as_graph_def(self, from_version=None, add_shapes=False):
        """TensorFlow's GraphDef, by the package tensorboard: names, types and inputs of operations."""
        return graph_def(self)

    def get_operations(self):
        return list(self.calls)

    def get_operation_by_name(self, name):
        if name not in self._operations:
            raise KeyError(f"The name {name!r} refers to an Operation not in the graph.")
        return self._operations[name]

    def get_tensor_by_name(self, name):
        """The Tensor ``operation:number``."""
        operation, _, index = name.partition(":")
        if not index:
            raise ValueError(
                f"The name {name!r} looks like an (invalid) Operation name, not a Tensor. Tensor names must be of the "
                'form "<op_name>:<output_index>".'
            )
        found = self._operations.get(operation)
        tensors = [] if found is None else found.outputs
        if int(index) >= len(tensors) or tensors[int(index)] is None:
            fault = "does not exist in the graph" if found is None else f"exists but only has {len(tensors)} outputs"
            raise KeyError(
                f"The name {name!r} refers to a Tensor which does not exist. The operation, {operation!r}, {fault}."
            )
        return tensors[int(index)]

    def as_graph_element(self, obj, allow_tensor=True, allow_operation=True) -> Any:
        """The Tensor or Operation that ``obj`` is, or is the name of. Raises ValueError if it is another graph's."""
        if isinstance(obj, str):
            named = ":" in obj or not allow_operation
            return self.get_tensor_by_name(obj) if named else self.get_operation_by_name(obj)
        if hasattr(obj, "snapshot"):  # a Variable
            obj = obj.snapshot
        if not isinstance(obj, (GraphTensor, Operation)):
            kinds = "Tensor or Operation" if allow_operation else "Tensor"
            raise TypeError(f"Can not convert a {type(obj).__name__} into a {kinds}.")
        if obj.graph is not self:
            kind = "Tensor" if isinstance(obj, GraphTensor) else "Operation"
            raise ValueError(f"{kind} {obj} is not an element of this graph.")
        return obj

    def add_to_collection(self, name, value):
        self.collections.setdefault(name, []).append(value)

    def get_collection(self, name, scope=None):
        """The values; with ``scope`` those whose names match it."""
        values = self.collections.get(name, [])
        return [x for x in values if scope is None or re.match(scope, getattr(x, "name", ""))]

    def get_collection_ref(self, name):
        return self.collections.setdefault(name, [])

    def control_dependencies(self, control_inputs):
        """A context whose operations run after these Operations, Tensors and Variables."""
        elements = [self.as_graph_element(x) for x in control_inputs or ()]
        ops = tuple(getattr(x, "op", x) for x in elements)
        return Set(self, "control", self.control + ops if control_inputs is not None else ())

    def device(self, name):
        """A context whose operations have this ``device``, a name such as ``"/cpu:0"``.

        What a session runs at once runs on one device: the GPU if one of the operations is placed there.
        """
        kind = re.fullmatch(r"/?(?:device:)?([a-zA-Z]+)(?::(\d+))?", name if isinstance(name, str) else "")
        return Set(self, "present_device", f"/device:{kind[1].upper()}:{kind[2] or 0}" if kind else str(name or ""))

    def finalize(self):
        """From now on nothing can be added."""
        self._finalized = True

    @property
    def finalized(self):
        return self._finalized

    def __repr__(self):
        return f"<microdl.compat.v1.Graph of {len(self.calls)} operations>"


def _placeholder(dtype, shape):
    raise RuntimeError("placeholders are fed, never computed")


class _Frame:
    def __init__(self, graph, name, last):
        self._graph, self._name, self._last = graph, name, last

    def __enter__(self):
        self._outer, self._graph._frame = self._graph._frame, []

    def __exit__(self, error, *others):
        graph, ops = self._graph, self._graph._frame
        graph._frame = self._outer
        if self._outer is not None:  # the outermost frame gives the names
            self._outer.extend(ops)
            return
        if not ops:
            return
        name = self._name or ops[-1].type
        name = name[:-1] if name.endswith("/") else graph.unique_name(name)
        for op in ops[:-1]:
            graph._name(op, graph.unique_in(name, op.type))
        graph._name(ops[-1], graph.unique_in(name, self._last) if self._last else name)


class _Scope:
    def __init__(self, graph, name):
        self._graph, self._name = graph, name

    def __enter__(self):
        self._before = self._graph._scope
        if self._name is None or self._name == "":
            self._graph._scope = ""
        elif self._name.endswith("/"):
            self._graph._scope = self._name  # opened again
        else:
            self._graph._scope = self._graph.unique_name(self._name) + "/"
        return self._graph._scope

    def __exit__(self, *error):
        self._graph._scope = self._before


_graph = Graph()


def get_default_graph():
    """The Graph that is being built: of the innermost ``as_default``, else one for the whole process."""
    return context.graph if isinstance(context.graph, Graph) else _graph


def reset_default_graph():
    """A new, empty default graph."""
    global _graph
    if isinstance(context.graph, Graph):
        raise AssertionError("Do not use tf.reset_default_graph() to clear nested graphs.")
    _graph = Graph()
