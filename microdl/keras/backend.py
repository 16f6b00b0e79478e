"""State that belongs to no layer."""

from microdl.core.missing import missing as _missing
from microdl.keras.losses import EPSILON as _EPSILON
from microdl.keras.naming import reset_names as _reset_names


def clear_session(free_memory=True):
    """Names of layers, optimizers and metrics count from the start again: the next Dense is ``dense``.

    Args:
        free_memory: not used; what is no longer referenced is freed at once.
    """
    _reset_names()


def epsilon():
    """The small number that keeps logarithms and quotients finite: 1e-7."""
    return _EPSILON


def floatx():
    """Name of the dtype of weights where none is given."""
    return "float32"


def image_data_format():
    """Where images have their channels: last, (batch, height, width, channels)."""
    return "channels_last"


__getattr__ = _missing(__name__, globals())
