"""Data for ``fit``, ``evaluate`` and ``predict``, batch by batch.

A batch is what ``train_step`` and ``test_step`` receive: ``x``, ``(x, y)`` or ``(x, y, sample_weight)``, where x and y
are Tensors or lists, tuples and dicts of them. float64 arrays become float32, as in Keras; other dtypes stay.
"""

from typing import Any

import numpy as np

from microdl.core import dtypes, nest
from microdl.core.context import warn
from microdl.core.op import Spec
from microdl.core.random_state import LARGEST_SEED, random_state
from microdl.core.tensor import Operand, Tensor, apply, convert
from microdl.data import INFINITE_CARDINALITY, Dataset
from microdl.keras.models.py_dataset import Passes, PyDataset
from microdl.ops.random import shuffle as random_shuffle

BATCH_SIZE = 32  # samples, where none is given


def make_batches(caller, x, y=None, sample_weight=None, batch_size=None, steps=None, shuffle=False, class_weight=None):
    """The batches of arrays, or of anything else that can be iterated over and yields batches itself.

    Args:
        caller: str, the method's name for messages.
        x, y, sample_weight, shuffle, class_weight: as in ``Model.fit``. steps: int batches an epoch, None for all.

    Raises: ValueError if lengths or arguments do not go together. TypeError if x can be neither.
    """
    if steps is not None and steps < 1:
        raise ValueError(f"{caller}: the number of steps must be at least 1, got {steps}")
    if x is None:
        raise ValueError(f"{caller}: x is None; give arrays, or an iterable of batches")
    if is_arrays(x):
        batch_size = BATCH_SIZE if batch_size is None else batch_size
        return ArrayBatches(caller, x, y, sample_weight, batch_size, steps, shuffle, class_weight)
    if isinstance(x, PyDataset):
        x = Passes(x, shuffle)
        if steps is None and x.size is None:
            raise ValueError(f"{caller}: the data set has no end; give the number of steps")
    if not hasattr(x, "__iter__"):
        raise TypeError(f"{caller}: x must be arrays or an iterable of batches, got {x!r} of type {type(x).__name__}")
    if isinstance(x, Dataset):
        batch_size = None  # Keras lets it pass: the batches are the data set's own
        if steps is None and x.cardinality() == INFINITE_CARDINALITY:
            raise ValueError(f"{caller}: the data set has no end; give the number of steps, or use x.take(n)")
    for name, value in (("y", y), ("sample_weight", sample_weight), ("batch_size", batch_size)):
        if value is not None:
            raise ValueError(f"{caller}: {name} cannot be given where x, a {type(x).__name__}, yields batches")
    return IterableBatches(caller, x, steps, class_weight)


