"""Activation functions. Each op is one kernel over flat arrays; gradients are ops again, differentiable in turn."""

import math

from microdl.core.op import register_op
from microdl.core.tensor import apply, convert
from microdl.ops.checks import require_floating

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # arXiv:1706.02515, equation 14
GELU_SLOPE, GELU_CUBIC = math.sqrt(2 / math.pi), 0.044715  # arXiv:1606.08415, section 2


class _Activation:
    """y = f(features), of the same shape. ``function`` is the public name, and the kernel's unless ``kernel`` is set.

    Attributes of the op reach the kernel in their order, as scalars of the features' dtype.
    """

    inputs = ("features",)
    by_shape = True
    keeps = ("features",)
    flops = 20  # per element; an exponential is some 15
    function = kernel = ""

    @classmethod
    def infer(cls, features, **attrs):
        require_floating(cls.function, features)
        return features

    @classmethod
    def run(cls, kernels, x, y, **attrs):
        kernel = getattr(kernels.activation, cls.kernel or cls.function)
        kernel(x.ravel(), *map(x.dtype.type, attrs.values()), y.ravel())

    @classmethod
    def cost(cls, features, **attrs):
        return cls.flops * features.size, 2 * features.nbytes


class _ActivationGrad:
    """dx = dy * f'(features), or from the outputs y where f' is a function of y."""

    inputs = ("dy", "features")
    by_shape = True
    keeps = ("dy", "features")
    flops = 20
    kernel = ""

    @staticmethod
    def infer(dy, features, **attrs):
        return dy

    @classmethod
    def run(cls, kernels, dy, x, dx, **attrs):
        kernel = getattr(kernels.activation, cls.kernel)
        kernel(dy.ravel(), x.ravel(), *map(dy.dtype.type, attrs.values()), dx.ravel())

    @classmethod
    def cost(cls, dy, features, **attrs):
        return cls.flops * dy.size, 3 * dy.nbytes


class _PiecewiseLinearGrad(_ActivationGrad):
    """f' is constant wherever it is defined: only dy has a second derivative."""

    keeps = ("features",)
    flops = 1

    @staticmethod
    def gradient(node, ddx):
        return apply(node.op.name, ddx, node.inputs[1], **node.attrs), None


def relu(features, name=None):
    """max(features, 0); the gradient at 0 is 0."""
    return apply("Relu", features)


@register_op("Relu")
class _Relu(_Activation):
    function = "relu"
    keeps = ("output",)
    flops = 1

    @staticmethod
    def gradient(node, dy):
        return apply("ReluGrad", dy, node.outputs[0])


@register_op("ReluGrad")
class _ReluGrad(_PiecewiseLinearGrad):
    kernel = "relu_grad"


def relu6(features, name=None):
    """min(max(features, 0), 6)."""
    return apply("Relu6", features)


@register_op("Relu6")
class _Relu6(_Activation):
    function = "relu6"
    keeps = ("output",)
    flops = 2

    @staticmethod
    def gradient(node, dy):
        return apply("Relu6Grad", dy, node.outputs[0])


@register_op("Relu6Grad")
class _Relu6Grad(_PiecewiseLinearGrad):
    kernel = "relu6_grad"


def leaky_relu(features, alpha=0.2, name=None):
    """``features`` where they are > 0, else ``alpha * features``. alpha: float, dimensionless."""
    return apply("LeakyRelu", features, alpha=float(alpha))


@register_op("LeakyRelu")
class _LeakyRelu(_Activation):
    function = "leaky_relu"
    flops = 2

    @staticmethod
    def gradient(node, dy):
        return apply("LeakyReluGrad", dy, node.inputs[0], **node.attrs)


@register_op("LeakyReluGrad")
class _LeakyReluGrad(_PiecewiseLinearGrad):
    kernel = "leaky_relu_grad"


def elu(features, name=None):
    """``features`` where they are > 0, else exp(features) - 1."""
    return apply("Elu", features, alpha=1.0, scale=1.0)


def selu(features, name=None):
    """``SELU_SCALE`` times: ``features`` where they are > 0, else ``SELU_ALPHA * (exp(features) - 1)``."""
    return apply("Elu", features, alpha=SELU_ALPHA, scale=SELU_SCALE)


@register_op("Elu")
class _Elu(_Activation):
    function = "elu"
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return apply("EluGrad", dy, node.outputs[0], **node.attrs)


@register_op("EluGrad")
class _EluGrad(_ActivationGrad):
    """Reads the output y: f' = y + scale * alpha where y < 0, scale elsewhere (at 0 too, as in TensorFlow)."""

    kernel = "elu_grad"
    flops = 3

    @staticmethod
    def gradient(node, ddx):
        dy, y = node.inputs
        # ReluGrad passes where its second argument is > 0: here, where y < 0.
        return apply("EluGrad", ddx, y, **node.attrs), apply("ReluGrad", ddx * dy, -y)


def sigmoid(x, name=None):
    """1 / (1 + exp(-x))."""
    return apply("Sigmoid", x)


@register_op("Sigmoid")
class _Sigmoid(_Activation):
    inputs = ("x",)
    function = "sigmoid"
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return apply("SigmoidGrad", dy, node.outputs[0])


