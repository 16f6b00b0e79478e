"""Long processes: functions called with many shapes hold bounded memory, and what belongs to objects goes with them."""

import gc
import weakref

import numba
import numpy as np
import pytest

import microdl as tf
from microdl.compile.budget import KEPT, budget

MIB = 1 << 20
pytestmark = pytest.mark.filterwarnings("ignore:function .* was traced")
compiled = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="kernels that are plain Python are slow, or keep nothing"
)


@pytest.fixture
def limit(monkeypatch):
    """Lets the plans of a test hold 4 MiB, besides those that are there already."""
    gc.collect()
    budget.make_room(1 << 60)  # all but the latest go
    monkeypatch.setattr(budget, "limit", budget.held()[1] + 4 * MIB)
    return budget.limit


def training_step():
    layers = tf.keras.layers
    model = tf.keras.Sequential([tf.keras.Input((50,)), layers.Dense(64, activation="relu"), layers.Dense(10)])
    optimizer = tf.keras.optimizers.SGD(0.01)

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x) ** 2)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    return step


@compiled
def test_200_batch_sizes_take_no_more_than_the_limit(limit, rng):
    x = rng.normal(size=(600, 50)).astype(np.float32)
    step, most = training_step(), 0
    for size in range(400, 600):
        loss = step(tf.constant(x[:size]))
        most = max(most, budget.held()[1])
    assert np.isfinite(loss.numpy())
    largest = step.get_concrete_function(tf.constant(x[:599])).plan.nbytes
    assert KEPT * largest < 4 * MIB < 50 * largest
    assert most <= limit + largest


@compiled
def test_a_plan_whose_memory_is_gone_settles_again_with_the_same_result(limit, rng):
    x = rng.normal(size=(500, 30)).astype(np.float32)
    w = tf.Variable(rng.normal(size=(30, 600)).astype(np.float32))
    f = tf.function(lambda x: tf.reduce_sum(tf.nn.softmax(tf.cumsum(x) @ w), axis=0))
    expected = [f(tf.constant(x[:size])).numpy() for size in range(490, 500)]
    plan = f.get_concrete_function(tf.constant(x[:490])).plan
    assert not plan._idle
    for size, y in zip(range(490, 500), expected, strict=True):
        np.testing.assert_array_equal(f(tf.constant(x[:size])).numpy(), y)
    assert "memory inside the plan" in plan.explain()
    f(tf.constant(x[:490]))
    assert len(plan._idle) == 1


def test_the_plans_that_ran_last_keep_their_memory_whatever_it_comes_to(monkeypatch):
    monkeypatch.setattr(budget, "limit", 0)
    functions = [tf.function(lambda x, k=k: tf.cumsum(tf.cumsum(x) * k)) for k in range(1, KEPT + 1)]
    x = tf.ones([1000])
    for f in functions:
        f(x)
    kept = [f.get_concrete_function(x).plan._idle[0] for f in functions]
    for _ in range(3):
        for f in functions:
            f(x)
    assert [f.get_concrete_function(x).plan._idle[0] for f in functions] == kept
    tf.function(lambda x: tf.cumsum(tf.cumsum(x) - 1.0))(x)
    assert [len(f.get_concrete_function(x).plan._idle) for f in functions] == [0, *[1] * (KEPT - 1)]


def test_memory_of_a_function_goes_with_it():
    def used():
        f = tf.function(lambda x: tf.cumsum(tf.cumsum(x) * 2.0))
        f(tf.ones([5000]))
        return f.get_concrete_function(tf.ones([5000])).plan.nbytes

    gc.collect()
    used()  # once for what only a first run makes
    gc.collect()
    before = budget.held()
    assert used() >= 20_000
    gc.collect()
    assert budget.held() == before


@compiled
def test_scratch_arrays_of_settled_steps_count():
    f = tf.function(lambda x, w: tf.nn.conv2d(x, w, 1, "SAME") * 2.0 + 1.0)
    x, w = tf.ones([4, 16, 16, 8]), tf.ones([5, 5, 8, 12])  # Winograd: transformed filters
    f(x, w)
    plan = f.get_concrete_function(x, w).plan
    assert plan.nbytes > plan.scratch > 5 * 5 * 8 * 12 * 4
    assert f"{plan.scratch / 1024:.1f} KiB of it scratch of kernels" in plan.explain()


def test_the_configuration_tells_and_limits_what_plans_hold(monkeypatch):
    monkeypatch.setattr(budget, "limit", budget.limit)
    f = tf.function(lambda x: tf.cumsum(tf.cumsum(x) * 2.0))
    f(tf.ones([3000]))
    memory = tf.config.plan_memory()
    assert memory.plans >= 1
    assert memory.bytes >= 12_000
    assert str(memory) == f"{memory.plans} plans hold {memory.bytes / MIB:.1f} MiB, of 512.0 MiB that they may"
    tf.config.set_plan_memory_limit(5 * MIB)
    assert tf.config.plan_memory().limit == 5 * MIB
    for wrong, error in ((-1, ValueError), (1.5, TypeError), (True, TypeError)):
        with pytest.raises(error, match="set_plan_memory_limit"):
            tf.config.set_plan_memory_limit(wrong)


# Objects


class Scale:
    def __init__(self, factor):
        self.v = tf.Variable([factor])

    @tf.function
    def times(self, x):
        return x * self.v


@tf.function
def scaled(x, scale, more=None):
    return x * scale.v


def test_traces_for_an_object_go_when_it_dies():
    kept = Scale(4.0)
    assert float(scaled(tf.ones([1]), kept)[0]) == 4.0
    count = len(scaled._traces)
    for factor in (3.0, 5.0):
        scale = Scale(factor)
        assert float(scaled(tf.ones([1]), scale)[0]) == factor
        assert float(scaled(tf.ones([2]), kept, more={"k": [scale]})[0]) == 4.0
        assert len(scaled._traces) == count + 2
        variable = weakref.ref(scale.v)
        del scale
        gc.collect()
        assert len(scaled._traces) == count
        assert variable() is None
    assert float(scaled(tf.ones([1]), kept)[0]) == 4.0
    assert len(scaled._traces) == count


def test_a_method_s_function_goes_with_its_object():
    scale = Scale(3.0)
    assert float(scale.times(tf.ones([1]))[0]) == 3.0
    assert scale.times is scale.times
    function, variable = weakref.ref(scale.times), weakref.ref(scale.v)
    del scale
    gc.collect()
    assert function() is None
    assert variable() is None
    times = Scale(2.0).times
    with pytest.raises(ReferenceError, match="method 'times': its object is gone"):
        times(tf.ones([1]))


class Equal:
    """Compares by value, and so has no hash."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value == other.value

    @tf.function
    def add(self, x):
        self.value.assign_add(x)
        return self.value + 0.0


class SameHash(Equal):
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 1


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    add = Equal.__dict__["add"]


@pytest.mark.parametrize("kind", [Equal, SameHash, Slotted])
def test_methods_of_objects_with_any_notion_of_equality(kind):
    one, two = kind(tf.Variable(1.0)), kind(tf.Variable(1.0))
    assert [float(one.add(1.0)), float(one.add(1.0)), float(two.add(5.0)), float(one.add(1.0))] == [2, 3, 6, 4]
    assert one.add is not two.add
    g = tf.function(lambda thing: thing.value * 2.0)
    assert [float(g(one)), float(g(two))] == [8, 12]