class ArrayBatches:
    """Batches gathered from arrays, in random order if ``shuffle``.

    The order is new at every pass, unless ``tf.random.set_seed`` has decided it: then it is Keras's, which begins each
    pass with the same two seeds and so has one order for all of them. The last batch of a pass has what
    is left. With fewer or more ``steps`` than a pass has, the next epoch goes on where this one ended. A ``batch_size``
    of None makes one batch of all samples.
    """

    def __init__(self, caller, x, y, sample_weight, batch_size=None, steps=None, shuffle=False, class_weight=None):
        if batch_size is not None:
            _check_batch_size(caller, batch_size)
        self.data = _all_arrays(caller, x, y, sample_weight)
        self.samples = _common_length(caller, self.data)
        if class_weight is not None and y is None:
            raise ValueError(f"{caller}: class_weight needs y, whose classes it weighs")
        batch_size = self.samples if batch_size is None else batch_size
        self.steps = steps or -(-self.samples // batch_size)
        self._batch_size, self._shuffle, self._class_weight = batch_size, shuffle, class_weight
        self._stream = self._passes()

    def restart(self):
        """Begins the next epoch with the first batch."""
        self._stream = self._passes()

    def epoch(self):
        """The batches of one epoch."""
        for _ in range(self.steps):
            yield next(self._stream)

    def _passes(self):
        while True:
            order = _order(self.samples) if self._shuffle else None
            for start in range(0, self.samples, self._batch_size):
                rows = slice(start, start + self._batch_size)
                yield self._batch(rows if order is None else order[rows])

    def _batch(self, rows):
        x, y, weight = (_map(lambda array: _gather(array, rows), part) for part in self.data)
        return _packed(x, y, weight, self._class_weight)


def _order(samples):
    """A permutation: int64, (samples,)."""
    seed = random_state.seed
    if seed is None:
        return random_shuffle(np.arange(samples)).numpy()
    seeds = (seed % LARGEST_SEED, 0) if seed % LARGEST_SEED else (0, LARGEST_SEED)
    return apply("RandomShuffle", np.arange(samples), seeds=seeds).numpy()


class IterableBatches:
    """Batches that an iterable yields: a data set is started anew each epoch, a generator goes on.

    With ``steps``, a data set goes on, too: the next epoch begins where this one ended. Those of a Dataset are used as
    they are; the arrays of any other iterable are copied, for it may write to them again.
    """

    def __init__(self, caller, source, steps, class_weight):
        self.source, self.steps = source, steps
        self._caller, self._class_weight = caller, class_weight
        self._wanted, self._own = steps, _own_copy
        self._iterator: Any = None
        self._size, self._seen = None, 0  # batches of a pass, if known; those that this pass has given
        if isinstance(source, Dataset):
            size = int(source.cardinality())
            self._size = size if size >= 0 else None
            self._own = _single_precision
        elif isinstance(source, Passes):
            self._size = source.size
        self.steps = steps or self._size

    def restart(self):
        """Begins the next epoch with the first batch; a generator goes on."""
        self._iterator = None

    def epoch(self):
        """The batches of one epoch: as many as are wanted, or all there are."""
        if self._iterator is None or self._wanted is None:
            self._begin()
        yield from self._of_one_epoch()
        if self._seen == self._size:  # as Keras, which so draws the seeds of a shuffle once more
            self._begin()

    def _begin(self):
        self._iterator, self._seen = iter(self.source), 0

    def _of_one_epoch(self):
        taken = 0
        while self._wanted is None or taken < self._wanted:
            try:
                batch = next(self._iterator)
            except StopIteration:
                self._iterator = None
                self._ran_out(taken)
                return
            taken, self._seen = taken + 1, self._seen + 1
            parts = _all_arrays(self._caller, *unpack_x_y_sample_weight(batch))
            x, y, weight = (_map(self._own, part) for part in parts)
            yield _packed(x, y, weight, self._class_weight)

    def _ran_out(self, taken):
        if self._wanted is not None:
            warn(f"{self._caller}: the data ended after {taken} of {self._wanted} batches of an epoch")


def unpack_x_y_sample_weight(data):
    """``(x, y, sample_weight)`` of a batch, a tuple or list, with None for what it does not have."""
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"a batch is x, (x, y) or (x, y, sample_weight), got {len(data)} values")
    return (*data, *(None,) * (3 - len(data)))


def split_for_validation(caller, x, y, sample_weight, fraction):
    """The first ``1 - fraction`` of the samples and the last ``fraction``, each as ``(x, y, sample_weight)``."""
    if not 0 < fraction < 1:
        raise ValueError(f"{caller}: validation_split is a fraction in [0, 1), got {fraction}")
    if not is_arrays(x):
        raise ValueError(f"{caller}: validation_split needs arrays, not {type(x).__name__}; use validation_data")
    data = _all_arrays(caller, x, y, sample_weight)
    samples = _common_length(caller, data)
    kept = int(samples * (1 - fraction))
    if not 0 < kept < samples:
        raise ValueError(f"{caller}: validation_split={fraction} of {samples} samples leaves one part empty")
    training = tuple(_map(lambda array: array[:kept], part) for part in data)
    return training, tuple(_map(lambda array: array[kept:], part) for part in data)


def validation_batches(validation_data, batch_size, steps, needs_y):
    """The batches of ``fit``'s validation_data; ``needs_y``: whether it is of no use without targets."""
    caller, kinds = "fit (validation_data)", "(x, y), (x, y, sample_weight) or an iterable of batches"
    is_tuple = isinstance(validation_data, (tuple, list))
    if is_tuple and not 1 <= len(validation_data) <= 3:
        raise ValueError(
            f"{caller}: {kinds} is expected, got a {type(validation_data).__name__} of {len(validation_data)}"
        )
    if not is_tuple and not is_arrays(validation_data):
        return make_batches(caller, validation_data, steps=steps)
    x, y, sample_weight = unpack_x_y_sample_weight(validation_data)
    if y is None and needs_y:
        raise ValueError(f"{caller}: {kinds} is expected, got x alone: the loss needs targets")
    return make_batches(caller, x, y, sample_weight, batch_size=batch_size, steps=steps)


def one_batch(caller, x, y=None, sample_weight=None, class_weight=None):
    """All samples as one batch."""
    return next(ArrayBatches(caller, x, y, sample_weight, class_weight=class_weight).epoch())


