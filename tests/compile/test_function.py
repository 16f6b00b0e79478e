"""``tf.function``: what is traced when, what a trace keeps apart, and what it says when it cannot."""

import gc
import sys
import threading
import tracemalloc
import warnings
import weakref

import numba
import numpy as np
import pytest

import microdl as tf
from microdl.compile import function as module
from microdl.errors import OperatorNotAllowedInGraphError


def counted(python_function):
    """The function traced, and the list to which each trace appends its arguments."""
    traces = []

    @tf.function
    def traced(*args, **kwargs):
        traces.append((args, kwargs))
        return python_function(*args, **kwargs)

    return traced, traces


def vector(*values):
    return tf.constant(values, tf.float32)


def test_one_trace_for_each_shape_and_dtype():
    double, traces = counted(lambda x: x * 2)
    for x in (vector(1), vector(2), vector(1, 2), vector(3, 4), tf.constant([1]), tf.constant([5])):
        assert double(x).numpy().tolist() == [2 * value for value in x.numpy()]
    assert len(traces) == double.experimental_get_tracing_count() == 3


def test_python_values_are_part_of_the_kind_and_arrays_are_tensors():
    power, traces = counted(lambda x, n: x**n)
    assert [float(power(tf.constant(3.0), n)) for n in (1, 2, 1, 2)] == [3, 9, 3, 9]
    assert len(traces) == 2
    assert float(power(np.float32(3), np.float32(2))) == float(power(np.float32(2), np.float32(3))) + 1
    assert len(traces) == 3


def test_true_one_and_one_point_zero_are_three_values():
    which, traces = counted(lambda x, flag: x + (10 if flag is True else 0))
    assert [float(which(vector(1)[0], flag)) for flag in (True, 1, 1.0)] == [11, 1, 1]
    assert len(traces) == 3


def test_ranges_and_bytes_share_a_trace_if_they_are_equal():
    total, traces = counted(lambda x, numbers: x + sum(numbers))
    assert [float(total(vector(1)[0], numbers)) for numbers in (range(3), range(3), b"ab", b"ab")] == [4, 4, 196, 196]
    assert len(traces) == 2


def test_structures_of_arguments_and_results():
    @tf.function
    def f(pair, named):
        a, b = pair
        return {"sum": a + b, "rest": [named["x"], None, (a, 3)]}

    result = f((vector(1), vector(2)), {"x": vector(5)})
    assert list(result) == ["sum", "rest"]
    assert result["sum"].numpy().tolist() == [3]
    x, nothing, (a, three) = result["rest"]
    assert (x.numpy().tolist(), nothing, a.numpy().tolist(), int(three)) == ([5], None, [1], 3)


def test_defaults_and_keywords_make_no_new_trace():
    traces = []

    @tf.function
    def f(x, factor=2, *, shift=0):
        traces.append(0)
        return x * factor + shift

    results = [f(vector(1)), f(x=vector(1)), f(vector(1), 2), f(vector(1), factor=2, shift=0)]
    assert [y.numpy().item() for y in results] == [2, 2, 2, 2]
    assert len(traces) == 1
    with pytest.raises(TypeError, match="multiple values for argument 'x'"):
        f(vector(1), x=vector(2))


def test_variables_are_read_and_written_in_order():
    v = tf.Variable([1.0, 2.0])

    @tf.function
    def f(x):
        before = v.read_value()
        v.assign(before * x)
        between = v + 0.0
        v.assign_add([1.0, 1.0])
        return before, between, v * 1.0, v.read_value()

    for _ in range(2):
        start = v.numpy()
        before, between, after, read = (y.numpy() for y in f(tf.constant(3.0)))
        np.testing.assert_array_equal(before, start)
        np.testing.assert_array_equal(between, start * 3)
        np.testing.assert_array_equal(after, start * 3 + 1)
        np.testing.assert_array_equal(read, v.numpy())
    v.assign([0.0, 0.0])  # what is returned is the caller's own
    assert read.tolist() != [0, 0]


