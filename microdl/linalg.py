"""``tf.linalg``: matrices."""

from microdl.core.later import INSTEAD as _INSTEAD, LINALG as _LATER
from microdl.core.missing import missing as _missing
from microdl.ops.array import eye as eye
from microdl.ops.clip import (
    global_norm as global_norm,
)
from microdl.ops.diagonals import (
    band_part as band_part,
    diag as diag,
    diag_part as diag_part,
    set_diag as set_diag,
    tensor_diag as tensor_diag,
    tensor_diag_part as tensor_diag_part,
    trace as trace,
)
from microdl.ops.einsum import (
    einsum as einsum,
    tensordot as tensordot,
)
from microdl.ops.linalg import matmul as matmul, matvec as matvec, norm as norm
from microdl.ops.normalization import l2_normalize as l2_normalize
from microdl.ops.systems import (
    adjoint as adjoint,
    cholesky as cholesky,
    cholesky_solve as cholesky_solve,
    cross as cross,
    det as det,
    eigh as eigh,
    eigvalsh as eigvalsh,
    expm as expm,
    inv as inv,
    logdet as logdet,
    lstsq as lstsq,
    matrix_rank as matrix_rank,
    matrix_transpose as matrix_transpose,
    normalize as normalize,
    pinv as pinv,
    qr as qr,
    slogdet as slogdet,
    solve as solve,
    sqrtm as sqrtm,
    svd as svd,
    triangular_solve as triangular_solve,
)

__getattr__ = _missing(__name__, globals(), _LATER.split(), instead=_INSTEAD)
