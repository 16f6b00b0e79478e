"""Operators of two tensors, functions of one, comparisons and logic."""

import math

import numpy as np
from hypothesis import strategies as st

from microdl.core.errors import InvalidArgumentError

from . import Case, away_from, broadcasting_shapes, distinct, inputs, shapes

erf = np.vectorize(math.erf, otypes=[float])


@inputs
def pair(draw, rng, low=-2.0, high=2.0, apart=False):
    """Two float operands, the second one away from 0; ``apart``: nowhere equal."""
    shape_a, shape_b = draw(broadcasting_shapes())
    a, b = rng.uniform(low, high, shape_a), away_from(rng, shape_b, gap=0.4, low=low, high=high)
    return [np.floor(a * 4) / 4 + 0.1 if apart else a, np.floor(b * 4) / 4 if apart else b], {}


@inputs
def remainders(draw, rng):
    """Operands whose quotient is far from a whole number, where the remainder jumps."""
    shape_a, shape_b = draw(broadcasting_shapes())
    return [rng.choice([-0.6, 1.6], shape_a) + rng.uniform(0, 0.2, shape_a), rng.uniform(1, 1.2, shape_b)], {}


@inputs
def integer_pair(draw, rng, low=-9):
    shape_a, shape_b = draw(broadcasting_shapes())
    a, b = rng.integers(low, 9, shape_a, dtype=np.int32), rng.integers(low, 9, shape_b, dtype=np.int32)
    return [a, np.where(b == 0, np.int32(1), b)], {}


@inputs
def bool_pair(draw, rng):
    return [rng.random(shape) < 0.5 for shape in draw(broadcasting_shapes())], {}


@inputs
def numbers(draw, rng, low=-2.0, high=2.0, points=()):
    return [away_from(rng, draw(shapes(0, 3)), points, low=low, high=high)], {}


@inputs
def several(draw, rng):
    shape = draw(shapes(0, 3))
    return [rng.normal(size=shape) for _ in range(draw(st.integers(1, 4)))], {}


@inputs
def choice(draw, rng):
    first, second, third = draw(broadcasting_shapes(3))
    return [rng.random(first) < 0.5, rng.normal(size=second), rng.normal(size=third)], {}


@inputs
def truth(draw, rng):
    return [rng.random(draw(shapes(0, 3))) < 0.5], {}


@inputs
def special(draw, rng):
    return [rng.choice([1.0, -2.0, np.nan, np.inf, -np.inf], draw(shapes(0, 3)))], {}


@inputs
def bounded(draw, rng):
    return [distinct(rng, draw(shapes(0, 3)), 0.3) + 0.07], {}


@inputs
def tensor_bounds(draw, rng):
    return [distinct(rng, (4, 3), 0.3) + 0.07, np.array([-1.0, 0.0, -0.5]), np.array([[1.0], [0.5], [2.0], [0.0]])], {}


def shapes_message(op):
    return (
        f"{op}: shapes (2, 3) and (2, 4) do not broadcast: axis -1 has sizes 3 and 4; "
        "sizes must be equal or 1 (insert axes with tf.newaxis, reorder them with tf.transpose)"
    )


def operator(op, name, oracle, drawn=None, *, errors=(), label="", **options):
    """A row for the function ``tf.math.name`` of two tensors, with the message for shapes that do not fit."""

    def call(tf, a, b):
        return getattr(tf.math, name)(a, b)

    def misfit(tf):
        return call(tf, tf.ones((2, 3)), tf.ones((2, 4)))

    refused = ((misfit, InvalidArgumentError, shapes_message(op)), *errors) if not label else errors
    return Case(op, call, oracle, pair() if drawn is None else drawn, errors=refused, label=label, **options)


def question(op, name, oracle):
    """A function of floats with a bool result."""
    message = (
        f"{op}: expected a floating-point tensor, got int32 of shape (2,); convert it first: tf.cast(x, tf.float32)"
    )
    return Case(
        op,
        lambda tf, x: getattr(tf.math, name)(x),
        oracle,
        special(),
        gradient=False,
        errors=((lambda tf: getattr(tf.math, name)(tf.constant([1, 2])), InvalidArgumentError, message),),
    )


def logic(op, name, oracle):
    message = f"{op}: expected a bool tensor, got int32 of shape (1,); compare it first (x != 0)"
    error = (lambda tf: getattr(tf, name)(tf.constant([1]), tf.constant([1])), InvalidArgumentError, message)
    return Case(op, lambda tf, a, b: getattr(tf, name)(a, b), oracle, bool_pair(), gradient=False, errors=(error,))