def test_tensors_read_before_a_call_keep_their_values():
    v = tf.Variable([1.0])
    add = tf.function(lambda: v.assign_add([1.0]) and None)
    held = tf.convert_to_tensor(v)
    with pytest.raises(ValueError, match="None cannot be converted"):  # the variable's truth decides when it runs
        add()
    add = tf.function(lambda: (v.assign_add([1.0]), None)[1])
    add()
    add()
    assert (held.numpy().item(), v.numpy().item()) == (1, 3)


def test_state_is_made_in_the_first_trace_alone():
    class Counter:
        def __init__(self):
            self.count = None

        @tf.function
        def __call__(self, step):
            if self.count is None:
                self.count = tf.Variable(tf.zeros(()) + 1.0)
            return self.count.assign_add(step)

    one, other = Counter(), Counter()
    assert [float(one(tf.constant(2.0))) for _ in range(3)] == [3, 5, 7]
    assert float(other(tf.constant(2.0))) == 3
    always = tf.function(lambda x: tf.Variable(1.0) + x)
    for _ in range(2):
        with pytest.raises(ValueError, match="'<lambda>': it makes 1 variables anew whenever it is traced"):
            always(tf.constant(1.0))
    depends = tf.function(lambda x: tf.Variable(x * 2) + 1.0)
    with pytest.raises(ValueError, match="the initial value of a Variable depends on an argument"):
        depends(vector(1))


def test_a_method_has_traces_of_each_object_and_does_not_keep_it_alive():
    class Scale:
        def __init__(self, factor):
            self.factor = factor

        @tf.function
        def apply(self, x):
            return x * self.factor

    two, three = Scale(2.0), Scale(3.0)
    assert (float(two.apply(vector(1)[0])), float(three.apply(vector(1)[0]))) == (2, 3)
    gone = weakref.ref(two)
    del two
    gc.collect()
    assert gone() is None


def test_gradients_inside_and_through_a_call():
    v = tf.Variable(2.0)
    cube = tf.function(lambda x: v * x**3)

    @tf.function
    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = cube(x)
        return tape.gradient(y, [x, v])

    x = tf.constant(3.0)
    assert [float(g) for g in slope(x)] == [54, 27]
    with tf.GradientTape(persistent=True) as second:
        second.watch(x)
        with tf.GradientTape() as first:
            first.watch(x)
            y = cube(x)
        dx, dv = first.gradient(y, [x, v])
    assert (float(dx), float(dv)) == (54, 27)
    assert (float(second.gradient(dx, x)), float(second.gradient(dx, v)), float(second.gradient(dv, x))) == (36, 27, 27)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = slope(x)[0]
    assert float(tape.gradient(y, x)) == 36


def test_gradients_do_not_see_what_is_assigned_after_the_call():
    v = tf.Variable([2.0, 3.0])
    square = tf.function(lambda: tf.reduce_sum(v * v))
    with tf.GradientTape() as tape:
        y = square()
        v.assign([0.0, 0.0])
    assert tape.gradient(y, v).numpy().tolist() == [4, 6]


def test_a_captured_tensor_has_a_gradient_too():
    c = vector(2, 3)
    f = tf.function(lambda x: tf.reduce_sum(x * c * c))
    with tf.GradientTape() as tape:
        tape.watch(c)
        y = f(vector(1, 1))
    assert tape.gradient(y, c).numpy().tolist() == [4, 6]


def test_functions_inside_functions_are_traced_once():
    inner, traces = counted(lambda x: x + 1)
    outer = tf.function(lambda x: inner(x) * inner(x * 2))
    assert outer(vector(3)).numpy().tolist() == [28]
    assert inner(vector(5)).numpy().tolist() == [6]
    assert len(traces) == 1


def test_an_inner_function_may_use_tensors_of_the_outer_one():
    @tf.function
    def outer(x):
        y = x * 2
        inner = tf.function(lambda z: z + y)
        return inner(x), inner(y)

    assert [y.numpy().tolist() for y in outer(vector(1, 2))] == [[3, 6], [4, 8]]


def test_random_numbers_are_those_of_eager_execution():
    def draw(x):
        return tf.random.uniform([3]), tf.nn.dropout(x, 0.5), tf.random.normal([2], seed=7)

    x = tf.ones([20])
    tf.random.set_seed(5)
    expected = [[y.numpy() for y in draw(x)] for _ in range(3)]
    traced = tf.function(draw)
    tf.random.set_seed(5)
    for step in expected:
        for y, e in zip(traced(x), step, strict=True):
            np.testing.assert_array_equal(y.numpy(), e)


