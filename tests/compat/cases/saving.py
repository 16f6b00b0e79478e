"""``tf.train.Saver``: what it restores, which files it keeps, what it calls them."""

import os
import tempfile

import numpy as np

from tests.compat.describe import said


def _folder():
    return tempfile.TemporaryDirectory()


def saved_and_restored(tf):
    a, b = tf.Variable([1.0, 2.0], name="a"), tf.Variable(3, name="b")
    saver = tf.train.Saver()
    with _folder() as folder, tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = saver.save(session, os.path.join(folder, "model.ckpt"))
        session.run([a.assign([0.0, 0.0]), b.assign(0)])
        with tf.Session() as other:
            saver.restore(other, path)
            return os.path.relpath(path, folder), session.run([a, b]), other.run([a, b])


def numbers_behind_the_name(tf):
    step = tf.train.get_or_create_global_step()
    saver = tf.train.Saver()
    with _folder() as folder, tf.Session() as session:
        session.run(step.assign(7))
        prefix = os.path.join(folder, "model")
        paths = saver.save(session, prefix, global_step=3), saver.save(session, prefix, global_step=step)
        latest = tf.train.latest_checkpoint(folder)
        state = tf.train.get_checkpoint_state(folder)
        kept = [os.path.basename(path) for path in saver.last_checkpoints]
        return (
            [os.path.basename(p) for p in (*paths, latest, state.model_checkpoint_path)],
            kept,
            [os.path.basename(p) for p in state.all_model_checkpoint_paths],
        )


def some_are_kept(tf):
    v = tf.Variable(1.0)
    saver = tf.train.Saver(max_to_keep=2)
    with _folder() as folder, tf.Session() as session:
        session.run(v.initializer)
        for number in range(4):
            saver.save(session, os.path.join(folder, "m"), global_step=number)
        exist = [tf.train.checkpoint_exists(os.path.join(folder, f"m-{number}")) for number in range(4)]
        return exist, [os.path.basename(path) for path in saver.last_checkpoints]


def recovered_files_are_deleted_too(tf):
    v = tf.Variable(1.0)
    with _folder() as folder, tf.Session() as session:
        session.run(v.initializer)
        first = tf.train.Saver(max_to_keep=2)
        for number in range(2):
            first.save(session, os.path.join(folder, "m"), global_step=number)
        second = tf.train.Saver(max_to_keep=2)
        second.recover_last_checkpoints(tf.train.get_checkpoint_state(folder).all_model_checkpoint_paths)
        second.save(session, os.path.join(folder, "m"), global_step=2)
        return [tf.train.checkpoint_exists(os.path.join(folder, f"m-{number}")) for number in range(3)]


def some_variables_under_other_names(tf):
    a, b = tf.Variable(1.0, name="a"), tf.Variable(2.0, name="b")
    with _folder() as folder, tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver({"x": a}).save(session, os.path.join(folder, "m"))
        session.run(b.assign(5.0))
        tf.train.Saver({"x": b}).restore(session, path)
        missing = said(lambda: tf.train.Saver([a]).restore(session, path), "Key a not found")
        return session.run([a, b]), missing[0]


def another_shape_is_refused(tf):
    with _folder() as folder:
        with tf.Graph().as_default(), tf.Session() as session:
            tf.Variable([1.0, 2.0], name="v")
            session.run(tf.global_variables_initializer())
            path = tf.train.Saver().save(session, os.path.join(folder, "m"))
        with tf.Graph().as_default(), tf.Session() as session:
            tf.Variable([1.0, 2.0, 3.0], name="v")
            return said(lambda: tf.train.Saver().restore(session, path), "Assign requires shapes")[0]


def uninitialized_variables_cannot_be_saved(tf):
    tf.Variable(1.0, name="v")
    saver = tf.train.Saver()
    with _folder() as folder, tf.Session() as session:
        return said(lambda: saver.save(session, os.path.join(folder, "m")), "uninitialized value")


def training_goes_on(tf):
    v = tf.Variable([1.0, -2.0], name="v")
    loss = tf.reduce_sum(v * v)
    train = tf.train.AdamOptimizer(0.1).minimize(loss)
    saver = tf.train.Saver()
    with _folder() as folder:
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for _ in range(3):
                session.run(train)
            path = saver.save(session, os.path.join(folder, "m"))
            ahead = [session.run([loss, train])[0] for _ in range(3)]
        with tf.Session() as session:
            saver.restore(session, path)
            return ahead, [session.run([loss, train])[0] for _ in range(3)]


def no_checkpoint(tf):
    with _folder() as folder:
        return tf.train.latest_checkpoint(folder), tf.train.get_checkpoint_state(folder)


def what_a_file_holds(tf):
    a, b = tf.Variable([[1.0, 2.0]], name="net/a"), tf.Variable(np.int64(3), name="b")
    with _folder() as folder, tf.Session() as session:
        session.run(tf.global_variables_initializer())
        path = tf.train.Saver({"x/y": a, "b": b}).save(session, os.path.join(folder, "model"))
        reader = tf.train.NewCheckpointReader(path)
        return (
            [(name, list(shape)) for name, shape in tf.train.list_variables(path)],
            tf.train.load_variable(folder, "x/y"),
            reader.has_tensor("b"),
            reader.has_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"),
            reader.get_variable_to_shape_map(),
            reader.get_tensor("b"),
        )
