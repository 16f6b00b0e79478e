"""``tf.train.Saver``: the variables of a session in a file, found again by their names.

``save(session, "dir/model.ckpt", global_step=7)`` writes ``dir/model.ckpt-7.safetensors``, whole or not at all and with
checksums (``saving/safetensors.py``), notes it in ``dir/checkpoint`` and returns ``"dir/model.ckpt-7"``.
"""

import os
import time
from pathlib import Path

import numpy as np

from microdl.compat.v1.graph import get_default_graph
from microdl.compat.v1.variables import GraphKeys, Variable
from microdl.core.errors import InvalidArgumentError, NotFoundError
from microdl.saving import safetensors
from microdl.saving.listing import ENDING, STATE, checkpoint_exists, remove_checkpoint, write_state


class Saver:
    """Saves and restores variables.

    Args:
        var_list: Variables, or a dict from names in the file to Variables; by default all of the graph that can be
            saved. reshape: values of another shape with as many elements are taken, too. max_to_keep: number of files
            that stay, 0 or None for all. keep_checkpoint_every_n_hours: one file in so many hours stays for good.
    """

    def __init__(
        self,
        var_list=None,
        reshape=False,
        sharded=False,
        max_to_keep=5,
        keep_checkpoint_every_n_hours=10000.0,
        name=None,
        restore_sequentially=False,
        saver_def=None,
        builder=None,
        defer_build=False,
        allow_empty=False,
        write_version=None,
        pad_step_number=False,
        save_relative_paths=False,
        filename=None,
    ):
        self._given, self._reshape, self._allow_empty = var_list, reshape, allow_empty
        self._max_to_keep, self._hours, self._pad = max_to_keep or 0, keep_checkpoint_every_n_hours, pad_step_number
        self._kept = []  # (prefix, seconds since 1970), the newest last
        self._next_preserved = time.time() + self._hours * 3600
        self._variables = None
        if not defer_build:
            self.build()

    def build(self):
        """Finds the variables, if ``defer_build`` put that off."""
        given = self._given
        if given is None:
            graph = get_default_graph()
            given = graph.get_collection(GraphKeys.GLOBAL_VARIABLES) + graph.get_collection("saveable_objects")
        pairs = list(given.items()) if isinstance(given, dict) else [(_name_of(v), v) for v in given]
        if not pairs and not self._allow_empty:
            raise ValueError("No variables to save")
        for name, variable in pairs:
            if not isinstance(variable, Variable):
                raise TypeError(f"names_to_saveables must be a dict mapping string names to variables; got {variable}")
            if sum(other == name for other, _ in pairs) > 1:
                raise ValueError(f"At least two variables have the same name: {name}")
        self._variables = dict(pairs)

    @property
    def last_checkpoints(self):
        """Prefixes of the files that are kept, the newest last."""
        return [prefix for prefix, _ in self._kept]

    def set_last_checkpoints(self, last_checkpoints):
        self._kept = [(path, np.inf) for path in last_checkpoints]

    def set_last_checkpoints_with_time(self, last_checkpoints_with_time):
        self._kept = list(last_checkpoints_with_time)

    def recover_last_checkpoints(self, checkpoint_paths):
        """Takes those of these files that exist for its own: they are deleted when there are too many."""
        times = get_checkpoint_mtimes(checkpoint_paths)
        self._kept = list(zip(filter(checkpoint_exists, checkpoint_paths), times, strict=True))

    def save(
        self,
        sess,
        save_path,
        global_step=None,
        latest_filename=None,
        meta_graph_suffix="meta",
        write_meta_graph=True,
        write_state=True,
        strip_default_attrs=False,
        save_debug_info=False,
    ):
        """Writes the variables' values. The graph itself is not written.

        Args:
            save_path: prefix of the file. global_step: number, Tensor or Variable to go behind it.
            latest_filename: of the list of files, by default ``checkpoint``. write_state: whether to write that list.

        Returns: the prefix, with the number. Raises: ValueError if the folder does not exist.
        """
        prefix = os.fspath(save_path)
        if global_step is not None:
            step = sess.run(global_step) if hasattr(global_step, "graph") else global_step
            prefix += f"-{int(step):08d}" if self._pad else f"-{int(step)}"
        folder = os.path.dirname(prefix)
        if not os.path.isdir(folder or "."):
            raise ValueError(f"Parent directory of {save_path} doesn't exist, can't save.")
        variables = self._built()
        values = sess.run(dict(variables))
        arrays = {
            name: np.asarray(value, variables[name].dtype.as_numpy_dtype, order="C") for name, value in values.items()
        }
        safetensors.write(Path(prefix + ENDING), arrays, {})
        if write_state:
            dropped = self._note(prefix)
            times = [seconds for _, seconds in self._kept if np.isfinite(seconds)]
            write_state_to(folder, prefix, self.last_checkpoints or [prefix], times, latest_filename)
            for oldest in dropped:  # not before the list has left them out: it never names a file that is gone
                remove_checkpoint(oldest)
        return prefix

    def _note(self, prefix):
        """Keeps account of a new file. Returns the prefixes of those that are too many."""
        self._kept = [pair for pair in self._kept if pair[0] != prefix]
        self._kept.append((prefix, time.time()))
        dropped = []
        while self._max_to_keep and len(self._kept) > self._max_to_keep:
            oldest, made = self._kept.pop(0)
            if made > self._next_preserved:
                self._next_preserved += self._hours * 3600
            else:
                dropped.append(oldest)
        return dropped

    def restore(self, sess, save_path):
        """Gives the variables the values in a file. They need no initialization before.

        Raises: ValueError if there is no such file. NotFoundError if a variable is not in it. InvalidArgumentError if
            one has another shape or dtype there. DataLossError if the file is damaged. Nothing is changed then.
        """
        if save_path is None:
            raise ValueError("Can't load save_path when it is None.")
        prefix = os.fspath(save_path)
        if not checkpoint_exists(prefix):
            raise ValueError(f"The passed save_path is not a valid checkpoint: {prefix}")
        arrays, _ = safetensors.read(Path(prefix + ENDING), "Saver.restore")
        found = {v: self._fitting(name, v, arrays, prefix) for name, v in self._built().items()}
        for variable, array in found.items():
            sess.store(variable, array)

    def _fitting(self, name, variable, arrays, prefix):
        if name not in arrays:
            raise NotFoundError(f"Key {name} not found in checkpoint {prefix}")
        array, dtype = arrays[name], np.dtype(variable.dtype.as_numpy_dtype)
        if array.dtype != dtype:
            raise InvalidArgumentError(
                f"Saver.restore: tensor {name} is {array.dtype} in {prefix}, but the variable is {dtype}"
            )
        if array.shape != variable.spec.shape and not (self._reshape and array.size == variable.spec.size):
            raise InvalidArgumentError(
                f"Assign requires shapes of both tensors to match. lhs shape= {list(variable.spec.shape)} rhs shape= "
                f"{list(array.shape)}: variable {name} of {prefix}"
            )
        return array.reshape(variable.spec.shape)

    def _built(self):
        if self._variables is None:
            self.build()
        return self._variables or {}


def _name_of(variable):
    return variable.op.name if isinstance(variable, Variable) else getattr(variable, "name", variable)


def write_state_to(folder, latest, paths, times=(), latest_filename=None):
    """The list of files, with times if they are known of all."""
    known = times if len(times) == len(paths) else ()
    write_state(folder, latest, paths, known, filename=latest_filename or STATE)


def update_checkpoint_state(save_dir, model_checkpoint_path, all_model_checkpoint_paths=None, latest_filename=None):
    """Writes the file ``checkpoint`` of a folder: which file is the latest, and which there are."""
    paths = list(all_model_checkpoint_paths or [])
    if model_checkpoint_path not in paths:
        paths.append(model_checkpoint_path)
    write_state_to(save_dir, model_checkpoint_path, paths, (), latest_filename)


def get_checkpoint_mtimes(checkpoint_prefixes):
    """When those of these files that exist were written: seconds since 1970."""
    return [os.path.getmtime(path + ENDING) for path in checkpoint_prefixes if checkpoint_exists(path)]
