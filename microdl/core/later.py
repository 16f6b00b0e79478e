"""Names that TensorFlow's modules have and microdl's lack so far: who asks for one is told so (``core/missing.py``)."""

TENSORFLOW = """
    DeviceSpec Graph IndexedSlices Operation RaggedTensor SparseTensor TypeSpec audio bfloat16 bitwise complex
    complex64 complex128 constant_initializer distribute experimental get_logger image lite load_library lookup
    no_gradient ones_initializer quantization queue ragged random_normal_initializer random_uniform_initializer
    raw_ops saved_model sets signal space_to_batch sparse sysconfig test timestamp tpu types version xla
    zeros_initializer
"""

AUTOGRAPH = """
    set_verbosity to_graph trace
"""

DEBUGGING = """
    disable_check_numerics disable_traceback_filtering enable_check_numerics enable_traceback_filtering experimental
    get_log_device_placement is_traceback_filtering_enabled set_log_device_placement
"""

LINALG = """
    LinearOperator eig eigvals experimental logm lu tridiagonal_matmul tridiagonal_solve
"""

MATH = """
   
"""

NN = """
    atrous_conv2d avg_pool1d avg_pool3d compute_average_loss conv1d conv1d_transpose conv3d conv3d_transpose
    conv_transpose crelu ctc_beam_search_decoder ctc_greedy_decoder ctc_loss dilation2d embedding_lookup erosion2d
    experimental fractional_avg_pool fractional_max_pool isotonic_regression local_response_normalization
    log_poisson_loss lrn max_pool1d max_pool3d max_pool_with_argmax nce_loss normalize_moments pool
    sampled_softmax_loss scale_regularization_loss separable_conv2d space_to_batch sufficient_statistics
    weighted_cross_entropy_with_logits weighted_moments
"""

RANDOM = """
    gamma poisson stateless_binomial stateless_gamma stateless_poisson
"""

STRINGS = """
    ngrams to_hash_bucket to_hash_bucket_fast to_hash_bucket_strong unicode_decode unicode_decode_with_offsets
    unicode_encode unicode_script unicode_split unicode_split_with_offsets unicode_transcode unsorted_segment_join
"""
