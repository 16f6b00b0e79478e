"""Special functions: inverse hyperbolic ones, gamma and its kin, error functions, Bessel's; with gradients."""

import math

from microdl.core.op import register_op
from microdl.core.tensor import apply
from microdl.ops.arithmetic import back
from microdl.ops.broadcast import broadcast_spec, elementwise_cost
from microdl.ops.checks import require_floating
from microdl.ops.functions import Function


class _Special(Function):
    """Base of the records: a kernel of ``kernels.special``."""

    steps = 50

    @classmethod
    def run(cls, kernels, x, y):
        getattr(kernels.special, cls.kernel)(x.ravel(), y.ravel())


def _stretched(kernels, x, y):
    """A copy of x in the shape of y."""
    copy = kernels.array.empty(y.shape, x.dtype)
    kernels.array.broadcast_to(x, copy)
    return copy


class _Several:
    """Base of functions of several tensors that broadcast."""

    inputs: tuple = ("a", "x")
    name = kernel = ""

    @classmethod
    def infer(cls, *specs):
        require_floating(cls.name, *specs)
        return broadcast_spec(cls.name, *specs)

    @classmethod
    def run(cls, kernels, *arrays):
        *inputs, y = arrays
        stretched = [x if x.shape == y.shape else _stretched(kernels, x, y) for x in inputs]
        getattr(kernels.special, cls.kernel)(*(x.ravel() for x in stretched), y.ravel())

    @classmethod
    def cost(cls, *specs):
        return elementwise_cost(100, cls.infer(*specs), *specs)


@register_op("Acosh")
class _Acosh(_Special):
    name, kernel = "Acosh", "acosh"
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return dy / apply("Sinh", node.outputs[0])


@register_op("Asinh")
class _Asinh(_Special):
    name, kernel = "Asinh", "asinh"
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return dy / apply("Cosh", node.outputs[0])


@register_op("Atanh")
class _Atanh(_Special):
    name, kernel = "Atanh", "atanh"
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return dy / (1 - apply("Square", node.inputs[0]))


@register_op("Erfc")
class _Erfc(_Special):
    name, kernel = "Erfc", "erfc"
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return (-2 / math.sqrt(math.pi)) * dy * apply("Exp", -apply("Square", node.inputs[0]))


@register_op("Erfinv")
class _Erfinv(_Special):
    name, kernel = "Erfinv", "erfinv"
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return (math.sqrt(math.pi) / 2) * dy * apply("Exp", apply("Square", node.outputs[0]))


@register_op("Ndtri")
class _Ndtri(_Special):
    name, kernel = "Ndtri", "ndtri"
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return math.sqrt(2 * math.pi) * dy * apply("Exp", 0.5 * apply("Square", node.outputs[0]))


@register_op("Lgamma")
class _Lgamma(_Special):
    name, kernel = "Lgamma", "lgamma"
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return dy * apply("Digamma", node.inputs[0])


@register_op("Digamma")
class _Digamma(_Special):
    name, kernel = "Digamma", "digamma"
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        x = node.inputs[0]
        return dy * apply("Polygamma", apply("OnesLike", x), x)


@register_op("BesselI0e")
class _BesselI0e(_Special):
    name, kernel = "BesselI0e", "bessel_i0e"
    keeps = ("x", "output")

    @staticmethod
    def gradient(node, dy):
        x = node.inputs[0]
        return dy * (apply("BesselI1e", x) - apply("Sign", x) * node.outputs[0])


@register_op("BesselI1e")
class _BesselI1e(_Special):
    name, kernel = "BesselI1e", "bessel_i1e"
    keeps = ("x", "output")

    @staticmethod
    def gradient(node, dy):
        """I0e - (sign(x) + 1 / x) I1e; 1/2 at 0."""
        x, y = node.inputs[0], node.outputs[0]
        zero = apply("Equal", x, 0)
        safe = apply("SelectV2", zero, apply("OnesLike", x), x)
        slope = apply("BesselI0e", x) - (apply("Sign", x) + 1 / safe) * y
        return dy * apply("SelectV2", zero, 0.5 * apply("OnesLike", x), slope)


@register_op("Atan2")
class _Atan2(_Several):
    inputs = ("y", "x")
    name, kernel = "Atan2", "atan2"
    keeps = ("y", "x")

    @staticmethod
    def gradient(node, dz):
        y, x = node.inputs
        share = dz / (apply("Square", x) + apply("Square", y))
        return back(node, lambda: x * share, lambda: -(y * share))


@register_op("NextAfter")
class _NextAfter(_Several):
    inputs = ("x1", "x2")
    name, kernel = "NextAfter", "nextafter"

    @staticmethod
    def gradient(node, dz):
        return back(node, lambda: dz, lambda: apply("ZerosLike", dz))


@register_op("Polygamma")
class _Polygamma(_Several):
    """No gradient for the order."""

    name, kernel = "Polygamma", "polygamma"
    keeps = ("a", "x")

    @staticmethod
    def gradient(node, dz):
        a, x = node.inputs
        return back(node, None, lambda: dz * apply("Polygamma", a + 1, x))


