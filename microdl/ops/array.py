"""TensorFlow's functions on whole arrays, gathered from the files that hold them."""

from microdl.ops.creation import (
    eye as eye,
    fill as fill,
    linspace as linspace,
    ones as ones,
    ones_like as ones_like,
    range as range,
    zeros as zeros,
    zeros_like as zeros_like,
)
from microdl.ops.indexing import (
    boolean_mask as boolean_mask,
    gather as gather,
    one_hot as one_hot,
    slice as slice,
    where as where,
)
from microdl.ops.joining import (
    concat as concat,
    pad as pad,
    repeat as repeat,
    split as split,
    stack as stack,
    tile as tile,
    unstack as unstack,
)
from microdl.ops.shaping import (
    broadcast_dynamic_shape as broadcast_dynamic_shape,
    broadcast_static_shape as broadcast_static_shape,
    broadcast_to as broadcast_to,
    cast as cast,
    expand_dims as expand_dims,
    identity as identity,
    rank as rank,
    reshape as reshape,
    reverse as reverse,
    roll as roll,
    shape as shape,
    shape_n as shape_n,
    size as size,
    squeeze as squeeze,
    stop_gradient as stop_gradient,
    transpose as transpose,
)