@register_op("SigmoidGrad")
class _SigmoidGrad(_ActivationGrad):
    kernel = "sigmoid_grad"
    flops = 3

    @staticmethod
    def gradient(node, ddx):
        dy, y = node.inputs
        return apply("SigmoidGrad", ddx, y), ddx * dy * (1.0 - 2.0 * y)


def tanh(x, name=None):
    """The hyperbolic tangent."""
    return apply("Tanh", x)


@register_op("Tanh")
class _Tanh(_Activation):
    inputs = ("x",)
    function = "tanh"
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return apply("TanhGrad", dy, node.outputs[0])


@register_op("TanhGrad")
class _TanhGrad(_ActivationGrad):
    kernel = "tanh_grad"
    flops = 3

    @staticmethod
    def gradient(node, ddx):
        dy, y = node.inputs
        return apply("TanhGrad", ddx, y), ddx * dy * (-2.0 * y)


def softplus(features, name=None):
    """log(1 + exp(features))."""
    return apply("Softplus", features)


@register_op("Softplus")
class _Softplus(_Activation):
    function = "softplus"
    flops = 40

    @staticmethod
    def gradient(node, dy):
        return apply("SoftplusGrad", dy, node.inputs[0])


@register_op("SoftplusGrad")
class _SoftplusGrad(_ActivationGrad):
    """f' = sigmoid."""

    kernel = "softplus_grad"

    @staticmethod
    def gradient(node, ddx):
        dy, x = node.inputs
        return apply("SoftplusGrad", ddx, x), apply("SigmoidGrad", ddx * dy, sigmoid(x))


def softsign(features, name=None):
    """features / (1 + abs(features))."""
    return apply("Softsign", features)


@register_op("Softsign")
class _Softsign(_Activation):
    function = "softsign"
    flops = 3

    @staticmethod
    def gradient(node, dy):
        return apply("SoftsignGrad", dy, node.inputs[0])


@register_op("SoftsignGrad")
class _SoftsignGrad(_ActivationGrad):
    kernel = "softsign_grad"
    flops = 4

    @staticmethod
    def gradient(node, ddx):
        dy, x = node.inputs
        scale = 1.0 + abs(x)
        return apply("SoftsignGrad", ddx, x), ddx * dy * (-2.0 * apply("Sign", x)) / (scale * scale * scale)


def silu(features, beta=1.0, name=None):
    """features * sigmoid(beta * features), also called swish. beta: float, dimensionless."""
    return apply("Silu", features, beta=float(beta))


swish = silu


@register_op("Silu")
class _Silu(_Activation):
    function = "silu"

    @staticmethod
    def gradient(node, dy):
        return apply("SiluGrad", dy, node.inputs[0], **node.attrs)


@register_op("SiluGrad")
class _SiluGrad(_ActivationGrad):
    kernel = "silu_grad"

    @staticmethod
    def gradient(node, ddx):
        (dy, x), beta = node.inputs, node.attrs["beta"]
        s = sigmoid(beta * x)
        curvature = s * (1.0 - s) * beta * (2.0 + beta * x * (1.0 - 2.0 * s))
        return apply("SiluGrad", ddx, x, beta=beta), ddx * dy * curvature


def gelu(features, approximate=False, name=None):
    """x * P(N(0, 1) <= x), or its approximation by tanh. Hendrycks and Gimpel, arXiv:1606.08415."""
    return apply("GeluTanh" if approximate else "Gelu", convert(features))


@register_op("Gelu")
class _Gelu(_Activation):
    function = "gelu"

    @staticmethod
    def gradient(node, dy):
        return apply("GeluGrad", dy, node.inputs[0])


@register_op("GeluGrad")
class _GeluGrad(_ActivationGrad):
    kernel = "gelu_grad"
    flops = 40

    @staticmethod
    def gradient(node, ddx):
        dy, x = node.inputs
        density = apply("Exp", -0.5 * x * x) * (1.0 / math.sqrt(2 * math.pi))
        return apply("GeluGrad", ddx, x), ddx * dy * density * (2.0 - x * x)


@register_op("GeluTanh")
class _GeluTanh(_Activation):
    function, kernel = "gelu", "gelu_tanh"

    @staticmethod
    def gradient(node, dy):
        return apply("GeluTanhGrad", dy, node.inputs[0])


@register_op("GeluTanhGrad")
class _GeluTanhGrad(_ActivationGrad):
    """f' = s + x s', where s = sigmoid(2 u) and u is a cubic of x, so s' = 2 u' s (1 - s)."""

    kernel = "gelu_tanh_grad"

    @staticmethod
    def gradient(node, ddx):
        dy, x = node.inputs
        s = sigmoid(2 * GELU_SLOPE * (x + GELU_CUBIC * x * x * x))
        first = 2 * GELU_SLOPE * (1.0 + 3 * GELU_CUBIC * x * x)  # of 2 u
        second = 12 * GELU_SLOPE * GELU_CUBIC * x
        curvature = s * (1.0 - s) * (2.0 * first + x * (second + first * first * (1.0 - 2.0 * s)))
        return apply("GeluTanhGrad", ddx, x), ddx * dy * curvature
