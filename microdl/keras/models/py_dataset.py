"""Batches that a Python object makes by their numbers: ``keras.utils.PyDataset``."""

import itertools
import random


class PyDataset:
    """Base of data sets that know how to make their i-th batch. Subclasses define ``__getitem__`` and ``__len__``.

    ``fit`` asks for the batches in an order of Python's ``random``, anew each epoch, or one after the other with
    ``shuffle=False``.

    Args: workers, use_multiprocessing, max_queue_size: accepted for Keras's sake; batches are made when they are due.
    """

    def __init__(self, workers=1, use_multiprocessing=False, max_queue_size=10):
        self.workers, self.use_multiprocessing, self.max_queue_size = workers, use_multiprocessing, max_queue_size

    def __getitem__(self, index):
        """Batch ``index``: ``x``, ``(x, y)`` or ``(x, y, sample_weight)``."""
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(self, index)")

    def __len__(self):
        """Batches in an epoch."""
        raise NotImplementedError(f"{type(self).__name__} must define __len__(self)")

    @property
    def num_batches(self):
        """Batches in an epoch; None if there is no end, then ``fit`` needs ``steps_per_epoch``."""
        return len(self)

    def on_epoch_begin(self):
        """Called before an epoch."""

    def on_epoch_end(self):
        """Called after an epoch, and before the first one."""


class Passes:
    """An iterable over the batches of a PyDataset; each new iterator is a pass. size: batches in one, or None."""

    def __init__(self, dataset, shuffle):
        self._dataset, self._shuffle = dataset, shuffle
        self.size = dataset.num_batches
        dataset.on_epoch_end()

    def __iter__(self):
        order = list(range(self.size or 0))
        if self._shuffle:
            random.shuffle(order)
        self._dataset.on_epoch_begin()
        for number in itertools.count() if self.size is None else order:
            yield self._dataset[number]
        self._dataset.on_epoch_end()