def function(op, oracle, drawn, name=None, numbers_only=False, **options):
    """A row for the function ``tf.math.name`` of one tensor, with the message for a dtype that it does not take."""
    name = name or op.lower()

    def call(tf, x):
        return getattr(tf.math, name)(x)

    if numbers_only:
        message = (
            f"{op}: expected numbers, got bool of shape (1,); "
            "convert it first: tf.cast(x, tf.float32), or combine truth values with & and |"
        )
        errors = ((lambda tf: call(tf, tf.constant([True])), InvalidArgumentError, message),)
    else:
        message = (
            f"{op}: expected a floating-point tensor, got int32 of shape (2,); convert it first: tf.cast(x, tf.float32)"
        )
        errors = ((lambda tf: call(tf, tf.constant([1, 2])), InvalidArgumentError, message),)
    return Case(op, call, oracle, drawn, errors=errors, **options)


MIXED = (
    lambda tf: tf.add(tf.ones(2), tf.constant([1, 2])),
    InvalidArgumentError,
    "AddV2: x is float32 but y is int32 (shapes (2,) and (2,)); dtypes do not mix: use tf.cast",
)
INTEGER_QUOTIENT = (
    lambda tf: tf.math.floordiv(tf.constant([1]), tf.constant([0])),
    InvalidArgumentError,
    "FloorDiv: Integer division by zero (y has shape (1,) and dtype int32)",
)
INTEGER_REMAINDER = (
    lambda tf: tf.constant([1]) % 0,
    InvalidArgumentError,
    "FloorMod: Integer division by zero (y has shape () and dtype int32)",
)
INTEGER_POWER = (
    lambda tf: tf.pow(tf.constant([2]), -1),
    InvalidArgumentError,
    "Pow: Integers to negative integer powers are not allowed; cast both to a floating-point dtype",
)
UNEQUAL_TERMS = (
    lambda tf: tf.add_n([tf.zeros(2), tf.zeros(3)]),
    InvalidArgumentError,
    "AddN: all tensors must have one shape, but inputs[0] has (2,) and inputs[1] has (3,); tf.add broadcasts",
)
NO_TERMS = (lambda tf: tf.add_n([]), ValueError, "add_n: inputs must hold at least one tensor, got an empty list")
MIXED_CHOICE = (
    lambda tf: tf.where([True], tf.ones(1), tf.constant([1])),
    InvalidArgumentError,
    "SelectV2: x is float32 but y is int32 (shapes (1,) and (1,)); dtypes are never mixed: use tf.cast",
)
HALF_CHOICE = (lambda tf: tf.where([True], 1), ValueError, "where: give both x and y, or neither")

