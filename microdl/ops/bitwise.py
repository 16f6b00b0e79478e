"""Bits of integers: & | ^ ~ on integer tensors."""

from microdl.core.op import register_op
from microdl.ops.arithmetic import BinaryOp
from microdl.ops.broadcast import elementwise_cost
from microdl.ops.checks import require_integer


class _Bitwise(BinaryOp):
    by_shape = False  # NumPy computes
    check = staticmethod(require_integer)

    @classmethod
    def run(cls, kernels, x, y, z):
        getattr(kernels.integer, cls.kernel)(x, y, z)


@register_op("BitwiseAnd")
class _BitwiseAnd(_Bitwise):
    name, kernel = "BitwiseAnd", "bitwise_and"


@register_op("BitwiseOr")
class _BitwiseOr(_Bitwise):
    name, kernel = "BitwiseOr", "bitwise_or"


@register_op("BitwiseXor")
class _BitwiseXor(_Bitwise):
    name, kernel = "BitwiseXor", "bitwise_xor"


@register_op("Invert")
class _Invert:
    inputs = ("x",)

    @staticmethod
    def infer(x):
        require_integer("Invert", x)
        return x

    @staticmethod
    def run(kernels, x, y):
        kernels.integer.invert(x, y)

    @staticmethod
    def cost(x):
        return elementwise_cost(1, x, x)
