"""Every row of the op table: values, gradients, second derivatives, messages."""

import numpy as np
import pytest
from hypothesis import given

import microdl as tf
from microdl.core import nest
from microdl.core.op import all_ops

from .cases import all_cases

CASES = all_cases()
DIFFERENTIABLE = [case for case in CASES if case.gradient]
TWICE = [case for case in DIFFERENTIABLE if case.second]

# Differences over five points: error h^4 f'''''/30 + 1.5 eps |f| / h, near 1e-12 for h = 1e-3 and values near 1.
STEP = 1e-3
GRADIENT_ERROR = 1e-7
CHECKED_ELEMENTS = 12  # per input and example


def names(cases):
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


def tensors(arrays, dtype):
    return [tf.constant(a.astype(dtype) if a.dtype.kind == "f" else a) for a in map(np.asarray, arrays)]


def flat_outputs(outputs):
    return [np.asarray(y) for y in nest.flatten(outputs)]


def forward(case, arrays, options, dtype="float64"):
    return flat_outputs(case.call(tf, *tensors(arrays, dtype), **options))


def sources_of(case, arrays):
    chosen = range(len(arrays)) if case.gradient is True else case.gradient
    return [i for i in chosen if np.asarray(arrays[i]).dtype.kind == "f"]


def weighted(outputs, weights):
    """One number from all float outputs, and its derivative seeds."""
    return sum(float(np.sum(y * w)) for y, w in zip(outputs, weights, strict=True) if w is not None)


def seeds_for(outputs, rng):
    return [rng.uniform(0.5, 1.5, y.shape) if y.dtype.kind == "f" else None for y in outputs]


def derivative(function, x, index, step=STEP):
    """d function / d x[index] from five points."""
    total = 0.0
    for factor, weight in ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12)):
        moved = x.copy()
        moved[index] += factor * step
        total += weight * function(moved)
    return total / step


def analytic(case, arrays, options, seeds, sources):
    inputs = tensors(arrays, "float64")
    with tf.GradientTape() as tape:
        tape.watch([inputs[i] for i in sources])
        outputs = nest.flatten(case.call(tf, *inputs, **options))
    pairs = [(y, s) for y, s in zip(outputs, seeds, strict=True) if s is not None]
    return tape.gradient(
        [y for y, _ in pairs], [inputs[i] for i in sources], [s for _, s in pairs], unconnected_gradients="zero"
    )


def relative(a, b):
    return abs(a - b) / max(1.0, abs(a), abs(b))


