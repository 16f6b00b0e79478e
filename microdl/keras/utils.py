"""Small helpers around training: labels as one-hot rows, and one seed for everything."""

import random as _random

import numpy as _np

from microdl.core.dtypes import as_dtype as _as_dtype
from microdl.core.missing import missing as _missing
from microdl.core.random_state import random_state as _random_state
from microdl.keras import later as _later
from microdl.keras.arrays import (
    normalize as normalize,
    pad_sequences as pad_sequences,
    split_dataset as split_dataset,
    timeseries_dataset_from_array as timeseries_dataset_from_array,
)
from microdl.keras.backend import clear_session as clear_session
from microdl.keras.images import (
    array_to_img as array_to_img,
    img_to_array as img_to_array,
    load_img as load_img,
    save_img as save_img,
)
from microdl.keras.layers.keras_tensor import KerasTensor as _KerasTensor
from microdl.keras.local_files import get_file as get_file
from microdl.keras.models.batches import unpack_x_y_sample_weight as unpack_x_y_sample_weight
from microdl.keras.models.py_dataset import PyDataset as PyDataset
from microdl.keras.persistence.registry import (
    CustomObjectScope as CustomObjectScope,
    custom_object_scope as custom_object_scope,
    get_custom_objects as get_custom_objects,
    get_registered_name as get_registered_name,
    get_registered_object as get_registered_object,
    register_keras_serializable as register_keras_serializable,
)
from microdl.keras.persistence.serialization import (
    deserialize_keras_object as deserialize_keras_object,
    serialize_keras_object as serialize_keras_object,
)
from microdl.keras.plotting import model_to_dot as model_to_dot, plot_model as plot_model
from microdl.keras.progress import Progbar as Progbar
from microdl.ops.random import set_seed as _set_seed

Sequence = PyDataset


def pack_x_y_sample_weight(x, y=None, sample_weight=None):
    """A batch as ``fit`` takes it: a tuple without what there is not; x alone, if it is an array."""
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def standardize_dtype(dtype):
    """The name of a dtype, "float32" for None."""
    return "float32" if dtype is None else _as_dtype(dtype).name


def is_keras_tensor(x):
    """Whether ``x`` is a KerasTensor."""
    return isinstance(x, _KerasTensor)


def to_categorical(x, num_classes=None):
    """Class numbers as one-hot rows, for ``categorical_crossentropy``.

    Args:
        x: whole numbers 0 .. num_classes - 1, (N, ...) or (N, ..., 1). num_classes: int, or None for the largest + 1.
    Returns: float64 array, (N, ..., num_classes).
    Raises: ValueError for numbers that are no class.

    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    given = _np.asarray(x)
    if given.dtype.kind not in "fiub":
        raise TypeError(f"to_categorical: x must hold class numbers, got an array of dtype {given.dtype}")
    classes = given.astype(_np.int64)
    if given.ndim > 1 and given.shape[-1] == 1:
        given, classes = given[..., 0], classes[..., 0]
    if num_classes is None:
        if not classes.size:
            raise ValueError("to_categorical: x is empty, so num_classes must be given")
        num_classes = int(classes.max()) + 1
    wrong = (classes != given) | (classes < 0) | (classes >= num_classes)
    if wrong.any():
        raise ValueError(
            f"to_categorical: class numbers must be whole, from 0 to {num_classes - 1} (num_classes={num_classes}), "
            f"got {given[wrong].flat[0]}"
        )
    return _np.eye(num_classes)[classes]


def set_random_seed(seed):
    """Seeds the random numbers of Python, NumPy and microdl: what follows is the same in every process.

    From now on each initializer without a seed takes one from Python's ``random`` when it is made, as in Keras 3, so
    first weights are Keras 3's; after ``tf.random.set_seed`` alone they come from its streams, as in TensorFlow 2.

    Args: seed: int in [0, 2**32), NumPy's range.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, _np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"set_random_seed: seed must be an int in [0, 2**32), got {seed!r}")
    _random.seed(int(seed))
    _np.random.seed(int(seed))
    _set_seed(int(seed))
    _random_state.initializer_seeds = _random


__getattr__ = _missing(__name__, globals(), _later.UTILS)
