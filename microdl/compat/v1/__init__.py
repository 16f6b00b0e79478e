"""TensorFlow 1: graphs that are built first and run by sessions. ``import microdl.compat.v1 as tf``.

Every function adds to the default graph. What is not listed here is microdl's own function of that name, made to do so.
"""

import sys
from typing import Any as _Any

import microdl
from microdl.compat.v1 import (
    flags as flags,
    gfile as gfile,
    image as image,
    initializers as _initializers,
    layers as layers,
    logging as logging,
    losses as losses,
    metrics as metrics,
    summary as summary,
    train as train,
)
from microdl.compat.v1.arguments import with_old_arguments
from microdl.compat.v1.config import (
    ConfigProto as ConfigProto,
    GPUOptions as GPUOptions,
    GraphOptions as GraphOptions,
    OptimizerOptions as OptimizerOptions,
    RunMetadata as RunMetadata,
    RunOptions as RunOptions,
)
from microdl.compat.v1.contrib import contrib as contrib
from microdl.compat.v1.control import (
    Print as Print,
    cond as cond,
    py_func as py_func,
    while_loop as while_loop,
)
from microdl.compat.v1.current import get_default_session as get_default_session
from microdl.compat.v1.data import data as data
from microdl.compat.v1.functions import (
    add_n as add_n,
    add_to_collection as add_to_collection,
    argmax as argmax,
    argmin as argmin,
    constant as constant,
    control_dependencies as control_dependencies,
    convert_to_tensor as convert_to_tensor,
    device as device,
    disable_eager_execution as disable_eager_execution,
    disable_resource_variables as disable_resource_variables,
    disable_tensor_equality as disable_tensor_equality,
    disable_v2_behavior as disable_v2_behavior,
    disable_v2_tensorshape as disable_v2_tensorshape,
    div as div,
    enable_resource_variables as enable_resource_variables,
    executing_eagerly as executing_eagerly,
    expand_dims as expand_dims,
    get_collection as get_collection,
    get_collection_ref as get_collection_ref,
    global_norm as global_norm,
    gradients as gradients,
    multinomial as multinomial,
    name_scope as name_scope,
    placeholder as placeholder,
    placeholder_with_default as placeholder_with_default,
    random_normal as random_normal,
    random_shuffle as random_shuffle,
    random_uniform as random_uniform,
    reduce_all as reduce_all,
    reduce_any as reduce_any,
    reduce_logsumexp as reduce_logsumexp,
    reduce_max as reduce_max,
    reduce_mean as reduce_mean,
    reduce_min as reduce_min,
    reduce_prod as reduce_prod,
    reduce_sum as reduce_sum,
    set_random_seed as set_random_seed,
    squeeze as squeeze,
    to_double as to_double,
    to_float as to_float,
    to_int32 as to_int32,
    to_int64 as to_int64,
    truncated_normal as truncated_normal,
    where as where,
)
from microdl.compat.v1.graph import (
    Graph as Graph,
    get_default_graph as get_default_graph,
    reset_default_graph as reset_default_graph,
)
from microdl.compat.v1.initialized import (
    assert_variables_initialized as assert_variables_initialized,
    is_variable_initialized as is_variable_initialized,
    report_uninitialized_variables as report_uninitialized_variables,
)
from microdl.compat.v1.initializers import (
    constant_initializer as constant_initializer,
    glorot_normal_initializer as glorot_normal_initializer,
    glorot_uniform_initializer as glorot_uniform_initializer,
    ones_initializer as ones_initializer,
    random_normal_initializer as random_normal_initializer,
    random_uniform_initializer as random_uniform_initializer,
    truncated_normal_initializer as truncated_normal_initializer,
    variance_scaling_initializer as variance_scaling_initializer,
    zeros_initializer as zeros_initializer,
)
from microdl.compat.v1.naming import Namespace, adapted
from microdl.compat.v1.nn import nn as nn
from microdl.compat.v1.operation import GraphTensor as Tensor, Operation as Operation
from microdl.compat.v1.scatter import (
    scatter_add as scatter_add,
    scatter_max as scatter_max,
    scatter_min as scatter_min,
    scatter_nd_add as scatter_nd_add,
    scatter_nd_sub as scatter_nd_sub,
    scatter_nd_update as scatter_nd_update,
    scatter_sub as scatter_sub,
    scatter_update as scatter_update,
)
from microdl.compat.v1.scopes import (
    AUTO_REUSE as AUTO_REUSE,
    VariableScope as VariableScope,
    get_variable as get_variable,
    get_variable_scope as get_variable_scope,
    variable_scope as variable_scope,
)
from microdl.compat.v1.session import (
    InteractiveSession as InteractiveSession,
    Session as Session,
)
from microdl.compat.v1.shapes import Dimension as Dimension, TensorShape as TensorShape
from microdl.compat.v1.variables import (
    GraphKeys as GraphKeys,
    Variable as Variable,
    assign as assign,
    assign_add as assign_add,
    assign_sub as assign_sub,
    global_variables as global_variables,
    global_variables_initializer as global_variables_initializer,
    group as group,
    local_variables as local_variables,
    local_variables_initializer as local_variables_initializer,
    model_variables as model_variables,
    moving_average_variables as moving_average_variables,
    no_op as no_op,
    trainable_variables as trainable_variables,
    variables_initializer as variables_initializer,
)

