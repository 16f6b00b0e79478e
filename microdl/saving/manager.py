"""``tf.train.CheckpointManager``: numbered checkpoints in a folder, of which the newest are kept."""

import os
import time

from microdl.core.tensor import convert
from microdl.saving import listing

HOUR = 3600.0  # seconds


class CheckpointManager:
    """Saves numbered checkpoints to a folder and deletes old ones.

    A new checkpoint is on the disk before the file that lists them names it, and that file before an old checkpoint is
    deleted: whenever the process is killed, ``latest_checkpoint`` is there and whole.

    Args:
        checkpoint: Checkpoint. directory: str or path-like, made if need be.
        max_to_keep: int > 0 checkpoints, or None for all.
        keep_checkpoint_every_n_hours: None, or hours: of those that would be deleted, one in so many hours stays.
        checkpoint_name: str, the files' name before the number.
        step_counter, checkpoint_interval: a counter (Variable, say) and an int: ``save`` does nothing unless the
            counter has grown by that much since the latest save.
        init_fn: function without arguments that ``restore_or_initialize`` calls where there is no checkpoint.
        last_checkpoint_step: int, the counter at the latest save, None for unknown.

    Raises: ValueError if ``max_to_keep`` is not positive, or an interval has no counter.

    >>> manager = tf.train.CheckpointManager(checkpoint, "ckpts", max_to_keep=3)
    >>> manager.restore_or_initialize()
    >>> manager.save()
    'ckpts/ckpt-1'
    """

    def __init__(
        self,
        checkpoint,
        directory,
        max_to_keep,
        keep_checkpoint_every_n_hours=None,
        checkpoint_name="ckpt",
        step_counter=None,
        checkpoint_interval=None,
        init_fn=None,
        last_checkpoint_step=None,
    ):
        if max_to_keep is not None and max_to_keep <= 0:
            raise ValueError(f"CheckpointManager: max_to_keep must be a positive integer or None, got {max_to_keep}")
        if checkpoint_interval is not None and step_counter is None:
            raise ValueError("CheckpointManager: checkpoint_interval needs a step_counter")
        self._checkpoint, self._directory = checkpoint, os.fspath(directory)
        self._max_to_keep, self._every_n_hours = max_to_keep, keep_checkpoint_every_n_hours
        self._prefix = os.path.join(self._directory, checkpoint_name)
        self._step_counter, self._interval, self._last_step = step_counter, checkpoint_interval, last_checkpoint_step
        self._init_fn = init_fn
        self._managed: dict[str, float] = {}  # prefix -> when it was saved, oldest first
        self._latest, self._last_preserved = None, time.time()
        self._read_state()

    def _read_state(self):
        state = listing.get_checkpoint_state(self._directory)
        if state is None:
            return
        self._last_preserved = min(state.last_preserved_timestamp or self._last_preserved, time.time())
        times = state.all_model_checkpoint_timestamps or [time.time()] * len(state.all_model_checkpoint_paths)
        found = zip(state.all_model_checkpoint_paths, times, strict=False)
        self._managed = {path: saved for path, saved in found if listing.checkpoint_exists(path)}
        if listing.checkpoint_exists(state.model_checkpoint_path):
            self._latest = state.model_checkpoint_path

    @property
    def checkpoint(self):
        """The Checkpoint that is saved."""
        return self._checkpoint

    @property
    def directory(self):
        return self._directory

    @property
    def checkpoint_interval(self):
        return self._interval

    @property
    def latest_checkpoint(self):
        """Prefix of the newest checkpoint, for ``Checkpoint.restore``; None if there is none."""
        return self._latest

    @property
    def checkpoints(self):
        """Prefixes of the checkpoints, oldest first."""
        return list(self._managed)

    def save(self, checkpoint_number=None, check_interval=True, options=None):
        """Saves a checkpoint, lists it and deletes the oldest if there are too many.

        Args:
            checkpoint_number: int, or None for the checkpoint's ``save_counter``, which grows by one each time.
            check_interval: bool, whether to do nothing before ``checkpoint_interval`` steps have passed; one step must
                have passed in any case, if there is an interval.

        Returns: the new checkpoint's prefix, or None if nothing was saved.
        """
        if self._interval is not None:
            step, needed = self._step(), self._interval if check_interval else 1
            if self._last_step is not None and step - self._last_step < needed:
                return None
            self._last_step = step
        self._checkpoint._count(1)
        number = self._checkpoint.save_counter if checkpoint_number is None else checkpoint_number
        path = self._checkpoint.write(f"{self._prefix}-{int(convert(number).numpy())}")
        self._managed.pop(path, None)
        self._managed[path] = time.time()
        self._latest = path
        self._drop_old()
        return path

    def _drop_old(self):
        """Lists what stays, then deletes the rest."""
        dropped = []
        while self._max_to_keep is not None and len(self._managed) > self._max_to_keep:
            path = next(iter(self._managed))
            saved = self._managed.pop(path)
            if self._every_n_hours and saved - self._every_n_hours * HOUR >= self._last_preserved:
                self._last_preserved = saved  # stays on the disk, and is not listed any more
            else:
                dropped.append(path)
        times = self._managed.values()
        listing.write_state(self._directory, self._latest, self._managed, times, self._last_preserved)
        for path in dropped:
            listing.remove_checkpoint(path)

    def restore_or_initialize(self):
        """Restores the newest checkpoint and returns its prefix; without one calls ``init_fn`` and returns None."""
        if self._latest is not None:
            self._checkpoint.restore(self._latest)
            if self._interval is not None:
                self._last_step = self._step()
            return self._latest
        if self._init_fn is not None:
            self._init_fn()
        return None

    def sync(self):
        """Waits until all is written, which it is already; for code written for TensorFlow."""

    def _step(self):
        return int(convert(self._step_counter).numpy())
