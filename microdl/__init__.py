"""microdl: TensorFlow's API on kernels that are readable Python, compiled by Numba. ``import microdl as tf``."""

from microdl.core.custom import custom_gradient as custom_gradient
from microdl.core.dtypes import as_dtype as as_dtype
from microdl.core.dtypes import bool as bool
from microdl.core.dtypes import float16 as float16
from microdl.core.dtypes import float32 as float32
from microdl.core.dtypes import float64 as float64
from microdl.core.dtypes import int8 as int8
from microdl.core.dtypes import int16 as int16
from microdl.core.dtypes import int32 as int32
from microdl.core.dtypes import int64 as int64
from microdl.core.dtypes import uint8 as uint8
from microdl.core.dtypes import uint16 as uint16
from microdl.core.dtypes import uint32 as uint32
from microdl.core.dtypes import uint64 as uint64
from microdl.core.shapes import TensorShape as TensorShape
from microdl.core.tape import GradientTape as GradientTape
from microdl.core.tensor import Tensor as Tensor
from microdl.core.tensor import constant as constant
from microdl.core.tensor import convert as convert_to_tensor
from microdl.core.variable import Variable as Variable
from microdl.ops import assign as _assign  # registers the ops that Variable uses

__version__ = "0.1.0"
newaxis = None
