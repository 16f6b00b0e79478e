"""``tf.linalg``: matrices."""

from microdl.ops.array import eye as eye
from microdl.ops.linalg import matmul as matmul
from microdl.ops.normalization import l2_normalize as l2_normalize