def some_indices(shape, rng):
    everything = list(np.ndindex(shape))
    if len(everything) <= CHECKED_ELEMENTS:
        return everything
    return [everything[i] for i in rng.choice(len(everything), CHECKED_ELEMENTS, replace=False)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@names(CASES)
def test_forward_equals_the_oracle(case, dtype):
    @given(case.inputs)
    def check(drawn):
        arrays, options = drawn
        rounded = [np.asarray(a) for a in arrays]
        rounded = [a.astype(dtype).astype("float64") if a.dtype.kind == "f" else a for a in rounded]
        expected = flat_outputs(case.oracle(*rounded, **options))
        outputs = forward(case, arrays, options, dtype)
        assert len(outputs) == len(expected)
        for y, e in zip(outputs, expected, strict=True):
            assert y.shape == e.shape
            if y.dtype.kind == "f":
                finite = e[np.isfinite(e)]
                scale = max(1.0, np.abs(finite).max(initial=0.0))
                np.testing.assert_allclose(y, e, rtol=0, atol=case.error * np.finfo(y.dtype).eps * scale)
            else:
                np.testing.assert_array_equal(y, e)

    check()


@names(DIFFERENTIABLE)
def test_gradient_equals_differences_of_the_oracle(case, gradient_errors):
    worst, examples = 0.0, 0

    @given(case.inputs)
    def check(drawn):
        nonlocal worst, examples
        arrays, options = drawn
        arrays = [np.asarray(a) for a in arrays]
        rng = np.random.default_rng(1)
        seeds = seeds_for(flat_outputs(case.oracle(*arrays, **options)), rng)
        sources = sources_of(case, arrays)
        for i, gradient in zip(sources, analytic(case, arrays, options, seeds, sources), strict=True):
            assert gradient.shape == arrays[i].shape

            def moved(x, i=i):
                changed = [*arrays[:i], x, *arrays[i + 1 :]]
                return weighted(flat_outputs(case.oracle(*changed, **options)), seeds)

            for index in some_indices(arrays[i].shape, rng):
                error = relative(float(gradient.numpy()[index]), derivative(moved, arrays[i], index))
                worst = max(worst, error)
                assert error < GRADIENT_ERROR, f"input {i} at {index}: relative error {error:.1e}"
        examples += 1

    check()
    gradient_errors[case.name] = (examples, worst, None)


@names(TWICE)
def test_second_derivative_equals_differences_of_the_first(case, gradient_errors):
    worst = 0.0

    @given(case.inputs)
    def check(drawn):
        nonlocal worst
        arrays, options = drawn
        arrays = [np.asarray(a) for a in arrays]
        rng = np.random.default_rng(2)
        seeds = seeds_for(forward(case, arrays, options), rng)
        sources = sources_of(case, arrays)
        weights = [rng.uniform(0.5, 1.5, arrays[i].shape) for i in sources]

        def first(changed):
            return sum(
                float(np.sum(g.numpy() * w))
                for g, w in zip(analytic(case, changed, options, seeds, sources), weights, strict=True)
            )

        inputs = tensors(arrays, "float64")
        watched = [inputs[i] for i in sources]
        with tf.GradientTape() as outer:
            outer.watch(watched)
            with tf.GradientTape() as inner:
                inner.watch(watched)
                outputs = nest.flatten(case.call(tf, *inputs, **options))
            pairs = [(y, s) for y, s in zip(outputs, seeds, strict=True) if s is not None]
            gradients = inner.gradient(
                [y for y, _ in pairs], watched, [s for _, s in pairs], unconnected_gradients="zero"
            )
        second = outer.gradient(gradients, watched, weights, unconnected_gradients="zero")
        for i, gradient in zip(sources, second, strict=True):
            for index in some_indices(arrays[i].shape, rng)[:4]:
                expected = derivative(lambda x, i=i: first([*arrays[:i], x, *arrays[i + 1 :]]), arrays[i], index)
                error = relative(float(gradient.numpy()[index]), expected)
                worst = max(worst, error)
                assert error < GRADIENT_ERROR, f"input {i} at {index}: relative error {error:.1e}"

    check()
    examples, first_error, _ = gradient_errors.get(case.name, (0, 0.0, None))
    gradient_errors[case.name] = (examples, first_error, worst)


ERRORS = [(case, i) for case in CASES for i in range(len(case.errors))]


@pytest.mark.parametrize(("case", "i"), ERRORS, ids=[f"{case.name}-{i}" for case, i in ERRORS])
def test_bad_arguments_are_refused_in_these_words(case, i):
    call, exception, message = case.errors[i]
    with pytest.raises(exception) as raised:
        call(tf)
    assert str(raised.value) == message


def test_every_op_has_a_message():
    bare = {case.op for case in CASES} - {case.op for case in CASES if case.errors}
    assert bare == set(TAKES_EVERYTHING)


# Ops that refuse no tensor; what no tensor can be made of is refused before them.
TAKES_EVERYTHING = {
    "Identity": "any dtype, any shape",
    "StopGradient": "any dtype, any shape",
    "ZerosLike": "any dtype, any shape",
    "OnesLike": "any dtype, any shape",
}


def test_every_op_is_in_the_table():
    covered = {name for case in CASES for name in (case.op, *case.covers)}
    assert set(all_ops()) - covered - set(ELSEWHERE) == set()
    assert covered - set(all_ops()) == set()


# Ops whose results are no function of their inputs alone are tested where their state is.
ELSEWHERE = {
    "ReadVariableOp": "tests/compile/test_function.py",
    "DeepCopy": "tests/compile/test_passes.py",
    "Inspect": "tests/keras/test_losses.py",
    "PrintV2": "tests/compile/test_control.py",
    **dict.fromkeys(
        (
            "AsString",
            "RegexFullMatch",
            "RegexReplace",
            "StringFormat",
            "StringJoin",
            "StringLength",
            "StringLower",
            "StringStrip",
            "StringToNumber",
            "StringUpper",
            "Substr",
        ),
        "tests/tensorflow/cases/strings.py",
    ),
    **dict.fromkeys(
        (
            "Acosh",
            "Asinh",
            "Atan2",
            "Atanh",
            "BesselI0e",
            "BesselI1e",
            "Betainc",
            "Bitcast",
            "CumulativeLogsumexp",
            "Digamma",
            "Erfc",
            "Erfinv",
            "Igamma",
            "IgammaGradA",
            "Igammac",
            "Lgamma",
            "Ndtri",
            "NextAfter",
            "Polygamma",
            "Zeta",
        ),
        "tests/tensorflow/cases/special.py",
    ),
    **dict.fromkeys(
        (
            "UnsortedSegmentMax",
            "UnsortedSegmentMin",
        ),
        "tests/tensorflow/cases/slicing.py",
    ),
    "MaxPoolWithArgmax": "tests/tensorflow/cases/neural.py",
    "_FusedMatMul": "tests/compile/test_settled.py",
    "_FusedConv2D": "tests/compile/test_settled.py",
    "_FusedConv2DPool": "tests/compile/test_settled.py",
    "_FusedBiasReluPoolGrad": "tests/compile/test_settled.py",
    "_Conv2DPoolGradFilter": "tests/compile/test_settled.py",
    "_Conv2DPoolGradInput": "tests/compile/test_settled.py",
    "_FusedElementwise": "tests/compile/test_elementwise.py",
    "AssignVariableOp": "tests/core/test_variable.py",
    "AssignAddVariableOp": "tests/core/test_variable.py",
    "AssignSubVariableOp": "tests/core/test_variable.py",
    "RandomUniform": "tests/ops/test_random.py",
    "RandomUniformInt": "tests/ops/test_random.py",
    "RandomStandardNormal": "tests/ops/test_random.py",
    "TruncatedNormal": "tests/ops/test_random.py",
    "RandomShuffle": "tests/ops/test_random.py",
    **dict.fromkeys(
        (
            "Multinomial",
            "RngSkip",
            "StatefulStandardNormalV2",
            "StatefulTruncatedNormal",
            "StatefulUniform",
            "StatefulUniformFullInt",
            "StatefulUniformInt",
            "StatelessMultinomial",
            "StatelessRandomUniformFullInt",
        ),
        "tests/tensorflow/cases/generators.py",
    ),
    "StatelessRandomUniform": "tests/ops/test_random.py",
    "StatelessRandomUniformInt": "tests/ops/test_random.py",
    "StatelessRandomNormal": "tests/ops/test_random.py",
    "StatelessTruncatedNormal": "tests/ops/test_random.py",
    "Dropout": "tests/ops/test_random.py",
    "DropoutGrad": "tests/ops/test_random.py",
    "ResourceApplyGradientDescent": "tests/keras/test_optimizers.py",
    "ResourceApplyKerasMomentum": "tests/keras/test_optimizers.py",
    "ResourceApplyRMSProp": "tests/keras/test_optimizers.py",
    "ResourceApplyRMSPropMomentum": "tests/keras/test_optimizers.py",
    "ResourceApplyCenteredRMSProp": "tests/keras/test_optimizers.py",
    "ResourceApplyAdam": "tests/keras/test_optimizers.py",
    "ResourceApplyAdamWithAmsgrad": "tests/keras/test_optimizers.py",
    "ResourceApplyWeightDecay": "tests/keras/test_optimizers.py",
    **dict.fromkeys(
        (
            "ResourceApplyAdaMax",
            "ResourceApplyAdadelta",
            "ResourceApplyAdagradV2",
            "ResourceApplyFtrlV2",
            "ResourceApplyLion",
            "ResourceApplyNadam",
        ),
        "tests/keras/test_optimizers.py",
    ),
    "Assert": "tests/core/test_debugging.py",
    "CheckNumerics": "tests/core/test_debugging.py",
    "DatasetCardinality": "tests/compile/test_elements.py",
    "DatasetVariant": "tests/compile/test_elements.py",
    "EagerPyFunc": "tests/compile/test_python_calls.py",
    "EagerPyFuncGrad": "tests/compile/test_python_calls.py",
    "IteratorGetNext": "tests/compile/test_elements.py",
    "MakeIterator": "tests/compile/test_elements.py",
    "ReadFile": "tests/ops/test_files.py",
    "WriteFile": "tests/ops/test_files.py",
    "WriteSummary": "tests/summary/test_summary.py",
    "TensorListSetItem": "tests/compile/test_tensor_array.py",
}
