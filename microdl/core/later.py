"""Names that TensorFlow's modules have and microdl's lack so far: who asks for one is told so (``core/missing.py``)."""

TENSORFLOW = """
    DeviceSpec Graph IndexedSlices Operation RaggedTensor SparseTensor TypeSpec acosh argsort asinh atan2 atanh
    audio bfloat16 bitcast bitwise complex complex64 complex128 constant_initializer distribute dtypes
    dynamic_partition dynamic_stitch einsum experimental gather_nd get_logger histogram_fixed_width image lite
    load_library lookup meshgrid no_gradient ones_initializer quantization queue ragged random_normal_initializer
    random_uniform_initializer raw_ops realdiv reverse_sequence saturate_cast saved_model scalar_mul scatter_nd
    searchsorted sequence_mask sets signal sort space_to_batch sparse strided_slice summary sysconfig
    tensor_scatter_nd_add tensor_scatter_nd_max tensor_scatter_nd_min tensor_scatter_nd_sub
    tensor_scatter_nd_update tensordot test timestamp tpu truncatediv truncatemod types unique unique_with_counts
    unravel_index version xla zeros_initializer
"""

AUTOGRAPH = """
    set_verbosity to_graph trace
"""

DEBUGGING = """
    disable_check_numerics disable_traceback_filtering enable_check_numerics enable_traceback_filtering experimental
    get_log_device_placement is_traceback_filtering_enabled set_log_device_placement
"""

LINALG = """
    LinearOperator adjoint band_part cholesky cholesky_solve cross det diag diag_part eig eigh eigvals eigvalsh
    einsum experimental expm global_norm inv logdet logm lstsq lu matrix_rank matrix_transpose normalize pinv qr
    set_diag slogdet solve sqrtm svd tensor_diag tensor_diag_part tensordot trace triangular_solve
    tridiagonal_matmul tridiagonal_solve
"""

MATH = """
    accumulate_n acosh angle asinh atan2 atanh bessel_i0 bessel_i1 betainc bincount confusion_matrix conj
    count_nonzero cumprod cumulative_logsumexp digamma erfc erfinv igamma igammac imag in_top_k invert_permutation
    is_non_decreasing is_strictly_increasing lbeta lgamma log_sigmoid ndtri nextafter polygamma polyval real
    reciprocal_no_nan reduce_euclidean_norm rint scalar_mul segment_max segment_mean segment_min segment_prod
    segment_sum special top_k unsorted_segment_max unsorted_segment_mean unsorted_segment_min unsorted_segment_prod
    unsorted_segment_sum xdivy xlog1py xlogy zero_fraction zeta
"""

NN = """
    atrous_conv2d avg_pool1d avg_pool3d compute_average_loss conv1d conv1d_transpose conv3d
    conv3d_transpose conv_transpose crelu ctc_beam_search_decoder ctc_greedy_decoder ctc_loss depth_to_space
    dilation2d embedding_lookup erosion2d experimental fractional_avg_pool fractional_max_pool in_top_k
    isotonic_regression local_response_normalization log_poisson_loss lrn max_pool1d max_pool3d max_pool_with_argmax
    nce_loss normalize_moments pool sampled_softmax_loss scale_regularization_loss separable_conv2d space_to_batch
    space_to_depth sufficient_statistics top_k weighted_cross_entropy_with_logits weighted_moments zero_fraction
"""

RANDOM = """
    Algorithm Generator categorical create_rng_state experimental fold_in gamma get_global_generator poisson
    set_global_generator split stateless_binomial stateless_categorical stateless_gamma stateless_poisson
"""

STRINGS = """
    ngrams to_hash_bucket to_hash_bucket_fast to_hash_bucket_strong unicode_decode unicode_decode_with_offsets
    unicode_encode unicode_script unicode_split unicode_split_with_offsets unicode_transcode unsorted_segment_join
"""
