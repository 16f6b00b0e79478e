"""Variable scopes: variables that are found again by their names."""

import enum
from typing import Any

from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.initializers import glorot_uniform_initializer, zeros_initializer
from microdl.compat.v1.shapes import TensorShape
from microdl.compat.v1.variables import GraphKeys, Variable
from microdl.core import dtypes


class _AutoReuse(enum.Enum):
    REUSE_FALSE = 0
    REUSE_TRUE = 1
    AUTO_REUSE = 2


AUTO_REUSE = _AutoReuse.AUTO_REUSE


class VariableScope:
    """What get_variable goes by: the prefix of names, whether variables are shared, and what they get by default.

    Attributes:
        name: str. reuse: False, True or AUTO_REUSE. initializer, regularizer, dtype, constraint: for its variables.
        original_name_scope: of its operations.
    """

    def __init__(self, name="", reuse=False, initializer=None, regularizer=None, dtype=dtypes.float32, constraint=None):
        self.name, self.reuse, self.initializer = name, reuse, initializer
        self.regularizer, self.dtype, self.constraint = regularizer, dtype, constraint
        self.original_name_scope = f"{name}/" if name else ""

    def reuse_variables(self):
        """From now on variables must exist."""
        self.reuse = True

    def set_initializer(self, initializer):
        self.initializer = initializer

    def set_regularizer(self, regularizer):
        self.regularizer = regularizer

    def get_collection(self, name):
        return get_default_graph().get_collection(name, self.name)

    def trainable_variables(self):
        return self.get_collection(GraphKeys.TRAINABLE_VARIABLES)

    def global_variables(self):
        return self.get_collection(GraphKeys.GLOBAL_VARIABLES)


class _Scopes:
    """Of one graph: the present VariableScope, the variables by name, how often each default name was taken."""

    def __init__(self):
        self.current, self.variables, self.taken = VariableScope(), {}, {}


def _scopes() -> _Scopes:
    graph = get_default_graph()
    if graph.variable_scopes is None:
        graph.variable_scopes = _Scopes()
    return graph.variable_scopes


def get_variable_scope():
    return _scopes().current


class variable_scope:
    """A context in which get_variable puts ``name_or_scope/`` before names.

    Args:
        name_or_scope: str or VariableScope; None takes ``default_name``, made unique. reuse: True: variables must
            exist; AUTO_REUSE: they are made where they do not; False or None: as the scope around it.
        initializer, regularizer, dtype, constraint: defaults for the variables. auxiliary_name_scope: whether
            operations get the prefix, too.
    """

    def __init__(
        self,
        name_or_scope=None,
        default_name=None,
        values=None,
        initializer=None,
        regularizer=None,
        caching_device=None,
        partitioner=None,
        custom_getter=None,
        reuse=None,
        dtype=None,
        use_resource=None,
        constraint=None,
        auxiliary_name_scope=True,
    ):
        if name_or_scope is None and default_name is None:
            raise TypeError("If default_name is None then name_or_scope is required")
        self._given: Any = name_or_scope
        self._default, self._reuse = default_name, reuse
        self._scopes: Any = None
        self._options = {"initializer": initializer, "regularizer": regularizer, "constraint": constraint}
        self._dtype, self._names = dtype, auxiliary_name_scope

    def __enter__(self):
        scopes, graph = _scopes(), get_default_graph()
        self._scopes, outer = scopes, scopes.current
        self._before, self._taken = outer, dict(scopes.taken)
        source = self._given if isinstance(self._given, VariableScope) else outer
        name = source.name
        if not isinstance(self._given, VariableScope):
            own = str(self._given if self._given is not None else self._unique(outer.name))
            name = f"{outer.name}/{own}" if outer.name else own
        scopes.taken[name] = scopes.taken.get(name, 0) + 1
        reuse = self._reuse if self._reuse not in (None, False) else source.reuse
        options = {key: value or getattr(source, key) for key, value in self._options.items()}
        scopes.current = VariableScope(name, reuse, dtype=self._dtype or source.dtype, **options)
        self._name_scope = graph.name_scope(name.rsplit("/", 1)[-1]) if self._names and name else None
        if self._name_scope is not None:
            scopes.current.original_name_scope = self._name_scope.__enter__()
        return scopes.current

    def _unique(self, prefix):
        full, count, taken = f"{prefix}/{self._default}" if prefix else self._default, 1, self._scopes.taken
        if not taken.get(full):
            return self._default
        while taken.get(f"{full}_{count}"):
            count += 1
        return f"{self._default}_{count}"

    def __exit__(self, *error):
        """Names by default start anew when a scope is entered again, so that it finds its variables."""
        taken, name = self._scopes.taken, self._scopes.current.name
        if isinstance(self._given, VariableScope):
            self._scopes.taken = self._taken
        else:
            self._scopes.taken = {key: n for key, n in taken.items() if not key.startswith(f"{name}/")}
        self._scopes.current = self._before
        if self._name_scope is not None:
            self._name_scope.__exit__(*error)


