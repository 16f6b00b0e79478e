"""Names that a module does not have."""

import pytest

import microdl as tf
from microdl.core.missing import missing

look_up = missing("tf.things", {"Conv2D": 1, "Dense": 2, "_Dence": 3}, later=("Lambda",))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Lambda", "module 'tf.things': 'Lambda' is not in microdl yet"),
        ("conv2d", "module 'tf.things' has no attribute 'conv2d'; did you mean 'Conv2D'?"),
        ("Dence", "module 'tf.things' has no attribute 'Dence'; did you mean 'Dense'?"),
        ("sqwrt", "module 'tf.things' has no attribute 'sqwrt'"),
        ("__path__", "module 'tf.things' has no attribute '__path__'"),
    ],
)
def test_a_missing_name_is_explained(name, message):
    with pytest.raises(AttributeError) as raised:
        look_up(name)
    assert str(raised.value) == message


def test_names_that_came_later_are_known():
    names = {}
    look_up = missing("tf.things", names)
    names["Dense"] = 1
    with pytest.raises(AttributeError, match="did you mean 'Dense'"):
        look_up("Densee")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: tf.distribute.MirroredStrategy, "'distribute' is not in microdl: it trains on one device; .*'/gpu:0'"),
        (lambda: tf.keras.mixed_precision.Policy, "'mixed_precision' is not in microdl: kernels compute in float32"),
        (lambda: tf.config.optimizer.set_jit, "module 'microdl.config': 'optimizer' is not in microdl yet"),
        (lambda: tf.config.experimental.set_device_policy, "'set_device_policy' is not in microdl yet"),
        (lambda: tf.test.TestCase, "module 'microdl.test': 'TestCase' is not in microdl yet"),
        (lambda: tf.constant(1.0).cuda(), r"use x.gpu\(\)"),
        (lambda: tf.constant(1.0).to("cpu"), r"use tf.cast\(x, dtype\), or x.gpu\(\) and x.cpu\(\) for devices"),
    ],
)
def test_what_scripts_for_gpus_ask_for_is_answered_with_a_way_out(ask, message):
    with pytest.raises(AttributeError, match=message):
        ask()
