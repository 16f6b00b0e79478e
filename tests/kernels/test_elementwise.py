"""Broadcasting operators and functions of one array against NumPy, and the layout table that they walk by."""

import math

import numpy as np
import pytest
from hypothesis import given

from microdl.core.kernels import cpu
from microdl.ops.broadcast import layout, layout_of_two

from ..cases import broadcasting_shapes

OPERATORS = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "floordiv": np.floor_divide,
    "floordiv_real": lambda a, b: np.floor(a / b),
    "floormod": np.mod,
    "pow": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "squared_difference": lambda a, b: (a - b) ** 2,
}
COMPARISONS = {"equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal}
LOGIC = {"logical_and": np.logical_and, "logical_or": np.logical_or}
INTEGER_OPERATORS = [name for name in OPERATORS if name not in ("divide", "floordiv_real", "pow")]
FLOAT_OPERATORS = [name for name in OPERATORS if name != "floordiv"]

# Fewer than one block, several, and a last one that is not full; every way in which an axis can be stretched.
SHAPES = [
    ((), ()),
    ((1,), (1, 1)),
    ((0, 3), (3,)),
    ((3, 0), (1,)),
    ((17000,), (17000,)),
    ((17000,), ()),
    ((1, 1), (33, 300)),
    ((1400, 13), (13,)),
    ((700, 13), (700, 1)),
    ((1, 13), (700, 1)),
    ((2, 50, 3, 40), (50, 1, 40)),
    ((2, 1, 3, 1, 40), (50, 1, 20, 1)),
]


def binary(kernel, a, b, dtype=None):
    y = np.empty(np.broadcast_shapes(a.shape, b.shape), dtype or a.dtype)
    kernel(a.ravel(), b.ravel(), layout_of_two(a.shape, b.shape), y.ravel())
    return y


def operands(rng, shape_a, shape_b, dtype):
    if np.dtype(dtype).kind == "f":
        return rng.uniform(0.5, 4, shape_a).astype(dtype), rng.uniform(0.5, 4, shape_b).astype(dtype)
    if dtype == "bool":
        return rng.random(shape_a) < 0.5, rng.random(shape_b) < 0.5
    low = 1 if dtype == "uint8" else -9
    a, b = rng.integers(low, 9, shape_a), rng.integers(low, 9, shape_b)
    return a.astype(dtype), np.where(b == 0, 1, b).astype(dtype)


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        (((), ()), [[1], [1], [1]]),
        (((64, 10), (64, 10)), [[640], [1], [1]]),
        (((64, 10), (10,)), [[64, 10], [10, 1], [0, 1]]),
        (((64, 10), (64, 1)), [[64, 10], [10, 1], [1, 0]]),
        (((2, 3, 4), (1, 3, 4)), [[2, 12], [12, 1], [0, 1]]),
        (((2, 3, 4), (3, 1)), [[2, 3, 4], [12, 4, 1], [0, 1, 0]]),
        (((5, 1, 4), (5, 3, 1)), [[5, 3, 4], [4, 0, 1], [3, 1, 0]]),
    ],
)
def test_layout_merges_axes(shapes, expected):
    assert layout(*shapes).tolist() == expected


@given(broadcasting_shapes(3))
def test_layout_reaches_the_elements_that_numpy_would(drawn):
    table = layout(*drawn)
    full = np.broadcast_shapes(*drawn)
    for shape, steps in zip(drawn, table[1:], strict=True):
        numbers = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        offsets = sum((i * step for i, step in zip(np.indices(table[0]), steps, strict=True)), np.zeros((), int))
        np.testing.assert_array_equal(offsets.ravel(), np.broadcast_to(numbers, full).ravel())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FLOAT_OPERATORS)
def test_operator_on_floats_equals_numpy(name, dtype, rng):
    for shape_a, shape_b in SHAPES:
        a, b = operands(rng, shape_a, shape_b, dtype)
        y = binary(getattr(cpu.elementwise, name), a, b)
        expected = OPERATORS[name](a, b)
        tolerance = {"rtol": 4 * np.finfo(dtype).eps} if name in ("pow", "squared_difference") else {"rtol": 0}
        np.testing.assert_allclose(y, expected, **tolerance)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off
@pytest.mark.parametrize("dtype", ["uint8", "int32"])
@pytest.mark.parametrize("name", INTEGER_OPERATORS)
def test_operator_on_integers_equals_numpy(name, dtype, rng):
    for shape_a, shape_b in SHAPES:
        a, b = operands(rng, shape_a, shape_b, dtype)
        np.testing.assert_array_equal(binary(getattr(cpu.elementwise, name), a, b), OPERATORS[name](a, b))


