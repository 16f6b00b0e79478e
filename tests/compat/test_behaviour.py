"""What is microdl's own in compat.v1: data, files, options, what is left out, and what TensorFlow does at random."""

import functools
import gzip
import logging
import sys
import threading
import types

import numpy as np
import pytest

import microdl.compat.v1 as tf
from microdl.compat.v1.examples.tutorials.mnist import input_data
from microdl.compat.v1.flags import _Flags
from microdl.compile.open import KEPT
from microdl.core import placement
from microdl.core.placement import soft_placement


@pytest.fixture(autouse=True)
def _graph_of_its_own():
    before = np.random.get_state()
    tf.reset_default_graph()
    yield
    np.random.set_state(before)
    tf.reset_default_graph()


def run(fetches, feeds=None):
    with tf.Session() as session:
        session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
        return session.run(fetches, feeds)


# Functions that take tensors from their module, as in scripts.

SCRIPT = """
x = tf.placeholder(tf.float32, [])
v = tf.Variable(1.0)
def more():
    return helper() + 1.0
def helper():
    return x * v
chosen = tf.cond(x > 1.0, more, lambda: x - 1.0)
counted = tf.cond(x > 1.0, lambda: v.assign_add(x), lambda: v + 0.0)
loop = tf.while_loop(lambda i: i < 3.0 * x, lambda i: i + x, [0.0])
mapped = tf.map_fn(lambda row: row * x, tf.constant([1.0, 2.0]))
slope = tf.gradients(chosen, x)[0]
"""


def test_functions_take_tensors_of_a_scripts_top_level_with_them():
    script = types.SimpleNamespace()
    exec(SCRIPT, names := {"tf": tf})
    vars(script).update(names)
    with tf.Session() as session:
        session.run(script.v.initializer)
        assert session.run([script.chosen, script.slope, script.loop], {script.x: 2.0}) == [3.0, 1.0, 6.0]
        assert session.run(script.mapped, {script.x: 3.0}).tolist() == [3.0, 6.0]
        assert session.run(script.counted, {script.x: 0.5}) == 1.0
        assert session.run(script.counted, {script.x: 2.0}) == 3.0
        assert session.run(script.v) == 3.0


# input_data


def test_batches_go_through_all_images_and_start_again():
    images, labels = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1), np.arange(10)
    data = input_data.DataSet(images, labels, dtype=tf.uint8, seed=3)
    first, _ = data.next_batch(6)
    second, digits = data.next_batch(6)
    assert data.epochs_completed == 1
    assert sorted([*first.ravel(), *second.ravel()[:4]]) == list(range(10))
    assert digits.tolist() == second.ravel().tolist()
    third, _ = data.next_batch(8)
    assert data.epochs_completed == 1
    assert sorted([*second.ravel()[4:], *third.ravel()]) == list(range(10))


def test_batches_without_shuffling_come_in_order():
    data = input_data.DataSet(np.zeros((4, 1, 1, 1), np.uint8), np.arange(4))
    assert [data.next_batch(3, shuffle=False)[1].tolist() for _ in range(3)] == [[0, 1, 2], [3, 0, 1], [2, 3, 0]]
    assert data.epochs_completed == 2


def test_seeds_repeat_the_order():
    sets = [input_data.DataSet(np.zeros((50, 1, 1, 1), np.uint8), np.arange(50), seed=7) for _ in range(2)]
    np.random.seed(7)
    orders = [sets[1].next_batch(50)[1].tolist()]
    np.random.seed(7)
    assert sets[0].next_batch(50)[1].tolist() == orders[0] != list(range(50))


def test_the_data_set_inside_microdl_is_read():
    mnist = input_data.read_data_sets("no/such/folder", one_hot=True)
    assert [part.num_examples for part in mnist] == [55000, 5000, 10000]
    assert mnist.train.images.shape == (55000, 784)
    assert mnist.train.images.dtype == np.float32
    assert mnist.train.labels.shape == (55000, 10)
    assert mnist.train.labels.dtype == np.float64
    assert mnist.train.images.max() == 1.0
    assert mnist.test.cls[:4].tolist() == [7, 2, 1, 0]
    mnist.test.cls = np.argmax(mnist.test.labels, axis=1)  # as scripts do