CASES = [
    operator("AddV2", "add", np.add, errors=(MIXED,)),
    operator("AddV2", "add", np.add, integer_pair(), gradient=False, label="int32"),
    operator("Sub", "subtract", np.subtract),
    operator("Mul", "multiply", np.multiply),
    operator("Mul", "multiply", np.multiply, integer_pair(), gradient=False, label="int32"),
    operator("RealDiv", "divide", np.divide),
    operator("RealDiv", "divide", np.divide, integer_pair(), gradient=False, label="int32"),
    operator("RealDiv", "divide_no_nan", lambda a, b: a / b, label="no_nan"),
    Case(
        "RealDiv",
        lambda tf, a: tf.math.divide_no_nan(a, [0.0, 2.0]),
        lambda a: a * [0.0, 0.5],
        st.just(([np.array([[3.0, 4.0]])], {})),
        label="by_zero",
    ),
    operator("FloorDiv", "floordiv", np.floor_divide, pair(apart=True), gradient=False, errors=(INTEGER_QUOTIENT,)),
    operator("FloorDiv", "floordiv", np.floor_divide, integer_pair(), gradient=False, label="int32"),
    operator("FloorMod", "floormod", np.mod, remainders(), errors=(INTEGER_REMAINDER,)),
    operator("FloorMod", "mod", np.mod, integer_pair(), gradient=False, label="int32"),
    operator("Pow", "pow", np.power, pair(low=0.2), errors=(INTEGER_POWER,)),
    operator("Pow", "pow", np.power, integer_pair(low=1), gradient=False, label="int32"),
    Case("Pow", lambda tf, x: x**2, lambda x: x**2, numbers(), label="square"),
    operator("Maximum", "maximum", np.maximum, pair(apart=True)),
    operator("Minimum", "minimum", np.minimum, pair(apart=True)),
    operator("SquaredDifference", "squared_difference", lambda a, b: (a - b) ** 2),
    Case("AddN", lambda tf, *xs: tf.add_n(xs), lambda *xs: sum(xs), several(), errors=(UNEQUAL_TERMS, NO_TERMS)),
    operator("Equal", "equal", np.equal, integer_pair(), gradient=False),
    operator("NotEqual", "not_equal", np.not_equal, integer_pair(), gradient=False),
    operator("Less", "less", np.less, integer_pair(), gradient=False),
    operator("LessEqual", "less_equal", np.less_equal, integer_pair(), gradient=False),
    operator("Greater", "greater", np.greater, integer_pair(), gradient=False),
    operator("GreaterEqual", "greater_equal", np.greater_equal, integer_pair(), gradient=False),
    logic("LogicalAnd", "logical_and", np.logical_and),
    logic("LogicalOr", "logical_or", np.logical_or),
    Case(
        "LogicalAnd",
        lambda tf, a, b: tf.math.logical_xor(a, b),
        np.logical_xor,
        bool_pair(),
        gradient=False,
        label="xor",
    ),
    Case(
        "LogicalNot",
        lambda tf, x: ~x,
        np.logical_not,
        truth(),
        gradient=False,
        errors=(
            (
                lambda tf: tf.logical_not(tf.constant([1.0, 0.0])),
                InvalidArgumentError,
                "LogicalNot: expected a bool tensor, got float32 of shape (2,); compare it first (x != 0)",
            ),
        ),
    ),
    Case(
        "SelectV2",
        lambda tf, condition, a, b: tf.where(condition, a, b),
        np.where,
        choice(),
        errors=(MIXED_CHOICE, HALF_CHOICE),
    ),
    question("IsNan", "is_nan", np.isnan),
    question("IsInf", "is_inf", np.isinf),
    question("IsFinite", "is_finite", np.isfinite),
    function("Neg", np.negative, numbers(), "negative", numbers_only=True),
    function("Abs", np.abs, numbers(points=(0,)), numbers_only=True),
    function("Sign", np.sign, numbers(points=(0,)), numbers_only=True),
    function("Floor", np.floor, numbers(points=range(-2, 3)), gradient=False),
    function("Ceil", np.ceil, numbers(points=range(-2, 3)), gradient=False),
    Case(
        "Rint",
        lambda tf, x: tf.round(x),
        np.round,
        numbers(points=(-1.5, -0.5, 0.5, 1.5)),
        gradient=False,
        errors=(
            (
                lambda tf: tf.round(tf.constant([True])),
                InvalidArgumentError,
                "Rint: expected a floating-point tensor, got bool of shape (1,); "
                "convert it first: tf.cast(x, tf.float32)",
            ),
        ),
    ),
    function("Square", np.square, numbers(), numbers_only=True),
    function("Sqrt", np.sqrt, numbers(low=0.2), covers=("SqrtGrad",)),
    function("Rsqrt", lambda x: 1 / np.sqrt(x), numbers(low=0.3), covers=("RsqrtGrad",)),
    function("Reciprocal", np.reciprocal, numbers(low=0.3), covers=("ReciprocalGrad",)),
    function("Exp", np.exp, numbers()),
    function("Expm1", np.expm1, numbers()),
    function("Log", np.log, numbers(low=0.2)),
    function("Log1p", np.log1p, numbers(low=-0.8)),
    function("Erf", erf, numbers()),
    function("Sin", np.sin, numbers()),
    function("Cos", np.cos, numbers()),
    function("Tan", np.tan, numbers(low=-1.0, high=1.0)),
    function("Asin", np.arcsin, numbers(low=-0.8, high=0.8)),
    function("Acos", np.arccos, numbers(low=-0.8, high=0.8)),
    function("Atan", np.arctan, numbers()),
    function("Sinh", np.sinh, numbers()),
    function("Cosh", np.cosh, numbers()),
    Case(
        "ClipByValue",
        lambda tf, x: tf.clip_by_value(x, -1.0, 2),
        lambda x: np.clip(x, -1, 2),
        bounded(),
        errors=(
            (
                lambda tf: tf.clip_by_value(tf.constant([True]), False, True),
                InvalidArgumentError,
                "ClipByValue: expected numbers, got bool of shape (1,); convert it first: tf.cast(x, tf.float32), "
                "or combine truth values with & and |",
            ),
        ),
    ),
    Case(
        "ClipByValue",
        lambda tf, x, low, high: tf.clip_by_value(x, low, high),
        lambda x, low, high: np.clip(x, low, high),
        tensor_bounds(),
        gradient=(0,),
        label="tensors",
    ),
]
