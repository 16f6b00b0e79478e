"""Small objects that a layer may be given by name: looked up, made from a configuration, and turned into one."""

import difflib
from typing import Any

from microdl.keras.persistence.registry import get_registered_object
from microdl.keras.persistence.serialization import deserialize_keras_object, serialize_keras_object


class Configured:
    """Base of objects that are known by the arguments of their ``__init__``."""

    def get_config(self):
        """The arguments of ``__init__`` as plain values."""
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def look_up(kind, identifier, by_name) -> Any:
    """What ``identifier`` means among ``by_name``: an object, or None.

    Args:
        kind: "regularizer", say, for messages. by_name: dict from names to classes.
        identifier: name; dict with "class_name" and "config"; class, which is called; any other callable, or None.

    Raises: ValueError for an unknown name, TypeError for what is none of these.
    """
    if identifier is None or (callable(identifier) and not isinstance(identifier, type)):
        return identifier
    if isinstance(identifier, type):
        return identifier()
    if isinstance(identifier, str):
        found = _named(kind, identifier, by_name)
        return found() if isinstance(found, type) or found in by_name.values() else found
    if isinstance(identifier, dict):
        return deserialize_keras_object({"config": {}, **identifier}, module_objects=by_name)
    raise TypeError(f"a {kind} is given by name, as a function or as an object, got {identifier!r}")


def _named(kind, name, by_name):
    found = get_registered_object(name, None, by_name)
    if found is None:
        near = difflib.get_close_matches(name, by_name, n=3) or sorted(by_name)
        raise ValueError(f"there is no {kind} {name!r}; did you mean {', '.join(near)}?")
    return found


def serialize(value):
    """Module, class name and configuration of ``value``; None and plain functions as they are."""
    return serialize_keras_object(value) if hasattr(value, "get_config") else value
