"""Monitored sessions: when hooks are called and what they are given, when a session stops, what it saves."""

import os
import tempfile

import numpy as np


def _counting(tf, start=0.0):
    """(global step, a variable, the operation that adds 1 to both)."""
    step = tf.train.get_or_create_global_step()
    v = tf.Variable(start, name="v")
    with tf.control_dependencies([v.assign_add(1.0)]):
        return step, v, step.assign_add(1)


def _noting(tf, said):
    class Noting(tf.train.SessionRunHook):
        def begin(self):
            said.append(("begin", tf.get_default_graph().finalized))

        def after_create_session(self, session, coord):
            said.append(("created", session.run("v:0"), session.graph.finalized, coord.should_stop()))

        def before_run(self, run_context):
            said.append(("before", run_context.original_args.feed_dict, run_context.stop_requested))
            return tf.train.SessionRunArgs({"v": "v:0"})

        def after_run(self, run_context, run_values):
            said.append(("after", sorted(run_values.results)))

        def end(self, session):
            said.append(("end", session.run("v:0")))

    return Noting()


def order_of_calls(tf):
    said = []
    _, _, train = _counting(tf)
    with tf.train.MonitoredSession(hooks=[_noting(tf, said), tf.train.StopAtStepHook(num_steps=2)]) as session:
        while not session.should_stop():
            said.append(session.run(train))
    return said, session.should_stop()


def an_error_leaves_out_the_end(tf):
    said = []
    _counting(tf)
    try:
        with tf.train.MonitoredSession(hooks=[_noting(tf, said)]):
            raise KeyError("broken")
    except KeyError:
        return said


def the_end_of_the_data_is_no_error(tf):
    said = []
    _counting(tf)
    with tf.train.MonitoredSession(hooks=[_noting(tf, said)]):
        raise tf.errors.OutOfRangeError(None, None, "no more")
    return said


def stop_at_a_step(tf):
    step, _, train = _counting(tf)
    runs = 0
    with tf.train.MonitoredTrainingSession(hooks=[tf.train.StopAtStepHook(last_step=3)]) as session:
        while not session.should_stop():
            runs += 1
            last = session.run([train, step])[0]
        return runs, last


def running_after_the_stop(tf):
    _, _, train = _counting(tf)
    with tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(last_step=1)]) as session:
        session.run(train)
        session.run(train)


def what_hooks_refuse(tf):
    makers = (
        lambda: tf.train.StopAtStepHook(),
        lambda: tf.train.StopAtStepHook(num_steps=1, last_step=2),
        lambda: tf.train.LoggingTensorHook(["v:0"]),
        lambda: tf.train.LoggingTensorHook(["v:0"], every_n_iter=1, every_n_secs=1),
        lambda: tf.train.LoggingTensorHook(["v:0"], every_n_iter=0),
        lambda: tf.train.CheckpointSaverHook("folder"),
        lambda: tf.train.CheckpointSaverHook("folder", save_secs=1, save_steps=1),
        lambda: tf.train.SummarySaverHook(save_steps=1),
        lambda: tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(last_step=1)]),
    )
    found = []
    for make in makers:
        try:
            make()
        except (ValueError, RuntimeError) as error:
            found.append((type(error).__name__, str(error)))
    return found


def checkpoints_every_second_step(tf):
    _, v, train = _counting(tf)
    with tempfile.TemporaryDirectory() as folder:
        hooks = [tf.train.StopAtStepHook(last_step=5)]
        with tf.train.MonitoredTrainingSession(
            checkpoint_dir=folder,
            hooks=hooks,
            save_checkpoint_steps=2,
            save_summaries_steps=None,
            log_step_count_steps=0,
        ) as session:
            while not session.should_stop():
                session.run(train)
        exist = [tf.train.checkpoint_exists(os.path.join(folder, f"model.ckpt-{n}")) for n in range(7)]
        latest = os.path.basename(tf.train.latest_checkpoint(folder))
        with tf.train.SingularMonitoredSession(checkpoint_dir=folder) as session:
            return exist, latest, session.run(v), type(session.raw_session()).__name__


