"""What checkpoints do, printed: ``show(tf)`` runs under TensorFlow (``make_checkpoints.py``) and microdl alike."""

import os


def show(tf):
    """Saves and restores in the current folder, and prints what came of it."""
    names(tf)
    restoring(tf)
    misfits(tf)
    later(tf)
    reading(tf)
    managing(tf)
    intervals(tf)
    states(tf)


def attempt(function, *args, **kwargs):
    try:
        result = function(*args, **kwargs)
    except Exception as error:
        print(type(error).__name__)
    else:
        print("done", result if result is None or isinstance(result, str) else type(result).__name__)


def many(tf, *values):
    """A checkpoint of variables in a list, a dict and a tuple, one of them twice; and its variables."""
    v = [tf.Variable(value) for value in values]
    return tf.train.Checkpoint(a=v[0], b=[v[1], {"x/y": v[2], "p.q": v[3]}], t=(v[0], v[4])), v


def names(tf):
    checkpoint, _ = many(tf, 1.0, 2.0, 3.0, 4.0, 5.0)
    print(checkpoint.save("one/ck"))
    print(*tf.train.list_variables("one"), sep="\n")
    print(checkpoint.save("one/ck"), int(checkpoint.save_counter))
    print(tf.train.latest_checkpoint("one"), tf.train.get_checkpoint_state("one").all_model_checkpoint_paths)
    print(checkpoint.write("two/w"), [key for key, _ in tf.train.list_variables("two/w")])
    print(tf.train.latest_checkpoint("two"), tf.train.latest_checkpoint("none"), tf.train.get_checkpoint_state("none"))
    attempt(tf.train.list_variables, "two")
    attempt(checkpoint.restore, "none")
    attempt(checkpoint.read, "none")


def restoring(tf):
    checkpoint, variables = many(tf, *[0.0] * 5)
    status = checkpoint.restore("one/ck-1")
    attempt(status.assert_consumed)
    print([float(v) for v in variables], int(checkpoint.save_counter))
    checkpoint, _ = many(tf, *[0.0] * 5)
    attempt(checkpoint.read("two/w").assert_consumed)
    for restore in ("read", "restore"):
        part = tf.train.Checkpoint(a=tf.Variable(0.0))
        status = getattr(part, restore)("two/w")
        attempt(status.assert_existing_objects_matched)
        attempt(status.assert_consumed)
        attempt(status.assert_nontrivial_match)
        attempt(status.expect_partial)
        print(float(part.a))
    inner = tf.train.Checkpoint(v=tf.Variable(7.0))
    print(tf.train.Checkpoint(inner).save("root/c"), [key for key, _ in tf.train.list_variables("root/c-1")])
    again = tf.train.Checkpoint(v=tf.Variable(0.0))
    attempt(tf.train.Checkpoint(root=again).restore("root/c-1").assert_consumed)
    print(float(again.v))
    attempt(tf.train.Checkpoint, inner, v=tf.Variable(1.0))


def misfits(tf):
    other = tf.train.Checkpoint(other=tf.Variable(0.0))
    attempt(other.restore("two/w").assert_existing_objects_matched)
    attempt(tf.train.Checkpoint(a=tf.Variable([1.0, 2.0])).restore, "two/w")
    attempt(tf.train.Checkpoint(a=tf.Variable(1, dtype=tf.int32)).restore, "two/w")
    attempt(tf.train.Checkpoint, a=3)
    attempt(tf.train.Checkpoint, a="text")
    status = tf.train.Checkpoint(a=tf.Variable(1.0)).restore(None)
    attempt(status.assert_consumed)
    attempt(status.assert_existing_objects_matched)
    attempt(status.expect_partial)


def later(tf):
    checkpoint = tf.train.Checkpoint()
    status = checkpoint.restore("one/ck-2")
    checkpoint.a = tf.Variable(0.0)
    print(float(checkpoint.a))
    checkpoint.b = [tf.Variable(0.0)]
    print(float(checkpoint.b[0]))
    attempt(status.assert_consumed)


def reading(tf):
    reader, key = tf.train.load_checkpoint("one"), "a/.ATTRIBUTES/VARIABLE_VALUE"
    print(reader.has_tensor(key), reader.has_tensor("a"), reader.get_variable_to_shape_map()[key])
    print(reader.get_variable_to_dtype_map()[key], reader.get_tensor(key), tf.train.load_variable("one", key))


def managing(tf):
    step = tf.Variable(0)
    checkpoint = tf.train.Checkpoint(step=step)
    manager = tf.train.CheckpointManager(checkpoint, "m", max_to_keep=2)
    print(manager.latest_checkpoint, manager.checkpoints, manager.directory, manager.checkpoint_interval)
    print(manager.restore_or_initialize())
    for _ in range(4):
        step.assign_add(1)
        print(manager.save())
    print(manager.checkpoints, manager.latest_checkpoint)
    with open(os.path.join("m", "checkpoint")) as file:
        print(file.read().splitlines()[:3])
    print(manager.save(checkpoint_number=77), int(checkpoint.save_counter), manager.checkpoints)
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(step=tf.Variable(0)), "m", max_to_keep=1)
    print(manager.checkpoints, manager.restore_or_initialize(), manager.save(), manager.checkpoints)
    attempt(tf.train.CheckpointManager, checkpoint, "m", max_to_keep=0)
    attempt(tf.train.CheckpointManager, checkpoint, "m", max_to_keep=1, checkpoint_interval=3)


def intervals(tf):
    step = tf.Variable(0)
    options = {"step_counter": step, "checkpoint_interval": 3, "init_fn": lambda: print("init")}
    manager = tf.train.CheckpointManager(tf.train.Checkpoint(step=step), "i", max_to_keep=None, **options)
    print(manager.restore_or_initialize())
    for _ in range(7):
        step.assign_add(1)
        print(manager.save())
    print(manager.save(check_interval=False))
    step.assign_add(1)
    print(manager.save(), manager.save(check_interval=False))


def states(tf):
    class Counter(tf.train.experimental.PythonState):
        number = 0

        def serialize(self):
            return str(self.number)

        def deserialize(self, string_value):
            self.number = int(string_value)

    counter, again = Counter(), Counter()
    counter.number = 4
    print(tf.train.Checkpoint(p=counter).save("p/c"), tf.train.list_variables("p/c-1")[1])
    attempt(tf.train.Checkpoint(p=again).restore("p/c-1").assert_consumed)
    print(again.number)
