"""``input_data.read_data_sets``: MNIST in batches, as TensorFlow 1's tutorials read it.

>>> mnist = read_data_sets("MNIST_data", one_hot=True)
>>> images, labels = mnist.train.next_batch(100)
>>> images.shape, labels.shape
((100, 784), (100, 10))
"""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

import microdl
from microdl.compat.v1.graph import get_default_graph
from microdl.core import dtypes

_FILE = "train-images"  # how the first of the four files begins


class DataSet:
    """Images and labels, handed out in batches.

    Args:
        images: (N, 28, 28, 1), uint8. labels: (N,) or (N, 10). reshape: images as rows of 784. dtype: float32 for
            0 to 1, uint8 for 0 to 255. seed: of the shuffling, which NumPy's global generator does.

    Attributes:
        images, labels: arrays. cls: the digits, (N,). num_examples: N. epochs_completed: how often all were handed out.
    """

    def __init__(self, images, labels, fake_data=False, one_hot=False, dtype=dtypes.float32, reshape=True, seed=None):
        dtype = dtypes.as_dtype(dtype)
        if dtype not in (dtypes.uint8, dtypes.float32):
            raise TypeError(f"Invalid image dtype {dtype!r}, expected uint8 or float32")
        _no_fakes(fake_data)
        if len(images) != len(labels):
            raise ValueError(f"images.shape: {images.shape} labels.shape: {labels.shape}")
        seed = getattr(get_default_graph(), "seed", None) if seed is None else seed
        if seed is not None:
            np.random.seed(seed)
        if reshape:
            images = images.reshape(len(images), -1)  # (N, 28, 28, 1) -> (N, 784)
        if dtype is dtypes.float32:
            images = images.astype(np.float32) * np.float32(1.0 / 255.0)
        self.images, self.labels, self.num_examples, self.epochs_completed = images, labels, len(images), 0
        self.cls = labels.argmax(axis=1) if labels.ndim == 2 else labels
        self._shuffled, self._position = np.arange(len(images)), 0

    def next_batch(self, batch_size, fake_data=False, shuffle=True):
        """The next ``batch_size`` images and labels; perhaps the end of one round and the start of the next."""
        _no_fakes(fake_data)
        if batch_size > self.num_examples:
            raise ValueError(f"next_batch: {batch_size} images are asked for, there are {self.num_examples}")
        if shuffle and self._position == 0 and self.epochs_completed == 0:
            np.random.shuffle(self._shuffled)
        chosen = self._shuffled[self._position : self._position + batch_size]
        self._position += len(chosen)
        if len(chosen) < batch_size:
            self.epochs_completed += 1
            rest = batch_size - len(chosen)
            chosen = chosen.copy()
            if shuffle:
                np.random.shuffle(self._shuffled)
            chosen, self._position = np.concatenate([chosen, self._shuffled[:rest]]), rest
        return self.images[chosen], self.labels[chosen]


class Datasets(NamedTuple):
    train: DataSet
    validation: DataSet
    test: DataSet


def _no_fakes(fake_data):
    if fake_data:
        raise ValueError("fake_data is left out: MNIST itself lies within microdl")


def dense_to_one_hot(labels_dense, num_classes):
    """(N,) -> (N, classes), float64: 1 at each label."""
    return np.eye(num_classes)[labels_dense]


def read_data_sets(
    train_dir,
    fake_data=False,
    one_hot=False,
    dtype=dtypes.float32,
    reshape=True,
    validation_size=5000,
    seed=None,
    source_url=None,
):
    """MNIST: the four IDX files (gzip-compressed or not) in ``train_dir``, else the copy inside microdl.

    Args:
        one_hot: labels as (N, 10), float64. reshape: images as (N, 784), else (N, 28, 28, 1). validation_size: how many
            of the 60,000 training images are kept apart. source_url: not used, nothing is ever downloaded.

    Returns: a named tuple of DataSets: train, validation, test.
    Raises: ValueError for a wrong validation_size, or damaged files.
    """
    _no_fakes(fake_data)
    (images, labels), test = microdl.keras.datasets.mnist.load_data(_source(train_dir))
    if not 0 <= validation_size <= len(images):
        raise ValueError(f"Validation size should be between 0 and {len(images)}. Received: {validation_size}.")
    parts = [(images[validation_size:], labels[validation_size:]), (images[:validation_size], labels[:validation_size])]
    options = {"dtype": dtype, "reshape": reshape, "seed": seed, "one_hot": one_hot}
    sets = []
    for x, y in [*parts, test]:
        sets.append(DataSet(x[..., None], dense_to_one_hot(y, 10) if one_hot else y, **options))
    return Datasets(*sets)


def _source(folder):
    here = Path(os.fspath(folder))
    return str(here) if any(here.glob(f"{_FILE}*")) else "mnist.npz"
