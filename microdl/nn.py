"""``tf.nn``: the parts of neural networks."""

from microdl.core.later import NN as _LATER
from microdl.core.missing import missing as _missing
from microdl.ops.activation import (
    elu as elu,
    gelu as gelu,
    leaky_relu as leaky_relu,
    relu as relu,
    relu6 as relu6,
    selu as selu,
    sigmoid as sigmoid,
    silu as silu,
    softplus as softplus,
    softsign as softsign,
    swish as swish,
    tanh as tanh,
)
from microdl.ops.clip import l2_loss as l2_loss
from microdl.ops.composed import (
    zero_fraction as zero_fraction,
)
from microdl.ops.convolution import (
    conv2d as conv2d,
    conv2d_transpose as conv2d_transpose,
    convolution as convolution,
    depthwise_conv2d as depthwise_conv2d,
)
from microdl.ops.loss import (
    sigmoid_cross_entropy_with_logits as sigmoid_cross_entropy_with_logits,
    softmax_cross_entropy_with_logits as softmax_cross_entropy_with_logits,
    sparse_softmax_cross_entropy_with_logits as sparse_softmax_cross_entropy_with_logits,
)
from microdl.ops.neural import (
    atrous_conv2d as atrous_conv2d,
    avg_pool1d as avg_pool1d,
    compute_average_loss as compute_average_loss,
    conv1d as conv1d,
    conv1d_transpose as conv1d_transpose,
    crelu as crelu,
    embedding_lookup as embedding_lookup,
    local_response_normalization as local_response_normalization,
    log_poisson_loss as log_poisson_loss,
    lrn as lrn,
    max_pool1d as max_pool1d,
    max_pool_with_argmax as max_pool_with_argmax,
    normalize_moments as normalize_moments,
    pool as pool,
    scale_regularization_loss as scale_regularization_loss,
    separable_conv2d as separable_conv2d,
    sufficient_statistics as sufficient_statistics,
    weighted_cross_entropy_with_logits as weighted_cross_entropy_with_logits,
    weighted_moments as weighted_moments,
)
from microdl.ops.normalization import (
    batch_normalization as batch_normalization,
    bias_add as bias_add,
    l2_normalize as l2_normalize,
    moments as moments,
)
from microdl.ops.ordering import (
    in_top_k as in_top_k,
    top_k as top_k,
)
from microdl.ops.pooling import (
    avg_pool as avg_pool,
    avg_pool2d as avg_pool2d,
    max_pool as max_pool,
    max_pool2d as max_pool2d,
)
from microdl.ops.random import dropout as dropout
from microdl.ops.sequences import (
    depth_to_space as depth_to_space,
    space_to_depth as space_to_depth,
)
from microdl.ops.softmax import log_softmax as log_softmax, softmax as softmax

__getattr__ = _missing(__name__, globals(), _LATER.split())
