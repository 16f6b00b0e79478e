"""Operators of two tensors with broadcasting: + - * / // % **, maximum, minimum; and sums of many tensors."""

import numpy as np

from microdl.core.errors import InvalidArgumentError
from microdl.core.op import register_op
from microdl.core.placement import can_look
from microdl.core.tensor import Tensor, apply, convert
from microdl.ops.broadcast import broadcast_spec, elementwise_cost, layout_of_two, shape_of, sum_to_shape
from microdl.ops.checks import require_floating, require_number


class BinaryOp:
    """Base of the records: a kernel of ``kernels.elementwise`` that broadcasts two inputs of one dtype."""

    inputs = ("x", "y")
    by_shape = True
    name = kernel = ""
    check = staticmethod(require_number)
    output_dtype = None  # None: the inputs'

    @classmethod
    def infer(cls, x, y):
        cls.check(cls.name, x, y)
        return broadcast_spec(cls.name, x, y, dtype=cls.output_dtype)

    @classmethod
    def run(cls, kernels, x, y, z):
        getattr(kernels.elementwise, cls.kernel)(x.ravel(), y.ravel(), layout_of_two(x.shape, y.shape), z.ravel())

    @classmethod
    def cost(cls, x, y):
        return elementwise_cost(1, cls.infer(x, y), x, y)


def back(node, *gradients):
    """Each input's gradient, summed over the axes along which broadcasting had stretched the input.

    gradients: for each input a function without arguments, called if the gradient is wanted; or None.
    """
    results = []
    for gradient, x, wanted in zip(gradients, node.inputs, node.wants, strict=True):
        results.append(sum_to_shape(gradient(), shape_of(x)) if gradient is not None and wanted else None)
    return tuple(results)


def _require_number_or_string(op, *specs):
    if not all(spec.dtype.is_string for spec in specs):
        require_number(op, *specs)


@register_op("AddV2")
class _AddV2(BinaryOp):
    """Strings are joined."""

    name, kernel = "AddV2", "add"
    check = staticmethod(_require_number_or_string)

    @staticmethod
    def run(kernels, x, y, z):
        if x.dtype.hasobject:
            kernels.text.add(x, y, z)
        else:
            kernels.elementwise.add(x.ravel(), y.ravel(), layout_of_two(x.shape, y.shape), z.ravel())

    @staticmethod
    def gradient(node, dz):
        return back(node, lambda: dz, lambda: dz)


@register_op("Sub")
class _Sub(BinaryOp):
    name, kernel = "Sub", "subtract"

    @staticmethod
    def gradient(node, dz):
        return back(node, lambda: dz, lambda: -dz)


@register_op("Mul")
class _Mul(BinaryOp):
    name, kernel = "Mul", "multiply"
    keeps = ("x", "y")

    @staticmethod
    def gradient(node, dz):
        x, y = node.inputs
        return back(node, lambda: dz * y, lambda: dz * x)


@register_op("MulNoNan")
class _MulNoNan(BinaryOp):
    name, kernel = "MulNoNan", "multiply_no_nan"
    check = staticmethod(require_floating)
    keeps = ("x", "y")

    @staticmethod
    def gradient(node, dz):
        x, y = node.inputs
        return back(node, lambda: apply("MulNoNan", dz, y), lambda: apply("MulNoNan", x, dz))


@register_op("RealDiv")
class _RealDiv(BinaryOp):
    name, kernel = "RealDiv", "divide"
    check = staticmethod(require_floating)
    keeps = ("x", "y")

    @staticmethod
    def gradient(node, dz):
        x, y = node.inputs
        return back(node, lambda: dz / y, lambda: -(dz * (x / y / y)))


def _refuse_zeros(op, y):
    if y.dtype.kind in "iu" and can_look(y) and not np.all(y):
        raise InvalidArgumentError(f"{op}: Integer division by zero (y has shape {y.shape} and dtype {y.dtype})")


@register_op("FloorDiv")
class _FloorDiv(BinaryOp):
    name = "FloorDiv"
    by_shape = False

    @staticmethod
    def run(kernels, x, y, z):
        _refuse_zeros("FloorDiv", y)
        floordiv = kernels.elementwise.floordiv_real if x.dtype.kind == "f" else kernels.elementwise.floordiv
        floordiv(x.ravel(), y.ravel(), layout_of_two(x.shape, y.shape), z.ravel())


