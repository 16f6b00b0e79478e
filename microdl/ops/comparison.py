"""Comparisons, logic, and the choice between two tensors."""

from microdl.core import dtypes
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.tensor import apply
from microdl.ops.arithmetic import BinaryOp, back
from microdl.ops.broadcast import broadcast_spec, elementwise_cost, layout, layout_of_two
from microdl.ops.checks import require_bool, require_floating


class _Comparison(BinaryOp):
    """Bool output, no gradient."""

    output_dtype = dtypes.bool
    swap = False  # a > b is computed as b < a

    @classmethod
    def run(cls, kernels, x, y, z):
        x, y = (y, x) if cls.swap else (x, y)
        getattr(kernels.elementwise, cls.kernel)(x.ravel(), y.ravel(), layout_of_two(x.shape, y.shape), z.ravel())


class _Equality(_Comparison):
    """Defined for every dtype."""

    check = staticmethod(lambda op, *specs: None)

    @classmethod
    def run(cls, kernels, x, y, z):
        if x.dtype.hasobject:
            getattr(kernels.text, cls.kernel)(x, y, z)
        else:
            super().run(kernels, x, y, z)


@register_op("Equal")
class _Equal(_Equality):
    name, kernel = "Equal", "equal"


@register_op("NotEqual")
class _NotEqual(_Equality):
    name, kernel = "NotEqual", "not_equal"


@register_op("Less")
class _Less(_Comparison):
    name, kernel = "Less", "less"


@register_op("LessEqual")
class _LessEqual(_Comparison):
    name, kernel = "LessEqual", "less_equal"


@register_op("Greater")
class _Greater(_Comparison):
    name, kernel, swap = "Greater", "less", True


@register_op("GreaterEqual")
class _GreaterEqual(_Comparison):
    name, kernel, swap = "GreaterEqual", "less_equal", True


@register_op("LogicalAnd")
class _LogicalAnd(_Comparison):
    name, kernel = "LogicalAnd", "logical_and"
    check = staticmethod(require_bool)


@register_op("LogicalOr")
class _LogicalOr(_Comparison):
    name, kernel = "LogicalOr", "logical_or"
    check = staticmethod(require_bool)


class _Test:
    """Base of functions of one tensor with a bool result."""

    inputs = ("x",)
    by_shape = True
    name = kernel = ""
    check = staticmethod(require_floating)

    @classmethod
    def infer(cls, x):
        cls.check(cls.name, x)
        return Spec(x.shape, dtypes.bool)

    @classmethod
    def run(cls, kernels, x, y):
        getattr(kernels.unary, cls.kernel)(x.ravel(), y.ravel())

    @staticmethod
    def cost(x):
        return elementwise_cost(1, Spec(x.shape, dtypes.bool), x)


@register_op("LogicalNot")
class _LogicalNot(_Test):
    name, kernel = "LogicalNot", "logical_not"
    check = staticmethod(require_bool)


@register_op("IsNan")
class _IsNan(_Test):
    name, kernel = "IsNan", "is_nan"


@register_op("IsInf")
class _IsInf(_Test):
    name, kernel = "IsInf", "is_inf"


@register_op("IsFinite")
class _IsFinite(_Test):
    name, kernel = "IsFinite", "is_finite"


@register_op("SelectV2")
class _SelectV2:
    inputs = ("condition", "x", "y")
    keeps = ("condition",)
    same_dtype = False

    @staticmethod
    def infer(condition, x, y):
        require_bool("SelectV2", condition)
        if x.dtype is not y.dtype:
            raise InvalidArgumentError(
                f"SelectV2: x is {x.dtype.name} but y is {y.dtype.name} (shapes {x.shape} and {y.shape}); "
                "dtypes are never mixed: use tf.cast"
            )
        return broadcast_spec("SelectV2", condition, x, y)

    @staticmethod
    def run(kernels, condition, x, y, z):
        if x.dtype.hasobject:
            return kernels.text.select(condition, x, y, z)
        shapes = layout(condition.shape, x.shape, y.shape)
        kernels.elementwise.select(condition.ravel(), x.ravel(), y.ravel(), shapes, z.ravel())

    @staticmethod
    def gradient(node, dz):
        condition, none = node.inputs[0], apply("ZerosLike", dz)
        return back(
            node,
            None,
            lambda: apply("SelectV2", condition, dz, none),
            lambda: apply("SelectV2", condition, none, dz),
        )

    @staticmethod
    def cost(condition, x, y):
        return elementwise_cost(0, _SelectV2.infer(condition, x, y), condition, x, y)


def equal(x, y, name=None):
    """x == y, element by element, with broadcasting; bool."""
    return apply("Equal", x, y)


def not_equal(x, y, name=None):
    """x != y, with broadcasting; bool. True where one of them is NaN."""
    return apply("NotEqual", x, y)


def less(x, y, name=None):
    """x < y, with broadcasting; bool."""
    return apply("Less", x, y)


def less_equal(x, y, name=None):
    """x <= y, with broadcasting; bool."""
    return apply("LessEqual", x, y)


def greater(x, y, name=None):
    """x > y, with broadcasting; bool."""
    return apply("Greater", x, y)


def greater_equal(x, y, name=None):
    """x >= y, with broadcasting; bool."""
    return apply("GreaterEqual", x, y)


def logical_and(x, y, name=None):
    """x and y, element by element, with broadcasting. x, y: bool."""
    return apply("LogicalAnd", x, y)


def logical_or(x, y, name=None):
    """x or y, element by element, with broadcasting. x, y: bool."""
    return apply("LogicalOr", x, y)


def logical_not(x, name=None):
    """not x, element by element. x: bool."""
    return apply("LogicalNot", x)


def logical_xor(x, y, name=None):
    """Whether exactly one of x and y holds, with broadcasting. x, y: bool."""
    return apply("LogicalAnd", apply("LogicalOr", x, y), apply("LogicalNot", apply("LogicalAnd", x, y)))


def is_nan(x, name=None):
    """Whether each element is NaN. x: float."""
    return apply("IsNan", x)


def is_inf(x, name=None):
    """Whether each element is plus or minus infinity. x: float."""
    return apply("IsInf", x)


def is_finite(x, name=None):
    """Whether each element is neither NaN nor infinite. x: float."""
    return apply("IsFinite", x)
