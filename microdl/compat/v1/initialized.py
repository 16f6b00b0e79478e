"""Which variables have a value: asked in a graph, answered in a session."""

from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.shapes import TensorShape
from microdl.compat.v1.variables import asks_session, global_variables, local_variables
from microdl.compile.signature import TensorSpec
from microdl.core import dtypes
from microdl.core.errors import FailedPreconditionError
from microdl.core.tensor import convert
from microdl.ops import python


def is_variable_initialized(variable):
    """A bool Tensor: whether the variable has a value in the session that runs it."""
    return _asking(_is_initialized, variable, "IsVariableInitialized")


def _asking(function, variables, name):
    graph = get_default_graph()
    with graph.entered(), graph.naming(name):
        return graph.defer(function, (variables,), {})


@asks_session
def _is_initialized(variable):
    return python.numpy_function(lambda: _has_value(variable), [], TensorSpec((), dtypes.bool))


def _has_value(variable):
    """Whether a session's variable has one. What shapes are found out with never has."""
    return getattr(variable, "initialized", False)


def assert_variables_initialized(var_list=None):
    """An Operation that raises FailedPreconditionError if a variable has no value in the session that runs it."""
    variables = global_variables() + local_variables() if var_list is None else list(var_list)
    return _asking(_assert_initialized, variables, "assert_variables_initialized").op


@asks_session
def _assert_initialized(variables):
    def check():
        for variable in variables:
            if not _has_value(variable):
                raise FailedPreconditionError(f"Attempting to use uninitialized value {variable.name[:-2]}")
        return True

    return python.numpy_function(check, [], TensorSpec((), dtypes.bool))


def report_uninitialized_variables(var_list=None, name="report_uninitialized_variables"):
    """A Tensor with the names of the variables that have no value in the session that fetches it."""
    variables = global_variables() + local_variables() if var_list is None else list(var_list)
    tensor = _asking(_names_without_value, variables, name)
    tensor._shape = TensorShape([None])
    tensor.op.answer = [(v, v.op.name) for v in variables]
    return tensor


@asks_session
def _names_without_value(variables):
    """The session gives the answer itself: how many names there are differs from run to run."""
    return convert([""] * len(variables), dtypes.string)
