"""microdl: TensorFlow's API on kernels that are readable Python, compiled by Numba. ``import microdl as tf``."""

from microdl.core.custom import custom_gradient as custom_gradient
from microdl.core.dtypes import (
    as_dtype as as_dtype,
    bool as bool,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    int8 as int8,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    uint8 as uint8,
    uint16 as uint16,
    uint32 as uint32,
    uint64 as uint64,
)
from microdl.core.shapes import TensorShape as TensorShape
from microdl.core.tape import GradientTape as GradientTape
from microdl.core.tensor import Tensor as Tensor, constant as constant, convert as convert_to_tensor
from microdl.core.variable import Variable as Variable
from microdl.ops import assign as _assign  # registers the ops that Variable uses

__version__ = "0.1.0"
newaxis = None
