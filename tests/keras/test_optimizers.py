"""Optimizers against trajectories frozen from Keras (``tests/reference/make_optimizers.py``), and their errors."""

import copy
import json
import math
from pathlib import Path

import numpy as np
import pytest

from microdl import GradientTape, Variable, constant, float32, function, int64
from microdl.core.node import Graph
from microdl.core.op import Spec
from microdl.core.tensor import Tensor, apply
from microdl.keras import Input, Sequential, layers, optimizers

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "optimizers.npz")
CONFIGS = json.loads(str(REFERENCE["configs"]))
VARIABLES = range(3)


def start(dtype="float64"):
    return [Variable(REFERENCE[f"start/{i}"].astype(dtype), name=f"v{i}") for i in VARIABLES]


def flat(variables):
    return np.concatenate([v.numpy().ravel() for v in variables])


def step(optimizer, variables, number, dtype="float64"):
    gradients = [REFERENCE[f"gradients/{i}"][number].astype(dtype) for i in VARIABLES]
    return optimizer.apply_gradients(zip(gradients, variables, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("number", range(len(CONFIGS)), ids=lambda i: f"{i}-{CONFIGS[i][0]}")
def test_hundred_steps_follow_keras(number, dtype):
    name, config, exact = CONFIGS[number]
    optimizer, variables = getattr(optimizers, name)(**config), start(dtype)
    origin, steps, kept = flat(variables), REFERENCE["steps"], []
    for done in range(1, 101):
        step(optimizer, variables, done - 1, dtype)
        if done in steps:
            kept.append(flat(variables))
    expected = REFERENCE[f"trajectory/{number}/{dtype}"]
    moved = np.abs(expected - origin).max(axis=1, keepdims=True)
    # Keras has 1 - beta^t in float32 (up to four digits lost at the first steps), and rounds momentum and betas to
    # float32 whatever the variables are; ours are float64 until the kernel.
    tolerance = 1e-13 if exact and dtype == "float64" else 5e-5
    rounding = 4 * np.finfo(dtype).eps * np.abs(expected).max()
    assert (np.abs(np.array(kept) - expected) <= tolerance * moved + rounding).all()


@pytest.mark.parametrize("name", ["SGD", "RMSprop", "Adam", "AdamW"])
def test_iterations_count_the_steps(name):
    optimizer, variables = getattr(optimizers, name)(), start()
    for number in range(3):
        assert step(optimizer, variables, number) is optimizer.iterations
    assert optimizer.iterations.numpy() == 3
    assert optimizer.iterations.dtype == "int64"


def test_variables_are_step_rate_and_slots():
    optimizer, variables = optimizers.Adam(), start()
    step(optimizer, variables, 0)
    kinds = ["iteration", "learning_rate"] + [f"v{i}_{slot}" for i in VARIABLES for slot in ("momentum", "velocity")]
    assert [v.name for v in optimizer.variables] == [f"adam/{kind}:0" for kind in kinds]
    assert not any(v.trainable for v in optimizer.variables)


def test_a_state_copied_into_a_new_optimizer_goes_on_in_the_same_way():
    first, variables = optimizers.Adam(amsgrad=True), start()
    step(first, variables, 0)
    second, copies = optimizers.Adam(amsgrad=True), [Variable(v.numpy()) for v in variables]
    second.build(copies)
    for theirs, ours in zip(second.variables, first.variables, strict=True):
        theirs.assign(ours.numpy())
    for number in (1, 2):
        step(first, variables, number)
        step(second, copies, number)
    np.testing.assert_array_equal(flat(copies), flat(variables))


def test_minimize_takes_a_function_or_a_tensor_with_its_tape():
    x = Variable([3.0, -2.0])
    optimizer = optimizers.SGD(0.25)
    optimizer.minimize(lambda: x * x, [x])
    np.testing.assert_array_equal(x, [1.5, -1.0])
    with GradientTape() as tape:
        loss = x * x
    optimizer.minimize(loss, lambda: [x], tape=tape)
    np.testing.assert_array_equal(x, [0.75, -0.5])
    with pytest.raises(ValueError, match="needs the tape that recorded it"):
        optimizer.minimize(loss, [x])


@pytest.mark.parametrize("seed", [[1.0, 10.0], np.float32([1, 10]), constant([1.0, 10.0])])
def test_minimize_takes_the_gradient_of_what_comes_after_the_loss(seed):
    x = Variable([1.0, 2.0])
    optimizers.SGD(1.0).minimize(lambda: 3.0 * x, [x], grad_loss=seed)
    np.testing.assert_array_equal(x, [-2.0, -28.0])


def test_adam_finds_the_bottom_of_a_bowl():
    x, target = Variable([3.0, -2.0, 7.0]), constant([1.0, 2.0, 3.0])
    optimizer = optimizers.Adam(0.1)
    for _ in range(300):
        optimizer.minimize(lambda: (x - target) * (x - target), [x])
    np.testing.assert_allclose(x, target, atol=1e-3)


def test_weight_decay_leaves_out_what_it_is_told_to():
    bias, kernel, other = (Variable([1.0], name=name) for name in ("dense/bias", "dense/kernel", "scale"))
    optimizer = optimizers.SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay([other], ["bias"])
    optimizer.apply_gradients([(np.zeros(1, np.float32), v) for v in (bias, kernel, other)])
    np.testing.assert_array_equal(np.ravel([bias, kernel, other]), [1.0, 0.75, 1.0])
    with pytest.raises(ValueError, match="exclude_from_weight_decay must be called before the first step"):
        optimizer.exclude_from_weight_decay([other])


def test_learning_rate_can_be_set_between_steps():
    x, optimizer = Variable(1.0), optimizers.SGD(0.5)
    optimizer.apply_gradients([(1.0, x)])
    optimizer.learning_rate = 0.25
    optimizer.apply_gradients([(1.0, x)])
    optimizer.learning_rate.assign(0.125)
    optimizer.apply_gradients([(1.0, x)])
    assert x.numpy() == 0.125
    optimizer.learning_rate = lambda: 1.0
    optimizer.apply_gradients([(1.0, x)])
    assert x.numpy() == -0.875


def rates(schedule, steps):
    return [float(schedule(Variable(np.int64(s)))) for s in steps]


def test_exponential_decay():
    schedule = optimizers.schedules.ExponentialDecay(0.5, 10, 0.8)
    np.testing.assert_allclose(rates(schedule, [0, 5, 25]), [0.5 * 0.8 ** (s / 10) for s in (0, 5, 25)], rtol=1e-6)
    schedule = optimizers.schedules.ExponentialDecay(0.5, 10, 0.8, staircase=True)
    np.testing.assert_allclose(rates(schedule, [0, 9, 25]), [0.5, 0.5, 0.32], rtol=1e-6)


def test_piecewise_constant_decay():
    schedule = optimizers.schedules.PiecewiseConstantDecay([2, 5], [1.0, 0.5, 0.25])
    assert rates(schedule, [0, 2, 3, 5, 6]) == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_cosine_decay_with_and_without_warmup():
    schedule = optimizers.schedules.CosineDecay(0.5, 10, alpha=0.1)
    expected = [0.5 * (0.45 * (1 + math.cos(math.pi * min(s, 10) / 10)) + 0.1) for s in (0, 3, 10, 50)]
    np.testing.assert_allclose(rates(schedule, [0, 3, 10, 50]), expected, rtol=1e-6)
    schedule = optimizers.schedules.CosineDecay(0.0, 10, warmup_target=1.0, warmup_steps=4)
    np.testing.assert_allclose(rates(schedule, [0, 2, 4, 9, 14]), [0, 0.5, 1, 0.5, 0], atol=1e-6)


SCHEDULES = [
    optimizers.schedules.ExponentialDecay(0.5, 10, 0.8),
    optimizers.schedules.ExponentialDecay(0.5, 10, 0.8, staircase=True),
    optimizers.schedules.PiecewiseConstantDecay([2, 9], [1.0, 0.5, 0.25]),
    optimizers.schedules.CosineDecay(0.5, 10, alpha=0.1),
    optimizers.schedules.CosineDecay(0.1, 10, warmup_target=1.0, warmup_steps=4),
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: type(schedule).__name__)
def test_a_schedule_is_a_float32_scalar_and_the_same_in_a_graph(schedule):
    for step in (0, 3, 9, 50):
        rate = schedule(step)
        assert (tuple(rate.shape), rate.dtype.name) == ((), "float32")
        symbolic = Tensor(Spec((), int64))
        with Graph() as graph:
            schedule(symbolic)
        values = {symbolic.uid: constant(step, int64)}
        for node in graph.nodes:
            result = apply(node.op.name, *(values.get(x.uid, x) for x in node.inputs), **node.attrs)
            values[node.output_ids[0]] = result
        np.testing.assert_allclose(rate, result, rtol=1e-6, atol=1e-7)


def test_a_schedule_is_asked_at_every_step_and_cannot_be_set_over():
    x = Variable(10.0)
    optimizer = optimizers.SGD(optimizers.schedules.PiecewiseConstantDecay([0], [1.0, 0.5]))
    for _ in range(2):
        optimizer.apply_gradients([(1.0, x)])
    assert x.numpy() == 8.5
    with pytest.raises(TypeError, match="was made with a LearningRateSchedule"):
        optimizer.learning_rate = 0.1


@pytest.mark.parametrize(("name", "config", "exact"), CONFIGS)
def test_configuration_survives_serializing(name, config, exact):
    original = getattr(optimizers, name)(**config)
    copy = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(original))))
    assert type(copy) is type(original)
    assert copy.get_config() == original.get_config()


