"""TensorFlow 1's functions in graphs, family by family: what a Session gives for one call of each."""

import numpy as np

X = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]], np.float32)
Y = np.array([[1.0, 0.5, -2.0], [0.25, 3.0, 1.5]], np.float32)
POSITIVE = np.abs(X) + 0.5
UNIT = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]], np.float32)  # probabilities
NUMBERS = np.array([1, 2])
INTS = np.array([[3, -1, 2], [0, 5, 4]], np.int32)
BOOLS = np.array([[True, False, True], [False, False, True]])


def _names(text):
    return text.split()


UNARY = _names("""
    abs angle asin asinh atan atanh bessel_i0 bessel_i0e bessel_i1 bessel_i1e ceil conj cos cosh digamma erf
    erfc erfcinv erfinv exp expm1 floor imag is_finite is_inf is_nan is_non_decreasing is_strictly_increasing
    lgamma log log1p log_sigmoid negative ndtri real reciprocal reciprocal_no_nan rint round rsqrt sigmoid sign
    sin sinh softplus softsign sqrt square tan tanh zero_fraction acos acosh count_nonzero cumprod cumsum
    cumulative_logsumexp log_softmax softmax reduce_euclidean_norm reduce_std reduce_variance lbeta
""")
BINARY = _names("""
    add atan2 divide divide_no_nan equal floordiv floormod greater greater_equal igamma igammac less less_equal
    maximum minimum mod multiply multiply_no_nan nextafter not_equal polygamma pow squared_difference subtract
    truediv xdivy xlog1py xlogy zeta
""")
SYMMETRIC = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, -0.25], [0.5, -0.25, 2.0]], np.float64)
MATRICES = _names("""
    adjoint cholesky det diag_part eigvalsh expm inv logdet matrix_rank matrix_transpose norm pinv slogdet sqrtm
    trace tensor_diag tensor_diag_part global_norm l2_normalize diag
""")
SEGMENTS = _names("""
    segment_max segment_mean segment_min segment_prod segment_sum
""")
UNSORTED = _names("""
    max mean min prod sqrt_n sum
""")


def _plain(value):
    """Tensors and shapes as arrays and lists."""
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return np.asarray(value) if hasattr(value, "dtype") else value


def _in_session(tf, functions, calls):
    """name -> what a Session gives. functions: function of a name. calls: pairs (name, arguments)."""
    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        tensors = {name: functions(name)(*given) for name, given in calls}
        return {name: _plain(session.run(list(y) if isinstance(y, tuple) else y)) for name, y in tensors.items()}


def graph_math_unary(tf):
    small = (X / 4 + 0.5).astype(np.float64)
    shifted = {"acosh": small + 2}
    return _in_session(
        tf, lambda name: getattr(tf.compat.v1.math, name), [(n, (shifted.get(n, small),)) for n in UNARY]
    )


def graph_math_binary(tf):
    a, b = np.round(POSITIVE.astype(np.float64) * 2), POSITIVE[::-1].astype(np.float64) + 1
    return _in_session(tf, lambda name: getattr(tf.compat.v1.math, name), [(name, (a, b)) for name in BINARY])


graph_math_unary.tolerance = graph_math_binary.tolerance = 1e-9


def graph_math_others(tf):
    ids = np.array([0, 0, 1])
    rows = X.T.copy()
    calls = [(name, (rows, ids)) for name in SEGMENTS]
    calls += [(f"unsorted_segment_{name}", (rows, ids[::-1].copy(), 2)) for name in UNSORTED]
    calls += [
        ("accumulate_n", ([X, Y],)), ("add_n", ([X, Y],)), ("betainc", (POSITIVE, POSITIVE, UNIT)),
        ("bincount", (np.array([1, 1, 3]),)), ("confusion_matrix", (NUMBERS, NUMBERS[::-1].copy(), 4)),
        ("in_top_k", (UNIT, np.array([1, 2]), 1)), ("invert_permutation", (np.array([2, 0, 1], np.int32),)),
        ("l2_normalize", (X, 1)), ("logical_and", (BOOLS, ~BOOLS)), ("logical_or", (BOOLS, ~BOOLS)),
        ("logical_xor", (BOOLS, BOOLS)), ("logical_not", (BOOLS,)), ("polyval", ([2.0, 1.0], X)),
        ("scalar_mul", (2.0, X)), ("top_k", (X, 2)),
    ]  # fmt: skip
    return _in_session(tf, lambda name: getattr(tf.compat.v1.math, name), calls)


def graph_matrices(tf):
    given = {"global_norm": ([SYMMETRIC],), "tensor_diag": (X[0],), "diag": (X,), "tensor_diag_part": (SYMMETRIC,)}
    calls = [(name, given.get(name, (SYMMETRIC,))) for name in MATRICES]
    column = np.array([[1.0], [2.0], [3.0]])
    calls += [
        ("band_part", (SYMMETRIC, 1, 0)), ("cholesky_solve", (SYMMETRIC, column)), ("cross", (X, Y)), ("eye", (3,)),
        ("einsum", ("ij,kj->ik", X, Y)), ("lstsq", (SYMMETRIC, column)), ("matmul", (SYMMETRIC, column)),
        ("matvec", (SYMMETRIC, column[:, 0])), ("normalize", (X,)), ("set_diag", (SYMMETRIC, column[:, 0])),
        ("solve", (SYMMETRIC, column)), ("tensordot", (X, Y, [[0, 1], [0, 1]])),
        ("triangular_solve", (SYMMETRIC, column)), ("eigvalsh", (SYMMETRIC,)),
    ]  # fmt: skip
    return _in_session(tf, lambda name: getattr(tf.compat.v1.linalg, name), calls)


