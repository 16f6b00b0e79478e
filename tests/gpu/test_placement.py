"""Tensors and variables on a GPU: where ops run, what is copied, what is said."""

import copy
import pickle
import types
import warnings

import numpy as np
import pytest

import microdl as tf
from microdl.core.placement import the_gpu

pytestmark = pytest.mark.gpu
CPU, GPU = (f"/job:localhost/replica:0/task:0/device:{kind}:0" for kind in ("CPU", "GPU"))


@pytest.fixture(autouse=True)
def _there_is_a_gpu(gpu0):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing here runs on the CPU without being told to
        yield


def test_what_is_made_under_a_device_lives_there():
    with tf.device("/gpu:0"):
        made = tf.constant([1.0, 2.0]), tf.constant(3), tf.zeros((2, 3)), tf.Variable(tf.ones(2)), tf.Variable([1, 2])
        with tf.device("/cpu:0"):
            assert tf.constant(1.0).device == tf.ones(3).device == CPU
        assert tf.constant(1.0).device == GPU
    assert [x.device for x in made] == [GPU] * 5
    assert tf.constant(1.0).device == CPU


def test_ops_run_where_their_inputs_live_unless_a_device_is_named():
    x = tf.constant([1.0, -2.0]).gpu()
    assert x.device == GPU
    y = tf.nn.relu(x) + 1.0
    assert y.device == GPU
    np.testing.assert_array_equal(y.numpy(), [2.0, 1.0])
    with tf.device("/cpu:0"):
        z = x * 2.0
    assert (z.device, x.device) == (CPU, GPU)
    np.testing.assert_array_equal(z, [2.0, -4.0])
    with tf.device("/gpu:0"):
        assert (tf.constant([1.0]).cpu() + 1.0).device == GPU  # copied there


def test_tensors_move_and_gradients_with_them():
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(x.gpu() * x.gpu())
        z = y.cpu() * 3.0
    assert (y.device, z.device) == (GPU, CPU)
    np.testing.assert_array_equal(tape.gradient(z, x), [6.0, 12.0])
    assert x.gpu().gpu().device == GPU


def test_values_of_tensors_on_a_gpu_are_read_like_others():
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]]).gpu()
    np.testing.assert_array_equal(x.numpy(), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(np.asarray(x), [[1, 2], [3, 4]])
    assert repr(x) == repr(x.cpu())
    assert str(x) == str(x.cpu())
    assert float(x[1, 1]) == 4.0
    assert bool(tf.reduce_all(x > 0.0))
    assert [float(row[0]) for row in x] == [1.0, 3.0]
    assert f"{tf.reduce_sum(x):.1f}" == "10.0"
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(x)), x.numpy())
    assert copy.deepcopy(x) is x


def test_copies_of_variables_and_models_are_on_the_same_device():
    with tf.device("/gpu:0"):
        model = tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)])
    twin = copy.deepcopy(model)
    assert {v.device for v in twin.weights} == {GPU}
    twin.weights[0].assign(tf.zeros((3, 2)))
    assert model.weights[0].numpy().any()
    v = tf.Variable([1.0], constraint=tf.nn.relu)
    with tf.device("/gpu:0"):
        again = copy.copy(v)
    assert (again.device, again.constraint, again.numpy()) == (CPU, tf.nn.relu, 1.0)


def test_what_is_shown_of_a_variables_tensor_does_not_change_with_it():
    with tf.device("/gpu:0"):
        v = tf.Variable([1.0, 2.0])
    x = tf.convert_to_tensor(v)
    seen = [from_interface(x), tf.experimental.dlpack.from_dlpack(x), tf.experimental.dlpack.from_dlpack(v)]
    v.assign([3.0, 4.0])
    others = [tf.constant([9.0, 9.0]).gpu() for _ in range(3)]
    for y in seen:
        np.testing.assert_array_equal(y, [1.0, 2.0])
    np.testing.assert_array_equal(from_interface(v), v.numpy())
    assert len(others) == 3