def test_idx_files_in_the_folder_come_first(tmp_path):
    for part, count in (("train", 7), ("t10k", 3)):
        images = bytes([0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes([count]) * (count * 784)
        labels = bytes([0, 0, 8, 1, 0, 0, 0, count]) + bytes(range(count))
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    mnist = input_data.read_data_sets(tmp_path, reshape=False, validation_size=2, dtype=tf.uint8)
    assert [part.images.shape for part in mnist] == [(5, 28, 28, 1), (2, 28, 28, 1), (3, 28, 28, 1)]
    assert mnist.train.images.dtype == np.uint8
    assert mnist.train.labels.tolist() == [2, 3, 4, 5, 6]


def test_wrong_questions_for_data_are_refused():
    with pytest.raises(ValueError, match="Validation size"):
        input_data.read_data_sets("", validation_size=70000)
    with pytest.raises(ValueError, match="fake_data"):
        input_data.read_data_sets("", fake_data=True)
    with pytest.raises(ValueError, match="11 images are asked for, there are 10"):
        input_data.DataSet(np.zeros((10, 1, 1, 1), np.uint8), np.arange(10)).next_batch(11)


# Saving


def test_damaged_files_change_nothing(tmp_path):
    a, b = tf.Variable([1.0, 2.0], name="a"), tf.Variable(3.0, name="b")
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = saver.save(session, tmp_path / "m")
        file = tmp_path / "m.safetensors"
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
        session.run([a.assign([0.0, 0.0]), b.assign(0.0)])
        with pytest.raises(tf.errors.DataLossError, match="safetensors"):
            saver.restore(session, path)
        assert session.run(a).tolist() == [0.0, 0.0]


def test_the_list_of_files_never_names_one_that_is_gone(tmp_path, monkeypatch):
    tf.Variable(1.0, name="v")
    saver = tf.train.Saver(max_to_keep=1)

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        first = saver.save(session, tmp_path / "m", 1)
        with monkeypatch.context() as patch:
            patch.setattr("microdl.compat.v1.train.saver.write_state", killed)
            with pytest.raises(KeyboardInterrupt):
                saver.save(session, tmp_path / "m", 2)
        assert tf.train.latest_checkpoint(tmp_path) == first
        third = saver.save(session, tmp_path / "m", 3)
        assert tf.train.latest_checkpoint(tmp_path) == third
        assert not tf.train.checkpoint_exists(str(tmp_path / "m-2"))


def test_variables_of_all_dtypes_are_saved(tmp_path):
    values = [
        b"a\x00",
        ["ü", "b"],
        True,
        np.int8(-3),
        np.float16(1.5),
        np.zeros((0, 2)),
        np.uint8([1]),
        np.int64(2**40),
    ]
    variables = [tf.Variable(value) for value in values]
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        before, path = session.run(variables), saver.save(session, tmp_path / "m")
    with tf.Session() as session:
        saver.restore(session, path)
        for x, y in zip(session.run(variables), before, strict=True):
            np.testing.assert_array_equal(x, y)
            assert np.asarray(x).dtype == np.asarray(y).dtype


def test_values_of_another_shape_are_taken_if_asked(tmp_path):
    with tf.Graph().as_default(), tf.Session() as session:
        tf.Variable([[1.0, 2.0]], name="v")
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver().save(session, tmp_path / "m")
    v = tf.Variable([0.0, 0.0], name="v")
    with tf.Session() as session:
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"lhs shape= \[2\] rhs shape= \[1, 2\]: variable v"):
            tf.train.Saver().restore(session, path)
        tf.train.Saver(reshape=True).restore(session, path)
        assert session.run(v).tolist() == [1.0, 2.0]


def test_files_of_variables_are_read_by_tf_train(tmp_path):
    tf.Variable([1.0, 2.0], name="net/w")
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, tmp_path / "m", global_step=2)
    assert tf.train.latest_checkpoint(tmp_path) == str(tmp_path / "m-2")
    assert (tmp_path / "checkpoint").read_text().startswith('model_checkpoint_path: "m-2"')


# Options, messages, files


def test_options_are_read_from_the_command_line():
    flags = _Flags()
    flags._define("steps", 10, "", int)
    flags._define("rate", 0.1, "", float)
    flags._define("verbose", False, "", bool)
    flags._define("color", True, "", bool)
    assert flags(["x.py", "--steps=3", "--verbose", "--nocolor", "left"]) == ["x.py", "left"]
    assert (flags.steps, flags.rate, flags.verbose, flags.color) == (3, 0.1, True, False)
    flags.steps = 4
    assert flags.flag_values_dict()["steps"] == 4
    with pytest.raises(AttributeError, match="Unknown command line flag 'other'"):
        flags.other  # noqa: B018
    with pytest.raises(ValueError, match="twice"):
        flags._define("steps", 1, "", int)


