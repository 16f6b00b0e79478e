"""``tf.train.Checkpoint``: the state of objects in one file, found again by how the objects hang together.

A checkpoint is called by its prefix, as in TensorFlow: ``save("ckpts/ckpt")`` writes ``ckpts/ckpt-1.safetensors`` and
returns ``"ckpts/ckpt-1"``. The file is written whole or not at all, with a checksum for each value.
"""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from microdl.core.errors import NotFoundError
from microdl.core.trackable import Trackable, made
from microdl.core.variable import Variable
from microdl.saving import listing, safetensors
from microdl.saving.listing import ENDING
from microdl.saving.object_graph import GRAPH, children_of, is_trackable, to_arrays
from microdl.saving.restoration import OWN, CheckpointLoadStatus, InitializationOnlyStatus, Restoration


class Checkpoint(Trackable):
    """Saves and restores the state of objects: variables, layers, models, optimizers, iterators, random states.

    Args:
        root: an object whose parts are kept as if they were given by name, or None.
        kwargs: objects by names; lists, tuples and dicts of them, too.

    Attributes: save_counter: int64 Variable, how many times ``save`` was called.
    Raises: ValueError for what a checkpoint cannot keep.

    >>> checkpoint = tf.train.Checkpoint(step=tf.Variable(1), model=model, optimizer=optimizer)
    >>> checkpoint.save("ckpts/ckpt")
    'ckpts/ckpt-1'
    >>> checkpoint.restore(tf.train.latest_checkpoint("ckpts")).assert_consumed()
    """

    def __init__(self, root=None, **kwargs):
        given = kwargs if root is None else {"root": root, **kwargs}
        for name, value in given.items():
            if not is_trackable(value):
                raise ValueError(
                    f"Checkpoint: {name} must be a Variable, Module, layer, model, optimizer, iterator, or a list or "
                    f"dict of them, got {value!r} of type {type(value).__name__}"
                )
        self.root: Any = root
        twice = [name for name, _ in children_of(root) if name in kwargs]
        if twice:
            raise ValueError(f"Checkpoint: {twice[0]!r} is a part of root already; give it another name")
        for name, value in kwargs.items():
            setattr(self, name, value)

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        made()

    def _trackables(self):
        own = {name: value for name, value in vars(self).items() if name != "root"}
        return own if self.root is None else {**dict(children_of(self.root)), **own}

    def save(self, file_prefix, options=None):
        """Writes the state to ``<file_prefix>-<number>``, numbers counting from 1, and notes it as the latest one.

        Args: file_prefix: str or path-like; its folder is made. Returns: the new checkpoint's prefix, a str.
        """
        self._count(1)
        path = self.write(f"{os.fspath(file_prefix)}-{int(self.save_counter.numpy())}")
        listing.write_state(os.path.dirname(path), path, [path])
        return path

    def write(self, file_prefix, options=None):
        """Writes the state to ``file_prefix`` itself, and notes nothing. Returns the prefix, a str."""
        prefix = os.fspath(file_prefix)
        path = Path(prefix + ENDING)
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays, nodes = to_arrays(self)
        safetensors.write(path, arrays, {GRAPH: json.dumps(nodes)})
        return prefix

    def restore(self, save_path, options=None):
        """Gives the objects the state that ``save`` wrote; those that come later get theirs when they are made.

        That is: a layer's when it builds its weights, an optimizer's slots at its first step, a Module's when it is
        given an attribute. Nothing changes unless all values fit those objects that are there.

        Args: save_path: prefix, as ``save`` returned it or ``tf.train.latest_checkpoint`` finds it; or None.
        Returns: CheckpointLoadStatus.
        Raises: NotFoundError if there is no such checkpoint. DataLossError if it is damaged. ValueError if shapes or
            dtypes do not fit. Each names the file and, where one is to blame, the variable.
        """
        if save_path is None:
            return InitializationOnlyStatus()
        self._count(0)
        return self.read(save_path)

    def read(self, save_path, options=None):
        """As ``restore``, for what ``write`` wrote."""
        path = file_of(save_path)
        restoration = Restoration(self, path, *safetensors.read(path, "restore"))
        restoration.begin()
        return CheckpointLoadStatus(restoration)

    def _count(self, number):
        """Adds to the counter, which is made when it is first needed: ``write`` does not keep one."""
        if OWN not in vars(self):
            self.save_counter = Variable(np.int64(0), trainable=False, name=OWN)
        self.save_counter.assign_add(number)


def file_of(save_path):
    """The Path of a checkpoint. Raises NotFoundError if it is not there."""
    prefix = os.fspath(save_path)
    path = Path(prefix if prefix.endswith(ENDING) else prefix + ENDING)
    if not path.is_file():
        raise NotFoundError(
            f"there is no checkpoint {prefix} (no file {path})"
            + ("; tf.train.latest_checkpoint(folder) finds the one to restore" if Path(prefix).is_dir() else "")
        )
    return path
