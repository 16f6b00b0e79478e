"""Arrays on their way to a model: normalized, padded, cut into windows, split in two."""

import numpy as np

from microdl.core import nest
from microdl.data.dataset import Dataset


def normalize(x, axis=-1, order=2):
    """x divided by its norm of ``order`` along ``axis``; 0 stays 0. A row of numbers becomes a matrix of one row."""
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    return x / np.expand_dims(np.where(norm == 0, 1, norm), axis)


def pad_sequences(sequences, maxlen=None, dtype="int32", padding="pre", truncating="pre", value=0.0):
    """Sequences of different lengths as one array, (number, maxlen, ...).

    Args:
        sequences: list of sequences. maxlen: int, None for the longest. padding, truncating: "pre" or "post", where
            ``value`` is put before or after, and where what is too long is cut off.
    """
    for argument, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ValueError(f'pad_sequences: {argument} is "pre" or "post", got {given!r}')
    rows = [np.asarray(row) for row in sequences]
    longest = max(map(len, rows), default=0) if maxlen is None else maxlen
    shape = next((row.shape[1:] for row in rows if len(row)), ())
    is_text = np.issubdtype(dtype, np.str_) or np.issubdtype(dtype, np.bytes_)
    if isinstance(value, str) and dtype is not object and not is_text:
        raise ValueError(f"pad_sequences: value {value!r} is text, the dtype is {dtype}; use dtype=object")
    padded = np.full((len(rows), longest, *shape), value, dtype)
    for i, row in enumerate(rows):
        if not len(row):
            continue
        if row.shape[1:] != shape:
            raise ValueError(f"pad_sequences: sequence {i} has elements of shape {row.shape[1:]}, others {shape}")
        kept = row[len(row) - longest if len(row) > longest else 0 :] if truncating == "pre" else row[:longest]
        if padding == "post":
            padded[i, : len(kept)] = kept
        elif len(kept):
            padded[i, -len(kept) :] = kept
    return padded


def timeseries_dataset_from_array(
    data,
    targets,
    sequence_length,
    sequence_stride=1,
    sampling_rate=1,
    batch_size=128,
    shuffle=False,
    seed=None,
    start_index=None,
    end_index=None,
):
    """A Dataset of windows of ``data``: (batch, sequence_length, ...), or pairs of these and their targets.

    Args:
        data: array, the first axis is time. targets: array, of which entry i belongs to the window that begins at i;
            or None. sequence_stride: int steps between two windows. sampling_rate: int steps between two elements.
        batch_size: int, None for single windows. shuffle: bool, seed: int. start_index, end_index: the part to use.
    """
    for name, given in (("sequence_length", sequence_length), ("sequence_stride", sequence_stride)):
        if given <= 0:
            raise ValueError(f"timeseries_dataset_from_array: {name} must be > 0, got {given}")
    if sampling_rate <= 0:
        raise ValueError(f"timeseries_dataset_from_array: sampling_rate must be > 0, got {sampling_rate}")
    first, last = start_index or 0, len(data) if end_index is None else end_index
    data = np.asarray(data)[first:last]
    span = (sequence_length - 1) * sampling_rate
    count = max(len(data) - span, 0)
    if targets is not None:
        targets = np.asarray(targets)[first:last]
        count = min(count, len(targets))
    starts = np.arange(0, count, sequence_stride)
    if shuffle:
        starts = np.random.RandomState(np.random.randint(10**6) if seed is None else seed).permutation(starts)
    windows = data[starts[:, None] + np.arange(0, span + 1, sampling_rate)]  # (windows, sequence_length, ...)
    dataset = Dataset.from_tensor_slices(windows if targets is None else (windows, targets[starts]))
    return dataset if batch_size is None else dataset.batch(batch_size)


def split_dataset(dataset, left_size=None, right_size=None, shuffle=False, seed=None):
    """Two Datasets of the elements of ``dataset``: the first ones, and the last ones.

    Args:
        dataset: arrays in a list, tuple or dict, an array, or a Dataset. left_size, right_size: int, or float for a
            fraction; one may be None, for the rest. shuffle: whether elements are shuffled first, with ``seed``.
    """
    if isinstance(dataset, Dataset):
        elements = [[np.asarray(leaf) for leaf in nest.flatten(element)] for element in dataset]
        structure = next(iter(dataset)) if elements else None
        columns = [np.stack(column) for column in zip(*elements, strict=True)]
    else:
        structure, columns = dataset, [np.asarray(leaf) for leaf in nest.flatten(dataset)]
    if not columns or not len(columns[0]):
        raise ValueError("split_dataset: the dataset is empty")
    left, right = _sizes(len(columns[0]), left_size, right_size)
    order = np.arange(len(columns[0]))
    if shuffle:
        order = np.random.RandomState(seed).permutation(order)

    def part(places):
        return Dataset.from_tensor_slices(nest.pack_as(structure, [column[places] for column in columns]))

    return part(order[:left]), part(order[len(order) - right :])


def _sizes(total, left, right):
    """How many elements each part has."""
    if left is None and right is None:
        raise ValueError("split_dataset: left_size or right_size must be given")
    for name, size in (("left_size", left), ("right_size", right)):
        if size is not None and not (0 < size < 1 if isinstance(size, float) else 0 < size < total):
            raise ValueError(f"split_dataset: {name} is a fraction in (0, 1) or an int below {total}, got {size!r}")
    left, right = (round(size * total) if isinstance(size, float) else size for size in (left, right))
    left = total - right if left is None else left
    right = total - left if right is None else right
    if left + right > total or not left or not right:
        raise ValueError(f"split_dataset: {left} and {right} elements cannot be taken of {total}")
    return left, right