@register_op("Zeta")
class _Zeta(_Several):
    """No gradient for the exponent."""

    inputs = ("x", "q")
    name, kernel = "Zeta", "zeta"
    keeps = ("x", "q")

    @staticmethod
    def gradient(node, dz):
        x, q = node.inputs
        return back(node, None, lambda: -(dz * x * apply("Zeta", x + 1, q)))


def _gamma_density(a, x):
    """dP(a, x) / dx."""
    return apply("Exp", (a - 1) * apply("Log", x) - x - apply("Lgamma", a))


@register_op("Igamma")
class _Igamma(_Several):
    name, kernel = "Igamma", "igamma"
    keeps = ("a", "x")

    @staticmethod
    def gradient(node, dz):
        a, x = node.inputs
        return back(node, lambda: dz * apply("IgammaGradA", a, x), lambda: dz * _gamma_density(a, x))


@register_op("Igammac")
class _Igammac(_Several):
    name, kernel = "Igammac", "igammac"
    keeps = ("a", "x")

    @staticmethod
    def gradient(node, dz):
        a, x = node.inputs
        return back(node, lambda: -(dz * apply("IgammaGradA", a, x)), lambda: -(dz * _gamma_density(a, x)))


@register_op("IgammaGradA")
class _IgammaGradA(_Several):
    """No gradient, as in TensorFlow."""

    name, kernel = "IgammaGradA", "igamma_grad_a"


@register_op("Betainc")
class _Betainc(_Several):
    """Has a gradient for x alone, as in TensorFlow."""

    inputs = ("a", "b", "x")
    name, kernel = "Betainc", "betainc"
    keeps = ("a", "b", "x")

    @staticmethod
    def gradient(node, dz):
        a, b, x = node.inputs
        beta = apply("Lgamma", a) + apply("Lgamma", b) - apply("Lgamma", a + b)
        density = apply("Exp", (b - 1) * apply("Log1p", -x) + (a - 1) * apply("Log", x) - beta)
        return back(node, None, None, lambda: dz * density)


def acosh(x, name=None):
    """The y >= 0 whose hyperbolic cosine is x; NaN below 1. x: float."""
    return apply("Acosh", x)


def asinh(x, name=None):
    """The y whose hyperbolic sine is x. x: float."""
    return apply("Asinh", x)


def atanh(x, name=None):
    """The y whose hyperbolic tangent is x; NaN beyond -1 and 1. x: float."""
    return apply("Atanh", x)


def atan2(y, x, name=None):
    """The angle of the point (x, y), in (-pi, pi], with broadcasting. Floats."""
    return apply("Atan2", y, x)


def erfc(x, name=None):
    """1 - erf(x), exact also where that is small. x: float."""
    return apply("Erfc", x)


def erfinv(x, name=None):
    """The y with erf(y) = x. x: float in [-1, 1]."""
    return apply("Erfinv", x)


def ndtri(x, name=None):
    """The y below which a standard normal number lies with probability x. x: float in [0, 1]."""
    return apply("Ndtri", x)


def erfcinv(x, name=None):
    """The y with erfc(y) = x. x: float in [0, 2]."""
    return -apply("Ndtri", 0.5 * x) * math.sqrt(0.5)


def lgamma(x, name=None):
    """log |gamma(x)|. x: float."""
    return apply("Lgamma", x)


def digamma(x, name=None):
    """The derivative of ``lgamma``. x: float."""
    return apply("Digamma", x)


def polygamma(a, x, name=None):
    """The derivative number ``a`` of ``digamma`` at ``x``, with broadcasting. Floats."""
    return apply("Polygamma", a, x)


def zeta(x, q, name=None):
    """Hurwitz's zeta: the sum of (q + k)^-x over k = 0, 1..., with broadcasting. Floats."""
    return apply("Zeta", x, q)


def igamma(a, x, name=None):
    """P(a, x): integral of t^(a - 1) e^-t from 0 to x, divided by gamma(a); with broadcasting. Floats."""
    return apply("Igamma", a, x)


def igammac(a, x, name=None):
    """1 - P(a, x), exact also where that is small. Floats."""
    return apply("Igammac", a, x)


def betainc(a, b, x, name=None):
    """I_x(a, b): integral of t^(a - 1) (1 - t)^(b - 1) from 0 to x, divided by that from 0 to 1. Floats."""
    return apply("Betainc", a, b, x)


def nextafter(x1, x2, name=None):
    """The float that comes after x1 on the way to x2, with broadcasting."""
    return apply("NextAfter", x1, x2)


def bessel_i0e(x, name=None):
    """exp(-|x|) times the modified Bessel function of order 0. x: float."""
    return apply("BesselI0e", x)


def bessel_i1e(x, name=None):
    """exp(-|x|) times the modified Bessel function of order 1. x: float."""
    return apply("BesselI1e", x)


def bessel_i0(x, name=None):
    """The modified Bessel function of order 0. x: float."""
    return apply("BesselI0e", x) * apply("Exp", apply("Abs", x))


def bessel_i1(x, name=None):
    """The modified Bessel function of order 1. x: float."""
    return apply("BesselI1e", x) * apply("Exp", apply("Abs", x))