def test_app_runs_main_with_what_is_left(monkeypatch):
    called = []
    monkeypatch.setattr(sys, "argv", ["x.py", "more"])
    with pytest.raises(SystemExit) as end:
        tf.app.run(main=lambda argv: called.append(argv))
    assert called == [["x.py", "more"]]
    assert end.value.code is None
    assert tf.app.flags is tf.flags


def test_messages_go_through_pythons_logging(caplog):
    tf.logging.set_verbosity(tf.logging.INFO)
    with caplog.at_level(logging.INFO, "microdl"):
        tf.logging.info("loss = %.1f", 2.0)
        for _ in range(3):
            tf.logging.log_every_n(tf.logging.WARN, "often", 2)
    assert [record.getMessage() for record in caplog.records] == ["loss = 2.0", "often", "often"]
    assert tf.logging.get_verbosity() == tf.logging.INFO


def test_files_have_their_old_names(tmp_path):
    tf.gfile.MakeDirs(str(tmp_path / "a" / "b"))
    with tf.gfile.GFile(str(tmp_path / "a" / "t.txt"), "w") as file:
        file.write("text")
    assert tf.gfile.Exists(str(tmp_path / "a" / "t.txt"))
    assert tf.gfile.IsDirectory(str(tmp_path / "a" / "b"))
    assert sorted(tf.gfile.ListDirectory(str(tmp_path / "a"))) == ["b", "t.txt"]
    tf.gfile.DeleteRecursively(str(tmp_path / "a"))
    assert not tf.gfile.Exists(str(tmp_path / "a"))


def test_print_says_what_runs_through_it(capsys):
    x = tf.placeholder(tf.float32)
    y = tf.Print(x * 2.0, [x, tf.constant([1, 2, 3, 4])], "x: ", first_n=2)
    assert capsys.readouterr().err == ""
    with tf.Session() as session:
        assert [session.run(y, {x: n}) for n in (1.5, 2.5, 3.5)] == [3.0, 5.0, 7.0]
    assert capsys.readouterr().err == "x: [1.5][1 2 3...]\nx: [2.5][1 2 3...]\n"


def test_python_functions_are_called_in_every_run():
    seen = []
    x = tf.placeholder(tf.float32, [2])
    y = tf.py_func(lambda a: seen.append(a.tolist()) or (a * 2).astype(np.float32), [x], tf.float32)
    with tf.Session() as session:
        assert session.run(y, {x: [1, 2]}).tolist() == [2, 4]
        assert session.run(y, {x: [3, 4]}).tolist() == [6, 8]
    assert seen[-2:] == [[1, 2], [3, 4]]


def test_assertion_that_variables_have_values():
    v = tf.Variable(1.0, name="v")
    check = tf.assert_variables_initialized()
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value v"):
            session.run(check)
        session.run(v.initializer)
        assert session.run(check) is None


def test_threads_stop_together():
    coordinator = tf.train.Coordinator()

    def work():
        with coordinator.stop_on_exception():
            while not coordinator.should_stop():
                raise ValueError("broken")

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    with pytest.raises(ValueError, match="broken"):
        coordinator.join(threads)
    assert coordinator.should_stop()


def test_images():
    x = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    found = run([tf.image.flip_left_right(x), tf.image.flip_up_down(x), tf.image.transpose_image(x)])
    for ours, theirs in zip(found, (x[:, ::-1], x[::-1], x.transpose(1, 0, 2)), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(run(tf.image.per_image_standardization(x)), (x - x.mean()) / x.std(), rtol=1e-5)
    np.testing.assert_allclose(run(tf.image.rgb_to_grayscale(x))[..., 0], x @ [0.2989, 0.587, 0.114], rtol=1e-5)


# What is left out


@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("layers.xavier_initializer", "glorot_uniform_initializer"),
        ("layers.fully_connected", "tf.layers.dense"),
        ("layers.l2_regularizer", "tf.nn.l2_loss"),
        ("slim.conv2d", "tf.layers"),
        ("nothing", "TensorFlow 2 has no tf.contrib either"),
    ],
)
def test_contrib_names_what_to_use_instead(path, instead):
    with pytest.raises(AttributeError, match=f"tf.contrib.{path.split('.')[0]}.* is left out: .*{instead}"):
        functools.reduce(getattr, path.split("."), tf.contrib)


