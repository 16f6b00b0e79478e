"""Functions on a GPU: one block of memory, steps replayed as a graph, results that stay what they were."""

import gc
import inspect
import threading
import time
import warnings
from collections import Counter

import numpy as np
import pytest

import microdl as tf
from microdl.compile.on_gpu import OnGPU
from microdl.gpu.capture import Step, capture
from microdl.gpu.staging import AHEAD_FROM, inlet

pytestmark = pytest.mark.gpu
CPU, GPU = (f"/job:localhost/replica:0/task:0/device:{kind}:0" for kind in ("CPU", "GPU"))


@pytest.fixture(autouse=True)
def _there_is_a_gpu(gpu0):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def settled(function, *args):
    """What a function for these arguments has on the GPU."""
    with tf.device("/gpu:0"):
        (found,) = function.get_concrete_function(*args).plan._idle
    assert type(found) is OnGPU
    return found


def test_a_function_is_replayed_as_a_graph_and_its_results_last():
    f = tf.function(lambda x, y: tf.nn.relu(tf.matmul(x, y)) + 1.0)
    a, b = tf.constant([[1.0, -2.0]]).gpu(), tf.constant([[1.0, 2.0], [3.0, -4.0]]).gpu()
    results = [f(a * float(k), b) for k in range(4)]
    assert {y.device for y in results} == {GPU}
    for k, y in enumerate(results):
        np.testing.assert_array_equal(y, np.maximum(k * a.numpy() @ b.numpy(), 0) + 1)
    assert settled(f, a, b).replay.graph is not None


def test_views_of_results_last_too():
    f = tf.function(lambda x: x * 2.0)
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]]).gpu()
    first = f(x)
    flat, row = tf.reshape(first, (4,)), first[1]
    f(x + 1.0), f(x + 2.0)
    np.testing.assert_array_equal(flat, [2.0, 4.0, 6.0, 8.0])
    np.testing.assert_array_equal(row, [6.0, 8.0])
    np.testing.assert_array_equal(first, [[2.0, 4.0], [6.0, 8.0]])


def test_arrays_of_the_host_go_in_and_may_change_afterwards():
    f = tf.function(lambda x: x + 1.0)
    batch = np.zeros(5, np.float32)
    results = []
    for k in range(5):
        batch[:] = k
        with tf.device("/gpu:0"):
            results.append(f(batch))
        batch[:] = -1
    for k, y in enumerate(results):
        assert y.device == GPU
        np.testing.assert_array_equal(y, np.full(5, k + 1))


def test_a_function_runs_where_its_inputs_and_variables_live():
    f = tf.function(lambda x: x + 1.0)
    x = tf.constant([1.0])
    assert f(x).device == CPU
    assert f(x.gpu()).device == GPU
    with tf.device("/cpu:0"):
        assert f(x.gpu()).device == CPU
    with tf.device("/gpu:0"):
        assert f(x).device == GPU
        v = tf.Variable([2.0])
    assert tf.function(lambda x: v * x)(x).device == GPU


def test_a_device_named_inside_of_a_function_counts():
    @tf.function
    def f(x):
        with tf.device("/gpu:0"):
            return x * 3.0

    assert f(tf.constant([1.0])).device == GPU


def test_gradients_of_a_function_and_in_a_function():
    with tf.device("/gpu:0"):
        v = tf.Variable([[1.0, 2.0], [3.0, 4.0]])
    f = tf.function(lambda x: tf.reduce_sum(tf.tanh(tf.matmul(x, v))))
    x = tf.constant([[0.1, -0.2]]).gpu()

    @tf.function
    def inside(x):
        with tf.GradientTape() as tape:
            y = f(x)
        return tape.gradient(y, v)

    for _ in range(3):
        with tf.GradientTape() as tape:
            y = f(x)
        gradient = tape.gradient(y, v)
        expected = x.numpy().T @ (1 - np.tanh(x.numpy() @ v.numpy()) ** 2)
        assert gradient.device == GPU
        np.testing.assert_allclose(gradient, expected, rtol=1e-5)
        np.testing.assert_allclose(inside(x), expected, rtol=1e-5)
        v.assign_add(0.1 * tf.ones((2, 2)))


