"""Sessions that make themselves ready, call hooks, and end in order."""

from typing import Any

from microdl.compat.v1 import summary
from microdl.compat.v1.current import Default
from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.session import Session
from microdl.compat.v1.train.coordinator import Coordinator
from microdl.compat.v1.train.hooks import SessionRunArgs, SessionRunContext, SessionRunValues
from microdl.compat.v1.train.saver import Saver
from microdl.compat.v1.train.writing_hooks import CheckpointSaverHook, StepCounterHook, SummarySaverHook
from microdl.compat.v1.variables import (
    GraphKeys,
    global_variables,
    global_variables_initializer,
    group,
    local_variables,
    local_variables_initializer,
)
from microdl.core import errors
from microdl.saving.listing import get_checkpoint_state

USE_DEFAULT = object()


class Scaffold:
    """What a training session needs: operations that initialize, summaries, a Saver. What is not given is found.

    Args:
        init_op: Operation, run unless a checkpoint is restored, with init_feed_dict. init_fn: function of
            (scaffold, session), called after that. local_init_op: run in any case. summary_op, saver.
    """

    def __init__(
        self,
        init_op=None,
        init_feed_dict=None,
        init_fn=None,
        ready_op=None,
        ready_for_local_init_op=None,
        local_init_op=None,
        summary_op=None,
        saver=None,
        copy_from_scaffold=None,
        local_init_feed_dict=None,
    ):
        given = {
            "init_op": init_op,
            "init_feed_dict": init_feed_dict,
            "init_fn": init_fn,
            "local_init_op": local_init_op,
            "local_init_feed_dict": local_init_feed_dict,
            "summary_op": summary_op,
            "saver": saver,
        }
        if copy_from_scaffold is not None:
            given = {key: getattr(copy_from_scaffold, key) if x is None else x for key, x in given.items()}
        self.init_op: Any = given["init_op"]
        self.init_feed_dict, self.init_fn = given["init_feed_dict"], given["init_fn"]
        self.local_init_op: Any = given["local_init_op"]
        self.local_init_feed_dict, self.summary_op = given["local_init_feed_dict"], given["summary_op"]
        self.saver: Any = given["saver"]

    def finalize(self):
        """Finds what was not given, and finalizes the graph. Returns the Scaffold."""
        for name, key, make in (
            ("init_op", GraphKeys.INIT_OP, global_variables_initializer),
            ("local_init_op", GraphKeys.LOCAL_INIT_OP, lambda: group(local_variables_initializer())),
            ("summary_op", GraphKeys.SUMMARY_OP, summary.merge_all),
            ("saver", GraphKeys.SAVERS, _any_saver),
        ):
            if getattr(self, name) is None:
                setattr(self, name, _found(key, make))
        self.saver.build()
        get_default_graph().finalize()
        return self


def _found(key, make):
    """What a collection of the graph has, or else is given: a finalized graph has it from the session before."""
    known = get_default_graph().get_collection(key)
    if known:
        return known[0]
    made = make()
    if made is not None:
        get_default_graph().add_to_collection(key, made)
    return made


def _any_saver():
    return Saver(allow_empty=True)


class ChiefSessionCreator:
    """Makes sessions whose variables have values: of the newest checkpoint, or initial ones.

    Args: scaffold: Scaffold. checkpoint_dir: folder; or checkpoint_filename_with_path: prefix of one checkpoint.
    """

    def __init__(self, scaffold=None, master="", config=None, checkpoint_dir=None, checkpoint_filename_with_path=None):
        self._scaffold, self._config = scaffold or Scaffold(), config
        self._folder, self._path = checkpoint_dir, checkpoint_filename_with_path

    def create_session(self):
        scaffold = self._scaffold.finalize()
        session = Session(config=self._config)
        if not self._restored(session):
            session.run(scaffold.init_op, scaffold.init_feed_dict)
            if scaffold.init_fn is not None:
                scaffold.init_fn(scaffold, session)
        session.run(scaffold.local_init_op, scaffold.local_init_feed_dict)
        graph = session.graph
        with Default(graph):
            missing = [v.op.name for v in global_variables() + local_variables() if not session.is_initialized(v)]
        if missing:
            raise RuntimeError(
                "Init operations did not make model ready. Variables not initialized: " + ", ".join(missing)
            )
        return session

    def _restored(self, session):
        state = get_checkpoint_state(self._folder) if self._folder else None
        path = self._path or (state and state.model_checkpoint_path)
        if not path:
            return False
        self._scaffold.saver.restore(session, path)
        if state is not None and not self._path:
            self._scaffold.saver.recover_last_checkpoints(state.all_model_checkpoint_paths)
        return True


class StepContext:
    """What a step function gets: the session, a way to run with hooks, a way to stop."""

    def __init__(self, session, run_with_hooks):
        self.session, self._run = session, run_with_hooks

    def run_with_hooks(self, *args, **kwargs):
        return self._run(*args, **kwargs)

    def request_stop(self):
        raise StopIteration("step_fn has requested the iterations to stop.")