def from_interface(x):
    """A tensor with the memory that the array interface of another one shows."""
    shown = types.SimpleNamespace(__cuda_array_interface__=x.__cuda_array_interface__)
    array = the_gpu().share(shown)
    return tf.Tensor(x.spec, array)


def test_a_variable_stays_on_its_device_and_tensors_read_from_it_stay_as_they_are():
    with tf.device("/gpu:0"):
        v = tf.Variable([1.0, 2.0])
    before = v.read_value()
    seen = tf.convert_to_tensor(v)
    v.assign_add([1.0, 1.0])
    v.assign_sub([0.5, 0.5])
    assert v.device == GPU
    np.testing.assert_array_equal(v.numpy(), [1.5, 2.5])
    np.testing.assert_array_equal(before, [1.0, 2.0])
    np.testing.assert_array_equal(seen, [1.0, 2.0])
    v.assign(np.array([7.0, 8.0], np.float32))
    assert repr(v) == "<tf.Variable 'Variable:0' shape=(2,) dtype=float32, numpy=array([7., 8.], dtype=float32)>"


def test_what_has_no_kernel_runs_on_the_cpu_and_says_so_once(gpu0):
    x = tf.constant([[2.0, 0.0], [0.0, 4.0]]).gpu()
    with pytest.warns(
        UserWarning, match=r"^MatrixInverse runs on the CPU, and what it reads and makes is copied: GPU:0"
    ):
        y = tf.linalg.inv(x)
    assert y.device == GPU
    np.testing.assert_allclose(y, [[0.5, 0.0], [0.0, 0.25]])
    tf.linalg.inv(x)


def test_strings_stay_on_the_cpu():
    with tf.device("/gpu:0"):
        assert tf.constant("Tennis").device == CPU
        np.testing.assert_array_equal(tf.strings.length(["ab", "c"]), [2, 1])
        assert tf.zeros((2,), tf.string).device == CPU
        np.testing.assert_array_equal(tf.zeros_like(tf.constant(["a"])), [b""])
        assert tf.strings.as_string(tf.constant([1, 2])).numpy().tolist() == [b"1", b"2"]
    assert tf.gather(["a", "b"], tf.constant([1, 0]).gpu()).numpy().tolist() == [b"b", b"a"]


def test_random_numbers_are_the_cpus():
    for seed in (1, 2):
        tf.random.set_seed(seed)
        expected = tf.random.uniform((5, 3)), tf.random.uniform((4,), maxval=9, dtype=tf.int32), tf.random.uniform((2,))
        tf.random.set_seed(seed)
        with tf.device("/gpu:0"):
            found = (
                tf.random.uniform((5, 3)),
                tf.random.uniform((4,), maxval=9, dtype=tf.int32),
                tf.random.uniform((2,)),
            )
        for x, y in zip(found, expected, strict=True):
            assert x.device == GPU
            np.testing.assert_array_equal(x, y)


def test_variables_of_one_update_are_on_one_device():
    with tf.device("/gpu:0"):
        there = tf.Variable([1.0])
    here = tf.Variable([1.0])
    optimizer = tf.keras.optimizers.SGD(0.1)
    with pytest.raises(tf.errors.InvalidArgumentError, match="1 of the 2 variables that it writes to are on /job"):
        optimizer.apply_gradients([(tf.constant([1.0]), there), (tf.constant([1.0]), here)])


def test_what_an_optimizer_keeps_lies_beside_its_variables():
    with tf.device("/gpu:0"):
        there = tf.Variable([1.0])
    here = tf.Variable([1.0])
    for variable in (there, here):
        optimizer = tf.keras.optimizers.SGD(0.5, momentum=0.5, use_ema=True)
        for _ in range(2):
            optimizer.apply_gradients([(tf.constant([1.0]), variable)])
        assert {v.device for v in optimizer.variables[2:]} == {variable.device}
        np.testing.assert_array_equal(variable, [-0.25])


