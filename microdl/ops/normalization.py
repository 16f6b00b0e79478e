"""Bias, batch normalization over the last axis, moments and norms."""

from microdl.core.deferred import reads_sizes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import size_of
from microdl.core.tensor import apply, convert
from microdl.ops.array import broadcast_to, squeeze
from microdl.ops.checks import require_floating, require_number, sorted_axes
from microdl.ops.softmax import matrix


def _check_channels(op, what, x, **vectors):
    """Raises InvalidArgumentError unless each vector has one entry for each entry of the last axis of x, named what."""
    if not x.shape:
        raise InvalidArgumentError(f"{op}: {what} has at least one axis (..., channels), got a scalar")
    for name, vector in vectors.items():
        if vector.shape != x.shape[-1:]:
            raise InvalidArgumentError(
                f"{op}: {name} has shape {tuple(vector.shape)} but the last axis of {what}, of shape {tuple(x.shape)}, "
                f"has size {x.shape[-1]}; {name} must have shape ({x.shape[-1]},)"
            )


def _sum_rows(x):
    """The sum over all axes but the last: (..., channels) -> (channels,)."""
    return apply("BiasAddGrad", x)


@register_op("BiasAdd")
class _BiasAdd:
    inputs = ("value", "bias")
    by_shape = True

    @staticmethod
    def infer(value, bias):
        require_number("bias_add", value)
        _check_channels("bias_add", "value", value, bias=bias)
        return value

    @staticmethod
    def run(kernels, x, bias, y):
        kernels.bias.bias_add(matrix(x), bias, matrix(y))

    @staticmethod
    def gradient(node, dy):
        return dy, _sum_rows(dy) if node.wants[1] else None

    @staticmethod
    def cost(value, bias):
        return value.size, 2 * value.nbytes + bias.nbytes


@register_op("BiasAddGrad")
class _BiasAddGrad:
    """(..., channels) -> (channels,)."""

    inputs = ("dy",)
    by_shape = True

    @staticmethod
    def infer(dy):
        return Spec(dy.shape[-1:], dy.dtype)

    @staticmethod
    def run(kernels, dy, dbias):
        kernels.bias.bias_add_grad(matrix(dy), dbias)

    @staticmethod
    def gradient(node, ddbias):
        return broadcast_to(ddbias, node.inputs[0].shape)

    @staticmethod
    def cost(dy):
        return dy.size, dy.nbytes


def bias_add(value, bias, data_format=None, name=None):
    """value + bias, a bias for each entry of the last axis.

    Args:
        value: (..., channels). bias: (channels,), of the same dtype. data_format: None or "N...C".

    Raises:
        InvalidArgumentError (a ValueError): if shapes or dtypes do not fit.
    """
    if data_format not in (None, "NHWC", "N...C", "NWC", "NDHWC"):
        raise InvalidArgumentError(
            f"bias_add: the channels are the last axis (data_format None or 'NHWC'), got {data_format!r}; "
            "bring them there with tf.transpose"
        )
    return apply("BiasAdd", value, bias)


@register_op("BatchNorm")
class _BatchNorm:
    """Outputs: y; mean and variance (of the population) of each channel. Ioffe and Szegedy, arXiv:1502.03167."""

    inputs = ("x", "gamma", "beta")
    keeps = ("x", "gamma", "output1", "output2")

    @staticmethod
    def infer(x, gamma, beta, epsilon):
        require_floating("batch_norm", x)
        _check_channels("batch_norm", "x", x, gamma=gamma, beta=beta)
        if x.size == 0 and x.shape[-1]:
            raise InvalidArgumentError(
                f"batch_norm: training needs at least one value in each channel, got x of shape {tuple(x.shape)}"
            )
        return x, gamma, gamma

    @staticmethod
    def run(kernels, x, gamma, beta, y, mean, variance, epsilon):
        kernels.normalization.batch_statistics(matrix(x), mean, variance)
        kernels.normalization.batch_norm(matrix(x), gamma, beta, mean, variance, x.dtype.type(epsilon), matrix(y))

    @staticmethod
    def gradient(node, dy, dmean, dvariance):
        (x, gamma, _), (_, mean, variance) = node.inputs, node.outputs
        dx = dgamma = dbeta = None
        if dy is not None:
            dx, dgamma, dbeta = apply("BatchNormGrad", dy, x, gamma, mean, variance, **node.attrs)
        rows = _rows(x)
        if dvariance is not None:
            through = (x - mean) * (dvariance * (2 / rows))
            dx = through if dx is None else dx + through
        if dmean is not None:
            through = broadcast_to(dmean * (1 / rows), x.shape)
            dx = through if dx is None else dx + through
        return dx, dgamma, dbeta

    @staticmethod
    def cost(x, gamma, beta, epsilon):
        return 7 * x.size, 4 * x.nbytes


