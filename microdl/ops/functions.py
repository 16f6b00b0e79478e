"""Functions of one tensor, element by element: roots, exponentials, logarithms, rounding."""

import math

from microdl.core.op import register_op
from microdl.core.tensor import apply, convert
from microdl.ops.broadcast import elementwise_cost
from microdl.ops.checks import require_floating, require_number


class Function:
    """Base of the records: a kernel of ``kernels.unary`` on a float tensor."""

    inputs = ("x",)
    by_shape = True
    name = kernel = ""
    check = staticmethod(require_floating)
    steps = 1  # elementary operations for each element, roughly

    @classmethod
    def infer(cls, x):
        cls.check(cls.name, x)
        return x

    @classmethod
    def run(cls, kernels, x, y):
        getattr(kernels.unary, cls.kernel)(x.ravel(), y.ravel())

    @classmethod
    def cost(cls, x):
        return elementwise_cost(cls.steps, x, x)


class FunctionGrad(Function):
    """Base of backward records that read the forward output y: dx = g(y, dy)."""

    inputs = ("y", "dy")
    keeps = ("y", "dy")

    @classmethod
    def infer(cls, y, dy):
        return y

    @classmethod
    def run(cls, kernels, y, dy, dx):
        getattr(kernels.unary, cls.kernel)(y.ravel(), dy.ravel(), dx.ravel())

    @classmethod
    def cost(cls, y, dy):
        return elementwise_cost(4, y, y, dy)


@register_op("Neg")
class _Neg(Function):
    name, kernel = "Neg", "negative"
    check = staticmethod(require_number)

    @staticmethod
    def gradient(node, dy):
        return -dy


@register_op("Abs")
class _Abs(Function):
    name, kernel = "Abs", "abs"
    check = staticmethod(require_number)
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return dy * apply("Sign", node.inputs[0])


@register_op("Sign")
class _Sign(Function):
    name, kernel = "Sign", "sign"
    check = staticmethod(require_number)

    @staticmethod
    def gradient(node, dy):
        return apply("ZerosLike", dy)


@register_op("Floor")
class _Floor(Function):
    name, kernel = "Floor", "floor"


@register_op("Ceil")
class _Ceil(Function):
    name, kernel = "Ceil", "ceil"


@register_op("Rint")
class _Rint(Function):
    name, kernel = "Rint", "round"


@register_op("Square")
class _Square(Function):
    name, kernel = "Square", "square"
    check = staticmethod(require_number)
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return 2 * dy * node.inputs[0]


@register_op("Sqrt")
class _Sqrt(Function):
    name, kernel = "Sqrt", "sqrt"
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return apply("SqrtGrad", node.outputs[0], dy)


@register_op("SqrtGrad")
class _SqrtGrad(FunctionGrad):
    name, kernel = "SqrtGrad", "sqrt_grad"

    @staticmethod
    def gradient(node, g):
        y, dy = node.inputs
        return -0.5 * g * dy / (y * y), 0.5 * g / y


@register_op("Rsqrt")
class _Rsqrt(Function):
    name, kernel = "Rsqrt", "rsqrt"
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return apply("RsqrtGrad", node.outputs[0], dy)


@register_op("RsqrtGrad")
class _RsqrtGrad(FunctionGrad):
    name, kernel = "RsqrtGrad", "rsqrt_grad"

    @staticmethod
    def gradient(node, g):
        y, dy = node.inputs
        return -1.5 * g * dy * y * y, apply("RsqrtGrad", y, g)


@register_op("Reciprocal")
class _Reciprocal(Function):
    name, kernel = "Reciprocal", "reciprocal"
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return apply("ReciprocalGrad", node.outputs[0], dy)


@register_op("ReciprocalGrad")
class _ReciprocalGrad(FunctionGrad):
    name, kernel = "ReciprocalGrad", "reciprocal_grad"

    @staticmethod
    def gradient(node, g):
        y, dy = node.inputs
        return -2 * g * dy * y, apply("ReciprocalGrad", y, g)


