"""``tape.explain``: every cause of a gradient that is None, in words, with the line of this file where it lies."""

import sys

import numpy as np
import pytest

import microdl as tf
from microdl.core.context import user_location


def here(back=0):
    """``file:line`` of the caller, ``back`` lines up."""
    frame = sys._getframe(1)
    return f"{__file__}:{frame.f_lineno - back}"


def why(tape, target, source):
    assert tape.gradient(target, source) is None
    return tape.explain(target, source)


def test_a_tensor_that_was_not_watched():
    x = tf.constant(3.0)
    with tf.GradientTape() as tape:
        opened = here(1)
        y = x * x
    assert why(tape, y, x) == (
        f"the source is a tensor that the tape opened at {opened} does not follow: "
        "call tape.watch(source) inside the tape, before it is used"
    )


def test_a_variable_that_is_not_trainable():
    x = tf.Variable(3.0, trainable=False, name="mean")
    with tf.GradientTape() as tape:
        y = x * x
    assert why(tape, y, x) == (
        "the source mean:0 is not trainable: call tape.watch(source), or create it with trainable=True"
    )


def test_a_tape_that_does_not_watch_variables():
    x = tf.Variable(3.0, name="w")
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        y = x * x
    assert why(tape, y, x) == ("the tape was made with watch_accessed_variables=False: call tape.watch(source) for w:0")


def test_a_variable_that_was_not_read():
    x, z = tf.Variable(3.0, name="w"), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        opened = here(1)
        y = z * z
    assert why(tape, y, x) == f"the variable w:0 was not read inside the tape opened at {opened}"


def test_a_source_that_is_not_floating():
    n = tf.constant(3)
    with tf.GradientTape() as tape:
        y = tf.cast(n, tf.float32)
    assert why(tape, y, n) == ("the source has dtype int32; only floating tensors have gradients: use tf.cast first")


def test_a_target_that_is_not_floating():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        n = tf.cast(x * x, tf.int32)
        cast = here(1)
    assert why(tape, n, x) == (
        f"the target has dtype int32; only floating tensors have gradients (the op Cast at {cast} has no gradient)"
    )


def test_a_target_that_was_an_integer_all_along():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        x * x
        n = tf.constant(3)
    assert why(tape, n, x) == "the target has dtype int32; only floating tensors have gradients"


WITHOUT_GRADIENT = {
    "StopGradient": tf.stop_gradient,
    "Floor": tf.floor,
    "Rint": tf.round,
    "FloorDiv": lambda x: x // 2.0,
    "OnesLike": tf.ones_like,
}


@pytest.mark.parametrize("op", WITHOUT_GRADIENT)
def test_an_op_without_gradient(op):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = WITHOUT_GRADIENT[op](x * x)
    place = f"{__file__}:{WITHOUT_GRADIENT[op].__code__.co_firstlineno}" if op == "FloorDiv" else here(1)
    assert why(tape, y, x) == f"the path from source to target is cut: the op {op} at {place} has no gradient"


def test_an_integer_in_the_middle():
    x = tf.Variable(3.5)
    with tf.GradientTape() as tape:
        n = tf.cast(x, tf.int32)
        cast = here(1)
        y = tf.cast(n, tf.float32) * 2.0
    assert why(tape, y, x) == f"the path from source to target is cut: the op Cast at {cast} has no gradient"


def test_a_comparison():
    x = tf.Variable(3.5)
    with tf.GradientTape() as tape:
        right = tf.cast(x > 2.0, tf.float32)
        compared = here(1)
        y = tf.reduce_sum(right) * 3.0
    assert why(tape, y, x) == f"the path from source to target is cut: the op Greater at {compared} has no gradient"