def listeners_of_checkpoints(tf):
    said = []
    _, v, train = _counting(tf)

    class Listener(tf.train.CheckpointSaverListener):
        def begin(self):
            said.append("begin")

        def before_save(self, session, global_step_value):
            said.append(("before", int(global_step_value), session.run(v)))

        def after_save(self, session, global_step_value):
            said.append(("after", int(global_step_value)))
            return bool(global_step_value >= 4)

        def end(self, session, global_step_value):
            said.append(("end", int(global_step_value)))

    with tempfile.TemporaryDirectory() as folder:
        hook = tf.train.CheckpointSaverHook(folder, save_steps=2, listeners=[Listener()], save_graph_def=False)
        with tf.train.MonitoredSession(hooks=[hook]) as session:
            while not session.should_stop():
                session.run(train)
    return said


def tensors_that_are_logged(tf):
    lines = []
    _, v, train = _counting(tf)
    hooks = [
        tf.train.LoggingTensorHook({"w": v, "double": v * 2.0}, every_n_iter=2, formatter=lines.append),
        tf.train.LoggingTensorHook(["v:0"], every_n_secs=1000, at_end=True, formatter=lines.append),
        tf.train.StopAtStepHook(last_step=4),
    ]
    with tf.train.MonitoredSession(hooks=hooks) as session:
        while not session.should_stop():
            session.run(train)
    return [sorted(line) for line in lines], len(lines), lines[-1]


def a_loss_that_is_no_number(tf):
    x = tf.placeholder(tf.float32, [])
    y, found = x + 1.0, []
    for fail in (True, False):
        try:
            with tf.train.MonitoredSession(hooks=[tf.train.NanTensorHook(x, fail_on_nan_loss=fail)]) as session:
                found.append(session.run(y, {x: 1.0}))
                session.run(y, {x: np.nan})
                found.append(session.should_stop())
        except tf.train.NanLossDuringTrainingError as error:
            found.append(str(error))
    return found


def what_hooks_feed(tf):
    x, y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    total, final = x + y, tf.train.FinalOpsHook([x * 2.0], {x: 3.0})
    found = []
    with tf.train.MonitoredSession(hooks=[tf.train.FeedFnHook(lambda: {x: 5.0}), final]) as session:
        found.append(session.run(total, {y: 1.0}))
        try:
            session.run(total, {x: 1.0})
        except RuntimeError as error:
            found.append(str(error).split(" Conf")[0])
    return found, final.final_ops_values


def initial_values_of_a_scaffold(tf):
    start = tf.placeholder(tf.float32, [])
    v = tf.Variable(start, name="v")
    w = tf.Variable(0.0, collections=[tf.GraphKeys.LOCAL_VARIABLES])
    scaffold = tf.train.Scaffold(
        init_feed_dict={start: 4.0}, init_fn=lambda scaffold, session: said.append(session.run(v))
    )
    said = []
    creator = tf.train.ChiefSessionCreator(scaffold)
    with tf.train.MonitoredSession(creator) as session:
        return said, session.run([v, w]), tf.get_default_graph().finalized


def a_variable_that_is_left_out(tf):
    v = tf.Variable(1.0, name="v")
    tf.Variable(1.0, name="forgotten")
    tf.train.MonitoredSession(tf.train.ChiefSessionCreator(tf.train.Scaffold(init_op=v.initializer)))


def functions_of_a_step(tf):
    _, v, train = _counting(tf)
    found = []
    with tf.train.MonitoredSession() as session:

        def step_fn(step_context):
            if step_context.session.run(v) >= 2.0:
                step_context.request_stop()
            return step_context.run_with_hooks(train)

        while not session.should_stop():
            found.append(session.run_step_fn(step_fn))
    return found, session.should_stop()


def when_a_timer_is_due(tf):
    timer = tf.train.SecondOrStepTimer(every_steps=3)
    found = []
    for step in (0, 0, 1, 3, 3, 5, 7):
        due = timer.should_trigger_for_step(step)
        found.append((due, timer.update_last_triggered_step(step)[1] if due else None, timer.last_triggered_step()))
    timer.reset()
    return found, timer.should_trigger_for_step(8)
