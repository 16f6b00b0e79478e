"""``tf.dtypes``: element types, and how values change theirs."""

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
from microdl.core.later import INSTEAD as _INSTEAD
from microdl.core.missing import missing as _missing
from microdl.ops.composed import saturate_cast as saturate_cast
from microdl.ops.shaping import cast as cast

_LATER = ("experimental",)

__getattr__ = _missing(__name__, globals(), _LATER, instead=_INSTEAD)
