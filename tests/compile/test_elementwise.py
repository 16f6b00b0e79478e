"""Generated kernels of elementwise groups: the bits of the eager ops, one Node for a group, order kept."""

import numpy as np
import pytest

import microdl as tf
from microdl.compile import elementwise
from microdl.core import nest
from microdl.core.kernels import cpu
from microdl.core.tensor import apply

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3e-42, 1e-30, -20.0, 60.0, 120.0, -120.0, 3e38, np.inf, -np.inf, np.nan]


@pytest.fixture(autouse=True)
def _every_size_fuses(monkeypatch):
    monkeypatch.setattr(elementwise, "LEAST_SAVED", 0)


def names_of(traced, *args):
    """The ops of the plan that runs for these arguments."""
    return [node.op.name for node in traced.get_concrete_function(*args).plan.program.nodes]


def check(function, *args, fused: int | None = 1):
    """Eager and traced calls give the same bits (zeros of either sign are one), by ``fused`` Nodes made of groups."""
    traced = tf.function(lambda *xs: function(*xs))
    with np.errstate(all="ignore"):
        expected, actual = nest.flatten(function(*args)), nest.flatten(traced(*args))
    for y, e in zip(actual, expected, strict=True):
        assert y.dtype == e.dtype
        np.testing.assert_array_equal(y.numpy(), e.numpy())
    if fused is not None:
        assert names_of(traced, *args).count("_FusedElementwise") == fused
    return traced


def values(shape, dtype="float32", seed=0):
    return tf.constant(np.random.default_rng(seed).normal(size=shape).astype(dtype))


# Every expression of the table.

UNARY = {
    *("Neg", "Abs", "Sign", "Square", "Floor", "Ceil", "Rint", "Sqrt", "Rsqrt", "Reciprocal"),
    *("Exp", "Expm1", "Log", "Log1p", "Erf", "IsNan", "IsInf", "IsFinite"),
    *("Relu", "Relu6", "Sigmoid", "Tanh", "Softplus", "Softsign", "Gelu", "GeluTanh"),
}
BINARY = {
    *("AddV2", "Sub", "Mul", "RealDiv", "MulNoNan", "SquaredDifference", "Maximum", "Minimum", "AddN"),
    *("Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual"),
    *("SqrtGrad", "RsqrtGrad", "ReciprocalGrad", "ReluGrad", "Relu6Grad", "SigmoidGrad", "TanhGrad"),
    *("SoftplusGrad", "SoftsignGrad", "GeluGrad", "GeluTanhGrad"),
}
WITH_ATTRIBUTES = {
    "LeakyRelu": {"alpha": 0.3},
    "Elu": {"alpha": 1.7, "scale": 1.05},
    "Silu": {"beta": 1.3},
    "ClipByValue": {"low": -0.7, "high": 1.3},
    "LeakyReluGrad": {"alpha": 0.3},
    "EluGrad": {"alpha": 1.7, "scale": 1.05},
    "SiluGrad": {"beta": 1.3},
}
ELSEWHERE = {
    *("BiasAdd", "BroadcastTo", "MeanGrad", "Cast", "SelectV2", "DropoutGrad"),
    *("LogicalAnd", "LogicalOr", "LogicalNot"),
}


def applications(x, y):
    """name -> what every op of x (and y) gives."""
    found = {name: (lambda name=name: apply(name, x)) for name in UNARY}
    found |= {name: (lambda name=name: apply(name, x, y)) for name in BINARY}
    for name, attrs in WITH_ATTRIBUTES.items():
        inputs = (x, y) if name.endswith("Grad") else (x,)
        found[name] = lambda name=name, inputs=inputs, attrs=attrs: apply(name, *inputs, **attrs)
    return found


