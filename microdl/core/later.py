"""Names that TensorFlow's modules have and microdl's lack so far: who asks for one is told so (``core/missing.py``)."""

TENSORFLOW = """
    DeviceSpec Graph Operation RaggedTensor SparseTensor TypeSpec audio bfloat16 bitwise complex complex64
    complex128 distribute get_logger image lite load_library lookup no_gradient quantization queue
    ragged raw_ops sets signal space_to_batch sparse sysconfig timestamp tpu types version xla
"""

AUTOGRAPH = """
    set_verbosity to_graph trace
"""

CONFIG = """
    experimental_connect_to_cluster experimental_connect_to_host experimental_functions_run_eagerly
    experimental_run_functions_eagerly optimizer
"""

DEBUGGING = """
    disable_check_numerics disable_traceback_filtering enable_check_numerics enable_traceback_filtering experimental
    is_traceback_filtering_enabled
"""

TEST = """
    Benchmark StubOutForTesting TestCase assert_equal_graph_def benchmark_config compute_gradient create_local_cluster
    experimental main with_eager_op_as_function disable_with_predicate is_built_with_xla
"""

LINALG = """
    LinearOperator eig eigvals experimental logm lu tridiagonal_matmul tridiagonal_solve
"""

NN = """
    avg_pool3d conv3d conv3d_transpose conv_transpose ctc_beam_search_decoder ctc_greedy_decoder ctc_loss
    dilation2d erosion2d experimental fractional_avg_pool fractional_max_pool isotonic_regression max_pool3d
    nce_loss sampled_softmax_loss space_to_batch
"""

RANDOM = """
    gamma poisson stateless_binomial stateless_gamma stateless_poisson
"""

STRINGS = """
    ngrams to_hash_bucket to_hash_bucket_fast to_hash_bucket_strong unicode_decode unicode_decode_with_offsets
    unicode_encode unicode_script unicode_split unicode_split_with_offsets unicode_transcode unsorted_segment_join
"""

_NO_COMPLEX = (
    "there are no complex numbers; keep real and imaginary parts in two tensors, or call NumPy in tf.numpy_function"
)
_NO_RAGGED = "pad rows to one length and keep it apart: tf.sequence_mask(lengths) makes the mask"
_NO_SPARSE = "use dense tensors, or indices and values by themselves: tf.scatter_nd, tf.gather_nd, tf.math.segment_sum"

# What to use in place of names that will not come soon.
INSTEAD = {
    "bfloat16": "NumPy has no such numbers; use float32, or float16",
    "distribute": (
        "it trains on one device; leave the strategy and its scope out, and make the model under tf.device('/gpu:0')"
    ),
    "complex": _NO_COMPLEX,
    "complex64": _NO_COMPLEX,
    "complex128": _NO_COMPLEX,
    "eig": _NO_COMPLEX + "; symmetric matrices: tf.linalg.eigh",
    "eigvals": _NO_COMPLEX + "; symmetric matrices: tf.linalg.eigvalsh",
    "gamma": "draw with NumPy: np.random.Generator.gamma in tf.numpy_function",
    "image": "use tf.keras.layers.Resizing, Rescaling and their kin, slices, tf.reverse and tf.nn.max_pool2d",
    "logm": _NO_COMPLEX,
    "poisson": "draw with NumPy: np.random.Generator.poisson in tf.numpy_function",
    "ragged": _NO_RAGGED,
    "RaggedTensor": _NO_RAGGED,
    "signal": _NO_COMPLEX + " (np.fft)",
    "sparse": _NO_SPARSE,
    "SparseTensor": _NO_SPARSE,
}