@register_op("Exp")
class _Exp(Function):
    name, kernel, steps = "Exp", "exp", 10
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return dy * node.outputs[0]


@register_op("Expm1")
class _Expm1(Function):
    name, kernel, steps = "Expm1", "expm1", 10
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return dy * apply("Exp", node.inputs[0])


@register_op("Log")
class _Log(Function):
    name, kernel, steps = "Log", "log", 10
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return dy / node.inputs[0]


@register_op("Log1p")
class _Log1p(Function):
    name, kernel, steps = "Log1p", "log1p", 10
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return dy / (1 + node.inputs[0])


@register_op("Erf")
class _Erf(Function):
    name, kernel, steps = "Erf", "erf", 20
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return (2 / math.sqrt(math.pi)) * dy * apply("Exp", -apply("Square", node.inputs[0]))


@register_op("ClipByValue")
class _ClipByValue:
    inputs = ("t",)
    keeps = ("t",)

    @staticmethod
    def infer(t, low, high):
        require_number("ClipByValue", t)
        return t

    @staticmethod
    def run(kernels, t, y, low, high):
        kernels.unary.clip(t.ravel(), t.dtype.type(low), t.dtype.type(high), y.ravel())

    @staticmethod
    def gradient(node, dy):
        """dy where t lies between the bounds, both included, else 0."""
        t, low, high = node.inputs[0], node.attrs["low"], node.attrs["high"]
        inside = apply("LogicalAnd", t >= low, t <= high)
        return apply("SelectV2", inside, dy, apply("ZerosLike", dy))

    @staticmethod
    def cost(t, low, high):
        return elementwise_cost(2, t, t)


def negative(x, name=None):
    """-x."""
    return apply("Neg", x)


def abs(x, name=None):
    """The absolute value of x."""
    return apply("Abs", x)


def sign(x, name=None):
    """-1, 0 or 1 by the sign of x; NaN for NaN."""
    return apply("Sign", x)


def floor(x, name=None):
    """The greatest whole number <= x. x: float."""
    return apply("Floor", x)


def ceil(x, name=None):
    """The smallest whole number >= x. x: float."""
    return apply("Ceil", x)


def square(x, name=None):
    """x * x."""
    return apply("Square", x)


def sqrt(x, name=None):
    """The square root of x; NaN below 0. x: float."""
    return apply("Sqrt", x)


def rsqrt(x, name=None):
    """1 / sqrt(x). x: float."""
    return apply("Rsqrt", x)


def reciprocal(x, name=None):
    """1 / x. x: float."""
    return apply("Reciprocal", x)


def exp(x, name=None):
    """e^x. x: float."""
    return apply("Exp", x)


def expm1(x, name=None):
    """e^x - 1, exact also near 0. x: float."""
    return apply("Expm1", x)


def log(x, name=None):
    """The natural logarithm of x: -inf at 0, NaN below. x: float."""
    return apply("Log", x)


def log1p(x, name=None):
    """log(1 + x), exact also near 0. x: float."""
    return apply("Log1p", x)


def erf(x, name=None):
    """The error function 2 / sqrt(pi) * integral of exp(-t^2) for t from 0 to x. x: float."""
    return apply("Erf", x)


def round(x, name=None):
    """x rounded to whole numbers, halves to the even one. Integers stay as they are."""
    x = convert(x)
    return x if x.dtype.is_integer else apply("Rint", x)


def clip_by_value(t, clip_value_min, clip_value_max, name=None):
    """max(min(t, clip_value_max), clip_value_min); NaN stays NaN. The bounds: numbers, or tensors that broadcast."""
    t = convert(t)
    if isinstance(clip_value_min, (int, float)) and isinstance(clip_value_max, (int, float)):
        low, high = (convert(bound, hint=t.dtype).numpy().item() for bound in (clip_value_min, clip_value_max))
        return apply("ClipByValue", t, low=low, high=high)
    return apply("Maximum", apply("Minimum", t, clip_value_max), clip_value_min)
