"""Normalization of each element of a batch by itself, along the last axis."""

from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.tensor import apply, convert
from microdl.ops.checks import require_floating
from microdl.ops.softmax import matrix


@register_op("LayerNorm")
class _LayerNorm:
    """Outputs: y; mean and 1 / sqrt(variance + epsilon) of each row, of shape (...,). arXiv:1607.06450."""

    inputs = ("x", "gamma", "beta")
    keeps = ("x", "gamma", "output1", "output2")
    by_shape = True

    @staticmethod
    def infer(x, gamma, beta, epsilon):
        require_floating("layer_norm", x)
        if not x.shape or gamma.shape != x.shape[-1:] or beta.shape != x.shape[-1:]:
            raise InvalidArgumentError(
                f"layer_norm: gamma and beta need one entry for each of the last axis of x, of shape {tuple(x.shape)}, "
                f"got shapes {tuple(gamma.shape)} and {tuple(beta.shape)}"
            )
        rows = Spec(x.shape[:-1], x.dtype)
        return x, rows, rows

    @staticmethod
    def run(kernels, x, gamma, beta, y, mean, rstd, epsilon):
        scalar = x.dtype.type(epsilon)
        kernels.layer_norm.layer_norm(matrix(x), gamma, beta, scalar, matrix(y), mean.ravel(), rstd.ravel())

    @staticmethod
    def gradient(node, dy, dmean, drstd):
        (x, gamma, _), (_, mean, rstd) = node.inputs, node.outputs
        dx = dgamma = dbeta = None
        if dy is not None:
            dx, dgamma, dbeta = apply("LayerNormGrad", dy, x, gamma, mean, rstd)
        if drstd is not None:
            rstd, slope = _column(rstd), _column(drstd) * (-1 / x.spec.shape[-1])
            through = (x - _column(mean)) * (slope * rstd * rstd * rstd)
            dx = through if dx is None else dx + through
        if dmean is not None:
            through = apply("BroadcastTo", _column(dmean) * (1 / x.spec.shape[-1]), shape=tuple(x.shape))
            dx = through if dx is None else dx + through
        return dx, dgamma, dbeta

    @staticmethod
    def cost(x, gamma, beta, epsilon):
        return 8 * x.size, 2 * x.nbytes


@register_op("LayerNormGrad")
class _LayerNormGrad:
    """Outputs: dx, dgamma, dbeta; mean and rstd are those that LayerNorm gave for x."""

    inputs = ("dy", "x", "gamma", "mean", "rstd")
    keeps = ("dy", "x", "gamma", "mean", "rstd")
    by_shape = True

    @staticmethod
    def infer(dy, x, gamma, mean, rstd):
        return x, gamma, gamma

    @staticmethod
    def run(kernels, dy, x, gamma, mean, rstd, dx, dgamma, dbeta):
        kernels.layer_norm.layer_norm_grad(
            matrix(dy), matrix(x), gamma, mean.ravel(), rstd.ravel(), matrix(dx), dgamma, dbeta
        )

    @staticmethod
    def gradient(node, ddx, ddgamma, ddbeta):
        """Derivatives of <ddx, dx> + <ddgamma, dgamma> + <ddbeta, dbeta>, with m(.) the mean along a row.

        With g = gamma dy, dx = rstd (g - m(g) - xhat m(g xhat)), dgamma = sum(dy xhat), dbeta = sum(dy): through g
        comes rstd (ddx - m(ddx) - xhat m(ddx xhat)), through xhat -rstd (ddx m(g xhat) + g m(ddx xhat)), and
        through rstd the row's sum of ddx (g - m(g) - xhat m(g xhat)). Mean and rstd, as inputs, depend on x.
        """
        dy, x, gamma, mean, rstd = node.inputs
        mean, rstd = _column(mean), _column(rstd)
        centred = x - mean
        xhat, g = centred * rstd, gamma * dy
        by_dy, by_xhat, by_gamma, by_rstd = [], [], None, None
        if ddx is not None:
            a_xhat, g_xhat = _mean(ddx * xhat), _mean(g * xhat)
            by_g = rstd * (ddx - _mean(ddx) - xhat * a_xhat)
            by_dy.append(gamma * by_g)
            by_gamma = apply("BiasAddGrad", dy * by_g)
            by_xhat.append((ddx * g_xhat + g * a_xhat) * -rstd)
            by_rstd = _sum(ddx * (g - _mean(g) - xhat * g_xhat))
        if ddgamma is not None:
            by_dy.append(xhat * ddgamma)
            by_xhat.append(dy * ddgamma)
        if ddbeta is not None:
            by_dy.append(apply("BroadcastTo", ddbeta, shape=tuple(dy.shape)))
        by_dy = _total(by_dy)
        if not by_xhat:
            return by_dy, None, None, None, None
        by_xhat = _total(by_xhat)
        through = _sum(by_xhat * centred)
        by_rstd = through if by_rstd is None else by_rstd + through
        by_x = by_xhat * rstd
        squeezed = tuple(x.shape[:-1])
        by_mean = apply("Reshape", -_sum(by_x), shape=squeezed)
        return by_dy, by_x, by_gamma, by_mean, apply("Reshape", by_rstd, shape=squeezed)

    @staticmethod
    def cost(dy, x, gamma, mean, rstd):
        return 14 * x.size, 3 * x.nbytes


def _column(row_values):
    """(...,) -> (..., 1)"""
    return apply("ExpandDims", row_values, axis=row_values.ndim)


def _mean(x):
    return apply("Mean", x, axis=(x.ndim - 1,), keepdims=True)


def _sum(x):
    return apply("Sum", x, axis=(x.ndim - 1,), keepdims=True)


def _total(parts):
    return parts[0] if len(parts) == 1 else apply("AddN", *parts)


def layer_norm(x, gamma, beta, epsilon=1e-3):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, with the mean and variance of each row of x's last axis.

    Args:
        x: float (..., size). gamma, beta: (size,). epsilon: float > 0, in units of x squared.

    Returns: as x. Raises InvalidArgumentError (a ValueError) if shapes do not fit.
    """
    return apply("LayerNorm", convert(x), gamma, beta, epsilon=float(epsilon))[0]
