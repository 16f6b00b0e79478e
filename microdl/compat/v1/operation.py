"""What graphs are made of: Operations, and their results, which have values in sessions alone."""

from typing import Any

from microdl.compat.v1.current import chosen_session
from microdl.compat.v1.shapes import TensorShape
from microdl.compile.open import Call
from microdl.core import errors
from microdl.core.op import Spec
from microdl.core.tensor import Operand, Tensor, apply

# What TensorFlow calls operations after, where it is not the name of our op or function.
TYPES = {
    "BatchMatMulV2": "MatMul", "__getitem__": "StridedSlice", "_called_back": "PyFunc", "_constant": "Const",
    "_identity": "Identity", "_no_op": "NoOp", "_of_value": "Const", "_read": "VariableV2",
    "_read_again": "Identity", "normal": "RandomStandardNormal", "ones": "Const", "uniform": "RandomUniform",
    "where": "Select", "zeros": "Const",
}  # fmt: skip
# Those whose results TensorFlow shows as float32_ref.
REFERENCES = (
    "Assign", "AssignAdd", "AssignSub", "ScatterAdd", "ScatterMax", "ScatterMin", "ScatterNdAdd", "ScatterNdSub",
    "ScatterNdUpdate", "ScatterSub", "ScatterUpdate", "VariableV2",
)  # fmt: skip


class Operation(Call):
    """One operation of a Graph: a call that is made whenever a session needs its results.

    Attributes:
        name, type: str. graph: the Graph. outputs: its Tensors (None for what is no tensor).
        control_inputs: Operations that run before. initializes: Variables that have a value afterwards.
        seeds: a pair for each time that it asks for random numbers.
    """

    __slots__ = ("answer", "begins", "control_inputs", "device", "graph", "initializes", "name", "request", "seeds")

    def __init__(self, graph, function, args, kwargs):
        super().__init__(function, args, kwargs)
        self.graph, self.name, self.device = graph, "", graph.present_device
        self.control_inputs, self.initializes, self.seeds = list(graph.control), [], []
        self.answer = None  # pairs (Variable, name): what the session itself answers, see initialized.py
        self.begins = self.request = None  # what it means for Iterators, see data.py

    @property
    def type(self):
        if self.function is apply:
            return TYPES.get(str(getattr(self.args[0], "name", self.args[0])), str(self.args[0]))
        name = self.function.__name__
        if name == "_scattered":
            return self.args[-1]
        if name == "_assigned":  # the method is its last argument: assign_add
            name = self.args[-1]
        return TYPES.get(name) or "".join(part.capitalize() for part in name.strip("_").split("_"))

    @property
    def node_def(self):
        return f'name: "{self.name}"\nop: "{self.type}"'

    def run(self, feed_dict=None, session=None):
        """Runs it in ``session``, or in the default one."""
        chosen_session("execute operation using `run()`", "run", session).run(self, feed_dict)

    def __repr__(self):
        return f"<tf.Operation '{self.name}' type={self.type}>"

    __str__ = __repr__


class Named(Operand):
    """What Tensors and Variables of a graph share: hashing by identity, as keys of feed_dict, and operators.

    An operator that is used outside of ``with graph.as_default()`` adds to the operand's own graph.
    """

    __slots__ = ()
    graph: Any
    name: Any

    def __hash__(self):
        return id(self)

    def __eq__(self, other):
        return self is other

    def __ne__(self, other):
        return self is not other

    def __bool__(self):
        raise errors.OperatorNotAllowedInGraphError(
            "Using a symbolic `tf.Tensor` as a Python `bool` is not allowed. Use `if t is not None:` instead of "
            "`if t:` to test if a tensor is defined, and use TensorFlow ops such as tf.cond to execute subgraphs "
            "conditioned on the value of a tensor."
        )

    def __iter__(self):
        raise errors.OperatorNotAllowedInGraphError(
            "Iterating over a symbolic `tf.Tensor` is not allowed: use tf.unstack or tf.map_fn"
        )

    def __len__(self):
        raise TypeError(
            f"len is not well defined for a symbolic Tensor ({self.name}). Please call `x.shape` rather than `len(x)` "
            "for shape information."
        )

    def __array__(self, dtype=None, copy=None):
        raise NotImplementedError(
            f"Cannot convert a symbolic tf.Tensor ({self.name}) to a numpy array. This error may indicate that you're "
            "trying to pass a Tensor to a NumPy call, which is not supported: run it, session.run(tensor)."
        )

    def eval(self, feed_dict=None, session=None):
        """Its value in ``session``, or in the default one."""
        return chosen_session("evaluate tensor using `eval()`", "eval", session).run(self, feed_dict)


_OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "truediv", "floordiv": "floordiv", "mod": "mod", "pow": "pow",
    "matmul": "matmul", "and": "and", "or": "or", "xor": "xor",
}  # fmt: skip


def _in_its_graph(method, name):
    def operator(self, *args):
        with self.graph.entered(), self.graph.naming(name):
            return method(self, *args)

    operator.__name__ = method.__name__
    return operator


for _name, _label in (
    *((f"__{prefix}{name}__", label) for name, label in _OPERATORS.items() for prefix in ("", "r")),
    *(("__neg__", "Neg"), ("__abs__", "Abs"), ("__invert__", "LogicalNot"), ("__getitem__", "strided_slice")),
    *(("__lt__", "Less"), ("__le__", "LessEqual"), ("__gt__", "Greater"), ("__ge__", "GreaterEqual")),
):
    setattr(Named, _name, _in_its_graph(getattr(Operand, _name), _label))


class GraphTensor(Named, Tensor):
    """A result of an Operation. It has a value only in a session.

    Attributes: op: the Operation. value_index: which of its outputs this is.
    """

    __slots__ = ("_shape", "graph", "op", "value_index")
    __hash__ = Named.__hash__

    def __init__(self, graph, shape, example):
        super().__init__(Spec((None,) * example.ndim if shape is None else shape, example.dtype))
        self.graph, self.value_index = graph, 0
        self.op: Any = None  # until the call has been recorded
        self._shape = TensorShape(shape)

    @property
    def name(self):
        return f"{self.op.name}:{self.value_index}"

    @property
    def shape(self):
        return self._shape

    def get_shape(self):
        return self._shape

    def set_shape(self, shape):
        """Says what is known of the shape besides. Raises ValueError if it does not fit."""
        self._shape = self._shape.merge_with(shape)
        if self._shape.rank is not None:
            self.spec = Spec(tuple(self._shape.as_list()), self.dtype)

    @property
    def device(self):
        return self.op.device

    def consumers(self):
        return [op for op in self.graph.calls if any(x is self for x in op.inputs)]

    def numpy(self):
        raise AttributeError("'Tensor' object has no attribute 'numpy'; run it: session.run(tensor) or tensor.eval()")

    def __str__(self):
        shape = "" if self._shape.rank is None else f" shape={self._shape},"
        return f'Tensor("{self.name}",{shape} dtype={self._dtype_text})'

    def __repr__(self):
        return f"<tf.Tensor '{self.name}' shape={self._shape} dtype={self._dtype_text}>"

    @property
    def _dtype_text(self):
        return f"{self.dtype.name}_ref" if self.op.type in REFERENCES else self.dtype.name

    def __format__(self, spec):
        return format(str(self), spec)


def mixed_dtypes(error):
    """TensorFlow's sentence for inputs whose dtypes do not mix."""
    (first, wanted), (other, given) = error.first, error.other
    op = TYPES.get(error.kind, error.kind)
    if first == other:
        return f"Tensors in list passed to '{first}' of '{op}' Op have types [{wanted}, {given}] that don't all match."
    return f"Input '{other}' of '{op}' Op has type {given} that does not match type {wanted} of argument '{first}'."