class MonitoredSession:
    """A session that calls hooks around each run; OutOfRangeError ends its ``with`` block without an error.

    Args: session_creator: ChiefSessionCreator, say. hooks: SessionRunHooks.

    >>> with tf.train.MonitoredSession(hooks=[tf.train.StopAtStepHook(100)]) as session:
    ...     while not session.should_stop():
    ...         session.run(train)
    """

    StepContext, ChiefSessionCreator = StepContext, ChiefSessionCreator

    def __init__(self, session_creator=None, hooks=None, stop_grace_period_secs=120):
        self.graph, self._hooks = get_default_graph(), list(hooks or ())
        self._coordinator, self._stop = Coordinator(), False
        for hook in self._hooks:
            hook.begin()
        self._session: Any = (session_creator or ChiefSessionCreator()).create_session()
        for hook in self._hooks:
            hook.after_create_session(self._session, self._coordinator)

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """As ``Session.run``, with the hooks. Raises RuntimeError after ``should_stop()`` has become true."""
        if self._session is None:
            raise RuntimeError("Session is already closed.")
        if self.should_stop():
            raise RuntimeError("Run called even after should_stop requested.")
        context = SessionRunContext(SessionRunArgs(fetches, feed_dict), self._session)
        wanted, feeds = {"caller": fetches}, dict(feed_dict or {})
        hooks_feeds: dict[Any, Any] = {}
        for i, hook in enumerate(self._hooks):
            request = hook.before_run(context)
            if request is None:
                continue
            if request.fetches is not None:
                wanted[str(i)] = request.fetches
            _check_apart(hooks_feeds, request.feed_dict, "Same tensor is fed by two hooks.")
            hooks_feeds.update(request.feed_dict or {})
        _check_apart(feeds, hooks_feeds, "Same tensor is fed by a SessionRunHook and user.")
        outputs = self._session.run(wanted, {**feeds, **hooks_feeds})
        for i, hook in enumerate(self._hooks):
            hook.after_run(context, SessionRunValues(outputs.get(str(i))))
        self._stop = self._stop or context.stop_requested
        return outputs["caller"]

    def run_step_fn(self, step_fn):
        """What ``step_fn(step_context)`` returns; if it asks to stop, that ends the ``with`` block."""
        return step_fn(StepContext(self._session, self.run))

    def should_stop(self):
        return self._session is None or self._stop or self._coordinator.should_stop()

    def close(self):
        """Lets the hooks end, and closes the session."""
        self._close(ends=True)

    def _close(self, ends):
        session, self._session = self._session, None
        if session is None:
            return
        try:
            if ends:
                for hook in self._hooks:
                    hook.end(session)
        finally:
            session.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        ends = kind is None or issubclass(kind, (errors.OutOfRangeError, StopIteration))
        self._close(ends)
        return ends and kind is not None


class SingularMonitoredSession(MonitoredSession):
    """The same, which gives the Session that it uses: ``raw_session()``."""

    def __init__(
        self,
        hooks=None,
        scaffold=None,
        master="",
        config=None,
        checkpoint_dir=None,
        stop_grace_period_secs=120,
        checkpoint_filename_with_path=None,
    ):
        creator = ChiefSessionCreator(scaffold, master, config, checkpoint_dir, checkpoint_filename_with_path)
        super().__init__(creator, hooks, stop_grace_period_secs)

    def raw_session(self):
        return self._session


def MonitoredTrainingSession(
    master="",
    is_chief=True,
    checkpoint_dir=None,
    scaffold=None,
    hooks=None,
    chief_only_hooks=None,
    save_checkpoint_secs: Any = USE_DEFAULT,
    save_summaries_steps: Any = USE_DEFAULT,
    save_summaries_secs: Any = USE_DEFAULT,
    config=None,
    stop_grace_period_secs=120,
    log_step_count_steps=100,
    max_wait_secs=7200,
    save_checkpoint_steps: Any = USE_DEFAULT,
    summary_dir=None,
    save_graph_def=True,
):
    """A MonitoredSession that restores the newest checkpoint of a folder, and saves checkpoints and summaries there.

    Args:
        checkpoint_dir: folder, or None. save_checkpoint_secs (600 by default), save_checkpoint_steps: how often.
        save_summaries_steps (100 by default), save_summaries_secs: how often. summary_dir: by default checkpoint_dir.
        log_step_count_steps: how often the steps in a second are logged. hooks, chief_only_hooks: further ones.
        Others are accepted: everything runs in this process.
    """
    summaries = _how_often(save_summaries_steps, save_summaries_secs, (100, None))
    checkpoints = _how_often(save_checkpoint_steps, save_checkpoint_secs, (None, 600))
    scaffold, all_hooks = scaffold or Scaffold(), [*(chief_only_hooks or ())]
    folder = summary_dir or checkpoint_dir
    if folder and log_step_count_steps:
        all_hooks.append(StepCounterHook(log_step_count_steps, output_dir=folder))
    if folder and any(summaries):
        all_hooks.append(SummarySaverHook(*summaries, output_dir=folder, scaffold=scaffold))
    if checkpoint_dir and any(checkpoints):
        steps, seconds = checkpoints
        all_hooks.append(CheckpointSaverHook(checkpoint_dir, seconds, steps, scaffold=scaffold))
    creator = ChiefSessionCreator(scaffold, master, config, checkpoint_dir)
    return MonitoredSession(creator, [*all_hooks, *(hooks or ())], stop_grace_period_secs)


def _how_often(steps, seconds, default):
    """(steps, seconds), of which what was not given is None, or both by default."""
    if steps is USE_DEFAULT and seconds is USE_DEFAULT:
        return default
    return tuple(None if x is USE_DEFAULT or not x or x < 0 else x for x in (steps, seconds))


def _check_apart(feeds, others, message):
    twice = [key for key in others or () if key in feeds]
    if twice:
        raise RuntimeError(f"{message} Conflict(s): {twice}")