def test_variables_that_nobody_has_bound_move_to_the_gpu():
    v = tf.Variable([1.0, 2.0])
    kept = tf.convert_to_tensor(v)
    f = tf.function(lambda x: v.assign_add(x))
    with tf.device("/gpu:0"):
        f(tf.constant([1.0, 1.0])), f(tf.constant([1.0, 1.0]))
    assert v.device == GPU
    np.testing.assert_array_equal(v.numpy(), [3.0, 4.0])
    np.testing.assert_array_equal(kept, [1.0, 2.0])


def test_variables_move_to_the_gpu_after_functions_on_the_cpu_have_used_them():
    v = tf.Variable([1.0, 2.0])
    step = tf.function(lambda: v.assign_add([1.0, 1.0]))
    read = tf.function(lambda: v * 10.0)
    step(), step()
    assert read().device == CPU
    with tf.device("/gpu:0"):
        step(), step(), step()
    assert v.device == GPU
    step()
    np.testing.assert_array_equal(v, [7.0, 8.0])
    assert read().device == GPU
    np.testing.assert_array_equal(read(), [70.0, 80.0])


def test_a_model_may_be_used_on_the_cpu_before_the_gpu():
    tf.keras.utils.set_random_seed(1)
    model = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    x, y = np.ones((8, 4), np.float32), np.zeros((8, 3), np.float32)
    model.fit(x, y, verbose=0)
    before = model.predict(x, verbose=0)
    with tf.device("/gpu:0"):
        np.testing.assert_allclose(model.predict(x, verbose=0), before, rtol=1e-6)
        model.fit(x, y, epochs=2, verbose=0)
    assert {v.device for v in model.weights} == {GPU}
    assert np.abs(model.predict(x, verbose=0)).max() < np.abs(before).max()


def test_a_variable_of_a_function_that_runs_on_the_cpu_stays_there_meanwhile():
    v = tf.Variable([1.0])
    inner = tf.function(lambda: v + 1.0)

    def python(x):
        with tf.device("/gpu:0"):
            return inner()

    f = tf.function(lambda x: v * tf.py_function(python, [x], tf.TensorSpec((1,), tf.float32)))
    with pytest.raises(tf.errors.InvalidArgumentError, match="the variable Variable:0 stays on the CPU"):
        f(tf.constant([1.0]))
    assert v.device == CPU


def test_who_binds_a_variable_waits_until_it_has_moved(gpu0):
    v, asked, found = tf.Variable([1.0]), threading.Event(), []

    class Binder:
        def let_go(self):
            asked.set()
            time.sleep(0.05)  # meanwhile the other thread asks for the buffer
            return True

    def bind():
        asked.wait(5)
        found.append(v.bound_array(other))

    first, other = Binder(), Binder()
    v.bound_array(first)
    thread = threading.Thread(target=bind)
    thread.start()
    assert v.move(gpu0)
    thread.join()
    assert found == [v.known_array()]  # not the one that it had on the CPU


def test_a_variable_on_the_gpu_stays_there():
    with tf.device("/gpu:0"):
        w = tf.Variable([1.0])
    g = tf.function(lambda x: w + x)
    with (
        tf.device("/cpu:0"),
        pytest.raises(tf.errors.InvalidArgumentError, match="the variable Variable:0 is on GPU:0"),
    ):
        g(tf.constant([1.0]))


