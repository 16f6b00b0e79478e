"""Optimizers by name, and as plain dictionaries for saving."""

from microdl.keras.optimizers.adagrad import Adadelta, Adagrad
from microdl.keras.optimizers.adam import Adam
from microdl.keras.optimizers.adamax import Adamax, Nadam
from microdl.keras.optimizers.adamw import AdamW
from microdl.keras.optimizers.base import Optimizer
from microdl.keras.optimizers.ftrl import Ftrl
from microdl.keras.optimizers.lion import Lion
from microdl.keras.optimizers.rmsprop import RMSprop
from microdl.keras.optimizers.sgd import SGD
from microdl.keras.persistence.registry import get_registered_object
from microdl.keras.persistence.serialization import deserialize_keras_object, serialize_keras_object

_OWN = SGD, RMSprop, Adam, AdamW, Adadelta, Adagrad, Adamax, Ftrl, Lion, Nadam
_BY_NAME = {cls.__name__.lower(): cls for cls in _OWN}


def serialize(optimizer):
    """Module, class name and configuration of ``optimizer``, without its state."""
    return serialize_keras_object(optimizer)


def deserialize(config, custom_objects=None):
    """The optimizer that ``serialize`` described.

    Args:
        custom_objects: dict, class name -> class, of optimizers that are not the framework's own.
    """
    return deserialize_keras_object(config, custom_objects, module_objects=_BY_NAME)


def get(identifier):
    """An optimizer from a name (``"adam"``, case does not matter), a serialized dictionary, or an optimizer itself.

    Raises: ValueError for an unknown name, or something else.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        found = get_registered_object(identifier, None, _BY_NAME) or _BY_NAME.get(identifier.lower())
        if found is None:
            names = ", ".join(sorted(cls.__name__ for cls in _BY_NAME.values()))
            raise ValueError(f"unknown optimizer {identifier!r}; there are: {names}")
        return found()
    if isinstance(identifier, dict):
        return deserialize(identifier)
    raise ValueError(f"an optimizer is expected (an object, a name or a configuration), got {identifier!r}")
