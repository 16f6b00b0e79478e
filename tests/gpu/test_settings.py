"""tf.config, tf.test and tf.debugging as scripts for TensorFlow use them with a GPU."""

import warnings

import pytest

import microdl as tf
from microdl.core import placement

pytestmark = pytest.mark.gpu
CPU, GPU = (f"/job:localhost/replica:0/task:0/device:{kind}:0" for kind in ("CPU", "GPU"))


@pytest.fixture(autouse=True)
def _as_before(gpu0, monkeypatch):
    monkeypatch.setattr(placement.hidden, "gpu", False)
    monkeypatch.setattr(placement.soft_placement, "told", set())
    yield
    tf.debugging.set_log_device_placement(False)
    gpu0.allocator.limit = None


def test_scripts_begin_by_listing_gpus_under_older_names_too():
    (gpu,) = tf.config.experimental.list_physical_devices("GPU")
    tf.config.experimental.set_memory_growth(gpu, True)
    assert [d.name for d in tf.config.experimental.list_logical_devices("GPU")] == ["/device:GPU:0"]
    limit = tf.config.experimental.VirtualDeviceConfiguration(memory_limit=512)
    tf.config.experimental.set_virtual_device_configuration(gpu, [limit])
    assert tf.config.experimental.get_virtual_device_configuration(gpu) == [limit]
    memory = tf.config.experimental
    assert memory.get_memory_usage("GPU:0") == memory.get_memory_info("GPU:0")["current"]
    memory.enable_op_determinism()


def test_a_hidden_gpu_is_one_that_is_not_there():
    x = tf.constant([1.0, 2.0]).gpu()
    gpus = tf.config.list_physical_devices("GPU")
    tf.config.set_visible_devices([], "GPU")
    assert tf.config.list_physical_devices("GPU") == gpus
    assert tf.config.get_visible_devices("GPU") == tf.config.list_logical_devices("GPU") == []
    assert (tf.test.is_gpu_available(), tf.test.gpu_device_name()) == (False, "")
    with pytest.warns(UserWarning, match="no GPU:0: .* runs on the CPU .*set_visible_devices has hidden it"):
        scope = tf.device("/gpu:0")
    with scope:
        assert tf.constant(1.0).device == CPU
    assert (x + 1.0).device == GPU  # what lives there stays there
    tf.config.set_visible_devices(gpus[0], "GPU")
    assert tf.config.get_visible_devices("GPU") == gpus
    with tf.device("/gpu:0"):
        assert tf.constant(1.0).device == GPU


@pytest.mark.parametrize(
    ("devices", "kind", "message"),
    [
        ("GPU:0", None, "Unrecognized device: 'GPU:0'; there are: PhysicalDevice"),
        (tf.config.PhysicalDevice("/physical_device:CPU:0", "CPU"), "GPU", "Unrecognized device: PhysicalDevice"),
        ([], "CPU", "the CPU cannot be hidden"),
        ([], None, "the CPU cannot be hidden"),
    ],
)
def test_devices_that_cannot_be_made_visible(devices, kind, message):
    with pytest.raises(ValueError, match=message):
        tf.config.set_visible_devices(devices, kind)


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        (tf.config.LogicalDeviceConfiguration(memory_limit=5), "a list is expected"),
        ([5], "a list is expected"),
        ([tf.config.LogicalDeviceConfiguration()] * 2, "a GPU is one logical device here, got 2"),
        ([tf.config.LogicalDeviceConfiguration(memory_limit=-5)], "a number of MiB above 0"),
        ([tf.config.LogicalDeviceConfiguration(memory_limit="5")], "a number of MiB above 0"),
    ],
)
def test_limits_of_memory_that_are_none(configuration, message):
    with pytest.raises(ValueError, match=message):
        tf.config.set_logical_device_configuration("GPU:0", configuration)


def test_whether_there_is_a_gpu():
    assert tf.test.is_built_with_cuda()
    assert tf.test.is_built_with_gpu_support()
    assert not tf.test.is_built_with_rocm()
    assert tf.test.is_gpu_available()
    assert tf.test.is_gpu_available(cuda_only=True, min_cuda_compute_capability=(7, 5))
    assert not tf.test.is_gpu_available(min_cuda_compute_capability=(99, 0))
    assert tf.test.gpu_device_name() == "/device:GPU:0"


def test_ops_say_on_which_device_they_run(capfd):
    x = tf.constant([1.0, 2.0]).gpu()
    double = tf.function(lambda x: x * 2.0 + 1.0)
    double(x)
    assert not tf.debugging.get_log_device_placement()
    tf.debugging.set_log_device_placement(True)
    assert tf.debugging.get_log_device_placement()
    x + 1.0
    x.cpu() - 1.0
    tf.print(x, output_stream="file:///dev/null")  # on the host, whatever it prints
    double(x)
    tf.debugging.set_log_device_placement(False)
    x * 3.0
    said = capfd.readouterr().err.splitlines()
    assert f"Executing op AddV2 in device {GPU}" in said
    assert f"Executing op Sub in device {CPU}" in said
    assert f"Executing op PrintV2 in device {CPU}" in said
    assert said.count(f"Executing op Mul in device {GPU}") <= 1  # it may be fused


def test_a_second_gpu_is_said_not_to_be_used():
    with pytest.warns(UserWarning, match=r"no GPU:1: .*\(one GPU is used, GPU:0; several are not supported yet\)"):
        tf.device("/gpu:1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tf.device("/gpu:1")  # once is enough