def test_random_numbers_of_branches_and_python_come_in_turn(told):
    def draws(device):
        tf.random.set_seed(5)

        def python(x):
            return x + tf.random.uniform((2,))

        @tf.function
        def f(x):
            y = tf.cond(x > 1.0, lambda: tf.random.uniform((2,)), lambda: tf.zeros((2,)))
            y = tf.py_function(python, [y], tf.TensorSpec((2,), tf.float32))
            return y, tf.random.uniform((2,)), tf.random.normal((2,))

        with tf.device(device):
            return [y.numpy() for k in range(4) for y in f(tf.constant(float(k)))]

    for x, y in zip(draws("/gpu:0"), draws("/cpu:0"), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])  # float64 is drawn on the CPU
def test_random_numbers_of_a_graph_go_on_as_those_of_the_cpu(dtype):
    def draws(device):
        tf.random.set_seed(5)

        @tf.function
        def f(x):
            return tf.random.uniform((3,), dtype=dtype) + tf.cast(x, dtype), tf.nn.dropout(tf.ones((2, 5)), 0.4)

        with tf.device(device):
            found = []
            for k in range(4):
                found += [y.numpy() for y in f(tf.constant(float(k)))]
                found.append(tf.random.uniform((2,)).numpy())  # between two runs
        return found

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*RandomUniform runs on the CPU")
        found = draws("/gpu:0")
    for x, y in zip(found, draws("/cpu:0"), strict=True):
        np.testing.assert_array_equal(x, y)


def test_a_step_on_the_cpu_keeps_a_function_from_being_a_graph_and_that_is_said(gpu0):
    f = tf.function(lambda x: tf.linalg.inv(x) + 1.0)
    x = tf.constant([[2.0, 0.0], [0.0, 4.0]]).gpu()
    with pytest.warns(UserWarning, match=r"runs without a CUDA graph: MatrixInverse runs on the CPU \("):
        results = [f(x * float(k)) for k in (1, 2, 4)]
    for k, y in zip((1, 2, 4), results, strict=True):
        np.testing.assert_allclose(y, np.linalg.inv(k * x.numpy()) + 1)
    assert settled(f, x).replay.graph is None


def test_branches_and_loops_get_the_values_of_each_run():
    with tf.device("/gpu:0"):
        v = tf.Variable(0.0)

        @tf.function
        def f(x, n):
            y = x * 2.0
            z = tf.cond(y > 4.0, lambda: y + v, lambda: y - v)
            return tf.while_loop(lambda i, s: i < n, lambda i, s: (i + 1, s + z), (0, y))[1]

        def run(k):
            v.assign(float(k))
            return float(f(tf.constant(float(k)), tf.constant(k)))

        with pytest.warns(UserWarning, match="asks the host which way to go"):
            found = list(map(run, range(5)))
    assert found == [2 * k + k * (2 * k + (k if k > 2 else -k)) for k in range(5)]


def test_python_is_called_from_a_function_on_a_gpu():
    seen = []

    def note(x):
        seen.append(x.numpy().tolist())
        return x + 1.0

    f = tf.function(lambda x: tf.py_function(note, [x * 2.0], tf.TensorSpec((1,), tf.float32)) * 10.0)
    x = tf.constant([1.0]).gpu()
    with pytest.warns(UserWarning, match="it calls Python"):
        results = [f(x), f(x + 1.0)]
    np.testing.assert_array_equal(results, [[30.0], [50.0]])
    assert seen == [[2.0], [4.0]]


def test_python_may_compute_on_the_gpu_there():
    f = tf.function(lambda x: tf.py_function(lambda x: tf.square(x.gpu()), [x], tf.TensorSpec((1,), tf.float32)))
    x = tf.constant([3.0]).gpu()
    with tf.device("/gpu:0"), tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
        dx = tape.gradient(y, x)
    assert (float(y[0]), float(dx[0])) == (9.0, 6.0)


