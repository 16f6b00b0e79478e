"""Variables of a graph: a session holds their values. Scopes share them by name."""

import numpy as np

from microdl.compat.v1.current import Default, chosen_session
from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.operation import GraphTensor, Named
from microdl.compat.v1.shapes import TensorShape
from microdl.core import dtypes, errors, variable as core
from microdl.core.deferred import Replayed
from microdl.core.op import Spec
from microdl.core.tensor import apply, convert, new_uid


class GraphKeys:
    """Names of the usual collections."""

    GLOBAL_VARIABLES = "variables"
    LOCAL_VARIABLES = "local_variables"
    TRAINABLE_VARIABLES = "trainable_variables"
    MODEL_VARIABLES = "model_variables"
    MOVING_AVERAGE_VARIABLES = "moving_average_variables"
    REGULARIZATION_LOSSES = "regularization_losses"
    LOSSES = "losses"
    SUMMARIES = "summaries"
    SUMMARY_OP = "summary_op"
    UPDATE_OPS = "update_ops"
    GLOBAL_STEP = "global_step"
    SAVERS = "savers"
    INIT_OP = "init_op"
    LOCAL_INIT_OP = "local_init_op"
    METRIC_VARIABLES = "metric_variables"
    TABLE_INITIALIZERS = "table_initializer"
    QUEUE_RUNNERS = "queue_runners"


class Variable(Named, Replayed):
    """A value that each session keeps from run to run, from the run of its ``initializer`` on.

    Args:
        initial_value: Tensor, number, array, nested lists, or a function without arguments that returns one of them.
        trainable: whether optimizers change it. collections: names of the collections it goes to.
        name: str; made unique in the present scope. dtype: of the value, or None for the initial value's own.
        validate_shape, expected_shape, shape, caching_device, ...: as in TensorFlow; what concerns devices is accepted.

    Attributes:
        initializer: the Operation that gives it its initial value. initial_value: Tensor.
        reference: Tensor, its value under its own name. snapshot: the same as the name ``<name>/read``.
    """

    def __init__(
        self,
        initial_value=None,
        trainable=None,
        collections=None,
        validate_shape=True,
        caching_device=None,
        name=None,
        variable_def=None,
        dtype=None,
        expected_shape=None,
        import_scope=None,
        constraint=None,
        use_resource=None,
        synchronization=None,
        aggregation=None,
        shape=None,
    ):
        if initial_value is None:
            raise ValueError("initial_value must be specified.")
        self.graph = graph = get_default_graph()
        self.trainable = True if trainable is None else bool(trainable)
        self.constraint, self.uid = constraint, new_uid()
        self._sample = None
        dtype = None if dtype is None else dtypes.as_dtype(dtype)
        self._name = graph.unique_name(name or "Variable")
        with graph.entered(), graph.name_scope(f"{self._name}/"):
            if callable(initial_value):
                with graph.name_scope(f"{self._name}/Initializer/"):
                    initial_value = initial_value()
            if not (isinstance(initial_value, GraphTensor) and dtype in (None, initial_value.dtype)):
                with graph.naming("initial_value"):
                    initial_value = graph.defer(_constant, (initial_value, dtype), {})
            self.initial_value = initial_value
            shape = self.initial_value.shape if expected_shape is None else TensorShape(expected_shape)
            if not shape.is_fully_defined():
                raise ValueError(f"initial_value must have a shape specified: {self.initial_value}")
            self.spec = Spec(tuple(shape.as_list()), self.initial_value.dtype)
            with graph.naming(f"{self._name}/"):
                self.reference = graph.defer(_read, (self,), {})
            with graph.naming("Assign"):
                graph.defer(_assigned, (self, self.initial_value, "assign"), {})
            self.initializer = graph.calls[-1]
            self.initializer.initializes.append(self)
            with graph.naming("read"):
                self.snapshot = graph.defer(_identity, (self.reference,), {})
        for key in [GraphKeys.GLOBAL_VARIABLES] if collections is None else collections:
            graph.add_to_collection(key, self)
        if self.trainable and GraphKeys.TRAINABLE_VARIABLES not in (collections or ()):
            graph.add_to_collection(GraphKeys.TRAINABLE_VARIABLES, self)

    @property
    def name(self):
        return f"{self._name}:0"

    @property
    def op(self):
        return self.reference.op

    @property
    def shape(self):
        return TensorShape(self.spec.shape)

    @property
    def symbolic(self):
        return True

    def twin(self, value):
        """What shapes are found out with (``compile/open.py``); a session has values of its own."""
        if self._sample is None:
            with Default(None):
                self._sample = _Sample(self.blank(), self.trainable)
                self._sample.constraint = self.constraint
        return self._sample

    def blank(self):
        """An array for a value that has yet to come."""
        return np.full(self.spec.shape, b"" if self.dtype is dtypes.string else 0, self.dtype.as_numpy_dtype)

    def read(self):
        return self.snapshot

    def value(self):
        return self.snapshot

    def read_value(self):
        """Its value at this place among the operations."""
        with self.graph.entered(), self.graph.naming("read"):
            return self.graph.defer(_read_again, (self,), {})

    def initialized_value(self):
        """Its initial value, for the initial value of another variable."""
        return self.initial_value

    def assign(self, value, use_locking=False, name=None, read_value=True):
        """A Tensor: the value after it was replaced. Without ``read_value`` the Operation."""
        return self._written(value, "assign", name or "Assign", read_value)

    def assign_add(self, delta, use_locking=False, name=None, read_value=True):
        return self._written(delta, "assign_add", name or "AssignAdd", read_value)

    def assign_sub(self, delta, use_locking=False, name=None, read_value=True):
        return self._written(delta, "assign_sub", name or "AssignSub", read_value)

    def _written(self, value, method, name, read_value=True):
        if isinstance(value, GraphTensor) and not value.shape.is_compatible_with(self.shape):
            raise ValueError(f"Shapes must be equal: {self.name} has shape {self.shape}, the value {value.shape}")
        if isinstance(value, (GraphTensor, Variable)) and value.dtype is not self.dtype:
            kind = "".join(part.capitalize() for part in method.split("_"))
            raise errors.MixedDTypesError(
                f"Input 'value' of '{kind}' Op has type {value.dtype.name} that does not match type {self.dtype.name} "
                f"of argument 'ref'.\n{self.name}: dtypes do not mix: use tf.cast",
                *(kind, ("ref", self.dtype.name), ("value", value.dtype.name)),
            )
        with self.graph.entered(), self.graph.naming(name):
            result = self.graph.defer(_assigned, (self, value, method), {})
        if method == "assign":
            result.op.initializes.append(self)
        return result if read_value else result.op

    def load(self, value, session=None):
        """Gives it ``value``, an array, in a session."""
        chosen_session("load a value using `load()`", "load", session).store(
            self, np.asarray(value, self.dtype.as_numpy_dtype)
        )

    def __repr__(self):
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}_ref>"

    __str__ = __repr__