@pytest.mark.parametrize("name", ["import_meta_graph", "Supervisor"])
def test_what_tf_train_lacks_is_named(name):
    with pytest.raises(AttributeError, match=f"tf.train.{name} is left out: "):
        getattr(tf.train, name)


def test_a_number_with_a_fraction_is_no_integer():
    x = tf.placeholder(tf.int32, [None])
    with pytest.raises(TypeError, match="not compatible"):
        run(x, {x: [1.5]})
    assert run(x, {x: [2.0]}).tolist() == [2]


def test_a_placeholder_without_a_shape_is_named_where_a_shape_is_needed():
    with pytest.raises(ValueError, match="a placeholder has no shape: give it one"):
        tf.unstack(tf.placeholder(tf.float32), 3, 1)


def test_wrong_shapes_are_refused_where_a_placeholder_has_none():
    x = tf.placeholder(tf.float32)
    with pytest.raises(ValueError, match="matmul"):
        tf.matmul(x * 2.0, tf.zeros([3]))
    assert tf.matmul(x, tf.zeros([3, 2])).shape.rank is None
    count = len(tf.get_default_graph().samples)
    later, labels = tf.matmul(x, tf.ones([3, 2])), tf.placeholder(tf.float32, [None, 2])
    assert len(tf.get_default_graph().samples) == count
    assert run(later + labels, {x: np.ones([1, 3]), labels: [[1.0, 2.0]]}).tolist() == [[4.0, 5.0]]


def test_numbers_that_a_placeholder_cannot_hold_are_refused():
    x, wide = tf.placeholder(tf.uint8, [None]), tf.placeholder(tf.float32, [])
    with pytest.raises(TypeError, match="not compatible"):
        run(x, {x: [-1, 2]})
    with pytest.raises(TypeError, match="not compatible"):
        run(wide, {wide: 2**24 + 1})
    assert run(x, {x: np.array([255], np.int64)}).tolist() == [255]


def test_plans_are_forgotten_when_there_are_many():
    x = tf.placeholder(tf.float32, [None])
    y = x + 1.0
    with tf.Session() as session:
        for n in range(KEPT + 9):
            assert session.run(y, {x: np.zeros(n)}).shape == (n,)
        assert len(session._runs) == KEPT
        assert len(session._fitting) <= KEPT


def test_the_same_run_makes_one_plan():
    x = tf.placeholder(tf.float32, [None])
    y = x * 2.0
    with tf.Session() as session:
        for n in (3, 3, 4, 4, 3):
            session.run(y, {x: np.zeros(n)})
        assert len(session._runs) == 2


def test_graphs_do_not_see_each_other():
    with tf.Graph().as_default() as first:
        tf.constant(1, name="c")
    with tf.Graph().as_default() as second:
        tf.constant("text", name="c")
    assert [graph.get_tensor_by_name("c:0").dtype for graph in (first, second)] == [tf.int32, tf.string]
    assert tf.get_default_graph().get_operations() == []


def test_what_is_fed_stays_the_callers_own():
    x = tf.placeholder(tf.float32, [None])
    v = tf.Variable([0.0, 0.0])
    keep, fed = v.assign(x), np.array([1.0, 2.0], np.float32)
    with tf.Session() as session:
        session.run(v.initializer)
        found, kept = session.run([x, keep], {x: fed})
        fed[:] = 9.0
        assert found.tolist() == kept.tolist() == session.run(v).tolist() == [1.0, 2.0]
        found[:] = 7.0
        assert fed.tolist() == [9.0, 9.0]
        assert session.run(x * 2.0, {x: fed[::-1]}).tolist() == [18.0, 18.0]
        fed.flags.writeable = False
        assert session.run(x * 2.0, {x: fed}).tolist() == [18.0, 18.0]


def test_a_graph_that_is_placed_on_a_gpu_that_is_not_there_says_once_that_it_runs_on_the_cpu(monkeypatch):
    monkeypatch.setattr(soft_placement, "told", set())
    monkeypatch.setattr(placement._Asked, "gpu", None)
    monkeypatch.setattr(placement._Asked, "missing", "there is none")
    with tf.Graph().as_default():
        with tf.device("/gpu:0"):
            x = tf.constant(1.0)
        with tf.device("/device:GPU:0"):
            y = x + 1.0
        assert y.device == "/device:GPU:0"
        with tf.Session() as session:
            with pytest.warns(UserWarning, match=r"there is no GPU:0: .* runs on the CPU \(there is none\)"):
                assert session.run(y) == 2.0
            assert session.run(x) == 1.0  # a second warning would be an error