def test_concrete_functions():
    add, traces = counted(lambda x, y: x + y)
    concrete = add.get_concrete_function(tf.TensorSpec([2]), tf.TensorSpec([2]))
    assert concrete(vector(1, 2), vector(3, 4)).numpy().tolist() == [4, 6]
    add(vector(1, 2), vector(3, 4))
    assert len(traces) == 1
    assert [x.shape for x in concrete.inputs] == [(2,), (2,)]
    assert [y.shape for y in concrete.outputs] == [(2,)]
    with pytest.raises(
        ValueError, match=r"traced for a tensor of shape \(2,\) and dtype float32, got one of shape \(3"
    ):
        concrete(vector(1, 2, 3), vector(1, 2, 3))
    with pytest.raises(TypeError, match="2 tensors are expected, got 1"):
        concrete(vector(1, 2))


def test_an_input_signature_converts_and_refuses():
    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32)])
    def double(x):
        return x * 2

    assert double([[1, 2]]).numpy().tolist() == [[2, 4]]
    assert double(tf.ones([3, 2])).shape == (3, 2)
    with pytest.raises(ValueError, match=r"double: input_signature expects TensorSpec\(shape=\(None, 2\).* \(2, 3\)"):
        double(tf.ones([2, 3]))
    with pytest.raises(TypeError, match=r"\['a', 'b'\]\]"):
        double([["a", "b"]])


def test_python_needs_values_that_a_trace_does_not_have():
    x = tf.constant(3.0)
    uses = {
        "decide an `if`": lambda x: 1 if x > 2 else 0,
        "become a Python float": lambda x: float(x),
        "become a Python int": lambda x: int(x),
        "Python index": lambda x: [1, 2, 3, 4][tf.cast(x, tf.int32)],
    }
    for purpose, use in uses.items():
        with pytest.raises(OperatorNotAllowedInGraphError) as raised:
            tf.function(use, autograph=False)(x)
        assert purpose in str(raised.value)
        assert f"{__file__}:" in str(raised.value)
    with pytest.raises(TypeError, match="has no value until its graph runs"):
        tf.function(lambda x: x.numpy())(x)


def test_a_symbolic_tensor_that_leaves_its_trace_is_refused():
    kept = []
    tf.function(lambda x: kept.append(x * 2))(vector(1))
    with pytest.raises(TypeError, match="it is left over from a trace that has ended"):
        kept[0] + 1
    with pytest.raises(TypeError, match="comes from another trace"):
        tf.function(lambda x: x + kept[0])(vector(1))


def test_what_cannot_be_returned_is_named():
    @tf.function
    def f(x):
        return object()

    with pytest.raises(TypeError, match=r"function 'f': it must return tensors .*, got object"):
        f(vector(1))


def test_an_error_while_tracing_leaves_nothing_behind():
    fails = [True]

    @tf.function
    def f(x):
        if fails:
            raise KeyError("now")
        return x + 1

    with tf.GradientTape() as tape:
        x = vector(1)
        tape.watch(x)
        with pytest.raises(KeyError):
            f(x)
        fails.clear()
        y = f(x)
    assert tape.gradient(y, x).numpy().tolist() == [1]


def test_an_error_of_a_kernel_comes_in_each_call_that_causes_it():
    @tf.function
    def loss(labels, logits):
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)

    logits = tf.zeros([2, 3])
    loss(tf.constant([0, 2]), logits)
    with pytest.raises(ValueError, match="label 3 is outside"):
        loss(tf.constant([0, 3]), logits)
    np.testing.assert_allclose(loss(tf.constant([0, 2]), logits).numpy(), np.log([3, 3]), rtol=1e-6)


def test_tracing_again_and_again_is_reported_once_with_what_changed():
    add = tf.function(lambda x, n: x + n)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for n in range(12):
            add(vector(1), float(n))
    assert len(caught) == 1
    text = str(caught[0].message)
    assert "argument 'n' changed from the float 3.0 to the float 4.0" in text
    assert caught[0].filename == __file__


