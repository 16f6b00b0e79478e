"""Checkpoints read without the objects that they were made of: names, shapes, dtypes and values."""

import os

import numpy as np

from microdl.core.dtypes import as_dtype
from microdl.core.errors import NotFoundError
from microdl.saving import listing, safetensors
from microdl.saving.checkpoint import file_of
from microdl.saving.object_graph import GRAPH, TEXT


class CheckpointReader:
    """The values in a checkpoint, by keys such as ``net/l1/kernel/.ATTRIBUTES/VARIABLE_VALUE``.

    Args: path: Path of its file.
    """

    def __init__(self, path):
        self._path = path
        self._arrays, metadata = safetensors.read(path, "load_checkpoint")
        self._graph = metadata[GRAPH].encode() if GRAPH in metadata else None  # a Saver writes variables alone

    def has_tensor(self, tensor_str):
        """Whether there is a value of that key."""
        return tensor_str in self._keys()

    def get_tensor(self, tensor_str):
        """The value of a key as an array, or a NumPy number. Raises NotFoundError if there is none."""
        if tensor_str == GRAPH and self._graph is not None:
            return self._graph
        if tensor_str not in self._arrays:
            raise NotFoundError(f"key {tensor_str!r} is not in checkpoint {self._path}; list_variables shows the keys")
        return self._arrays[tensor_str][()]  # of no axes: a NumPy number

    def get_variable_to_shape_map(self):
        """dict from keys to shapes, as lists; text counts as a scalar."""
        return {key: [] if _is_text(key) else list(self._arrays[key].shape) for key in self._keys()}

    def get_variable_to_dtype_map(self):
        """dict from keys to DTypes; that of the graph, which is text, is not among them."""
        return {key: as_dtype(array.dtype) for key, array in sorted(self._arrays.items())}

    def _keys(self):
        return sorted([*([] if self._graph is None else [GRAPH]), *self._arrays])


def _is_text(key):
    return key == GRAPH or key.endswith(f"/{TEXT}")


def load_checkpoint(ckpt_dir_or_file):
    """A CheckpointReader. ckpt_dir_or_file: prefix of a checkpoint, or a folder, whose newest one is read.

    Raises: ValueError for a folder without checkpoints. NotFoundError. DataLossError if it is damaged.
    """
    path = os.fspath(ckpt_dir_or_file)
    if os.path.isdir(path):
        latest = listing.latest_checkpoint(path)
        if latest is None:
            raise ValueError(f"load_checkpoint: folder {path} has no checkpoint")
        path = latest
    return CheckpointReader(file_of(path))


def load_variable(ckpt_dir_or_file, name) -> np.ndarray:
    """The value of one key as an array; a trailing ":0" does not count."""
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name.removesuffix(":0"))


def list_variables(ckpt_dir_or_file):
    """Pairs (key, shape as a list), sorted by key."""
    return list(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())
