"""microdl: TensorFlow's API on kernels that are readable Python, compiled by Numba. ``import microdl as tf``."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from microdl import (
    autograph as autograph,
    config as config,
    debugging as debugging,
    dtypes as dtypes,
    errors as errors,
    io as io,
    linalg as linalg,
    math as math,
    nest as nest,
    nn as nn,
    random as random,
    strings as strings,
)
from microdl.compile.function import function as function
from microdl.compile.graph import init_scope as init_scope
from microdl.compile.signature import TensorSpec as TensorSpec
from microdl.core import later as _later
from microdl.core.constant import constant as constant, convert_to_tensor as convert_to_tensor
from microdl.core.custom import custom_gradient as custom_gradient
from microdl.core.dtypes import (
    DType as DType,
    as_dtype as as_dtype,
    bool as bool,
    double as double,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    half as half,
    int8 as int8,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    string as string,
    uint8 as uint8,
    uint16 as uint16,
    uint32 as uint32,
    uint64 as uint64,
)
from microdl.core.missing import missing as _missing
from microdl.core.placement import device as device
from microdl.core.shapes import TensorShape as TensorShape
from microdl.core.tape import GradientTape as GradientTape, UnconnectedGradients as UnconnectedGradients
from microdl.core.tensor import (
    Tensor as Tensor,
    is_tensor as is_tensor,
)
from microdl.core.variable import Variable as Variable
from microdl.ops import (  # registers ops without public names
    assign as _assign,
    bitwise as _bitwise,
    fused as _fused,
    inspect as _inspect,
    layer_norm as _layer_norm,
    recurrent as _recurrent,
    state as _state,
)
from microdl.ops.activation import sigmoid as sigmoid, tanh as tanh
from microdl.ops.array import (
    boolean_mask as boolean_mask,
    broadcast_dynamic_shape as broadcast_dynamic_shape,
    broadcast_static_shape as broadcast_static_shape,
    broadcast_to as broadcast_to,
    concat as concat,
    expand_dims as expand_dims,
    eye as eye,
    fill as fill,
    gather as gather,
    identity as identity,
    linspace as linspace,
    one_hot as one_hot,
    ones as ones,
    ones_like as ones_like,
    pad as pad,
    range as range,
    rank as rank,
    repeat as repeat,
    reshape as reshape,
    reverse as reverse,
    roll as roll,
    shape as shape,
    shape_n as shape_n,
    size as size,
    slice as slice,
    split as split,
    squeeze as squeeze,
    stack as stack,
    stop_gradient as stop_gradient,
    tile as tile,
    transpose as transpose,
    unstack as unstack,
    where as where,
    zeros as zeros,
    zeros_like as zeros_like,
)
from microdl.ops.clip import clip_by_global_norm as clip_by_global_norm, clip_by_norm as clip_by_norm
from microdl.ops.composed import (
    bitcast as bitcast,
    realdiv as realdiv,
    saturate_cast as saturate_cast,
    scalar_mul as scalar_mul,
    truncatediv as truncatediv,
    truncatemod as truncatemod,
)
from microdl.ops.control import (
    case as case,
    cond as cond,
    control_dependencies as control_dependencies,
    foldl as foldl,
    foldr as foldr,
    group as group,
    map_fn as map_fn,
    no_op as no_op,
    scan as scan,
    switch_case as switch_case,
    while_loop as while_loop,
)
from microdl.ops.debugging import (
    Assert as Assert,
    assert_equal as assert_equal,
    assert_greater as assert_greater,
    assert_less as assert_less,
    assert_rank as assert_rank,
    ensure_shape as ensure_shape,
)
from microdl.ops.einsum import (
    einsum as einsum,
    tensordot as tensordot,
)
from microdl.ops.gradients import (
    gradients as gradients,
    hessians as hessians,
    vectorized_map as vectorized_map,
)
from microdl.ops.indexed_slices import (
    IndexedSlices as IndexedSlices,
)
from microdl.ops.linalg import matmul as matmul, norm as norm
from microdl.ops.math import (
    abs as abs,
    acos as acos,
    add as add,
    add_n as add_n,
    argmax as argmax,
    argmin as argmin,
    asin as asin,
    atan as atan,
    cast as cast,
    clip_by_value as clip_by_value,
    cos as cos,
    cosh as cosh,
    cumsum as cumsum,
    divide as divide,
    equal as equal,
    exp as exp,
    floor as floor,
    greater as greater,
    greater_equal as greater_equal,
    less as less,
    less_equal as less_equal,
    logical_and as logical_and,
    logical_not as logical_not,
    logical_or as logical_or,
    maximum as maximum,
    minimum as minimum,
    multiply as multiply,
    negative as negative,
    not_equal as not_equal,
    pow as pow,
    reduce_all as reduce_all,
    reduce_any as reduce_any,
    reduce_logsumexp as reduce_logsumexp,
    reduce_max as reduce_max,
    reduce_mean as reduce_mean,
    reduce_min as reduce_min,
    reduce_prod as reduce_prod,
    reduce_sum as reduce_sum,
    round as round,
    sign as sign,
    sin as sin,
    sinh as sinh,
    sqrt as sqrt,
    square as square,
    subtract as subtract,
    tan as tan,
    truediv as truediv,
)
from microdl.ops.module import (
    Module as Module,
)
from microdl.ops.ordering import (
    argsort as argsort,
    searchsorted as searchsorted,
    sort as sort,
    unique as unique,
    unique_with_counts as unique_with_counts,
)
from microdl.ops.printing import print as print
from microdl.ops.python import numpy_function as numpy_function, py_function as py_function
from microdl.ops.scatter import (
    gather_nd as gather_nd,
    scatter_nd as scatter_nd,
    tensor_scatter_nd_add as tensor_scatter_nd_add,
    tensor_scatter_nd_max as tensor_scatter_nd_max,
    tensor_scatter_nd_min as tensor_scatter_nd_min,
    tensor_scatter_nd_sub as tensor_scatter_nd_sub,
    tensor_scatter_nd_update as tensor_scatter_nd_update,
)
from microdl.ops.scopes import (
    executing_eagerly as executing_eagerly,
    get_static_value as get_static_value,
    grad_pass_through as grad_pass_through,
    identity_n as identity_n,
    inside_function as inside_function,
    is_symbolic_tensor as is_symbolic_tensor,
    name_scope as name_scope,
    recompute_grad as recompute_grad,
    tuple as tuple,
)
from microdl.ops.segments import (
    histogram_fixed_width as histogram_fixed_width,
)
from microdl.ops.sequences import (
    dynamic_partition as dynamic_partition,
    dynamic_stitch as dynamic_stitch,
    meshgrid as meshgrid,
    reverse_sequence as reverse_sequence,
    sequence_mask as sequence_mask,
    strided_slice as strided_slice,
    unravel_index as unravel_index,
)
from microdl.ops.special import (
    acosh as acosh,
    asinh as asinh,
    atan2 as atan2,
    atanh as atanh,
)
from microdl.ops.strings import as_string as as_string
from microdl.ops.tensor_array import TensorArray as TensorArray

if _TYPE_CHECKING:
    from microdl import (
        data as data,
        experimental as experimental,
        keras as keras,
        profiler as profiler,
        saved_model as saved_model,
        summary as summary,
        train as train,
    )
    from microdl.keras import (
        initializers as initializers,
        losses as losses,
        metrics as metrics,
        optimizers as optimizers,
    )
    from microdl.keras.initializers import (
        Constant as constant_initializer,
        Ones as ones_initializer,
        RandomNormal as random_normal_initializer,
        RandomUniform as random_uniform_initializer,
        Zeros as zeros_initializer,
    )
    from microdl.profiler import show as show

__version__ = "0.1.0"
newaxis = None

# Imported when they are asked for: a script that needs none of them starts sooner.
_LAZY = {
    **{
        name: f"microdl.{name}"
        for name in (
            "compat",
            "data",
            "experimental",
            "keras",
            "profiler",
            "saved_model",
            "summary",
            "test",
            "train",
        )
    },
    **{name: f"microdl.keras.{name}" for name in ("initializers", "losses", "metrics", "optimizers")},
    "constant_initializer": "microdl.keras.initializers:Constant",
    "ones_initializer": "microdl.keras.initializers:Ones",
    "random_normal_initializer": "microdl.keras.initializers:RandomNormal",
    "random_uniform_initializer": "microdl.keras.initializers:RandomUniform",
    "zeros_initializer": "microdl.keras.initializers:Zeros",
    "show": "microdl.profiler:show",
}

__getattr__ = _missing(__name__, globals(), _later.TENSORFLOW.split(), lazy=_LAZY, instead=_later.INSTEAD)


def __dir__():
    return sorted({*globals(), *_LAZY})