@register_op("BatchNormGrad")
class _BatchNormGrad:
    """Outputs: dx, dgamma, dbeta; mean and variance are those that BatchNorm gave for x."""

    inputs = ("dy", "x", "gamma", "mean", "variance")
    keeps = ("dy", "x", "gamma", "mean", "variance")

    @staticmethod
    def infer(dy, x, gamma, mean, variance, epsilon):
        return x, gamma, gamma

    @staticmethod
    def run(kernels, dy, x, gamma, mean, variance, dx, dgamma, dbeta, epsilon):
        kernels.normalization.batch_norm_grad(
            matrix(dy), matrix(x), gamma, mean, variance, x.dtype.type(epsilon), matrix(dx), dgamma, dbeta
        )

    @staticmethod
    def gradient(node, ddx, ddgamma, ddbeta):
        """Derivatives of <ddx, dx> + <ddgamma, dgamma> + <ddbeta, dbeta>.

        With xhat = (x - mean) rstd and means taken over the rows,
            dx = gamma rstd (dy - mean(dy) - xhat mean(dy xhat)),  dgamma = sum(dy xhat),  dbeta = sum(dy),
        and by xhat, gamma and rstd the first product has the factor
            inner = sum(ddx dy) - rows (mean(ddx) mean(dy) + mean(ddx xhat) mean(dy xhat)).
        """
        dy, x, gamma, mean, variance = node.inputs
        rows = _rows(x)
        rstd = apply("Rsqrt", variance + node.attrs["epsilon"])
        centred = x - mean
        xhat = centred * rstd
        by_dy, by_xhat, by_gamma, by_rstd = [], [], None, None
        if ddx is not None:
            ddx_mean, ddx_xhat = _sum_rows(ddx) * (1 / rows), _sum_rows(ddx * xhat) * (1 / rows)
            dy_sum, dy_xhat = _sum_rows(dy), _sum_rows(dy * xhat)
            inner = _sum_rows(ddx * dy) - ddx_mean * dy_sum - ddx_xhat * dy_xhat
            by_dy.append((ddx - ddx_mean - xhat * ddx_xhat) * (gamma * rstd))
            by_xhat.append((ddx * (dy_xhat * (1 / rows)) + dy * ddx_xhat) * (-gamma * rstd))
            by_gamma, by_rstd = rstd * inner, gamma * inner
        if ddgamma is not None:
            by_dy.append(xhat * ddgamma)
            by_xhat.append(dy * ddgamma)
        if ddbeta is not None:
            by_dy.append(broadcast_to(ddbeta, x.shape))
        by_dy = _total(by_dy)
        if not by_xhat:
            return by_dy, None, None, None, None
        by_xhat = _total(by_xhat)
        through_rstd = _sum_rows(by_xhat * centred)
        by_rstd = through_rstd if by_rstd is None else by_rstd + through_rstd
        by_x = by_xhat * rstd
        return by_dy, by_x, by_gamma, -_sum_rows(by_x), by_rstd * rstd * rstd * rstd * (-0.5)

    @staticmethod
    def cost(dy, x, gamma, mean, variance, epsilon):
        return 11 * x.size, 5 * x.nbytes


