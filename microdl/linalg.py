"""``tf.linalg``: matrices."""

from microdl.core.later import LINALG as _LATER
from microdl.core.missing import missing as _missing
from microdl.ops.array import eye as eye
from microdl.ops.einsum import (
    einsum as einsum,
    tensordot as tensordot,
)
from microdl.ops.linalg import matmul as matmul, matvec as matvec, norm as norm
from microdl.ops.normalization import l2_normalize as l2_normalize

__getattr__ = _missing(__name__, globals(), _LATER.split())