app = flags  # tf.app.run, and tf.app.flags
all_variables = global_variables
initialize_all_variables = global_variables_initializer
_REDUCTIONS = [name for name in globals() if name.startswith(("reduce_", "arg"))]
math = Namespace(microdl.math, {name: globals()[name] for name in _REDUCTIONS} | {"in_top_k": nn.in_top_k})
random = Namespace(
    microdl.random,
    {
        "multinomial": multinomial,
        "normal": random_normal,
        "set_random_seed": set_random_seed,
        "shuffle": random_shuffle,
        "truncated_normal": truncated_normal,
        "uniform": random_uniform,
    },
)
io = Namespace(microdl.io, {"write_graph": train.write_graph})
initializers = Namespace(
    _initializers,
    {name.removesuffix("_initializer"): globals()[name] for name in list(globals()) if name.endswith("_initializer")},
)
_ELSEWHERE = {  # TensorFlow 1's names of what TensorFlow 2 has in its modules
    "depth_to_space": "nn.depth_to_space", "diag": "linalg.tensor_diag", "diag_part": "linalg.tensor_diag_part",
    "floor_div": "math.floordiv", "lin_space": "linspace", "matrix_band_part": "linalg.band_part",
    "matrix_determinant": "linalg.det", "matrix_diag": "linalg.diag", "matrix_diag_part": "linalg.diag_part",
    "matrix_inverse": "linalg.inv", "matrix_solve": "linalg.solve", "matrix_transpose": "linalg.matrix_transpose",
    "read_file": "io.read_file", "reverse_v2": "reverse", "space_to_depth": "nn.space_to_depth",
    "string_join": "strings.join", "string_to_number": "strings.to_number", "substr": "strings.substr",
    "trace": "linalg.trace", "where_v2": "where", "write_file": "io.write_file",
}  # fmt: skip


def __getattr__(name) -> _Any:
    """microdl's own name; else that of a module whose names TensorFlow 1 has at the top: ``tf.log``."""
    if name.startswith("__"):
        raise AttributeError(name)
    *path, last = str(_ELSEWHERE.get(name, name)).split(".")
    owner = getattr(microdl, path[0]) if path else microdl
    if not path and not hasattr(microdl, name):
        modules = microdl.math, microdl.debugging, microdl.linalg
        owner = next((module for module in modules if hasattr(module, name)), microdl)
    value = with_old_arguments(name, adapted(getattr(owner, last)))
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__():
    return sorted({*globals(), *dir(microdl)})
