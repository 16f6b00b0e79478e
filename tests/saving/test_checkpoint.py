"""tf.train.Checkpoint: what is kept, what is matched, and what waits until it is made."""

import copy
import gc
import os

import numpy as np
import pytest

import microdl as tf
from microdl import keras

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(6, 4)
Y = X.sum(1, keepdims=True)


class Net(keras.Model):
    """A linear model."""

    def __init__(self):
        super().__init__()
        self.l1 = keras.layers.Dense(5)

    def call(self, x):
        return self.l1(x)


def train_step(net, optimizer):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.abs(net(X) - Y))
    variables = net.trainable_variables
    optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
    return float(loss)


def toy(**more):
    net, optimizer = Net(), keras.optimizers.Adam(0.1)
    checkpoint = tf.train.Checkpoint(step=tf.Variable(1), optimizer=optimizer, net=net, **more)
    return checkpoint, net, optimizer


def test_a_restart_goes_on_where_training_stopped(tmp_path):
    checkpoint, net, optimizer = toy()
    for _ in range(3):
        train_step(net, optimizer)
    path = checkpoint.save(tmp_path / "ckpt")
    assert path == str(tmp_path / "ckpt-1")
    expected = [train_step(net, optimizer) for _ in range(3)]

    again, net, optimizer = toy()
    status = again.restore(tf.train.latest_checkpoint(tmp_path))
    with pytest.raises(AssertionError, match=r"holds values for which there is no object \(yet\): .*momentums/0"):
        status.assert_consumed()
    assert [train_step(net, optimizer) for _ in range(3)] == expected  # layers and slots come with the first step
    status.assert_consumed().assert_nontrivial_match()
    assert int(optimizer.iterations) == 6


def test_values_are_restored_when_a_layer_builds_and_not_again(tmp_path):
    saved = Net()
    saved(X)
    tf.train.Checkpoint(net=saved).write(tmp_path / "w")
    net = Net()
    status = tf.train.Checkpoint(net=net).read(tmp_path / "w")
    gc.collect()  # the Checkpoint is gone, what waits lives with the model
    net(X)
    assert np.array_equal(net.l1.kernel.numpy(), saved.l1.kernel.numpy())
    status.assert_consumed()
    net.l1.kernel.assign(tf.zeros((4, 5)))
    Net()(X)  # builds another layer
    assert not net.l1.kernel.numpy().any()


def test_part_of_a_model_can_be_restored_by_itself(tmp_path):
    saved = Net()
    saved(X)
    path = tf.train.Checkpoint(net=saved, optimizer=keras.optimizers.Adam()).save(tmp_path / "c")
    bias = tf.Variable(tf.zeros((5,)))
    layer = tf.train.Checkpoint(bias=bias)
    status = tf.train.Checkpoint(net=tf.train.Checkpoint(l1=layer)).restore(path)
    status.assert_existing_objects_matched().expect_partial()
    assert np.array_equal(bias.numpy(), saved.l1.bias.numpy())
    with pytest.raises(AssertionError, match="net/l1/kernel"):
        status.assert_consumed()


def test_an_attribute_that_comes_later_is_restored_at_once(tmp_path):
    path = tf.train.Checkpoint(a=tf.Variable(3.0), b=tf.Variable(4.0)).save(tmp_path / "c")
    checkpoint = tf.train.Checkpoint(a=tf.Variable(0.0))
    status = checkpoint.restore(path)
    checkpoint.b = tf.Variable(0.0)
    assert float(checkpoint.a) == 3.0
    assert float(checkpoint.b) == 4.0
    status.assert_consumed()


class Lazy(tf.Module):
    """Makes its variable at the first call."""

    def __init__(self):
        super().__init__()
        self.weight = None

    def __call__(self, x):
        if self.weight is None:
            self.weight = tf.Variable(tf.random.normal((x.shape[-1], 2)))
        return x @ self.weight