graph_matrices.tolerance = 1e-9


def graph_strings(tf):
    words = np.array(["Ab c", "d"])
    calls = [
        ("lower", (words,)), ("upper", (words,)), ("length", (words,)), ("strip", (["  x "],)),
        ("substr", (words, 0, 1)),
        ("regex_replace", (words, "b", "z")), ("regex_full_match", (words, "d")), ("to_number", (["1.5", "2"],)),
        ("as_string", ([1, 2],)), ("reduce_join", (words,)),
    ]  # fmt: skip
    return _in_session(tf, lambda name: getattr(tf.compat.v1.strings, name), calls)


def graph_arrays(tf):
    calls = [
        ("acos", (UNIT,)), ("acosh", (POSITIVE + 1,)), ("angle", (X,)), ("argsort", (X,)), ("as_string", (INTS,)),
        ("asin", (UNIT,)), ("asinh", (X,)), ("atan", (X,)), ("atan2", (X, Y)), ("atanh", (UNIT,)),
        ("betainc", (POSITIVE, POSITIVE, UNIT)), ("bincount", (np.array([1, 1, 3], np.int32),)),
        ("broadcast_to", (X, (2, 2, 3))), ("cholesky", (SYMMETRIC,)), ("conj", (X,)), ("cosh", (X,)),
        ("cross", (X, Y)),
        ("cumprod", (X, 1)), ("cumsum", (X, 1)), ("diag_part", (SYMMETRIC,)), ("digamma", (POSITIVE,)),
        ("dynamic_stitch", ([[0, 2], [1]], [[1, 3], [2]])), ("einsum", ("ij,kj->ik", X, Y)), ("erf", (X,)),
        ("erfc", (X,)),
        ("expm1", (X,)), ("floormod", (X, Y)), ("gather_nd", (X, [[0, 1], [1, 2]])), ("identity_n", ([X, Y],)),
        ("histogram_fixed_width", (X, [-1.0, 1.0], 4)), ("igamma", (POSITIVE, POSITIVE)),
        ("igammac", (POSITIVE, POSITIVE)), ("invert_permutation", (np.array([1, 0], np.int32),)), ("is_finite", (X,)),
        ("is_inf", (X,)), ("is_non_decreasing", (X,)), ("is_strictly_increasing", (X[0],)), ("lbeta", (POSITIVE,)),
        ("lgamma", (POSITIVE,)), ("log1p", (POSITIVE,)), ("log_sigmoid", (X,)), ("logical_xor", (BOOLS, ~BOOLS)),
        ("matrix_diag_part", (SYMMETRIC,)), ("matrix_transpose", (X,)), ("meshgrid", (X[0], Y[0])),
        ("polygamma", (np.ones((2, 3), np.float32), POSITIVE)), ("real", (X,)), ("realdiv", (X, Y)),
        ("reciprocal", (X,)),
        ("repeat", (X, 2, 1)), ("reverse", (X, [1])), ("reverse_sequence", (X, [2, 3], 1)), ("rint", (X,)),
        ("roll", (X, 1, 0)), ("saturate_cast", (X * 300, np.uint8)), ("scalar_mul", (2.0, X)),
        ("scatter_nd", ([[1], [0]], X, [3, 3])), ("searchsorted", ([1.0, 3.0], [2.0, 3.0])),
        ("segment_max", (X, [0, 0])), ("segment_mean", (X, [0, 0])), ("segment_min", (X, [0, 1])),
        ("segment_prod", (X, [0, 0])), ("segment_sum", (X, [0, 0])), ("sequence_mask", ([1, 3],)),
        ("shape_n", ([X, Y],)),
        ("sinh", (X,)), ("slice", (X, [0, 1], [2, 2])), ("sort", (X,)), ("strided_slice", (X, [0, 0], [2, 3], [1, 2])),
        ("tan", (X,)), ("tensor_scatter_nd_add", (X, [[0]], Y[:1])), ("tensor_scatter_nd_max", (X, [[0]], Y[:1])),
        ("tensor_scatter_nd_min", (X, [[0]], Y[:1])), ("tensor_scatter_nd_sub", (X, [[0]], Y[:1])),
        ("tensor_scatter_nd_update", (X, [[0]], Y[:1])), ("transpose", (X,)), ("truncatediv", (INTS, INTS + 7)),
        ("truncatemod", (INTS, INTS + 7)), ("unique", ([3, 1, 3],)), ("zeta", (POSITIVE + 1, POSITIVE)),
        ("squared_difference", (X, Y)), ("where_v2", (BOOLS, X, Y)), ("zeros_like", (X,)), ("ones_like", (X,)),
    ]  # fmt: skip
    return _in_session(tf, lambda name: getattr(tf.compat.v1, name), calls)


graph_arrays.tolerance = 5e-6