class _Sample(core.Variable):
    """What stands for a Variable where shapes are found out."""


def asks_session(function):
    """Marks functions that look at variables without reading their values: those need none."""
    function.reads_values = False
    return function


def _constant(value, dtype):
    if hasattr(value, "spec"):
        value = convert(value)
        return value if dtype is None or value.dtype is dtype else convert(value, dtype)
    return convert(value, dtype)


def _read(variable):
    return convert(variable)


def _read_again(variable):
    return variable.read()


def _identity(tensor):
    return apply("Identity", tensor)


def _assigned(variable, value, method):
    if isinstance(variable, _Sample) and getattr(value, "spec", variable.spec).shape != variable.spec.shape:
        return variable.read_value()  # a size that is open is another one in samples; what is known was compared
    getattr(variable, method)(value, read_value=False)
    return variable.read_value()


def assign(ref, value, validate_shape=None, use_locking=None, name=None):
    """A Tensor: the value of the variable ``ref`` after it was replaced by ``value``."""
    return ref.assign(value, name=name)


def assign_add(ref, value, use_locking=None, name=None):
    """A Tensor: the value of the variable ``ref`` after ``value`` was added."""
    return ref.assign_add(value, name=name)


def assign_sub(ref, value, use_locking=None, name=None):
    """A Tensor: the value of the variable ``ref`` after ``value`` was subtracted."""
    return ref.assign_sub(value, name=name)


def global_variables(scope=None):
    return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


def local_variables(scope=None):
    return get_default_graph().get_collection(GraphKeys.LOCAL_VARIABLES, scope)


def trainable_variables(scope=None):
    return get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


def moving_average_variables(scope=None):
    return get_default_graph().get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope)


def model_variables(scope=None):
    return get_default_graph().get_collection(GraphKeys.MODEL_VARIABLES, scope)


def variables_initializer(var_list, name="init"):
    """An Operation that initializes these variables."""
    return group(*(v.initializer for v in var_list), name=name)


def global_variables_initializer():
    return variables_initializer(global_variables())


def local_variables_initializer():
    return variables_initializer(local_variables(), "init_1")


def group(*inputs, name="group_deps"):
    """An Operation that has run when all ``inputs`` (Operations, Tensors, Variables) have."""
    graph = get_default_graph()
    with graph.entered(), graph.control_dependencies(_flat(inputs)), graph.naming(name):
        graph.defer(_no_op, (), {})
        return graph.calls[-1]


def no_op(name="NoOp"):
    """An Operation that does nothing."""
    return group(name=name)


def _flat(inputs):
    return [leaf for x in inputs for leaf in (_flat(x) if isinstance(x, (list, tuple)) else [x])]


def _no_op():
    pass
