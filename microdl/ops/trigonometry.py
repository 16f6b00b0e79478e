"""Trigonometric and hyperbolic functions, element by element. Angles are in radians."""

from microdl.core.op import register_op
from microdl.core.tensor import apply
from microdl.ops.functions import Function


@register_op("Sin")
class _Sin(Function):
    name, kernel, steps = "Sin", "sin", 10
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return dy * apply("Cos", node.inputs[0])


@register_op("Cos")
class _Cos(Function):
    name, kernel, steps = "Cos", "cos", 10
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return -dy * apply("Sin", node.inputs[0])


@register_op("Tan")
class _Tan(Function):
    name, kernel, steps = "Tan", "tan", 15
    keeps = ("output",)

    @staticmethod
    def gradient(node, dy):
        return dy * (1 + apply("Square", node.outputs[0]))


@register_op("Asin")
class _Asin(Function):
    name, kernel, steps = "Asin", "asin", 15
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return dy * apply("Rsqrt", 1 - apply("Square", node.inputs[0]))


@register_op("Acos")
class _Acos(Function):
    name, kernel, steps = "Acos", "acos", 15
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return -dy * apply("Rsqrt", 1 - apply("Square", node.inputs[0]))


@register_op("Atan")
class _Atan(Function):
    name, kernel, steps = "Atan", "atan", 15
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return dy / (1 + apply("Square", node.inputs[0]))


@register_op("Sinh")
class _Sinh(Function):
    name, kernel, steps = "Sinh", "sinh", 15
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return dy * apply("Cosh", node.inputs[0])


@register_op("Cosh")
class _Cosh(Function):
    name, kernel, steps = "Cosh", "cosh", 15
    keeps = ("x",)

    @staticmethod
    def gradient(node, dy):
        return dy * apply("Sinh", node.inputs[0])


def sin(x, name=None):
    """The sine of x, in radians. x: float."""
    return apply("Sin", x)


def cos(x, name=None):
    """The cosine of x, in radians. x: float."""
    return apply("Cos", x)


def tan(x, name=None):
    """The tangent of x, in radians. x: float."""
    return apply("Tan", x)


def asin(x, name=None):
    """The angle in [-pi/2, pi/2], in radians, whose sine is x. x: float."""
    return apply("Asin", x)


def acos(x, name=None):
    """The angle in [0, pi], in radians, whose cosine is x. x: float."""
    return apply("Acos", x)


def atan(x, name=None):
    """The angle in (-pi/2, pi/2), in radians, whose tangent is x. x: float."""
    return apply("Atan", x)


def sinh(x, name=None):
    """(e^x - e^-x) / 2. x: float."""
    return apply("Sinh", x)


def cosh(x, name=None):
    """(e^x + e^-x) / 2. x: float."""
    return apply("Cosh", x)