@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_comparison_equals_numpy(name, dtype, rng):
    for shape_a, shape_b in SHAPES:
        a, b = operands(rng, shape_a, shape_b, dtype)
        a = np.where(rng.random(a.shape) < 0.3, b.ravel()[0] if b.size else 0, a).astype(dtype)
        np.testing.assert_array_equal(binary(getattr(cpu.elementwise, name), a, b, bool), COMPARISONS[name](a, b))


@pytest.mark.parametrize("name", LOGIC)
def test_logic_equals_numpy(name, rng):
    a, b = operands(rng, (700, 13), (13,), "bool")
    np.testing.assert_array_equal(binary(getattr(cpu.elementwise, name), a, b), LOGIC[name](a, b))


def test_select_takes_from_three_shapes(rng):
    for shapes in [((), (), ()), ((700, 1), (13,), (700, 13)), ((700, 13), (700, 13), ()), ((5,), (0, 1), (1, 5))]:
        condition, a, b = rng.random(shapes[0]) < 0.5, *(rng.normal(size=s) for s in shapes[1:])
        y = np.empty(np.broadcast_shapes(*shapes))
        cpu.elementwise.select(condition.ravel(), a.ravel(), b.ravel(), layout(*shapes), y.ravel())
        np.testing.assert_array_equal(y, np.where(condition, a, b))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off
def test_integers_wrap_around():
    a = np.array([200, 255], np.uint8)
    np.testing.assert_array_equal(binary(cpu.elementwise.add, a, a), [144, 254])
    np.testing.assert_array_equal(
        binary(cpu.elementwise.pow, np.array([2, -3], np.int32), np.array([40, 3], np.int32)), [0, -27]
    )
    np.testing.assert_array_equal(binary(cpu.elementwise.multiply, *[np.array([2**31 - 1], np.int32)] * 2), [1])


def test_division_by_a_scalar_is_not_a_product():
    """49 / 49 computed as 49 * (1 / 49) would be 0.99999994, and its floor 0."""
    numbers = np.arange(1, 4097, dtype=np.float32)
    for divisor in (np.float32(49), np.float32(255)):
        for name in ("divide", "floordiv_real"):
            y = binary(getattr(cpu.elementwise, name), numbers, np.array(divisor))
            np.testing.assert_array_equal(y, OPERATORS[name](numbers, divisor))


def test_nan_and_infinity_pass_through():
    nan, inf = np.nan, np.inf
    a, b = np.array([nan, 1, inf, -inf, 0, 5]), np.array([1, nan, -inf, 2, 0, 0])
    with np.errstate(all="ignore"):
        for name in ("maximum", "minimum", "add", "divide", "floormod"):
            np.testing.assert_array_equal(binary(getattr(cpu.elementwise, name), a, b), OPERATORS[name](a, b))


@pytest.mark.parametrize("shapes", [((300_000,), (300_000,)), ((3000, 100), (100,)), ((3000, 100), (3000, 1))])
def test_operator_gives_the_same_bits_for_any_number_of_threads(shapes, rng, same_bits):
    a, b = operands(rng, *shapes, "float32")
    for name in ("divide", "pow", "squared_difference"):
        same_bits(lambda name=name: [binary(getattr(cpu.elementwise, name), a, b)])


# name, the same in NumPy or math, interval
FUNCTIONS = [
    ("negative", np.negative, -3, 3),
    ("abs", np.abs, -3, 3),
    ("sign", np.sign, -3, 3),
    ("floor", np.floor, -3, 3),
    ("ceil", np.ceil, -3, 3),
    ("round", np.round, -3, 3),
    ("square", np.square, -3, 3),
    ("sqrt", np.sqrt, 0, 9),
    ("rsqrt", lambda x: 1 / np.sqrt(x), 0.1, 9),
    ("reciprocal", lambda x: 1 / x, 0.1, 9),
    ("exp", np.exp, -9, 9),
    ("expm1", np.expm1, -1, 1),
    ("log", np.log, 0.1, 9),
    ("log1p", np.log1p, -0.9, 1),
    ("erf", np.vectorize(math.erf, otypes=[float]), -3, 3),
    ("sin", np.sin, -9, 9),
    ("cos", np.cos, -9, 9),
    ("tan", np.tan, -1.5, 1.5),
    ("asin", np.arcsin, -1, 1),
    ("acos", np.arccos, -1, 1),
    ("atan", np.arctan, -9, 9),
    ("sinh", np.sinh, -3, 3),
    ("cosh", np.cosh, -3, 3),
]
IDS = [function[0] for function in FUNCTIONS]