def test_variables_of_float64_are_updated_on_the_cpu():
    with tf.device("/gpu:0"):
        v, w = tf.Variable(np.array([1.0, 2.0])), tf.Variable(np.array([[3.0]]))
        with pytest.warns(UserWarning, match=r"^ResourceApplyGradientDescent runs on the CPU"):
            tf.keras.optimizers.SGD(0.5).apply_gradients([(np.array([1.0, 1.0]), v), (np.array([[2.0]]), w)])
    assert v.device == GPU
    np.testing.assert_array_equal(v, [0.5, 1.5])
    np.testing.assert_array_equal(w, [[2.0]])


def test_memory_is_counted_and_limited(gpu0):
    (device,) = tf.config.list_physical_devices("GPU")
    assert device.name == "/physical_device:GPU:0"
    tf.config.experimental.reset_memory_stats("GPU:0")
    before = tf.config.experimental.get_memory_info("GPU:0")["current"]
    x = tf.zeros((256, 1024)).gpu()
    assert tf.config.experimental.get_memory_info("GPU:0") == {"current": before + 2**20, "peak": before + 2**20}
    del x
    assert tf.config.experimental.get_memory_info("GPU:0")["current"] == before
    assert tf.config.get_logical_device_configuration(device) is None
    limit = before / 2**20 + 4
    tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration(memory_limit=limit)])
    try:
        with pytest.raises(
            tf.errors.ResourceExhaustedError, match=r"the GPU has no room for 8 MiB .* the limit that was"
        ):
            tf.zeros((1024, 2048)).gpu()
        assert tf.config.get_logical_device_configuration(device) == [tf.config.LogicalDeviceConfiguration(limit)]
    finally:
        tf.config.set_logical_device_configuration(device, [tf.config.LogicalDeviceConfiguration()])
    assert tf.zeros((1024, 2048)).gpu().device == GPU


def test_devices_are_described():
    (device,) = tf.config.list_physical_devices("GPU")
    details = tf.config.experimental.get_device_details(device)
    assert set(details) == {"device_name", "compute_capability"}
    assert tf.config.experimental.get_memory_growth(device) is True
    for wrong in ("GPU:1", "CPU:0", 3):
        with pytest.raises(ValueError, match=r"^get_memory_info: "):
            tf.config.experimental.get_memory_info(wrong)
    assert tf.config.experimental.get_device_details(tf.config.list_physical_devices("CPU")[0]) == {}


def test_memory_on_the_gpu_is_shared_through_dlpack_and_cudas_interface():
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]]).gpu()
    shown = x.__cuda_array_interface__
    assert (shown["shape"], shown["typestr"]) == ((2, 2), "<f4")
    for y in (
        tf.experimental.dlpack.from_dlpack(x),
        tf.experimental.dlpack.from_dlpack(tf.experimental.dlpack.to_dlpack(x)),
    ):
        assert y.device == GPU
        assert y.__cuda_array_interface__["data"] == shown["data"]
        np.testing.assert_array_equal(y, x.numpy())


def test_what_is_converted_is_made_on_the_device_and_tensors_stay_where_they_are():
    on_cpu, v = tf.constant([1.0]), tf.Variable([1.0])
    with tf.device("/gpu:0"):
        assert tf.convert_to_tensor([1.0, 2.0]).device == GPU
        assert tf.convert_to_tensor([1, 2], dtype_hint=tf.float32).device == GPU
        assert tf.convert_to_tensor(on_cpu) is on_cpu
        assert tf.convert_to_tensor(v).device == CPU
    assert tf.convert_to_tensor(tf.constant([1.0]).gpu()).device == GPU


def test_ops_with_pythons_numbers_do_not_wait_for_the_gpu(gpu0, monkeypatch):
    x, waits = tf.ones((3,)).gpu(), []
    expected = [(x * 2.5 + 1.0) ** 2.0 for _ in range(2)][1].numpy()
    monkeypatch.setattr(gpu0.driver, "synchronize_event", waits.append)
    y = (x * 2.5 + 1.0) ** 2.0
    assert waits == []
    np.testing.assert_array_equal(y, expected)
    first, second = (tf.constant(2.5).gpu().known_array() for _ in range(2))
    assert first.address != second.address