def test_a_cut_beside_another_source():
    x, w = tf.Variable(3.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = tf.stop_gradient(x) * w
        cut = here(1)
    dx, dw = tape.gradient(y, [x, w])
    assert (dx, float(dw)) == (None, 3.0)
    assert tape.explain(y, x) == f"the path from source to target is cut: the op StopGradient at {cut} has no gradient"


@pytest.mark.parametrize(
    "leave",
    [lambda x: x.numpy(), np.asarray, float, lambda x: x.numpy() + 1],
    ids=["numpy", "asarray", "float", "sum"],
)
def test_a_value_that_left_for_numpy(leave):
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        opened = here(1)
        y = x * x
        z = tf.constant(leave(y)) * 2.0
        read = f"{__file__}:{leave.__code__.co_firstlineno}" if hasattr(leave, "__code__") else here(1)
    assert why(tape, z, x) == (
        f"the target was not computed from anything that this tape follows (it was opened at {opened}); "
        f"a followed value was read as a NumPy array at {read}"
    )


def test_a_value_that_left_for_numpy_beside_another_source():
    x, w = tf.Variable(3.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = np.sqrt(x * x) * w
        read = here(1)
    assert why(tape, y, x) == (
        "the target does not depend on the source: no recorded op leads from one to the other; "
        f"a followed value was read as a NumPy array at {read}"
    )


def test_a_target_from_elsewhere():
    x = tf.Variable(3.0)
    y = x * x
    with tf.GradientTape() as tape:
        opened = here(1)
        x + 1.0
    assert why(tape, y, x) == (
        f"the target was not computed from anything that this tape follows (it was opened at {opened})"
    )


def test_a_target_computed_after_the_block():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        opened = here(1)
        y = x * x
    z = y * 2.0
    assert why(tape, z, x) == (
        f"the target was not computed from anything that this tape follows (it was opened at {opened})"
    )


def test_two_that_have_nothing_to_do_with_each_other():
    x, z = tf.Variable(3.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = z * z
        x * x
    assert why(tape, y, x) == ("the target does not depend on the source: no recorded op leads from one to the other")


def test_a_source_that_comes_after_the_target():
    x = tf.Variable(3.0)
    with tf.GradientTape() as tape:
        y = x * x
        z = y * y
    assert why(tape, y, z) == ("the target does not depend on the source: no recorded op leads from one to the other")


def test_at_most_three_ends_are_named():
    x, z = tf.Variable(3.0), tf.Variable(2.0)
    with tf.GradientTape() as tape:
        y = z * z
        for _ in range(10):
            x.numpy()
        float(x)
        int(x)
        np.asarray(x)
        z.numpy()
        tf.stop_gradient(x)
    assert why(tape, y, x).count("; ") == 3


def test_every_missing_gradient_of_one_call_is_explained():
    a, b = tf.Variable(1.0, trainable=False, name="a"), tf.constant(1.0)
    c = tf.Variable(1.0)
    with tf.GradientTape() as tape:
        y = a * b * c
    tape.gradient(y, [a, b, c])
    assert tape.explain(y, a).startswith("the source a:0 is not trainable")
    assert tape.explain(y, b).startswith("the source is a tensor that the tape opened at ")


def test_a_persistent_tape_explains_before_and_after():
    x, c = tf.Variable(3.0), tf.constant(2.0)
    with tf.GradientTape(persistent=True) as tape:
        y = x * c
    before = tape.explain(y, c)
    assert before == why(tape, y, c) == tape.explain(y, c)


@pytest.mark.parametrize("thing", [None, 2.0, "x"])
def test_only_tensors_and_variables_can_be_explained(thing):
    x = tf.Variable(1.0)
    tape = tf.GradientTape()
    for arguments in ((thing, x), (x, thing)):
        with pytest.raises(TypeError, match=r"^explain: a tf\.Tensor or tf\.Variable is expected, got "):
            tape.explain(*arguments)


def test_the_location_is_the_users_even_beside_the_package(tmp_path):
    """A script in a folder whose name begins like the package's is the user's all the same."""
    folder = tmp_path / "microdl_scripts"
    folder.mkdir()
    script = folder / "mine.py"
    script.write_text("def where(f):\n    return f()\n")
    code = compile(script.read_text(), str(script), "exec")
    names = {}
    exec(code, names)
    assert names["where"](user_location) == f"{script}:2"
    beside = tf.__file__.replace("__init__.py", "").rstrip("/") + "_scripts/mine.py"
    exec(compile(script.read_text(), beside, "exec"), names)
    assert names["where"](user_location) == f"{beside}:2"