def _rows(x):
    """Values in each channel, as a float."""
    return float(size_of(x.shape[:-1]))


def _total(parts):
    return parts[0] if len(parts) == 1 else apply("AddN", *parts)


@register_op("BatchNormInference")
class _BatchNormInference:
    inputs = ("x", "gamma", "beta", "mean", "variance")
    keeps = ("x", "gamma", "mean", "variance")

    @staticmethod
    def infer(x, gamma, beta, mean, variance, epsilon):
        require_floating("batch_norm_inference", x)
        _check_channels("batch_norm_inference", "x", x, gamma=gamma, beta=beta, mean=mean, variance=variance)
        return x

    @staticmethod
    def run(kernels, x, gamma, beta, mean, variance, y, epsilon):
        kernels.normalization.batch_norm(matrix(x), gamma, beta, mean, variance, x.dtype.type(epsilon), matrix(y))

    @staticmethod
    def gradient(node, dy):
        x, gamma, _, mean, variance = node.inputs
        rstd = apply("Rsqrt", variance + node.attrs["epsilon"])
        scale = gamma * rstd
        dx = dy * scale if node.wants[0] else None
        if not any(node.wants[1:]):
            return dx, None, None, None, None
        dbeta = _sum_rows(dy)
        dscale = _sum_rows(dy * (x - mean))
        return dx, dscale * rstd, dbeta, -(dbeta * scale), dscale * scale * rstd * rstd * (-0.5)

    @staticmethod
    def cost(x, gamma, beta, mean, variance, epsilon):
        return 3 * x.size, 2 * x.nbytes


def batch_norm(x, gamma, beta, epsilon=1e-3):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, with the mean and variance of x's own channels.

    Args:
        x: float (..., channels). gamma, beta: (channels,). epsilon: float > 0, in units of x squared.

    Returns: y, as x; mean and variance, (channels,), the variance that of the population (divided by the count).
    """
    return apply("BatchNorm", x, gamma, beta, epsilon=float(epsilon))


def batch_norm_inference(x, gamma, beta, mean, variance, epsilon=1e-3):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta in one pass; the vectors have shape (channels,)."""
    return apply("BatchNormInference", x, gamma, beta, mean, variance, epsilon=float(epsilon))


def batch_normalization(x, mean, variance, offset, scale, variance_epsilon, name=None):
    """scale (x - mean) / sqrt(variance + variance_epsilon) + offset, for vectors of any shapes that broadcast to x's.

    Args:
        offset, scale: tensors, or None to leave them out. variance_epsilon: float > 0, in units of x squared.
    """
    x = convert(x)
    factor = apply("Rsqrt", convert(variance, hint=x.dtype) + variance_epsilon)
    if scale is not None:
        factor = factor * scale
    shift = -(mean * factor) if offset is None else offset - mean * factor
    return x * factor + shift


@reads_sizes
def moments(x, axes, shift=None, keepdims=False, name=None):
    """Mean and variance (of the population) over ``axes``.

    Args:
        x: float. axes: int or several. shift: not used, as in TensorFlow. keepdims: keep the axes with size 1.
    """
    x = convert(x)
    require_floating("moments", x)
    axes = sorted_axes("moments", axes, len(x.shape))
    mean = apply("Mean", x, axis=axes, keepdims=True)
    variance = apply("Mean", apply("SquaredDifference", x, mean), axis=axes, keepdims=True)
    return (mean, variance) if keepdims or not axes else (squeeze(mean, axes), squeeze(variance, axes))


@reads_sizes
def l2_normalize(x, axis=None, epsilon=1e-12, name=None):
    """x / sqrt(max(sum(x**2), epsilon)), summed along ``axis`` (None: all axes)."""
    x = convert(x)
    require_floating("l2_normalize", x)
    squares = apply("Sum", x * x, axis=sorted_axes("l2_normalize", axis, len(x.shape)), keepdims=True)
    return x * apply("Rsqrt", apply("Maximum", squares, epsilon))