def test_strings_and_variables_of_strings_stay_on_the_cpu_in_a_function():
    with tf.device("/gpu:0"):
        v = tf.Variable(["x", "y"])

        @tf.function
        def f(s, i):
            before = v.read_value()
            v.assign(tf.gather(s, i))
            return before, tf.reshape(v, (1, 2)), v.value(), tf.strings.length(s)

        with pytest.warns(UserWarning, match="it calls Python, or handles objects"):
            first, _ = [f(tf.constant(s), tf.constant(i)) for s, i in ((["a", "bc"], [1, 0]), (["d", "e"], [0, 0]))]
    assert [y.numpy().tolist() for y in first] == [[b"x", b"y"], [[b"bc", b"a"]], [b"bc", b"a"], [1, 2]]
    assert (v.device, v.numpy().tolist()) == (CPU, [b"d", b"d"])


def test_strings_go_through_branches_and_loops():
    @tf.function
    def f(x, parts):
        whole = tf.cond(x > 0.0, lambda: parts[0], lambda: parts[1])
        for part in parts:
            whole = whole + part
        return whole

    with tf.device("/gpu:0"), pytest.warns(UserWarning, match="runs without a CUDA graph"):
        found = [f(tf.constant(x), tf.constant(["a", text])).numpy() for x, text in ((1.0, "b"), (-1.0, "c"))]
    assert found == [b"aab", b"cac"]


def counted(monkeypatch, driver):
    """Counts the calls of a driver's methods, from now on."""
    calls = Counter()

    def counting(name, method):
        def call(*args):
            calls[name] += 1
            return method(*args)

        return call

    for name, method in inspect.getmembers(driver, callable):
        if not name.startswith("_") and name not in ("attach", "emulator"):
            monkeypatch.setattr(driver, name, counting(name, method))
    return calls


def test_a_replayed_step_is_one_launch_of_a_graph_and_no_other_call_of_the_driver(gpu0, monkeypatch):
    with tf.device("/gpu:0"):
        w = tf.Variable(tf.ones((4, 2)))
        x = tf.ones((8, 4))

    @tf.function
    def step(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.matmul(x, w)))
        w.assign_sub(0.1 * tape.gradient(loss, w))

    for _ in range(3):
        step(x)
    gc.collect()  # what other tests have left is not freed later, then
    held = tf.config.experimental.get_memory_info("GPU:0")["current"]
    calls = counted(monkeypatch, gpu0.driver)
    step(x)
    assert calls == {"launch_graph": 1}
    assert tf.config.experimental.get_memory_info("GPU:0")["current"] == held


# Branches and loops: the host decides, the parts run on the GPU.