def get_variable(
    name,
    shape=None,
    dtype=None,
    initializer=None,
    regularizer=None,
    trainable=None,
    collections=None,
    caching_device=None,
    partitioner=None,
    validate_shape=True,
    use_resource=None,
    custom_getter=None,
    constraint=None,
    synchronization=None,
    aggregation=None,
):
    """The Variable ``name`` of the present scope: a new one, or where the scope says so the one that exists.

    Args:
        shape: sizes; not needed if ``initializer`` is a tensor or array. initializer: a function of (shape, dtype), a
            class of such, or a value; by default Glorot's uniform one, zeros for integers and bools.
        regularizer: function of the variable; what it gives goes to the collection ``regularization_losses``.

    Raises: ValueError if it exists and must not, or the other way round, or has another shape or dtype.
    """
    scopes, graph = _scopes(), get_default_graph()
    scope = scopes.current
    full = f"{scope.name}/{name}" if scope.name else name
    initializer = initializer if initializer is not None else scope.initializer
    known = scopes.variables.get(full)
    if known is not None:
        if not scope.reuse:
            raise ValueError(
                f"Variable {full} already exists, disallowed. Did you mean to set reuse=True or reuse=tf.AUTO_REUSE in "
                "VarScope?"
            )
        if shape is not None and not known.shape.is_compatible_with(shape):
            raise ValueError(
                f"Trying to share variable {full}, but specified shape {TensorShape(shape)} and found shape "
                f"{known.shape}."
            )
        if dtype is not None and dtypes.as_dtype(dtype) is not known.dtype:
            raise ValueError(
                f"Trying to share variable {full}, but specified dtype {dtypes.as_dtype(dtype).name} and found dtype "
                f"{known.dtype.name}."
            )
        return known
    if scope.reuse is True:
        raise ValueError(
            f"Variable {full} does not exist, or was not created with tf.get_variable(). Did you mean to set "
            "reuse=tf.AUTO_REUSE in VarScope?"
        )
    value = _initial_value(full, shape, dtypes.as_dtype(dtype or scope.dtype), dtype, initializer)
    trainable = True if trainable is None else trainable
    with graph.entered(), graph.name_scope(None):
        variable = Variable(
            value,
            trainable,
            collections,
            name=full,
            dtype=None if callable(value) else dtype,
            constraint=constraint or scope.constraint,
        )
        scopes.variables[full] = variable
        if penalty := regularizer or scope.regularizer:
            with graph.name_scope(f"{full}/Regularizer/"):
                graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, penalty(variable.snapshot))
    return variable


def _initial_value(name, shape, dtype, asked, initializer):
    default = initializer is None
    if initializer is None:
        whole = dtype.is_integer or dtype.is_bool
        initializer = zeros_initializer() if whole else glorot_uniform_initializer()
    if isinstance(initializer, type):
        initializer = initializer()
    if not callable(initializer):
        if shape is not None and not hasattr(initializer, "spec"):
            raise ValueError("If initializer is a constant, do not specify shape.")
        return initializer
    if shape is None:
        raise ValueError(
            f"Variable {name} did not get an initializer, so its `shape` argument must be specified."
            if default
            else f"Shape of a new variable ({name}) must be fully defined, but instead was <unknown>."
        )
    shape = TensorShape(shape if hasattr(shape, "__iter__") else [shape])
    if not shape.is_fully_defined():
        raise ValueError(f"Shape of a new variable ({name}) must be fully defined, but instead was {shape}.")
    return lambda: initializer(tuple(shape.as_list()), dtype=dtype)
