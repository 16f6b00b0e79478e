"""Optimizers by name, and as plain dictionaries for saving."""

from microdl.keras.optimizers.adam import Adam
from microdl.keras.optimizers.adamw import AdamW
from microdl.keras.optimizers.base import Optimizer
from microdl.keras.optimizers.rmsprop import RMSprop
from microdl.keras.optimizers.sgd import SGD

_BY_NAME = {cls.__name__.lower(): cls for cls in (SGD, RMSprop, Adam, AdamW)}


def serialize(optimizer):
    """Class name and configuration of ``optimizer``, without its state."""
    return {"class_name": type(optimizer).__name__, "config": optimizer.get_config()}


def deserialize(config, custom_objects=None):
    """The optimizer that ``serialize`` described.

    Args:
        custom_objects: dict, class name -> class, of optimizers that are not the framework's own.
    """
    known = {**_BY_NAME, **{name.lower(): cls for name, cls in (custom_objects or {}).items()}}
    name = config["class_name"].lower()
    if name not in known:
        names = ", ".join(sorted(cls.__name__ for cls in known.values()))
        raise ValueError(f"unknown optimizer {config['class_name']!r}; there are: {names}")
    return known[name].from_config(config["config"], custom_objects)


def get(identifier):
    """An optimizer from a name (``"adam"``, case does not matter), a serialized dictionary, or an optimizer itself.

    Raises: ValueError for an unknown name, or something else.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if isinstance(identifier, dict):
        return deserialize(identifier)
    raise ValueError(f"an optimizer is expected (an object, a name or a configuration), got {identifier!r}")