@pytest.fixture
def told():
    """A function with branches is no graph, which is said."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* asks the host which way to go in every run")
        yield


def test_branches_and_loops_run_on_the_gpu(told):
    with tf.device("/gpu:0"):
        v = tf.Variable([1.0, 2.0])

    @tf.function
    def branches(x):
        if tf.reduce_sum(x) > 3.0:
            v.assign_add(x)
            return x * v
        return x - 1.0

    @tf.function
    def loops(x, n):
        for _ in tf.range(3):
            x = x + v
        while tf.reduce_sum(x) < n:
            x = x * 2.0
        return x

    x = tf.constant([1.0, 3.0]).gpu()
    np.testing.assert_array_equal(branches(x), [2.0, 15.0])
    np.testing.assert_array_equal(branches(x / 2.0), [-0.5, 0.5])
    for _ in range(3):
        y = loops(x, 100.0)
        assert y.device == GPU
        np.testing.assert_array_equal(y, np.array([7.0, 18.0]) * 4)


def test_gradients_of_loops_on_the_gpu(told):
    with tf.device("/gpu:0"):
        v = tf.Variable([1.0, 2.0])

    @tf.function
    def slope(x):
        with tf.GradientTape() as tape:
            y = x * v
            for _ in tf.range(3):
                y = y * v
            while tf.reduce_sum(y) < 10.0:
                y = y * v
        return tape.gradient(y, v)

    x = tf.constant([1.0, 3.0]).gpu()
    np.testing.assert_allclose(slope(x), 4 * x * v.numpy() ** 3, rtol=1e-6)


def test_a_function_goes_through_a_data_set_on_the_gpu(told):
    with tf.device("/gpu:0"):
        total = tf.Variable(0.0)

    @tf.function
    def add_up(data):
        for batch in data:
            total.assign_add(tf.reduce_sum(batch))

    data = tf.data.Dataset.from_tensor_slices(np.arange(5, dtype=np.float32)).batch(2)
    with tf.device("/gpu:0"):
        add_up(data)
    assert total.device == GPU
    assert float(total) == 10.0


def test_a_function_profiled_on_the_gpu():
    f, x = tf.function(lambda x: x * 2.0), tf.ones(2000).gpu()
    f(x)
    with tf.profiler.profile() as profile:
        tf.nn.relu(f(x))
    assert "Relu" in {event.name for event in profile.events}


@pytest.mark.parametrize("how", ["capsule", "array"])
def test_what_others_write_to_shared_memory_is_seen_by_the_next_run(gpu0, how):
    theirs = gpu0.array(np.ones(4, np.float32))
    x = tf.experimental.dlpack.from_dlpack(theirs.__dlpack__() if how == "capsule" else theirs)
    f = tf.function(lambda x: x * 2.0)
    for value in (1, 2, 3):
        theirs.write(np.full(4, value))
        np.testing.assert_array_equal(f(x), 2.0 * value)


def test_a_copy_of_another_stream_is_no_part_of_a_graph(gpu0):
    place = gpu0.empty((AHEAD_FROM // 4,), np.float32)
    thread = threading.Thread(target=inlet(gpu0, place).send, args=(np.ones(place.shape, np.float32),))

    def meanwhile():
        thread.start()
        thread.join(0.3)  # it waits for the stream that computes

    graph = capture(gpu0.stream, [Step("Meanwhile", meanwhile), Step("Clear", lambda: gpu0.clear(place))])
    thread.join(5)
    np.testing.assert_array_equal(place.numpy(), 1)
    graph.launch()
    np.testing.assert_array_equal(place.numpy(), 0)


def test_functions_that_do_not_run_make_room_for_one_that_does(gpu0):
    allocator, limit = gpu0.allocator, gpu0.allocator.limit
    f = tf.function(lambda x: tf.nn.relu(tf.sqrt(x) + 1.0))
    gc.collect()
    allocator.trim()
    try:
        allocator.limit = allocator.taken + (3 << 19)
        for _ in range(2):
            for n in range(16, 20):  # some 0.5 MiB each
                x = np.full((n << 12,), n * n, np.float32)
                with tf.device("/gpu:0"):
                    np.testing.assert_array_equal(f(x), n + 1.0)
        with tf.device("/gpu:0"), pytest.raises(tf.errors.ResourceExhaustedError, match="the arrays of "):
            f(np.ones((1 << 20,), np.float32))
    finally:
        allocator.limit = limit


def test_explain_names_the_kernels_of_the_gpu_and_says_how_they_are_issued():
    f = tf.function(lambda x: tf.matmul(tf.nn.relu(x), x))
    x = tf.ones((20, 20)).gpu()
    f(x)
    assert "on GPU:0, launch by launch so far" in f.explain(x)
    f(x)
    text = f.explain(x)
    assert "on GPU:0, as one CUDA graph" in text
    assert "matmul._" in text
    assert "on GPU:0" not in f.explain(tf.ones((20, 20)))  # those have a plan of the CPU
    g = tf.function(lambda x: tf.linalg.inv(x) + 1.0)
    x = tf.eye(20).gpu()
    with pytest.warns(UserWarning, match="runs without a CUDA graph"):
        g(x), g(x)
    assert "on GPU:0, no graph: MatrixInverse runs on the CPU" in g.explain(x)