def test_functions_can_be_run_eagerly(monkeypatch):
    f, traces = counted(lambda x: float(x) + 1)
    monkeypatch.setattr(module, "eagerly", True)
    assert [f(tf.constant(1.0)), f(tf.constant(2.0))] == [2, 3]
    assert len(traces) == 2


def test_two_threads_share_a_function():
    v = tf.Variable(tf.zeros([64]))
    add = tf.function(lambda x: v.assign_add(x * 2))
    add(tf.ones([64]))
    threads = [threading.Thread(target=lambda: [add(tf.ones([64])) for _ in range(50)]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert v.numpy().tolist() == [202] * 64


def made_arrays(call):
    """Names of NumPy's functions that make arrays, one for each time that ``call`` runs one of them."""
    found = []

    def watch(frame, event, function):
        if event == "c_call" and (
            function.__name__ in MAKE_ARRAYS or getattr(function, "__self__", None) is np.ndarray
        ):
            found.append(function.__name__)

    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


MAKE_ARRAYS = {"empty", "zeros", "ones", "full", "array", "arange", "concatenate", "copy", "astype", "frombuffer"}


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="kernels that are plain Python make arrays")
def test_a_steady_step_allocates_nothing_and_leaves_no_garbage():
    layers, images = tf.keras.layers, tf.ones([16, 12, 12, 3])
    model = tf.keras.Sequential(
        [layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2), layers.Flatten(), layers.Dense(10)]
    )
    optimizer, labels = tf.keras.optimizers.Adam(1e-3), tf.constant(np.arange(16) % 10)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=model(x, training=True))
            loss = tf.reduce_mean(losses)
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    for _ in range(3):
        step(images, labels)
    assert made_arrays(lambda: step(images, labels)) == ["copy"]  # of the loss, which is the caller's own
    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        for _ in range(500):  # Python keeps some numbers for later use
            step(images, labels)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(1000):
            step(images, labels)
        now = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert now - before < 4096
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_names_and_documentation_are_the_functions_own():
    @tf.function
    def squares(x):
        """Each number times itself."""
        return x * x

    assert (squares.__name__, squares.__doc__) == ("squares", "Each number times itself.")
    assert repr(squares) == "<microdl.function squares>"
    with pytest.raises(TypeError, match="function: a callable is expected, got 3"):
        tf.function(3)


def test_a_tape_outside_follows_small_constants_that_a_function_computes_with():
    x = tf.constant([1.0, 2.0])
    f = tf.function(lambda p: x * x + p)
    f(tf.constant(1.0))  # traced where no tape listens
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(tf.constant(1.0))
    assert tape.gradient(y, x).numpy().tolist() == [2.0, 4.0]


def test_a_variable_has_a_gradient_if_it_is_watched_or_trainable_when_the_function_is_called():
    fixed, w = tf.Variable(2.0, trainable=False), tf.Variable(5.0)
    f = tf.function(lambda x: fixed * w * x)
    gradients = []
    for w.trainable in (False, True, False):
        with tf.GradientTape() as tape:
            tape.watch(fixed)
            y = f(tf.constant(3.0))
        gradients.append([dv if dv is None else float(dv) for dv in tape.gradient(y, [fixed, w])])
    assert gradients == [[15.0, None], [15.0, 6.0], [15.0, None]]


def test_a_function_that_captures_a_tensor_of_the_trace_around_it_can_be_called_often():
    @tf.function
    def outer(x):
        y = x * 2.0
        add = tf.function(lambda z: z + y)
        for _ in range(8):
            x = add(x)
        return x

    assert float(outer(tf.constant(1.0))) == 17.0


def test_a_function_never_sees_a_variable_half_written():
    v = tf.Variable(tf.zeros([200_000]))
    values = [tf.fill([200_000], float(i)) for i in range(2)]
    read, stop = tf.function(lambda: v * 1.0), threading.Event()
    read()

    def write():
        while not stop.is_set():
            for value in values:
                v.assign(value)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(100):
            seen = read().numpy()
            assert seen.min() == seen.max()
    finally:
        stop.set()
        writer.join()