@pytest.mark.parametrize("traced", [False, True])
def test_a_modules_variables_are_restored_when_they_are_made(tmp_path, traced):
    saved, again = [Lazy(), Lazy()], [Lazy(), Lazy()]
    expected = saved[1](saved[0](tf.constant(X))).numpy()
    path = tf.train.Checkpoint(parts=saved).save(tmp_path / "c")
    status = tf.train.Checkpoint(parts=again).restore(path)

    def forward(x):
        return again[1](again[0](x))

    assert np.array_equal((tf.function(forward) if traced else forward)(tf.constant(X)).numpy(), expected)
    status.assert_consumed()


def test_lists_dicts_and_names_with_slashes(tmp_path):
    def made(values):
        v = [tf.Variable(x) for x in values]
        return tf.train.Checkpoint(listed=[v[0], {"a/b": v[1], "a.b": v[2]}], pair=(v[0], v[3])), v

    checkpoint, _ = made([1.0, 2.0, 3.0, 4.0])
    path = checkpoint.save(tmp_path / "c")
    again, variables = made([0.0] * 4)
    again.restore(path).assert_consumed()
    assert [float(v) for v in variables] == [1.0, 2.0, 3.0, 4.0]
    assert [key for key, _ in tf.train.list_variables(path)] == [
        "_CHECKPOINTABLE_OBJECT_GRAPH",
        "listed/0/.ATTRIBUTES/VARIABLE_VALUE",
        "listed/1/a..b/.ATTRIBUTES/VARIABLE_VALUE",
        "listed/1/a.Sb/.ATTRIBUTES/VARIABLE_VALUE",
        "pair/1/.ATTRIBUTES/VARIABLE_VALUE",
        "save_counter/.ATTRIBUTES/VARIABLE_VALUE",
    ]


def test_a_shared_object_is_stored_once_and_found_by_either_name(tmp_path):
    shared = tf.Variable(5.0)
    path = tf.train.Checkpoint(a=shared, b=shared).write(tmp_path / "c")
    other = tf.Variable(0.0)
    tf.train.Checkpoint(b=other).read(path).assert_consumed()
    assert float(other) == 5.0


def test_root_keeps_the_parts_of_an_object_as_if_they_were_named(tmp_path):
    net = Net()
    net(X)
    path = tf.train.Checkpoint(net).save(tmp_path / "c")
    fresh = Net()
    fresh(X)
    tf.train.Checkpoint(fresh).restore(path).assert_consumed()
    assert np.array_equal(fresh.l1.kernel.numpy(), net.l1.kernel.numpy())
    assert "l1/kernel/.ATTRIBUTES/VARIABLE_VALUE" in dict(tf.train.list_variables(path))


def test_a_compiled_model_keeps_its_optimizer(tmp_path):
    def made():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
        return model

    model, again = made(), made()
    model.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    path = tf.train.Checkpoint(model=model).save(tmp_path / "c")
    model.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    status = tf.train.Checkpoint(model=again).restore(path)
    again.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    status.assert_consumed()
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))


def test_random_numbers_go_on_where_they_were(tmp_path):
    checkpoint = tf.train.Checkpoint(random=tf.train.RandomState())
    tf.random.set_seed(3)
    tf.random.normal((2,), seed=1)
    path = checkpoint.save(tmp_path / "c")

    def draws():
        drawn = tf.random.normal((3,), seed=1).numpy(), tf.random.uniform((3,)).numpy(), np.random.random(3)
        return [list(x) for x in drawn]

    expected = draws()
    draws()
    checkpoint.restore(path)
    assert draws() == expected


class Counting:
    """An iterator of a user's, with the two methods of tf.data's."""

    def __init__(self):
        self.at = 0

    def state(self):
        values = np.arange(self.at, dtype=np.int16)
        return {"at": self.at, "parts": [values, {"x": np.array([b"\xff", "é"], object)}], "of": np.float32(0.5)}

    def restore(self, state):
        assert state["parts"][0].dtype == np.int16
        assert len(state["parts"][0]) == state["at"]
        assert state["parts"][1]["x"].tolist() == [b"\xff", "é"]
        self.at = state["at"]


def test_an_iterators_position_is_kept(tmp_path):
    iterator, again = Counting(), Counting()
    iterator.at = 7
    path = tf.train.Checkpoint(iterator=iterator).save(tmp_path / "c")
    tf.train.Checkpoint(iterator=again).restore(path).assert_consumed()
    assert again.at == 7