def test_every_expression_is_tested():
    assert set(applications(None, None)) | ELSEWHERE == set(cpu.formula.EXPRESSIONS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("part", range(8))
def test_every_op_gives_the_bits_that_it_gives_alone(part, dtype, rng):
    pairs = np.array([(a, b) for a in SPECIAL for b in SPECIAL] + list(3 * rng.normal(size=(500, 2))))
    names = sorted(applications(None, None))[part::8]

    def function(x, y):
        x = x * 1.0 * tf.cast(1, dtype)  # tidied away
        shared = tf.minimum(x, np.inf)  # hands the ops to one group
        ops = applications(shared, y)
        return [ops[name]() for name in names]

    with np.errstate(over="ignore"):
        check(function, *(tf.constant(column.astype(dtype)) for column in pairs.T))


def test_logic_choices_and_casts_give_the_same_bits(rng):
    x, y = values((40,)), values((40,), seed=1)
    numbers = tf.constant(rng.integers(-300, 300, 40).astype("int32"))
    pixels = tf.constant(rng.integers(0, 256, 40).astype("uint8"))

    def function(x, y, numbers, pixels):
        a, b = x > y, tf.logical_not(tf.cast(numbers, tf.bool)) | (numbers > 20)
        chosen = tf.where(a & b, x, tf.cast(numbers, tf.float32) / 7.0)
        bright = tf.cast(pixels, tf.float32) / 255.0 + tf.cast(a, tf.float32)
        dropped = apply("DropoutGrad", chosen, pixels, scale=1.25)
        logic = tf.where(a, b, tf.equal(pixels, tf.cast(7, tf.uint8)))
        whole = tf.cast(x * 100.0, tf.int32) + tf.cast(a, tf.int32)
        return chosen, bright, dropped, logic, whole, tf.cast(x, tf.float64)

    check(function, x, y, numbers, pixels)


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_integers_wrap_around_as_they_do_alone(dtype, rng):
    limits = np.iinfo(dtype)
    a, b = (tf.constant(rng.integers(limits.min, limits.max, 50, dtype=dtype, endpoint=True)) for _ in range(2))
    check(lambda a, b: ((a + b) * a - b, tf.maximum(a + b, b), tf.cast(a + b, tf.float64)), a, b)
    check(lambda a, b: a * a > b + b, a, b)


def test_powers_of_two_join_and_others_stay_outside():
    x = values((30,))
    check(lambda x: x**2.0 + x, x)
    traced = check(lambda x: tf.abs(x) ** 3.0 + x * x, x, fused=1)
    assert "Pow" in names_of(traced, x)


# Shapes.


def test_rows_columns_and_scalars_are_stretched():
    x, row, column, one = values((6, 5)), values((5,)), values((6, 1)), values(())
    check(lambda x, r, c, s: tf.tanh((x - c) * r + s) * 2.0, x, row, column, one)


def test_operands_in_the_middle_and_wide_ones_are_stretched():
    x, middle, wide = values((3, 4, 200)), values((3, 1, 200)), values((1, 4, 1))
    check(lambda x, a, b: (x * a + b) * a, x, middle, wide)


def test_what_starts_smaller_grows_inside_the_group():
    row, column = values((1, 70)), values((90, 1))
    check(lambda r, c: tf.sqrt(tf.square(r - c) + 1.0), row, column)


def test_bias_and_gradients_of_means_join():
    x, bias = values((4, 3, 7)), values((7,))
    check(lambda x, b: tf.nn.gelu(tf.nn.bias_add(x, b)), x, bias)
    check(lambda x, dy: apply("MeanGrad", dy, shape=(4, 3, 7), axis=(1,)) * x, x, values((4, 7)))
    check(lambda x, dy: apply("MeanGrad", dy, shape=(4, 3, 7), axis=(0, 1, 2)) * x, x, values(()))


@pytest.mark.parametrize("shape", [(0,), (0, 5), (1,), (), (3, 0, 2)])
def test_empty_and_single_elements(shape):
    check(lambda x: tf.exp(x) * 2.0 + 1.0, values(shape))


def test_several_blocks_give_the_same_bits_on_any_number_of_threads():
    x, row = values((700, 130)), values((130,))
    traced = check(lambda x, r: tf.sigmoid(x * r) + x, x, row)
    before = tf.config.threading.get_intra_op_parallelism_threads()
    several = traced(x, row).numpy()
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        np.testing.assert_array_equal(traced(x, row).numpy(), several)
    finally:
        tf.config.threading.set_intra_op_parallelism_threads(before)


# Groups.


def test_intermediates_that_others_need_are_written_too():
    x, w = values((8, 8)), values((8, 8), seed=1)

    def function(x, w):
        a = tf.exp(x) + 1.0
        b = tf.sqrt(a) * x
        return a, tf.matmul(b, w), b - 2.0

    check(function, x, w)


def test_what_lies_behind_a_product_of_the_group_stays_outside_of_it():
    x = values((8, 8))

    def function(x):
        a = tf.tanh(x) * 2.0
        return tf.exp(a + tf.matmul(a, x)) - a

    check(function, x, fused=2)


def test_two_groups_never_wait_for_each_other():
    x, y = values((4, 4)), values((4, 4), seed=1)

    def function(x, y):
        a, b = x * 2.0, tf.reshape(y, (16,)) * 3.0
        c, d = a + tf.reshape(b, (4, 4)), b - tf.reshape(a, (16,))
        return c * a, d * b

    check(function, x, y, fused=None)


def test_groups_are_not_larger_than_someone_can_read():
    x = values((20,))

    def function(x):
        for _ in range(50):
            x = tf.tanh(x) + 0.5
        return x

    traced = check(function, x, fused=None)
    nodes = traced.get_concrete_function(x).plan.program.nodes
    assert [len(node.attrs["formula"][1]) for node in nodes] == [32, 32, 32, 4]


def test_many_inputs_make_several_kernels():
    xs = [values((20,), seed=i) for i in range(25)]
    check(lambda *xs: tf.exp(sum(xs[1:], start=xs[0])), *xs, fused=2)


def test_a_single_op_and_small_tensors_keep_their_kernels(monkeypatch):
    x = values((10,))
    check(lambda x: tf.tanh(x), x, fused=0)
    monkeypatch.setattr(elementwise, "LEAST_SAVED", 11)
    check(lambda x: tf.tanh(x) + 1.0, x, fused=0)


def test_float16_stays_outside():
    x = tf.constant(np.ones(10, np.float16))
    check(lambda x: tf.cast(tf.cast(x, tf.float32) * 2.0 + 1.0, tf.float16), x)


def test_writes_to_variables_keep_their_places():
    v, x = tf.Variable(np.arange(12.0, dtype=np.float32)), values((12,))

    def step(x):
        before = v * 2.0
        v.assign_add(x)
        between = before + v
        v.assign(between * 0.5)
        return before - x, between * v

    start = v.numpy()
    expected = [y.numpy() for y in step(x)], v.numpy()
    v.assign(start)
    actual = [y.numpy() for y in tf.function(step)(x)], v.numpy()
    np.testing.assert_array_equal(actual[0], expected[0])
    np.testing.assert_array_equal(actual[1], expected[1])


def test_scalars_are_read_when_the_kernel_runs():
    rate, x = tf.Variable(0.5), values((30,))
    traced = tf.function(lambda x: tf.exp(x) - rate * x)
    for value in (0.5, 2.0, np.nan):
        rate.assign(value)
        np.testing.assert_array_equal(traced(x).numpy(), (tf.exp(x) - value * x).numpy())


def gradients(function, x, w, inside):
    def of(x, w):
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            loss = tf.reduce_mean(tf.square(function(x, w)))
        return tape.gradient(loss, [x, w])

    if inside:
        return tf.function(of)(x, w)
    function, plain = tf.function(function), function
    with tf.GradientTape() as tape, tf.GradientTape() as other:
        tape.watch([x, w])
        other.watch([x, w])
        loss, expected = tf.reduce_mean(tf.square(function(x, w))), tf.reduce_mean(tf.square(plain(x, w)))
    return list(zip(tape.gradient(loss, [x, w]), other.gradient(expected, [x, w]), strict=True))


ACTIVATIONS = ["relu", "relu6", "leaky_relu", "elu", "selu", "sigmoid", "tanh", "softplus", "softsign", "silu", "gelu"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_gradients_inside_and_through_the_call_have_the_eager_bits(name):
    x, w = values((16, 8), "float64"), values((8,), "float64", seed=1)

    def function(x, w):
        return getattr(tf.nn, name)(x * w + 0.25) * tf.sigmoid(w)

    through = gradients(function, x, w, inside=False)
    for dx, eager, inside in zip(*zip(*through, strict=True), gradients(function, x, w, inside=True), strict=True):
        np.testing.assert_array_equal(dx.numpy(), eager.numpy())
        np.testing.assert_array_equal(inside.numpy(), eager.numpy())


# Random graphs.

UNARIES = [tf.tanh, tf.exp, tf.nn.relu, tf.abs, tf.sigmoid, tf.square, lambda x: -x, lambda x: x * 0.3, tf.nn.gelu]
BINARIES = [lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b, tf.maximum, tf.minimum]


@pytest.mark.parametrize("seed", range(12))
def test_random_graphs_give_the_eager_bits(seed):
    rng = np.random.default_rng(seed)
    dtype = rng.choice(["float32", "float64"])
    shapes = [(7, 9), (7, 9), (9,), (7, 1), (1, 9), (), (1,)]
    inputs = [values(shapes[i], dtype, seed=int(i)) for i in [0, *rng.integers(0, len(shapes), 4)]]
    plan = [(rng.integers(0, 4), rng.random(2), rng.integers(0, 99)) for _ in range(14)]
    returned = {int(i) for i in rng.integers(5, 19, 3)}

    def function(*inputs):
        pool = list(inputs)
        for kind, picks, which in plan:
            a, b = (pool[int(pick * len(pool))] for pick in picks)
            if kind == 0:
                pool.append(UNARIES[which % len(UNARIES)](a))
            elif kind == 1:
                pool.append(tf.where(a > b, a, tf.cast(b <= 0.0, a.dtype)))
            else:
                pool.append(BINARIES[which % len(BINARIES)](a, b))
            if which == 0:
                pool.append(tf.reshape(tf.reduce_sum(pool[-1]), ()))
        return [pool[i] for i in sorted(returned)] + [pool[-1]]

    check(function, *inputs, fused=None)