def unary(name, x, dtype=None):
    y = np.empty(x.shape, dtype or x.dtype)
    getattr(cpu.unary, name)(x, y)
    return y


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "oracle", "low", "high"), FUNCTIONS, ids=IDS)
def test_function_equals_numpy(name, oracle, low, high, dtype, rng):
    for size in (0, 1, 5000):
        x = rng.uniform(low, high, size).astype(dtype)
        y = unary(name, x)
        assert y.dtype == dtype
        np.testing.assert_allclose(y, oracle(x.astype(float)), rtol=4 * np.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("name", ["negative", "abs", "sign", "square"])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_function_on_integers_equals_numpy(name, dtype, rng):
    x = rng.integers(-9, 9, 100).astype(dtype)
    np.testing.assert_array_equal(unary(name, x), dict(zip(IDS, (f[1] for f in FUNCTIONS), strict=True))[name](x))


def test_halves_are_rounded_to_even():
    np.testing.assert_array_equal(unary("round", np.array([0.5, 1.5, 2.5, -0.5, -1.5])), [0, 2, 2, 0, -2])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, when the JIT is off
def test_functions_at_the_edges_of_their_domains():
    nan, inf = np.nan, np.inf
    for name, x, y in [
        ("log", [0, -1, inf, nan], [-inf, nan, inf, nan]),
        ("sqrt", [-1, inf, nan], [nan, inf, nan]),
        ("rsqrt", [0, inf], [inf, 0]),
        ("reciprocal", [0, inf], [inf, 0]),
        ("exp", [-inf, inf, nan], [0, inf, nan]),
        ("sign", [nan, -inf, 0], [nan, -1, 0]),
        ("asin", [2, -2], [nan, nan]),
    ]:
        np.testing.assert_array_equal(unary(name, np.array(x, np.float32)), np.array(y, np.float32), err_msg=name)


def test_tests_of_floats():
    x = np.array([1, np.nan, np.inf, -np.inf, 0], np.float32)
    np.testing.assert_array_equal(unary("is_nan", x, bool), np.isnan(x))
    np.testing.assert_array_equal(unary("is_inf", x, bool), np.isinf(x))
    np.testing.assert_array_equal(unary("is_finite", x, bool), np.isfinite(x))
    np.testing.assert_array_equal(unary("logical_not", np.isnan(x)), ~np.isnan(x))


def test_clip_ends_at_its_low_bound_if_the_bounds_cross():
    y = np.empty(3, np.float32)
    cpu.unary.clip(np.float32([0, 1.5, 3]), np.float32(2), np.float32(1), y)
    np.testing.assert_array_equal(y, np.float32([2, 2, 2]))


def test_clip_keeps_nan():
    x, y = np.array([-2, 0.5, 3, np.nan], np.float32), np.empty(4, np.float32)
    cpu.unary.clip(x, np.float32(0), np.float32(1), y)
    np.testing.assert_array_equal(y, np.array([0, 0.5, 1, np.nan], np.float32))


@pytest.mark.parametrize(
    ("name", "forward", "slope"),
    [
        ("sqrt_grad", "sqrt", lambda x: 0.5 / np.sqrt(x)),
        ("rsqrt_grad", "rsqrt", lambda x: -0.5 * x**-1.5),
        ("reciprocal_grad", "reciprocal", lambda x: -(x**-2.0)),
    ],
)
def test_backward_kernel_equals_the_derivative(name, forward, slope, rng):
    x, dy, dx = rng.uniform(0.5, 4, 5000), rng.normal(size=5000), np.empty(5000)
    getattr(cpu.unary, name)(unary(forward, x), dy, dx)
    np.testing.assert_allclose(dx, dy * slope(x), rtol=1e-14)


def test_function_gives_the_same_bits_for_any_number_of_threads(rng, same_bits):
    x = rng.uniform(0.1, 9, 300_001).astype(np.float32)
    for name in ("rsqrt", "reciprocal", "exp", "sin"):
        same_bits(lambda name=name: [unary(name, x)])


EXTREMES = [0.0, -0.5, 3.0, 1 / 3, 1e38, -1e-38, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("name", [name for name in [*OPERATORS, *COMPARISONS] if getattr(cpu.elementwise, name).single])
def test_one_element_comes_out_as_it_does_among_many(name):
    a, b = (x.ravel() for x in np.meshgrid(np.array(EXTREMES, np.float32), np.array(EXTREMES, np.float32)))
    dtype = "bool" if name in COMPARISONS else None
    many = binary(getattr(cpu.elementwise, name), a, b, dtype)
    for i in range(a.size):
        np.testing.assert_array_equal(
            binary(getattr(cpu.elementwise, name), a[i : i + 1], b[i : i + 1], dtype)[0], many[i]
        )


def test_one_element_is_selected_as_among_many():
    a, b = np.array([1.0, math.nan]), np.array([math.inf, 2.0])
    for condition, expected in ((True, a), (False, b)):
        for i in range(2):
            y = np.empty(1)
            cpu.elementwise.select(np.array([condition]), a[i : i + 1], b[i : i + 1], layout((), (), ()), y)
            np.testing.assert_array_equal(y[0], expected[i])