def first_leaf(structure):
    """The first Tensor in a structure."""
    return next(leaf for leaf in nest.flatten(structure) if leaf is not None)


def is_arrays(x):
    """Whether ``x`` is an array or a structure of arrays, rather than something that yields batches."""
    if isinstance(x, (list, tuple, dict)):
        return all(is_arrays(leaf) or isinstance(leaf, (int, float, bool, str)) for leaf in nest.flatten(x))
    return isinstance(x, (Operand, np.ndarray, np.generic)) or hasattr(x, "__array__")


def _check_batch_size(caller, batch_size):
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
        alone = "; it takes no y" if caller == "predict" and is_arrays(batch_size) else ""
        raise TypeError(f"{caller}: batch_size must be an int, got a value of type {type(batch_size).__name__}{alone}")
    if batch_size < 1:
        raise ValueError(f"{caller}: batch_size must be at least 1, got {batch_size}")


def _all_arrays(caller, x, y, sample_weight):
    return _arrays(f"{caller}: x", x), _arrays(f"{caller}: y", y), _arrays(f"{caller}: sample_weight", sample_weight)


def _arrays(what, structure):
    """Leaves as arrays; a (nested) list of plain numbers counts as one array. ``what``: for messages."""
    if structure is None:
        return None
    if isinstance(structure, (list, tuple)) and not any(map(_is_leaf_array, nest.flatten(structure))):
        return _as_array(what, np.asarray(structure))
    return _map(lambda leaf: _as_array(what, leaf), structure)


def _is_leaf_array(leaf):
    return isinstance(leaf, Operand) or (hasattr(leaf, "__array__") and np.ndim(leaf) > 0)


def _as_array(what, leaf):
    """Native byte order and C-contiguous, or gathering rows would copy the whole array each time."""
    array = convert(leaf).host_array() if isinstance(leaf, Operand) else np.asarray(leaf)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{what} must hold numbers, got an array of dtype {array.dtype} and shape {array.shape}")
    return np.asarray(array, array.dtype.newbyteorder("="), order="C")


def _common_length(caller, data):
    """Number of samples. Raises ValueError naming two parts that differ, or a part without a batch axis."""
    counts = [
        (name, len(leaf) if leaf.ndim else None)
        for name, part in zip(("x", "y", "sample_weight"), data, strict=True)
        if part is not None
        for leaf in nest.flatten(part)
    ]
    name, samples = counts[0]
    for other, count in counts:
        if count is None:
            raise ValueError(f"{caller}: {other} is a single number; its first axis must count the samples")
        if count != samples:
            raise ValueError(f"{caller}: {name} has {samples} samples but {other} has {count}: first axes must agree")
    if not samples:
        raise ValueError(f"{caller}: x has no samples (its first axis has size 0)")
    return samples


def _gather(array, rows):
    """The rows as an array of their own; float64 as float32."""
    if isinstance(rows, slice):
        return _own_copy(array[rows])
    return _single_precision(np.take(array, rows, axis=0))


def _single_precision(array):
    """float64 as float32."""
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _own_copy(array):
    """The array as batches hold it: nobody else writes to it, it is C-contiguous, and float32 if it was float64."""
    return np.array(array, np.float32 if array.dtype == np.float64 else None, order="C")


def _packed(x, y, weight, class_weight):
    """A batch of arrays, without what it does not have, as Tensors."""
    if class_weight is not None:
        factors = _class_factors(y, class_weight)
        weight = factors if weight is None else weight * factors.reshape(-1, *(1,) * (weight.ndim - 1))
    if weight is not None:
        return _map(_tensor, (x, y, weight))
    if y is not None:
        return _map(_tensor, (x, y))
    return _map(_tensor, (x,) if isinstance(x, (tuple, list)) else x)


def _class_factors(y, class_weight):
    """The weight of each sample's class: float32, (N,). y: class numbers, (N,) or (N, 1), or one-hot rows, (N, C)."""
    if not isinstance(y, np.ndarray):
        raise ValueError("class_weight needs y to be one array of classes; use sample_weight for other targets")
    classes = y.argmax(axis=-1) if y.ndim > 1 and y.shape[-1] > 1 else y.reshape(len(y)).astype(np.int64)
    return np.array([class_weight.get(int(c), 1.0) for c in classes], np.float32)


def _tensor(array):
    return array if array is None else Tensor(Spec(array.shape, dtypes.as_dtype(array.dtype)), array)


def _map(function, structure):
    if structure is None:
        return None
    return nest.pack_as(structure, [function(leaf) for leaf in nest.flatten(structure)])