def test_schedules_survive_serializing():
    original = optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 100))
    copy = optimizers.get(json.loads(json.dumps(optimizers.serialize(original))))
    assert copy.get_config() == original.get_config()
    assert float(copy.learning_rate) == float(original.learning_rate)


def test_get_finds_by_name_and_leaves_optimizers_alone():
    assert isinstance(optimizers.get("RMSprop"), optimizers.RMSprop)
    optimizer = optimizers.get("adamw")
    assert optimizers.get(optimizer) is optimizer


def test_a_rule_of_ones_own_needs_update_step_alone():
    class SignDescent(optimizers.Optimizer):
        def update_step(self, gradient, variable, learning_rate):
            variable.assign_sub(learning_rate * np.sign(gradient.numpy()))

    x = Variable([1.0, 2.0])
    SignDescent(learning_rate=0.5).apply_gradients([(constant([7.0, -3.0]), x)])
    np.testing.assert_array_equal(x, [0.5, 2.5])


def test_missing_gradients_are_named_and_explained():
    x, y = Variable(1.0, name="x"), Variable(2.0, name="y")
    optimizer = optimizers.SGD()
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['y:0'\] when minimizing the loss"):
        optimizer.apply_gradients([(1.0, x), (None, y)])
    with GradientTape() as tape:
        loss = x * x
    with pytest.raises(
        ValueError, match=r"No gradients provided for any variable\.\n  y:0: the variable y:0 was not read"
    ):
        optimizer.minimize(loss, [y], tape=tape)
    with pytest.raises(ValueError, match=r"No gradients provided for any variable\. tape\.explain"):
        optimizer.apply_gradients([(None, x)])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: optimizers.SGD().apply_gradients(
                [(np.zeros((4, 3), np.float32), Variable(np.zeros((3, 4)), name="w"))]
            ),
            r"SGD: variable w:0 has shape \(3, 4\) and dtype float64, its gradient has shape \(4, 3\)",
        ),
        (
            lambda: optimizers.Adam(clipnorm=1.0, clipvalue=2.0),
            "Adam: only one of clipnorm, clipvalue and global_clipnorm",
        ),
        (lambda: optimizers.Adam("fast"), "Adam: learning_rate must be a float, .*, got 'fast'"),
        (lambda: optimizers.Adam(beta_1=1.0), r"Adam: beta_1 must be in \[0, 1\), got 1.0"),
        (lambda: optimizers.SGD(momentum=2), r"SGD: momentum must be in \[0, 1\], got 2"),
        (lambda: optimizers.AdamW(weight_decay=None), "AdamW: weight_decay must be a float, got None"),
        (
            lambda: optimizers.get("sdg"),
            "unknown optimizer 'sdg'; there are: Adadelta, Adagrad, Adam, AdamW, Adamax, Ftrl, Lion, Nadam, RMSprop",
        ),
        (lambda: optimizers.get(None), "an optimizer is expected .*, got None"),
        (
            lambda: optimizers.schedules.ExponentialDecay(1.0, 0, 0.5),
            "ExponentialDecay: decay_steps must be > 0, got 0",
        ),
        (
            lambda: optimizers.schedules.PiecewiseConstantDecay([1], [1.0]),
            "1 boundaries separate 2 values, got 1 values",
        ),
    ],
)
def test_errors_say_what_was_expected_and_what_came(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_an_optimizer_keeps_to_the_variables_of_its_first_step():
    x, y = Variable(1.0, name="x"), Variable(1.0, name="y")
    optimizer = optimizers.Adam()
    optimizer.apply_gradients([(1.0, x)])
    with pytest.raises(ValueError, match=r"adam: unknown variable y:0 of shape \(\)"):
        optimizer.apply_gradients([(1.0, y)])


def _trained(make, run, dtypes=("float64", "float32", "float64")):
    """Values of three variables after some steps, ``run(optimizer, pairs)`` each."""
    optimizer = make()
    variables = [Variable(REFERENCE[f"start/{i}"].astype(dtype)) for i, dtype in zip(VARIABLES, dtypes, strict=True)]
    optimizer.build(variables)
    for number in range(3):
        gradients = [REFERENCE[f"gradients/{i}"][number].astype(dtypes[i]) for i in VARIABLES]
        run(optimizer, list(zip(gradients, variables, strict=True)))
    return [v.numpy() for v in variables]


@pytest.mark.parametrize(
    "make",
    [
        lambda: optimizers.SGD(0.1),
        lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        lambda: optimizers.RMSprop(0.01),
        lambda: optimizers.RMSprop(0.01, momentum=0.5, centered=True),
        lambda: optimizers.Adam(0.01, weight_decay=0.01),
        lambda: optimizers.AdamW(0.01, amsgrad=True),
    ],
)
def test_all_variables_at_once_get_the_bits_of_one_after_another(make):
    def one_by_one(optimizer, pairs):
        for gradient, variable in pairs:
            optimizer.apply_gradients([(gradient, variable)])
            optimizer.iterations.assign_sub(1)
        optimizer.iterations.assign_add(1)

    together = _trained(make, lambda optimizer, pairs: optimizer.apply_gradients(pairs))
    for one, other in zip(together, _trained(make, one_by_one), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_variable_that_comes_twice_is_updated_twice():
    v, w = Variable([1.0, 2.0]), Variable([3.0])
    optimizers.SGD(0.5).apply_gradients([([1.0, 1.0], v), ([1.0], w), ([2.0, 4.0], v)])
    np.testing.assert_array_equal(v.numpy(), [-0.5, -0.5])
    np.testing.assert_array_equal(w.numpy(), [2.5])


def test_a_rule_may_extend_one_of_the_frameworks():
    class Halved(optimizers.SGD):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient * 0.5, variable, learning_rate)

    v, w = Variable([1.0, 2.0]), Variable([3.0])
    Halved(1.0).apply_gradients([([1.0, 1.0], v), ([2.0], w)])
    np.testing.assert_array_equal(v.numpy(), [0.5, 1.5])
    np.testing.assert_array_equal(w.numpy(), [2.0])


def test_tensors_read_before_a_step_keep_their_values():
    variables = [Variable([1.0, 2.0]), Variable([3.0])]
    optimizer = optimizers.Adam(0.1)
    optimizer.build(variables)
    before = [v.read() for v in variables] + [v.read() for v in optimizer.variables]
    values = [x.numpy() for x in before]
    optimizer.apply_gradients([(v.read(), v) for v in variables])
    for x, value in zip(before, values, strict=True):
        np.testing.assert_array_equal(x.numpy(), value)
    assert all((v.numpy() != x.numpy()).all() for v, x in zip(variables, before, strict=False))


def test_a_copy_of_a_trained_model_can_be_trained_on():
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.compile("adam", "mse")
    x, y = np.ones((8, 3), np.float32), np.ones((8, 2), np.float32)
    model.fit(x, y, verbose=0)
    twin = copy.deepcopy(model)
    before = model.get_weights()
    twin.fit(x, y, verbose=0)
    for weight, kept in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, kept)
    model.fit(x, y, verbose=0)
    for weight, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    assert int(twin.optimizer.iterations.numpy()) == int(model.optimizer.iterations.numpy()) == 2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adagrad", {}),
        ("Adadelta", {}),
        ("Adamax", {}),
        ("Nadam", {}),
        ("Ftrl", {"l1_regularization_strength": 0.01}),
        ("Lion", {}),
        ("Adam", {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 2}),
        ("SGD", {"momentum": 0.5, "gradient_accumulation_steps": 2}),
    ],
)
def test_steps_in_a_function_are_those_of_eager_code(name, options):
    def train(traced):
        optimizer, variables = getattr(optimizers, name)(**options), start("float32")

        def take(*gradients):
            optimizer.apply_gradients(zip(gradients, variables, strict=True))

        take = function(take) if traced else take
        optimizer.build(variables)
        for number in range(5):
            take(*(constant(REFERENCE[f"gradients/{i}"][number], float32) for i in VARIABLES))
        return flat(variables), optimizer.get_config()

    (traced, config), (eager, _) = train(True), train(False)
    np.testing.assert_allclose(traced, eager, rtol=1e-6, atol=1e-7)
    again = getattr(optimizers, name).from_config(config)
    assert again.get_config() == config
    assert type(optimizers.get(optimizers.serialize(again))) is type(again)


def test_accumulated_gradients_take_every_second_step():
    x, optimizer = Variable([4.0]), optimizers.SGD(0.5, gradient_accumulation_steps=2)
    for gradient, value, steps in ((1.0, 4.0, 0), (3.0, 3.0, 1), (2.0, 3.0, 1), (2.0, 2.0, 2)):
        optimizer.apply_gradients([([gradient], x)])
        assert (x.numpy().tolist(), int(optimizer.iterations.numpy())) == ([value], steps)


def test_variables_become_their_means_when_training_ends():
    x, optimizer = Variable([4.0]), optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    for _ in range(3):
        optimizer.apply_gradients([([1.0], x)])
    optimizer.finalize_variable_values()
    assert x.numpy().tolist() == [1.75]  # of 3, 2 and 1


@pytest.mark.parametrize("options", [{"gradient_accumulation_steps": 1}, {"use_ema": True, "ema_momentum": 2.0}])
def test_wrong_further_arguments_are_refused(options):
    with pytest.raises(ValueError, match=r"^SGD: "):
        optimizers.SGD(**options)