def test_a_data_set_goes_on_where_it_was(tmp_path):
    numbers = tf.data.Dataset.range(20).shuffle(8, seed=3).batch(3)
    iterator, again = iter(numbers), iter(numbers)
    next(iterator), next(iterator)
    path = tf.train.Checkpoint(iterator=iterator).save(tmp_path / "c")
    tf.train.Checkpoint(iterator=again).restore(path).assert_consumed()
    assert [x.numpy().tolist() for x in again] == [x.numpy().tolist() for x in iterator]
    assert ("iterator/.ATTRIBUTES/ITERATOR_STATE", [1]) not in tf.train.list_variables(path)


class Everything:
    """A training loop with all that it depends on: dropout, a shuffled data set, slots."""

    def __init__(self, folder):
        self.model = keras.Sequential([keras.layers.Dense(8, "relu"), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
        self.optimizer = keras.optimizers.Adam(0.05)
        self.data = iter(tf.data.Dataset.from_tensor_slices((X, Y)).shuffle(6).repeat().batch(4))
        self.loss = tf.Variable(0.0)
        parts = {"model": self.model, "optimizer": self.optimizer, "data": self.data, "loss": self.loss}
        checkpoint = tf.train.Checkpoint(**parts, random=tf.train.RandomState())
        self.manager = tf.train.CheckpointManager(checkpoint, folder, max_to_keep=2)

    @tf.function
    def step(self, x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self.model(x, training=True) - y))
        self.optimizer.minimize(loss, self.model.trainable_variables, tape=tape)
        self.loss.assign(loss)

    def steps(self, number):
        for _ in range(number):
            self.step(*next(self.data))
        return [float(self.loss), *[w.tobytes() for w in self.model.get_weights()]]


def test_a_whole_training_loop_resumes_bit_for_bit(tmp_path):
    tf.random.set_seed(11)
    first = Everything(tmp_path)
    first.steps(5)
    first.manager.save()
    expected = first.steps(5)
    tf.random.set_seed(99)
    tf.random.normal((3,))
    second = Everything(tmp_path)
    assert second.manager.restore_or_initialize()
    assert second.steps(5) == expected


class Epoch(tf.train.experimental.PythonState):
    number = 0

    def serialize(self):
        return str(self.number)

    def deserialize(self, string_value):
        self.number = int(string_value)


def test_python_state_is_kept(tmp_path):
    epoch, again = Epoch(), Epoch()
    epoch.number = 12
    path = tf.train.Checkpoint(epoch=epoch).save(tmp_path / "c")
    tf.train.Checkpoint(epoch=again).restore(path).assert_consumed()
    assert again.number == 12


def test_other_shapes_and_dtypes_are_refused_and_change_nothing(tmp_path):
    path = tf.train.Checkpoint(a=tf.Variable([1.0, 2.0]), b=tf.Variable(1.0)).write(tmp_path / "c")
    for wrong in (tf.Variable([0.0]), tf.Variable([0.0, 0.0], dtype="float64")):
        b = tf.Variable(0.0)
        with pytest.raises(
            ValueError, match=r"c\.safetensors: variable 'a/.ATTRIBUTES/VARIABLE_VALUE' has (shape|dtype)"
        ):
            tf.train.Checkpoint(b=b, a=wrong).read(path)
        assert float(b) == 0.0


def test_other_kinds_of_objects_are_refused(tmp_path):
    path = tf.train.Checkpoint(a=tf.Variable([1.0, 2.0])).write(tmp_path / "c")
    with pytest.raises(ValueError, match=r"'a/.ATTRIBUTES/VARIABLE_VALUE' cannot go into Epoch"):
        tf.train.Checkpoint(a=Epoch()).read(path)
    with pytest.raises(ValueError, match=r"Checkpoint: a must be a Variable, .*, got 3 of type int"):
        tf.train.Checkpoint(a=3)


def test_objects_without_values_are_named(tmp_path):
    path = tf.train.Checkpoint(a=tf.Variable(1.0)).save(tmp_path / "c")
    status = tf.train.Checkpoint(a=tf.Variable(0.0), extra=tf.Variable(0.0)).restore(path)
    with pytest.raises(AssertionError, match=r"has no values for these objects: 'extra'"):
        status.assert_existing_objects_matched()
    path = tf.train.Checkpoint(a=tf.Variable(1.0)).write(tmp_path / "w")
    with pytest.raises(AssertionError, match=r"nothing in .* fits any"):
        tf.train.Checkpoint(b=tf.Variable(0.0)).read(path).assert_nontrivial_match()
    with pytest.raises(AssertionError, match="no checkpoint was given"):
        tf.train.Checkpoint(a=tf.Variable(1.0)).restore(None).assert_consumed()


def test_a_checkpoint_that_is_not_there(tmp_path):
    checkpoint = tf.train.Checkpoint(a=tf.Variable(1.0))
    with pytest.raises(tf.errors.NotFoundError, match="there is no checkpoint"):
        checkpoint.restore(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="latest_checkpoint"):
        checkpoint.restore(tmp_path)
    assert tf.train.latest_checkpoint(tmp_path) is None
    with pytest.raises(ValueError, match="has no checkpoint"):
        tf.train.load_checkpoint(tmp_path)


def test_the_reader_shows_what_is_there(tmp_path):
    path = tf.train.Checkpoint(a=tf.Variable([[1.0, 2.0]])).save(tmp_path / "c")
    reader, key = tf.train.load_checkpoint(tmp_path), "a/.ATTRIBUTES/VARIABLE_VALUE"
    assert reader.get_variable_to_shape_map()[key] == [1, 2]
    assert reader.get_variable_to_dtype_map()[key] == tf.float32
    assert reader.has_tensor(key)
    assert not reader.has_tensor("b")
    assert tf.train.load_variable(path, key).tolist() == [[1.0, 2.0]]
    assert reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH").startswith(b"[{")
    with pytest.raises(tf.errors.NotFoundError, match="key 'b' is not in checkpoint"):
        reader.get_tensor("b")


def test_restoring_while_a_function_is_traced(tmp_path):
    saved = Net()
    saved(X)
    path = tf.train.Checkpoint(net=saved).write(tmp_path / "c")
    net = Net()
    status = tf.train.Checkpoint(net=net).read(path)
    forward = tf.function(lambda x: net(x))
    assert np.array_equal(forward(tf.constant(X)).numpy(), saved(X).numpy())
    status.assert_consumed()


def test_a_copy_of_a_model_waits_for_nothing(tmp_path):
    saved = Net()
    saved(X)
    path = tf.train.Checkpoint(net=saved).write(tmp_path / "c")
    net = Net()
    tf.train.Checkpoint(net=net).read(path)
    twin = copy.deepcopy(net)
    twin(X)
    assert not np.array_equal(twin.l1.kernel.numpy(), saved.l1.kernel.numpy())
    net(X)
    assert np.array_equal(net.l1.kernel.numpy(), saved.l1.kernel.numpy())


def test_manager_keeps_the_newest(tmp_path):
    checkpoint = tf.train.Checkpoint(step=tf.Variable(0))
    manager = tf.train.CheckpointManager(checkpoint, tmp_path / "m", max_to_keep=2)
    assert manager.restore_or_initialize() is None
    for _ in range(4):
        checkpoint.step.assign_add(1)
        manager.save()
    names = [os.path.basename(path) for path in manager.checkpoints]
    assert names == ["ckpt-3", "ckpt-4"]
    assert sorted(os.listdir(tmp_path / "m")) == ["checkpoint", "ckpt-3.safetensors", "ckpt-4.safetensors"]
    text = (tmp_path / "m" / "checkpoint").read_text().splitlines()
    assert text[:3] == [
        'model_checkpoint_path: "ckpt-4"',
        'all_model_checkpoint_paths: "ckpt-3"',
        'all_model_checkpoint_paths: "ckpt-4"',
    ]
    again = tf.train.Checkpoint(step=tf.Variable(0))
    manager = tf.train.CheckpointManager(again, tmp_path / "m", max_to_keep=2)
    assert manager.restore_or_initialize() == str(tmp_path / "m" / "ckpt-4")
    assert int(again.step) == 4
    assert os.path.basename(manager.save()) == "ckpt-5"
    assert os.path.basename(manager.save(checkpoint_number=99)) == "ckpt-99"
    assert tf.train.get_checkpoint_state(tmp_path / "m").model_checkpoint_path == str(tmp_path / "m" / "ckpt-99")


def test_manager_saves_at_intervals(tmp_path):
    step = tf.Variable(0)
    begun = []
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(step=step),
        tmp_path,
        max_to_keep=None,
        step_counter=step,
        checkpoint_interval=3,
        init_fn=lambda: begun.append(True),
    )
    manager.restore_or_initialize()
    saved = []
    for _ in range(7):
        step.assign_add(1)
        if manager.save():
            saved.append(int(step))
    assert (begun, saved) == ([True], [1, 4, 7])
    assert manager.save(check_interval=False) is None  # that of this step is there
    step.assign_add(1)
    assert manager.save() is None
    assert manager.save(check_interval=False) is not None
    assert manager.checkpoint_interval == 3


def test_manager_preserves_one_in_so_many_hours(tmp_path, monkeypatch):
    now = [1e9]
    monkeypatch.setattr("time.time", lambda: now[0])
    manager = tf.train.CheckpointManager(
        tf.train.Checkpoint(step=tf.Variable(0)), tmp_path, max_to_keep=1, keep_checkpoint_every_n_hours=2
    )
    for _ in range(6):
        now[0] += 3600
        manager.save()
    left = sorted(name for name in os.listdir(tmp_path) if name.startswith("ckpt"))
    assert left == ["ckpt-2.safetensors", "ckpt-4.safetensors", "ckpt-6.safetensors"]


@pytest.mark.parametrize(
    ("options", "message"),
    [({"max_to_keep": 0}, "positive"), ({"max_to_keep": 1, "checkpoint_interval": 2}, "step_counter")],
)
def test_manager_refuses_what_makes_no_sense(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        tf.train.CheckpointManager(tf.train.Checkpoint(), tmp_path, **options)


def test_a_state_file_that_cannot_be_read_is_no_state(tmp_path):
    (tmp_path / "checkpoint").write_text("model_checkpoint_path: nonsense\n")
    assert tf.train.latest_checkpoint(tmp_path) is None
    quoted = tmp_path / 'a "b" \\c'
    path = tf.train.Checkpoint(a=tf.Variable(1.0)).save(quoted / 'x "y"')
    assert tf.train.latest_checkpoint(quoted) == path


def test_strings_are_kept(tmp_path):
    checkpoint = tf.train.Checkpoint(one=tf.Variable("abc"), many=tf.Variable([["a", "ü"]]))
    path = checkpoint.save(tmp_path / "ckpt")
    checkpoint.one.assign("")
    checkpoint.many.assign([["", ""]])
    checkpoint.restore(path).assert_consumed()
    assert checkpoint.one.numpy() == b"abc"
    assert checkpoint.many.numpy().tolist() == [[b"a", "ü".encode()]]


def test_two_parts_of_one_name_are_refused(tmp_path):
    checkpoint = tf.train.Checkpoint(net={1: tf.Variable(1.0), "1": tf.Variable(2.0)})
    with pytest.raises(ValueError, match="two parts have the same name, '1' in 'net'"):
        checkpoint.save(tmp_path / "ckpt")


@pytest.mark.parametrize("name", ["größe", "two\nlines", 'quoted "\\n"', "tab\t", "sp ace"])
def test_the_latest_checkpoint_of_a_folder_of_any_name(tmp_path, name):
    path = tf.train.Checkpoint(v=tf.Variable(1.0)).save(tmp_path / name / name)
    assert tf.train.latest_checkpoint(tmp_path / name) == path
    state = tmp_path / name / "checkpoint"
    if name == "größe":  # TensorFlow writes octal numbers
        state.write_bytes(state.read_bytes().replace("ö".encode(), rb"\303\266").replace("ß".encode(), rb"\303\237"))
        assert tf.train.latest_checkpoint(tmp_path / name) == path