@register_op("FloorMod")
class _FloorMod(BinaryOp):
    name, kernel = "FloorMod", "floormod"
    by_shape = False
    keeps = ("x", "y")

    @classmethod
    def run(cls, kernels, x, y, z):
        _refuse_zeros("FloorMod", y)
        super().run(kernels, x, y, z)

    @staticmethod
    def gradient(node, dz):
        x, y = node.inputs
        return back(node, lambda: dz, lambda: -(dz * (x // y)))


@register_op("Pow")
class _Pow(BinaryOp):
    name, kernel = "Pow", "pow"
    by_shape = False
    keeps = ("x", "y", "output")

    @classmethod
    def run(cls, kernels, x, y, z):
        if y.dtype.kind == "i" and can_look(y) and np.any(y < 0):
            raise InvalidArgumentError(
                "Pow: Integers to negative integer powers are not allowed; cast both to a floating-point dtype"
            )
        super().run(kernels, x, y, z)

    @classmethod
    def cost(cls, x, y):
        return elementwise_cost(20, cls.infer(x, y), x, y)

    @staticmethod
    def gradient(node, dz):
        x, y = node.inputs

        def of_exponent():
            """dz z log(x); 0 where x <= 0, as in TensorFlow: there the power has no derivative with respect to y."""
            positive = x > 0
            logarithm = apply("Log", apply("SelectV2", positive, x, apply("OnesLike", x)))
            return dz * node.outputs[0] * apply("SelectV2", positive, logarithm, apply("ZerosLike", x))

        return back(node, lambda: dz * y * x ** (y - 1), of_exponent)


class _Extreme(BinaryOp):
    """Where both are equal, the gradient goes to x, as in TensorFlow."""

    keeps = ("x", "y")
    takes_x = ""

    @classmethod
    def gradient(cls, node, dz):
        x, y = node.inputs
        from_x, none = apply(cls.takes_x, x, y), apply("ZerosLike", dz)
        return back(node, lambda: apply("SelectV2", from_x, dz, none), lambda: apply("SelectV2", from_x, none, dz))


@register_op("Maximum")
class _Maximum(_Extreme):
    name, kernel, takes_x = "Maximum", "maximum", "GreaterEqual"


@register_op("Minimum")
class _Minimum(_Extreme):
    name, kernel, takes_x = "Minimum", "minimum", "LessEqual"


@register_op("SquaredDifference")
class _SquaredDifference(BinaryOp):
    name, kernel = "SquaredDifference", "squared_difference"
    keeps = ("x", "y")

    @classmethod
    def cost(cls, x, y):
        return elementwise_cost(2, cls.infer(x, y), x, y)

    @staticmethod
    def gradient(node, dz):
        x, y = node.inputs
        dx = 2 * dz * (x - y)
        return back(node, lambda: dx, lambda: -dx)


@register_op("AddN")
class _AddN:
    inputs = ("inputs*",)

    @staticmethod
    def infer(*inputs):
        require_number("AddN", *inputs)
        for i, spec in enumerate(inputs):
            if spec.shape != inputs[0].shape:
                raise InvalidArgumentError(
                    f"AddN: all tensors must have one shape, but inputs[0] has {inputs[0].shape} and inputs[{i}] has "
                    f"{spec.shape}; tf.add broadcasts"
                )
        return inputs[0]

    @staticmethod
    def run(kernels, *arrays):
        *inputs, y = arrays
        if len(inputs) == 1:
            kernels.array.cast(inputs[0], y)
        total = inputs[0].ravel()
        for x in inputs[1:]:
            kernels.elementwise.add(total, x.ravel(), None, y.ravel())
            total = y.ravel()

    @staticmethod
    def gradient(node, dy):
        return (dy,) * len(node.inputs)

    @staticmethod
    def cost(*inputs):
        return elementwise_cost(len(inputs) - 1, inputs[0], *inputs)


def add(x, y, name=None):
    """x + y, with broadcasting. x, y: tensors of one dtype."""
    return apply("AddV2", x, y)


def subtract(x, y, name=None):
    """x - y, with broadcasting."""
    return apply("Sub", x, y)


def multiply(x, y, name=None):
    """x * y, element by element, with broadcasting."""
    return apply("Mul", x, y)


def multiply_no_nan(x, y, name=None):
    """x * y, with broadcasting, but 0 where y is 0, even if x is infinite or NaN there. x, y: float."""
    return apply("MulNoNan", x, y)


def divide(x, y, name=None):
    """x / y, with broadcasting. Integers are converted to floats first: 8 and 16 bits to float32, others to float64."""
    return (x if hasattr(x, "spec") else convert(x, hint=getattr(y, "dtype", None))) / y


truediv = divide


def divide_no_nan(x, y, name=None):
    """x / y, but 0 where y is 0."""
    x = convert(x, hint=getattr(y, "dtype", None))
    y = convert(y, hint=x.dtype)
    zero = apply("Equal", y, 0)
    quotient = x / apply("SelectV2", zero, apply("OnesLike", y), y)
    return apply("SelectV2", zero, apply("ZerosLike", quotient), quotient)


def floordiv(x, y, name=None):
    """floor(x / y), with broadcasting. Raises InvalidArgumentError if integers are divided by zero."""
    return apply("FloorDiv", x, y)


def floormod(x, y, name=None):
    """x - y floor(x / y): the remainder that has y's sign. Raises InvalidArgumentError for integers and y = 0."""
    return apply("FloorMod", x, y)


mod = floormod


def pow(x, y, name=None):
    """x to the power y, with broadcasting. Raises InvalidArgumentError for integers to negative powers."""
    return apply("Pow", x, y)


def maximum(x, y, name=None):
    """The greater of x and y, with broadcasting; NaN if one of them is."""
    return apply("Maximum", x, y)


def minimum(x, y, name=None):
    """The smaller of x and y, with broadcasting; NaN if one of them is."""
    return apply("Minimum", x, y)


def squared_difference(x, y, name=None):
    """(x - y)^2, with broadcasting."""
    return apply("SquaredDifference", x, y)


def add_n(inputs, name=None):
    """The sum of tensors of one shape and dtype. Raises ValueError if there are none."""
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if not inputs:
        raise ValueError("add_n: inputs must hold at least one tensor, got an empty list")
    return apply("AddN", *inputs)
